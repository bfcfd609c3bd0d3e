"""Containers by name: what a service keeps of one channel (sdk.md 1.5.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from loguru import logger

from moobius.config_entries import ENTRY, check_entries, check_kinds
from moobius.database.cached_dict import CachedDict
from moobius.database.database_interface import (
    DatabaseInterface,
    close,
    prepare_value,
    require_text,
)
from moobius.database.engines import engine_for_settings
from moobius.database.null_database import NullDatabase
from moobius.database.turns import off_loop
from moobius.errors import MoobiusError, StorageError

S = TypeVar("S", bound="MagicalStorage")
M = TypeVar("M", bound="MoobiusStorage")

__all__ = ["CachedDict", "MagicalStorage", "MoobiusStorage"]


# Methods that earlier versions did not have. A project may have a container with such a name, so
# these names are allowed; the container then hides the method.
_MAY_BE_HIDDEN = frozenset({"asave", "close", "aclose", "aopen", "aadd_container"})


class MagicalStorage:
    """An object whose attributes may be containers that a storage engine keeps.

    Assigning a dict to a container's name replaces its content, in memory and in the engine.
    Assigning the container itself, `storage.name = storage.name`, saves it as `save` does.
    `close`, or the end of a `with` or `async with` block, closes files and connections.

    Attributes:
        strict: Whether containers added from now on raise when their engine cannot write.
    """

    strict = False
    _being_opened: frozenset[str] = frozenset()

    if TYPE_CHECKING:  # type checkers cannot know the containers' names

        def __getattr__(self, name: str) -> Any: ...

    def put(
        self,
        attr_name: str,
        database: DatabaseInterface | None = None,
        load: bool = True,
        clear: bool = False,
        strict: bool | None = None,
    ) -> None:
        """Add a container.

        Args:
            attr_name: The attribute under which it is found.
            database: Its engine; None keeps it in memory only.
            load: Read everything now; otherwise each key when it is first used.
            clear: Erase everything the engine has, whatever `load` says.
            strict: Raise when the engine cannot write; None does as this storage's `strict` says.

        Raises:
            ConfigError: If a name is no text, or a switch neither True nor False.
            StorageError: If the name is taken or not an identifier, or the engine fails.
        """
        self._check_new(attr_name, load=load, clear=clear, strict=strict)
        container = self._new_container(database, strict)
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
        container = self._container(name)
        for key in list(dict.keys(container)):
            with suppress(KeyError):  # it was deleted meanwhile
                container.save(key)

    async def asave(self, name: str) -> None:
        """Do what `save` does, while other coroutines run."""
        container = self._container(name)
        for key in list(dict.keys(container)):
            with suppress(KeyError):  # it was deleted meanwhile
                await container.asave(key)

    def close(self) -> None:
        """Store what the engines could not store before, and close files and connections.

        A container that is used afterwards opens its engine again.

        Raises:
            StorageError: If an engine still cannot store something, which is then lost, or cannot
                be closed. All other engines are closed in any case.
        """
        with _raising_together() as errors:
            for container in self._containers().values():
                with _collecting(errors):
                    container.save_unsaved()
                with _collecting(errors):
                    close(container.database)

    async def aclose(self) -> None:
        """Do what `close` does, while other coroutines run.

        If the task is cancelled meanwhile, all engines are closed, and errors are logged.
        """
        containers = self._containers().values()
        with _raising_together() as errors:
            try:
                for container in containers:
                    with _collecting(errors):
                        await container.asave_unsaved()
            finally:
                await _aclose_all([container.database for container in containers], errors)

    # Here and below the class's own method is called: a container may be named `close`.
    def __enter__(self: S) -> S:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        MagicalStorage.close(self)

    async def __aenter__(self: S) -> S:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await MagicalStorage.aclose(self)

    def __setattr__(self, name: str, value: Any) -> None:
        container = self.__dict__.get(name)
        if not isinstance(container, CachedDict):
            super().__setattr__(name, value)
        elif value is container:
            MagicalStorage.save(self, name)
        else:
            _replace_content(name, container, value)

    def _containers(self) -> dict[str, CachedDict]:
        return {name: c for name, c in self.__dict__.items() if isinstance(c, CachedDict)}

    def _container(self, name: str) -> CachedDict:
        containers = self._containers()
        if name not in containers:
            raise StorageError(f"no container {name!r}; there are: {', '.join(containers)}")
        return containers[name]

    def _check_new(self, name: str, **switches: bool | None) -> None:
        """Refuse a container that cannot be added, before anything is made for it."""
        check_kinds(f"the container {name!r}", {"name": name, **switches}, ENTRY)
        if not name.isidentifier() or name.startswith("__"):
            raise StorageError(f"{name!r} cannot be the name of a container: use an identifier")
        is_method = hasattr(type(self), name) and name not in _MAY_BE_HIDDEN
        if is_method or name in self.__dict__ or name in self._being_opened:
            raise StorageError(f"{name!r} is taken; `del storage.{name}` frees the name")

    @contextmanager
    def _opening(self, name: str, **switches: bool | None) -> Iterator[None]:
        """Do what `_check_new` does, and keep the name taken until the block ends."""
        self._check_new(name, **switches)
        self._being_opened |= {name}
        try:
            yield
        finally:
            self._being_opened -= {name}
            if not self._being_opened:
                del self._being_opened  # users iterate over `__dict__`, and expect only their own

    def _new_container(self, database: DatabaseInterface | None, strict: bool | None) -> CachedDict:
        """Return a container that reads nothing yet."""
        return CachedDict(
            NullDatabase() if database is None else database,
            self.strict if strict is None else strict,
        )


class MoobiusStorage(MagicalStorage):
    """What a service keeps of one channel: one attribute a container of the configuration.

    storage = MoobiusStorage(client_id, channel_id, [
        {"implementation": "json", "name": "scores", "settings": {"root_dir": "data"}},
    ])
    storage.scores["ada"] = 3

    Attributes:
        service_id: Names the place on disk, as does `channel_id`; any text will do, though with
            `.channel_` in it, which is warned of, another service may mean the same place.
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
        _warn_of_another_reading(str(service_id), channel_id)
        for entry in _checked(db_config):
            self.add_container(**entry)

    @classmethod
    async def aopen(
        cls: type[M],
        service_id: str,
        channel_id: str,
        db_config: Iterable[Mapping[str, Any]] | None = (),
    ) -> M:
        """Make a storage as the constructor does, while other coroutines run."""
        storage = cls(service_id, channel_id)
        for entry in _checked(db_config):
            await MoobiusStorage.aadd_container(storage, **entry)
        return storage

    def add_container(
        self,
        implementation: Any,
        settings: Mapping[str, Any],
        name: str,
        load: bool = True,
        clear: bool = False,
        strict: bool | None = None,
    ) -> None:
        """Open an engine and put a container on it.

        Args:
            implementation: The engine; see `get_engine`.
            settings: What the engine is made with, as in `{"root_dir": "data"}`.
            name: The container's attribute name.
            load: See `put`.
            clear: See `put`.
            strict: See `put`.

        Raises:
            ConfigError: If there is no such engine, or an argument is of a wrong kind.
            StorageError: If the name is taken or the engine fails.
        """
        self._check_new(name, load=load, clear=clear, strict=strict)
        engine = engine_for_settings(implementation, settings, f"the container {name!r}")
        with _naming(name):
            database = engine(**{**settings, "domain": self._domain(name)})
            self.put(name, database, load=load, clear=clear, strict=strict)

    async def aadd_container(
        self,
        implementation: Any,
        settings: Mapping[str, Any],
        name: str,
        load: bool = True,
        clear: bool = False,
        strict: bool | None = None,
    ) -> None:
        """Do what `add_container` does, while other coroutines run."""
        with self._opening(name, load=load, clear=clear, strict=strict), _naming(name):
            engine = engine_for_settings(implementation, settings, f"the container {name!r}")
            whole = {**settings, "domain": self._domain(name)}
            database = await off_loop(engine, lambda: engine(**whole))
            container = self._new_container(database, strict)
            if clear:
                await container.aclear()
            elif load:
                await container.aload()
            self.__dict__[name] = container

    def _domain(self, name: str) -> str:
        return f"service_{self.service_id}.channel_{self.channel_id}.{name}"

    def __str__(self) -> str:
        return (
            f"moobius.MoobiusStorage(service_id={self.service_id}, channel_id={self.channel_id}, "
            f"database={[*self._containers()]}, strict={self.strict})"
        )

    __repr__ = __str__


