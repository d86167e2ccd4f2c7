"""A real Django settings module, built from the settings file. Django is the store here, not the web framework."""

from __future__ import annotations

from typing import Any

from django.utils.functional import lazy

from abuse.config import current
from abuse.utils.secrets import kept_secret

_settings = current()


def _database() -> dict[str, Any]:
    configured = _settings.DJANGO.DATABASES
    if configured is None:
        # The address of the embedded server is known only once it runs: this engine starts it at the first connection.
        return {
            "ENGINE": "abuse.embedded_database",
            "NAME": "cerberus",
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
        }
    database = configured.default
    return {
        "ENGINE": database.ENGINE,
        "NAME": database.NAME,
        "USER": database.USER,
        "PASSWORD": database.PASSWORD.get_secret_value(),
        "HOST": database.HOST,
        "PORT": database.PORT,
        # Just-in-time compilation costs more than it saves: our statements are short, and the planner overrates some.
        "OPTIONS": {"options": "-c jit=off", **database.OPTIONS},
        "DISABLE_SERVER_SIDE_CURSORS": database.DISABLE_SERVER_SIDE_CURSORS,
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }


def _secret_key() -> str:
    configured = _settings.DJANGO.SECRET_KEY
    return configured.get_secret_value() if configured else kept_secret(_settings.data_directory / "secret_key")


# Lazy: nothing is written to the data directory until something is really signed.
SECRET_KEY = lazy(_secret_key, str)()
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "abuse"]
AUTH_USER_MODEL = "abuse.User"
DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
USE_TZ = True
TIME_ZONE = "UTC"
DEBUG = _settings.DJANGO.DEBUG
LOGGING_CONFIG = None
