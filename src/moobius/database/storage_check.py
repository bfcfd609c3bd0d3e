"""Tells at the start of a service whether storages can be made of its configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moobius.config_entries import check_entries
from moobius.database.engines import engine_for_settings, keeps_nothing
from moobius.database.magical_storage import MagicalStorage, MoobiusStorage
from moobius.errors import ConfigError, StorageError


def check_containers(db_config: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a storage configuration of which no storage can be made; opens no engine.

    Args:
        db_config: One mapping a container, as in `config/db.json` (sdk.md 2.3).

    Raises:
        ConfigError: If there is no such engine, a setting is not what it takes, or a container
            cannot have its name.
    """
    check_entries(db_config)
    names = MoobiusStorage("", "")
    for entry in db_config:
        name, implementation = entry["name"], entry["implementation"]
        try:
            MagicalStorage.put(names, name)  # without an engine: only the name is tried
        except StorageError as error:
            raise ConfigError(f"the storage configuration: {error}") from None
        if not keeps_nothing(implementation):  # which would be warned of here already
            settings = entry.get("settings") or {}
            engine_for_settings(implementation, settings, f"the container {name!r}")
