"""Loaded by pytest before anything else (see `addopts`): the suite always runs on its own settings."""

import os
from pathlib import Path

os.environ["APP_ENV"] = "test"
os.environ["APP_SETTINGS"] = str(Path(__file__).with_name("settings-test.yml"))
