"""Translates the keywords of constructors of all versions into those of `load_config`.

    load_config(**keywords_to_parts({"config_path": "config.json", "is_agent": True}))

Each old keyword is one line in a table (sdk.md 1.2.1); what is in no table is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from moobius.config import Settings
from moobius.config_files import locate, read_json
from moobius.errors import ConfigError

PARTS = ("config", "account_config", "service_config", "db_config", "log_config")

# Keyword of an older version -> the part that it names.
ALIASES = {
    "config_path": "config",
    "service_config_path": "config",
    "agent_config_path": "config",
    "db_config_path": "db_config",
    "log_settings": "log_config",
}

# Every setting can be a keyword by itself; some were in 1.3.
SETTINGS = tuple(field.name for field in fields(Settings))

KEYWORDS = (*PARTS, *ALIASES, "is_agent", *SETTINGS)


def keywords_to_parts(given: Mapping[str, Any]) -> dict[str, Any]:
    """Translate constructor keywords into those of `load_config`; `None` counts as not given.

    Version 1.3 had the database second and `is_agent` third; a list of databases (or a file with
    one) where the account is expected, and a boolean where the service is, are taken as these.

    Args:
        given: Keyword -> value.

    Returns:
        Some of `PARTS`, and the single settings together under `overrides`.

    Raises:
        ConfigError: If two keywords say different things about the same part.
        TypeError: If a keyword is none of any version; it is named.
    """
    parts: dict[str, Any] = {}
    overrides: dict[str, Any] = {}
    for keyword, value in given.items():
        if value is None or value == "":
            continue
        name = _meaning(keyword, value)
        into = parts if name in PARTS else overrides
        name, wanted = ("service_mode", not value) if name == "is_agent" else (name, value)
        if into.setdefault(name, wanted) != wanted:
            raise ConfigError(f"{keyword} contradicts another argument for {name}; give only one")
    return {**parts, "overrides": overrides} if overrides else parts


def _meaning(keyword: str, value: Any) -> str:
    """Return what an argument is for, whatever version its keyword or position comes from."""
    if keyword == "account_config" and _is_database(value):
        return "db_config"
    if keyword == "service_config" and isinstance(value, bool):
        return "is_agent"
    name = ALIASES.get(keyword, keyword)
    if keyword not in KEYWORDS:
        known = ", ".join(KEYWORDS)
        raise TypeError(f"unexpected keyword {keyword!r}; known are: {known}")
    return name


def _is_database(source: Any) -> bool:
    """Tell a database configuration from an account by its content."""
    if isinstance(source, (str, Path)) and str(source):
        source = read_json(locate(source))
    if isinstance(source, Mapping):
        return "implementation" in source
    return isinstance(source, (list, tuple))
