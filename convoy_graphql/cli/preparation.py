"""What every command begins with: its settings, and where its log goes."""

from __future__ import annotations

import logging.config
from typing import Any

from convoy_graphql.errors import SetupError
from convoy_graphql.settings import Settings

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def read_settings() -> Settings:
    settings = Settings.from_environment()
    if settings.log_level.upper() not in LOG_LEVELS:
        raise SetupError(f"CONVOY_LOG_LEVEL is {settings.log_level!r}: use one of {', '.join(LOG_LEVELS)}")
    logging.config.dictConfig(configuration(settings))
    return settings


def configuration(settings: Settings) -> dict[str, Any]:
    """What `logging.config` takes. Every worker process sets it up again from here."""
    level = settings.log_level.upper()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": level, "handlers": ["stderr"]},
        # uvicorn tells of each start and stop of each worker at INFO; ours says what matters of that.
        "loggers": {"uvicorn": {"level": "WARNING" if level == "INFO" else level}},
    }
