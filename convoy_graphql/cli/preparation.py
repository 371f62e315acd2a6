"""What every command begins with: its settings, and where its log goes."""

from __future__ import annotations

from convoy_graphql.logs import configure
from convoy_graphql.settings import Settings


def read_settings() -> Settings:
    settings = Settings.from_environment()
    configure(settings.log_level, settings.log_format)
    return settings
