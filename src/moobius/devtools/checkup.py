"""The things that `moobius doctor` looks at; each returns findings and changes nothing."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from moobius._version import __version__
from moobius.config import Configuration, load_config
from moobius.core.wand import MoobiusWand
from moobius.database.database_interface import close
from moobius.database.engines import engine_for_settings, known_settings
from moobius.database.magical_storage import MoobiusStorage
from moobius.database.redis_database import RedisDatabase
from moobius.database.sqlite_database import SQLiteDatabase, file_of
from moobius.devtools.findings import OK, WARNING, Finding, failure
from moobius.errors import MoobiusError, StorageError
from moobius.private_files import is_ours_alone, runtime_folder
from moobius.storage_cli.stores import Store

OLDEST, NEWEST = (3, 10), (3, 13)
PROBE_DOMAIN = "moobius doctor"
"""A container of which no service has ever heard."""


def check_python() -> Finding:
    """Look at the interpreter."""
    is_tested = OLDEST <= sys.version_info[:2] <= NEWEST
    said = f"{platform.python_version()} at {sys.executable}, moobius {__version__}"
    advice = f"moobius is tested with {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"
    return Finding(OK, "Python", said) if is_tested else Finding(WARNING, "Python", said, advice)


def check_configuration(file: str | None) -> tuple[Finding, Configuration | None]:
    """Load the configuration as a service would."""
    try:
        loaded = load_config(file)
    except Exception as error:
        return failure("configuration", error, "correct it, and look again"), None
    if file is None:
        text = "no file was named; what follows is for a service without one"
        return Finding(OK, "configuration", text, "name it: --config FILE"), loaded
    return Finding(OK, "configuration", f"{file} can be read"), loaded


def check_storage(databases: list[dict[str, Any]]) -> Iterator[Finding]:
    """Open each engine, and ask it something; see whether its container can have its name."""
    if not databases:
        yield Finding(OK, "storage", "none is configured; services forget everything at their end")
    names = MoobiusStorage(PROBE_DOMAIN, PROBE_DOMAIN)
    for database in databases:
        name, implementation = database.get("name", "?"), database.get("implementation")
        topic = f"storage {name}"
        try:
            names.put(name)  # without an engine: nothing is opened for it
        except MoobiusError as error:
            yield failure(topic, error, "choose another `name`")
            continue
        try:
            _probe(Store(str(implementation), database.get("settings") or {}))
        except Exception as error:
            advice = _STORAGE_ADVICE.get(str(implementation).lower(), _ANY_ENGINE_ADVICE)
            yield failure(topic, error, advice)
        else:
            yield Finding(OK, topic, f"{implementation} is usable")


_ANY_ENGINE_ADVICE = "correct its `implementation` or `settings`"
_STORAGE_ADVICE: Mapping[str, str] = {
    "redis": "start the server, or correct host, port and password in its `settings`",
    "json": "make the folder writable, or choose another `root_dir` in its `settings`",
    "sqlite": "make the folder writable, or choose another `root_dir` in its `settings`",
}


def check_redis(databases: list[dict[str, Any]]) -> Iterator[Finding]:
    """Look for a Redis where nobody has configured one; else its engine has been asked."""
    if any("redis" in str(each.get("implementation")).lower() for each in databases):
        return
    try:
        RedisDatabase(PROBE_DOMAIN, timeout=1.0).all_keys()
    except StorageError:
        yield Finding(OK, "Redis", "none at localhost:6379, and nothing here needs one")
    else:
        yield Finding(OK, "Redis", "there is one at localhost:6379; nothing here uses it")


def check_runtime() -> Finding:
    """Look at where running services say how they are reached."""
    folder = runtime_folder()
    if not folder.exists():
        parent = folder.parent
        if os.access(parent, os.W_OK):
            return Finding(OK, "runtime folder", f"{folder} is made when it is needed")
        return Finding(WARNING, "runtime folder", f"{parent} is not writable", _RUNTIME_ADVICE)
    if not (is_ours_alone(folder) and os.access(folder, os.W_OK)):
        text = f"{folder} is not a folder that only you can write to"
        return Finding(WARNING, "runtime folder", text, _RUNTIME_ADVICE)
    return Finding(OK, "runtime folder", str(folder))


_RUNTIME_ADVICE = (
    "other programs cannot reach your services; set XDG_RUNTIME_DIR to a folder that is yours alone"
)


def check_services() -> Finding:
    """Ask which services of this user run."""
    try:
        with MoobiusWand.attach() as wand:
            running = wand.services()
    except (MoobiusError, OSError) as error:
        return Finding(WARNING, "services", f"they cannot be asked: {error}", _RUNTIME_ADVICE)
    said = ", ".join(f"{name} ({each.state})" for name, each in sorted(running.items()))
    return Finding(OK, "services", said or "none is running")


def _probe(store: Store) -> None:
    """Read from an engine.

    Raises:
        MoobiusError: If that fails, or its files could not be written.
    """
    engine = engine_for_settings(store.implementation, store.settings, str(store))
    place = _place_of(engine, store.settings)
    if place is not None:  # to open it would make it
        check_writable(place.parent if place.is_file() else place)
        if place.exists():
            store.containers()
        return
    database = store.open(PROBE_DOMAIN)
    try:
        list(database.all_keys())
    finally:
        close(database)


def _place_of(engine: type[Any], settings: Mapping[str, Any]) -> Path | None:
    """Return the file or folder in which an engine keeps things, if it does and it says so."""
    if "root_dir" not in (known_settings(engine) or settings):
        return None
    root_dir = settings.get("root_dir", "")
    if issubclass(engine, SQLiteDatabase):
        return file_of(root_dir, settings.get("path", ""))
    return Path(root_dir).absolute() if isinstance(root_dir, (str, os.PathLike)) else None


def check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written to, or could not be made.

    Raises:
        StorageError: If it is such a one.
    """
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise StorageError(f"{there} is no folder that can be written to")
