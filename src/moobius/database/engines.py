"""Storage engines by name. An engine's module is imported when it is first asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, TypeVar, overload

from loguru import logger

from moobius.errors import ConfigError

E = TypeVar("E", bound=type[Any])

_METHODS = ("get_value", "set_value", "delete_key", "all_keys")

# Engine -> class, or where to find it once somebody asks.
_engines: dict[str, type[Any] | str] = {
    "json": "moobius.database.json_database.JSONDatabase",
    "null": "moobius.database.null_database.NullDatabase",
    "redis": "moobius.database.redis_database.RedisDatabase",
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
    "none": "null",
    "false": "null",
    "nulldb": "null",
    "nulldatabase": "null",
}

# Engines whose library is an extra of this package.
_EXTRAS = {"redis": "redis"}


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


def get_engine(implementation: Any) -> type[Any]:
    """Return the engine class that `implementation` means.

    Args:
        implementation: A registered name or alias (None and False mean the null engine), a
            dotted path as in `"my_package.engines.MongoDatabase"`, or a class.

    Raises:
        ConfigError: If there is no such engine, or what it needs is not installed.
    """
    if isinstance(implementation, type):
        return _checked(implementation.__name__, implementation)
    key = _normalised(implementation)
    key = _aliases.get(key, key)
    if key in _engines:
        found = _engines[key]
    elif isinstance(implementation, str) and "." in implementation:
        found = implementation.strip()
    else:
        raise ConfigError(
            f"no storage engine {implementation!r}; there are: {', '.join(sorted(_engines))}"
        )
    if key == "null":
        logger.warning("The null storage engine is in use: nothing will be stored")
    return _import(key, found) if isinstance(found, str) else found


def _normalised(name: Any) -> str:
    return str(name).strip().lower()


def _import(name: str, path: str) -> type[Any]:
    module, _, attribute = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        hint = f"; it comes with the extra moobius[{_EXTRAS[name]}]" if name in _EXTRAS else ""
        raise ConfigError(
            f"the storage engine {name!r} is not available here ({error}){hint}"
        ) from error
    return _checked(path, found)


def _checked(name: str, cls: Any) -> type[Any]:
    missing = [method for method in _METHODS if not callable(getattr(cls, method, None))]
    if missing or not isinstance(cls, type):
        raise ConfigError(
            f"{name!r} is no storage engine: a class with {', '.join(_METHODS)} is needed"
        )
    return cls
