"""Storage engines by name. An engine's module is imported when it is first asked for.

A package brings an engine with an entry point, and is found when it is installed:

    [project.entry-points."moobius.storage_engines"]
    mongo = "my_package.engines:MongoDatabase"
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar, overload

from loguru import logger

from moobius.config_entries import Kind, check_kinds
from moobius.errors import ConfigError

E = TypeVar("E", bound=type[Any])

_METHODS = ("get_value", "set_value", "delete_key", "all_keys")

# Engine -> class, or where to find it once somebody asks.
_engines: dict[str, type[Any] | str] = {
    "json": "moobius.database.json_database.JSONDatabase",
    "null": "moobius.database.null_database.NullDatabase",
    "redis": "moobius.database.redis_database.RedisDatabase",
    "sqlite": "moobius.database.sqlite_database.SQLiteDatabase",
}

# Every other spelling that configurations use (sdk.md 1.5.3).
_aliases = {
    "jsondb": "json",
    "jsondatabase": "json",
    "redi": "redis",
    "redisdb": "redis",
    "ready": "redis",
    "redisdatabase": "redis",
    "the linux one": "redis",
    "sqlite3": "sqlite",
    "sqlitedb": "sqlite",
    "sqlitedatabase": "sqlite",
    "none": "null",
    "false": "null",
    "nulldb": "null",
    "nulldatabase": "null",
}

# The entry points by which an installed package brings engines.
_GROUP = "moobius.storage_engines"


@overload
def register_engine(name: str) -> Callable[[E], E]: ...
@overload
def register_engine(name: str, cls: type[Any] | str) -> None: ...
def register_engine(name: str, cls: type[Any] | str | None = None) -> Callable[[E], E] | None:
    """Make an engine available under `name` in the storage configuration.

        register_engine("mongo", MongoDatabase)

        @register_engine("mongo")
        class MongoDatabase(DatabaseInterface): ...

    Args:
        name: Upper and lower case are the same.
        cls: The class, or its dotted path, imported when it is first used.

    Raises:
        ConfigError: If another engine has that name.
    """
    if cls is None:

        def remember(decorated: E) -> E:
            register_engine(name, decorated)
            return decorated

        return remember
    key = _normalised(name)
    if key in _aliases or _engines.get(key, cls) != cls:
        raise ConfigError(f"there is another storage engine called {name!r}; choose another name")
    _engines[key] = cls if isinstance(cls, str) else _checked(name, cls)
    return None


def keeps_nothing(implementation: Any) -> bool:
    """Tell whether this is a name of the null engine."""
    key = _normalised(implementation)
    return _aliases.get(key, key) == "null"


def known_settings(engine: type[Any]) -> Mapping[str, Kind]:
    """Return the settings that an engine says it knows; none, if it does not say."""
    settings: Mapping[str, Kind] = getattr(engine, "known_settings", {})
    return settings


def get_engine(implementation: Any) -> type[Any]:
    """Return the engine class that `implementation` means.

    Args:
        implementation: A name or an alias (None and False mean the null engine), registered or
            brought by an installed package; a dotted path as in
            `"my_package.engines.MongoDatabase"`; or a class.

    Raises:
        ConfigError: If there is no such engine, or what it needs is not installed.
    """
    if isinstance(implementation, type):
        return _checked(implementation.__name__, implementation)
    key = _normalised(implementation)
    key = _aliases.get(key, key)
    if key == "null":
        logger.warning("The null storage engine is in use: nothing will be stored")
    if key in _engines:
        found = _engines[key]
        return _import(key, found) if isinstance(found, str) else found
    if isinstance(implementation, str) and "." in implementation:
        return _import(implementation, implementation.strip())
    if brought := _brought(key):
        engine = _engines[key] = _load(brought)  # remembered, for looking takes long
        return engine
    names = sorted({*_engines, *(_normalised(point.name) for point in _entry_points())})
    raise ConfigError(f"no storage engine {implementation!r}; there are: {', '.join(names)}")


def engine_for_settings(implementation: Any, settings: Mapping[str, Any], owner: str) -> type[Any]:
    """Return the engine class that `implementation` means, if it can be made with `settings`.

    Args:
        implementation: As for `get_engine`.
        settings: Those of the storage configuration.
        owner: Whose they are, which errors name.

    Raises:
        ConfigError: As `get_engine` does, and if a setting is not what the engine takes.
    """
    engine = get_engine(implementation)
    check_kinds(f"the settings of {owner}", settings, known_settings(engine))
    return engine


def _entry_points() -> list[EntryPoint]:
    return list(entry_points(group=_GROUP))


def _brought(key: str) -> EntryPoint | None:
    """Return the entry point of an engine that an installed package brings."""
    points = {point.value: point for point in _entry_points() if _normalised(point.name) == key}
    if len(points) > 1:
        raise ConfigError(
            f"several packages bring a storage engine {key!r}: {', '.join(sorted(points))}; "
            "use the dotted path of the one you mean"
        )
    return next(iter(points.values()), None)


def _load(point: EntryPoint) -> type[Any]:
    try:
        found = point.load()
    except Exception as error:  # a package does what it likes when it is imported
        owner = f" of {point.dist.name}" if point.dist else ""
        raise ConfigError(
            f"the storage engine {point.name!r}{owner} cannot be loaded from {point.value}: {error}"
        ) from error
    return _checked(point.value, found)


def _normalised(name: Any) -> str:
    return str(name).strip().lower()


def _import(name: str, path: str) -> type[Any]:
    module, _, attribute = path.rpartition(".")
    try:
        if not (module and attribute):
            raise ImportError("it must name a module and a class in it")
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # a module does what it likes when it is imported
        raise ConfigError(f"the storage engine {name!r} is not available here: {error}") from error
    return _checked(path, found)


def _checked(name: str, cls: Any) -> type[Any]:
    missing = [method for method in _METHODS if not callable(getattr(cls, method, None))]
    if missing or not isinstance(cls, type):
        raise ConfigError(
            f"{name!r} is no storage engine: a class with {', '.join(_METHODS)} is needed"
        )
    return cls
