"""Finding the stores and containers that the command line names."""

from __future__ import annotations

import argparse
import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from loguru import logger

from moobius.config import load_config, mask_passwords
from moobius.config_files import read_json
from moobius.database.database_interface import DatabaseInterface, close
from moobius.database.engines import (
    engine_for_settings,
    get_engine,
    keeps_nothing,
    known_settings,
)
from moobius.errors import ConfigError, MissingFile, MoobiusError, StorageError
from moobius.typed_json import dump_json

_DEFAULT_FILES = (Path("config/db.json"), Path("config/config.json"))

# The name of a container is an identifier, so the last dot is before it (`MoobiusStorage`).
_DOMAIN = re.compile(r"service_(?P<service>.*?)\.channel_(?P<channel>.*)\.(?P<name>[^.]+)", re.S)
_SHOWN = 10  # of many candidates


@dataclass(frozen=True)
class Store:
    """An engine with its settings.

    Attributes:
        names: The containers that the configuration has there; None if it does not say.
    """

    implementation: str
    settings: Mapping[str, Any]
    names: frozenset[str] | None = None

    def open(self, domain: str) -> DatabaseInterface:
        """Open a container.

        Raises:
            ConfigError: If there is no such engine.
            StorageError: If it fails.
        """
        engine = self._engine()
        try:
            database: DatabaseInterface = engine(**{**self.settings, "domain": domain})
        except MoobiusError:
            raise
        except Exception as error:  # an engine's library raises what it likes
            raise StorageError(f"{self} cannot be opened: {error}") from error
        return database

    def containers(self) -> list[Container]:
        """Return the containers that have records; with `names`, only those.

        Raises:
            StorageError: If the engine cannot list them.
        """
        engine = self._engine()
        domains = getattr(engine, "domains", DatabaseInterface.domains)
        found = [Container(self, domain) for domain in domains(**self.settings)]
        return sorted(
            (c for c in found if self.names is None or c.name in self.names),
            key=lambda container: container.place,
        )

    def as_configured(self) -> str:
        """Return the entry of a configuration for this store, without passwords."""
        known = known_settings(self._engine()) or self.settings
        said = {name: value for name, value in self.settings.items() if name in known}
        open_ = {name: value for name, value in said.items() if "password" not in name.lower()}
        entry = {"implementation": self.implementation, "settings": mask_passwords(open_)}
        left_out = "" if entry["settings"] == said else " (the password is left out)"
        return dump_json(entry, indent=None)[1:-1] + left_out

    def _engine(self) -> type[Any]:
        return engine_for_settings(self.implementation, self.settings, str(self))

    def __str__(self) -> str:
        shown = ", ".join(f"{k}={v}" for k, v in mask_passwords(dict(self.settings)).items())
        return f"{self.implementation} ({shown})"


@dataclass(frozen=True)
class Container:
    """A container in a store."""

    store: Store
    domain: str

    @property
    def name(self) -> str:
        """The name that the configuration gives it."""
        return self.domain.rpartition(".")[2]

    @property
    def place(self) -> str:
        """How a person names it: SERVICE/CHANNEL/NAME; or its domain, if it is not a channel's."""
        found = _DOMAIN.fullmatch(self.domain)
        return "/".join(map(_escape, found.groups())) if found else _escape(self.domain)

    @contextmanager
    def opened(self) -> Iterator[DatabaseInterface]:
        """Open its engine for a block, and close it when the block ends; see `Store.open`."""
        database = self.store.open(self.domain)
        try:
            yield database
        finally:
            close(database)


def find_stores(options: argparse.Namespace) -> list[Store]:
    """Return the stores that the command line means.

    Raises:
        ConfigError: If it means none.
    """
    if options.engine is None:
        if options.root_dir or options.setting:
            raise ConfigError("--root-dir and --setting go with --engine; say which engine")
        return _configured(options.config or _default_file())
    if options.config:
        raise ConfigError("--config and --engine exclude each other")
    settings = read_settings(options.setting)
    if options.root_dir:
        settings["root_dir"] = options.root_dir
    return [Store(options.engine, settings)]


def read_settings(given: Iterable[str]) -> dict[str, Any]:
    """Return settings given as NAME=VALUE; a value that is JSON counts as such.

    Raises:
        ConfigError: If one has another form.
    """
    settings: dict[str, Any] = {}
    for item in given:
        name, equals, text = item.partition("=")
        if not equals or not name:
            raise ConfigError(f"the setting {item!r} must have the form NAME=VALUE")
        try:
            settings[name] = json.loads(text)
        except ValueError:
            settings[name] = text
    return settings


