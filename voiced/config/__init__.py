"""Configuration: TOML, environment and command line to frozen, typed `Settings`.

Imports neither engines nor numpy, so that a client that only wants a setting starts at once.
"""

from __future__ import annotations

from voiced.config.load import Configuration, config_path, load, load_settings
from voiced.config.schema import EngineCatalog
from voiced.config.settings import ENGINE_KINDS, NO_ENGINE, Settings

__all__ = [
    "ENGINE_KINDS",
    "NO_ENGINE",
    "Configuration",
    "EngineCatalog",
    "Settings",
    "config_path",
    "load",
    "load_settings",
]