def _checked(db_config: Iterable[Any] | None) -> list[dict[str, Any]]:
    """Return the entries of a storage configuration, if each can be meant as it is written."""
    entries = list(db_config or ())
    check_entries(entries)
    return [{**entry, "settings": entry.get("settings") or {}} for entry in entries]


def _warn_of_another_reading(service_id: str, channel_id: str) -> None:
    # The domain cannot be another one: what is stored under it has to be found again.
    if ".channel_" in service_id:
        service, _, rest = service_id.partition(".channel_")
        logger.warning(
            "The service {!r} keeps its channel {!r} where the service {!r} would keep a channel "
            "{!r}: choose ids of services without '.channel_'",
            *(service_id, channel_id, service, f"{rest}.channel_{channel_id}"),
        )


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Name the container in the errors that an engine's library raises."""
    try:
        yield
    except MoobiusError:
        raise
    except Exception as error:
        raise StorageError(f"the container {name!r} cannot be opened: {error}") from error


@contextmanager
def _raising_together() -> Iterator[list[Exception]]:
    """Give a list for errors, and raise one error for all of them when the block ends.

    If the block itself raises, as when its task is cancelled, they are logged.
    """
    errors: list[Exception] = []
    try:
        yield errors
    except BaseException:
        if errors:
            logger.error("Closing: {}", _all_of(errors))
        raise
    if errors:
        raise _all_of(errors)


async def _aclose_all(databases: Iterable[Any], errors: list[Exception]) -> None:
    cancelled: asyncio.CancelledError | None = None
    for database in databases:
        try:
            with _collecting(errors):
                await off_loop(database, partial(close, database))
        except asyncio.CancelledError as error:  # raised when the others are closed, too
            cancelled = error
    if cancelled is not None:
        raise cancelled


def _all_of(errors: Iterable[Exception]) -> StorageError:
    return StorageError(f"not everything could be stored: {'; '.join(map(str, errors))}")


@contextmanager
def _collecting(errors: list[Exception]) -> Iterator[None]:
    """Put what the block raises into a list, and go on."""
    try:
        yield
    except Exception as error:  # an engine raises what it likes; the others must have their turn
        errors.append(error)


def _replace_content(name: str, container: CachedDict, content: Any) -> None:
    if not isinstance(content, Mapping):
        raise StorageError(
            f"{name!r} is a container and takes a dict, not a {type(content).__name__}; "
            f"`del storage.{name}` frees the name"
        )
    new = {require_text(key): value for key, value in content.items()}
    for key, value in new.items():  # before anything is changed: a value may be of a wrong kind
        prepare_value(container.database, key, value)
    container.update(new)  # new values first: whatever goes wrong, nothing is lost before
    for key in [key for key in container if key not in new]:
        del container[key]