def with_place(implementation: str, settings: Mapping[str, Any]) -> Store:
    """Return a store to write to, whose settings say where it is.

    Raises:
        ConfigError: If they do not, so that records would land in the working directory; or if the
            engine keeps nothing.
    """
    if keeps_nothing(implementation):
        raise ConfigError(f"the engine {implementation!r} keeps nothing; choose another one")
    expected = inspect.signature(get_engine(implementation)).parameters
    if "root_dir" in expected and not settings.keys() & {"root_dir", "path"}:
        raise ConfigError(
            f"say where {implementation} shall keep its files: --to-setting root_dir=DIR"
        )
    return Store(implementation, settings)


def containers_of(stores: Iterable[Store], *, tolerant: bool = False) -> list[Container]:
    """Return the containers of all stores.

    Args:
        stores: Where to look.
        tolerant: Log a warning for a store that cannot be listed, instead of raising, unless no
            store can.

    Raises:
        StorageError: If a store cannot be listed; one that is not there yet, for example.
    """
    found: list[Container] = []
    troubles: list[StorageError] = []
    stores = list(stores)
    for store in stores:
        try:
            found += store.containers()
        except StorageError as error:
            troubles.append(error)
    if troubles and (not tolerant or len(troubles) == len(stores)):
        raise troubles[0]
    for trouble in troubles:
        logger.warning("Left out: {}", trouble)
    return found


def find(containers: Sequence[Container], wanted: str) -> Container:
    """Return the one container that a person named, by its whole name or the end of it.

    Raises:
        ConfigError: If it is none, or more than one.
    """
    matching = [c for c in containers if wanted in (c.place, c.domain)]
    matching = matching or [c for c in containers if c.place.endswith(f"/{wanted}")]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise ConfigError(f"{wanted!r} may be {_listed(matching)}; say which")
    raise ConfigError(f"no container {wanted!r}; there are: {_listed(containers) or 'none'}")


def find_or_new(stores: Sequence[Store], wanted: str) -> Container:
    """Return the container that a person named; a whole name may be that of a new one.

    Raises:
        ConfigError: As `find` does, and if it is not clear in which store a new one is to be.
    """
    parts = wanted.split("/")
    if len(parts) != 3:
        return find(containers_of(stores, tolerant=True), wanted)
    service, channel, name = (unquote(part, errors="surrogatepass") for part in parts)
    fitting = [store for store in stores if store.names is None or name in store.names]
    if len(fitting) != 1:
        known = sorted(name for store in stores for name in store.names or ())
        raise ConfigError(f"the configuration has no container {name!r}; it has {', '.join(known)}")
    return Container(fitting[0], f"service_{service}.channel_{channel}.{name}")


def _default_file() -> Path:
    for file in _DEFAULT_FILES:
        if file.is_file():
            return file
    raise ConfigError(
        f"there is no {' or '.join(map(str, _DEFAULT_FILES))} here; "
        "go to the project's folder, or say --config FILE, or --engine NAME"
    )


def _configured(file: Path) -> list[Store]:
    if not file.is_file():
        raise MissingFile(f"there is no file {file}")
    is_list = not isinstance(content := read_json(file), Mapping) or "implementation" in content
    source = {"db_config": file} if is_list else {"config": file}
    entries = load_config(**source).nested["db_config"]  # type: ignore[arg-type]
    stores: dict[str, tuple[Store, set[str]]] = {}
    for entry in entries:
        store = Store(str(entry["implementation"]), entry.get("settings") or {})
        stores.setdefault(repr(store), (store, set()))[1].add(entry["name"])
    if not stores:
        raise ConfigError(f"{file} lists no containers")
    return [Store(s.implementation, s.settings, frozenset(names)) for s, names in stores.values()]


def _listed(containers: Sequence[Container]) -> str:
    places = [container.place for container in containers[:_SHOWN]]
    return ", ".join(places) + (", ..." if len(containers) > _SHOWN else "")


def _escape(text: str) -> str:
    """Return text that can be typed, and in which a slash is the end of a part."""
    return "".join(
        char if char.isprintable() and char not in "%/" else quote(char, "", errors="surrogatepass")
        for char in text
    )
