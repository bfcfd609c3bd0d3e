"""JSON helpers under their names of 1.8.0; they call `typed_json`, `config` and `config_files`."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from moobius.config import Settings, Source, home_of, load_config
from moobius.config_files import locate, read_json, write_json_value
from moobius.errors import ConfigError, MissingFile
from moobius.typed_json import _DTYPE, _DVAL, as_plain, from_jsonable, to_jsonable
from moobius.utils import enhanced_json_load, enhanced_json_save

__all__ = [
    "_DTYPE",
    "_DVAL",
    "enhanced_json_load",
    "enhanced_json_save",
    "get_config",
    "marked_recursive_dataclass",
    "marked_recursive_undataclass",
    "recursive_json_load",
    "update_jsonfile",
]


def marked_recursive_dataclass(data: Any) -> Any:
    """Return `data` with every marked value in it restored."""
    return from_jsonable(data)


def marked_recursive_undataclass(data: Any, typemark_dataclasses: bool = True) -> Any:
    """Return `data` in JSON's own types, dataclasses marked or as plain dicts."""
    return to_jsonable(data) if typemark_dataclasses else as_plain(data)


def recursive_json_load(x: Any) -> Any:
    """Return `x` with every text that names a JSON file replaced by what is in that file.

    A text inside `x` that ends in `.json`, but names no file, stays a text: it may be anybody's
    display name. (The configuration does not use this: there, only four keys name files.)

    Args:
        x: The name of a file, which must exist; or data with such names anywhere inside. Names
            count from the working directory, then from the folder of the file they stand in.

    Raises:
        MissingFile: If `x` itself names a file that is not there.
        ConfigError: If a file is not JSON, or contains itself.
    """
    if _looks_like_a_file(x):
        return _loaded(locate(x, what="JSON file"), ())
    return _replaced(x, None, ())


def _replaced(x: Any, folder: Path | None, inside: tuple[Path, ...]) -> Any:
    if isinstance(x, dict):
        return {key: _replaced(value, folder, inside) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [_replaced(item, folder, inside) for item in x]
    if _looks_like_a_file(x):
        try:
            return _loaded(locate(x, folder), inside)
        except MissingFile:
            return x
    return x


def _loaded(path: Path, inside: tuple[Path, ...]) -> Any:
    here = path.resolve()
    if here in inside:
        raise ConfigError(f"{path} contains itself: " + " in ".join(map(str, (here, *inside))))
    return _replaced(read_json(path), path.parent, (here, *inside))


def _looks_like_a_file(x: Any) -> bool:
    return isinstance(x, str) and x.lower().endswith(".json") and "\n" not in x


def update_jsonfile(
    fname: str | os.PathLike[str], key_path: Sequence[str | int], value: Any
) -> None:
    """Set one value in a JSON file, at any depth, and leave the rest as it is written there.

    Args:
        fname: The file, which is replaced atomically.
        key_path: The keys that lead to the value; missing objects on the way are made.
        value: The new value.

    Raises:
        ConfigError: If the file is not JSON, or has no such place.
        MissingFile: If there is no such file.
    """
    if not key_path:
        raise ConfigError("key_path is empty: which value shall be set?")
    write_json_value(locate(Path(fname), what="JSON file"), list(key_path), value)


def get_config(
    config: Source = None,
    account_config: Source = None,
    service_config: Source = None,
    db_config: Source = None,
    log_config: Source = None,
) -> tuple[dict[str, Any], list[Any] | None]:
    """Return the whole configuration, and where the id of a new service would be written.

    Returns:
        The four parts with every setting, defaults filled in; and `[file, key_path]` as
        `update_jsonfile` takes them, or `None` when the service's part came from no file.
    """
    loaded = load_config(config, account_config, service_config, db_config, log_config)
    parts: dict[str, Any] = {name: {} for name in loaded.nested}
    for field in dataclasses.fields(Settings):
        value = getattr(loaded.settings, field.name)
        parts[home_of(field.name)][field.name] = list(value) if type(value) is tuple else value
    for name in ("account_config", "service_config", "log_config"):
        parts[name] = {**parts[name], **loaded.nested[name]}
    parts["db_config"] = loaded.nested["db_config"]
    origin = loaded.service_origin
    return parts, [str(origin.path), [*origin.key_path, "service_id"]] if origin else None
