"""Templates: how the mails of one reporter are read, as data.

A template is a YAML file (`schema`), checked and compiled when it is loaded (`load`), chosen by what it asks for
(`select`) and applied (`apply`); `explain` shows each step, `check` runs templates on their samples.
"""

from __future__ import annotations

from .load import Fault, Loaded, load, read_directory, read_file, shipped
from .select import TemplateSet

__all__ = ["Fault", "Loaded", "TemplateSet", "load", "read_directory", "read_file", "shipped"]
