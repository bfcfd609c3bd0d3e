"""Containers by name: what a service keeps of one channel (sdk.md 1.5.1)."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from moobius.database.cached_dict import CachedDict
from moobius.database.database_interface import DatabaseInterface, require_text
from moobius.database.engines import get_engine
from moobius.database.null_database import NullDatabase
from moobius.errors import ConfigError, MoobiusError, StorageError

__all__ = ["CachedDict", "MagicalStorage", "MoobiusStorage"]


class MagicalStorage:
    """An object whose attributes may be containers that a storage engine keeps.

    Assigning a dict to a container's name replaces its content, in memory and in the engine.

    Attributes:
        strict: Whether containers added from now on raise when their engine cannot write.
    """

    strict = False

    if TYPE_CHECKING:  # type checkers cannot know the containers' names

        def __getattr__(self, name: str) -> Any: ...

    def put(
        self,
        attr_name: str,
        database: DatabaseInterface | None = None,
        load: bool = True,
        clear: bool = False,
    ) -> None:
        """Add a container.

        Args:
            attr_name: The attribute under which it is found.
            database: Its engine; None keeps it in memory only.
            load: Read everything now; otherwise each key when it is first used.
            clear: Erase everything the engine has, whatever `load` says.

        Raises:
            StorageError: If the name is taken or not an identifier, or the engine fails.
        """
        if not attr_name.isidentifier() or attr_name.startswith("__"):
            raise StorageError(
                f"{attr_name!r} cannot be the name of a container: use an identifier"
            )
        if hasattr(self, attr_name):
            raise StorageError(f"{attr_name!r} is taken; `del storage.{attr_name}` frees the name")
        container = CachedDict(NullDatabase() if database is None else database, self.strict)
        if clear:
            container.clear()
        elif load:
            container.load()
        self.__dict__[attr_name] = container

    def save(self, name: str) -> None:
        """Write every value that container `name` has in memory again.

        Raises:
            StorageError: If there is no such container.
        """
        container = self.__dict__.get(name)
        if not isinstance(container, CachedDict):
            raise StorageError(f"no container {name!r}; there are: {', '.join(self._containers())}")
        for key in list(dict.keys(container)):
            container.save(key)

    def __setattr__(self, name: str, value: Any) -> None:
        container = self.__dict__.get(name)
        if not isinstance(container, CachedDict):
            super().__setattr__(name, value)
        elif value is not container:  # `storage.name |= {...}` assigns the container to itself
            _replace_content(name, container, value)

    def _containers(self) -> list[str]:
        return [name for name, value in self.__dict__.items() if isinstance(value, CachedDict)]


class MoobiusStorage(MagicalStorage):
    """What a service keeps of one channel: one attribute a container of the configuration.

    storage = MoobiusStorage(client_id, channel_id, [
        {"implementation": "json", "name": "scores", "settings": {"root_dir": "data"}},
    ])
    storage.scores["ada"] = 3

    Attributes:
        service_id: Names the place on disk, as does `channel_id`; any text will do.
    """

    def __init__(
        self, service_id: str, channel_id: str, db_config: Iterable[Mapping[str, Any]] | None = ()
    ) -> None:
        """Open every container of `db_config`.

        Args:
            service_id: Any text.
            channel_id: Any text.
            db_config: One mapping a container, as in `config/db.json` (sdk.md 2.3).

        Raises:
            ConfigError: If an entry of the configuration is wrong; it says which and why.
            StorageError: If an engine fails.
        """
        self.service_id = service_id
        self.channel_id = channel_id
        for position, entry in enumerate(db_config or ()):
            self.add_container(**_checked_entry(position, entry))

    def add_container(
        self,
        implementation: Any,
        settings: Mapping[str, Any],
        name: str,
        load: bool = True,
        clear: bool = False,
    ) -> None:
        """Open an engine and put a container on it.

        Args:
            implementation: The engine; see `get_engine`.
            settings: What the engine is made with, as in `{"root_dir": "data"}`.
            name: The container's attribute name.
            load: See `put`.
            clear: See `put`.

        Raises:
            ConfigError: If there is no such engine.
            StorageError: If the name is taken or the engine fails.
        """
        domain = f"service_{self.service_id}.channel_{self.channel_id}.{name}"
        engine = get_engine(implementation)
        try:
            database = engine(**{**settings, "domain": domain})
            self.put(name, database, load=load, clear=clear)
        except MoobiusError:
            raise
        except Exception as error:  # an engine's library raises what it likes
            raise StorageError(f"the container {name!r} cannot be opened: {error}") from error

    def __str__(self) -> str:
        return (
            f"moobius.MoobiusStorage(service_id={self.service_id}, channel_id={self.channel_id}, "
            f"database={self._containers()}, strict={self.strict})"
        )

    __repr__ = __str__


_ENTRY_KEYS = list(inspect.signature(MoobiusStorage.add_container).parameters)[1:]


def _checked_entry(position: int, entry: Any) -> dict[str, Any]:
    """Return one entry of the storage configuration with its defaults.

    Raises:
        ConfigError: If a key is missing or unknown.
    """
    where = f"entry {position} of the storage configuration"
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{where} is a {type(entry).__name__}; it must be an object")
    if unknown := [key for key in entry if key not in _ENTRY_KEYS]:
        raise ConfigError(f"{where} has {unknown[0]!r}; known are {', '.join(_ENTRY_KEYS)}")
    for required in ("implementation", "name"):
        if required not in entry:
            raise ConfigError(f"{where} has no {required!r}")
    return {**entry, "settings": entry.get("settings") or {}}


def _replace_content(name: str, container: CachedDict, content: Any) -> None:
    if not isinstance(content, Mapping):
        raise StorageError(
            f"{name!r} is a container and takes a dict, not a {type(content).__name__}; "
            f"`del storage.{name}` frees the name"
        )
    new = {require_text(key): value for key, value in content.items()}
    container.update(new)  # new values first: whatever goes wrong, nothing is lost before
    for key in [key for key in container if key not in new]:
        del container[key]
