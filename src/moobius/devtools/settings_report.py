"""Which settings are in effect, and where each of them comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from moobius.config import ENVIRONMENT, Configuration, Settings, home_of, mask_passwords
from moobius.config_files import Origin
from moobius.devtools.findings import Setting

DEFAULT = "default"
_VARIABLES = {key: variable for variable, (_, key) in ENVIRONMENT.items()}
_DERIVED = {"http_server_uri": "as nothing else is said", "ws_server_uri": "from http_server_uri"}
_PARTS = ("service_config", "account_config", "log_config")


def settings_in_effect(loaded: Configuration, environ: Mapping[str, str]) -> list[Setting]:
    """Return every setting that somebody has made, and the addresses in any case.

    Args:
        loaded: The configuration.
        environ: The environment it was loaded in.
    """
    masked = mask_passwords(
        {field.name: getattr(loaded.settings, field.name) for field in fields(Settings)}
    )
    found = [Setting(name, _shown(v), _source(loaded, environ, name)) for name, v in masked.items()]
    found = [each for each in found if each.source != DEFAULT]
    for database in loaded.nested["db_config"]:
        name = f"db_config {database.get('name', '?')}"
        source = _place(loaded.origins.get("db_config"))
        found.append(Setting(name, _shown(mask_passwords(database)), source))
    return found


def _source(loaded: Configuration, environ: Mapping[str, str], name: str) -> str:
    if name in _VARIABLES and environ.get(_VARIABLES[name]):
        return f"environment variable {_VARIABLES[name]}"
    home = home_of(name)
    places = [home] if loaded.nested[home].get(name) not in (None, "") else []
    places += [part for part in _PARTS if name in loaded.nested[part]]
    if places and loaded.nested[places[0]][name] not in (None, ""):
        return _place(loaded.origins.get(places[0]))
    return _DERIVED.get(name, DEFAULT) if getattr(loaded.settings, name) else DEFAULT


def _place(origin: Origin | None) -> str:
    if origin is None:
        return "given"
    return " > ".join([str(origin.path), *origin.key_path])


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
