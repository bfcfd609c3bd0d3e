"""What `moobius storage` does: ls, get, set, copy and check."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from moobius.database.database_interface import read_many
from moobius.database.engine_calls import carry_out
from moobius.errors import BrokenRecord, ConfigError, StorageError, UnknownType
from moobius.storage_cli.stores import (
    Container,
    containers_of,
    find,
    find_or_new,
    find_stores,
    read_settings,
    with_place,
)
from moobius.typed_json import dump_json, dump_typed, load_typed


class Broken(NamedTuple):
    """A record that cannot be read."""

    container: str
    key: str
    reason: str


def run(options: argparse.Namespace) -> int:
    """Do what the command line says; return the exit status."""
    _import([*options.modules, *options.more_modules])
    try:
        return _TASKS[options.task](options)
    except BrokenRecord as error:
        raise BrokenRecord(_reason(error)) from error
    except BrokenPipeError:  # the program that reads our output, such as `head`, has ended
        return 1


# ---- ls, get, set ----


def _ls(options: argparse.Namespace) -> int:
    containers = containers_of(find_stores(options), tolerant=True)
    if options.place is None:
        _list_containers(containers, options.json)
        return 0
    keys = _keys(find(containers, options.place))
    if options.json:
        _say(dump_json(keys))
    for key in () if options.json else keys:
        _say(_shown(key))
    return 0


def _list_containers(containers: Iterable[Container], as_json: bool) -> None:
    rows = [(container, len(_keys(container))) for container in containers]
    if as_json:
        _say(dump_json([{"container": c.place, "engine": c.store.implementation, "records": n}
                        for c, n in rows]))  # fmt: skip
        return
    width = max((len(container.place) for container, _ in rows), default=0)
    for container, number in rows:
        _say(f"{container.place:{width}}  {_count(number, 'record'):>12}  {container.store}")


def _get(options: argparse.Namespace) -> int:
    container = find(containers_of(find_stores(options), tolerant=True), options.place)
    broken: list[Broken] = []
    if options.key is None:
        value, broken = _read_all(container)
    else:
        with container.opened() as database:
            found, value = database.get_value(_typed_key(options.key))
        if not found:
            raise ConfigError(f"{container.place} has no record {options.key!r}")
    _say(dump_typed(value, indent=None if options.json else 2))
    for record in broken:
        _complain(record.reason)
    return 1 if broken else 0


def _set(options: argparse.Namespace) -> int:
    try:
        value = load_typed(options.value)
    except ValueError as error:
        raise ConfigError(
            f"the value {options.value!r} is not JSON ({error}); text is written as '\"text\"'"
        ) from error
    with find_or_new(find_stores(options), options.place).opened() as database:
        outcome = carry_out(database, {_typed_key(options.key): value}, {})
    if outcome.trouble:
        raise outcome.trouble
    return 0


# ---- check ----


def _check(options: argparse.Namespace) -> int:
    containers = _chosen(options)
    broken: list[Broken] = []
    number = 0
    for container in containers:
        values, unreadable = _read_all(container)
        number += len(values) + len(unreadable)
        broken += unreadable
    if options.json:
        _say(dump_json({"records": number, "broken": [record._asdict() for record in broken]}))
    else:
        for record in broken:
            _say(f"{record.container}  {_shown(record.key)}: {record.reason}")
        where = _count(len(containers), "container")
        _say(f"{_count(number, 'record')} in {where} read, {len(broken)} broken")
    return 1 if broken else 0


# ---- copy ----


def _copy(options: argparse.Namespace) -> int:
    sources = _chosen(options)
    moves = [(source, _target(source, options)) for source in sources]
    if not options.overwrite:
        for _, target in moves:
            _require_empty(target)
    broken: list[Broken] = []
    number = 0
    for source, target in moves:
        copied, left_out = _copy_one(source, target)
        number += copied
        broken += left_out
    if options.json:
        answer = {"containers": len(moves), "records": number}
        _say(dump_json({**answer, "broken": [record._asdict() for record in broken]}))
    else:
        _say(f"{_count(number, 'record')} in {_count(len(moves), 'container')} copied")
        _say_how_to_use(target for _, target in moves)
    for record in broken:
        _complain(f"not copied: {record.reason}")
    return 1 if broken else 0


def _target(source: Container, options: argparse.Namespace) -> Container:
    settings = {**source.store.settings, **read_settings(options.to_setting)}
    store = with_place(options.to, settings)
    target = Container(store, source.domain)
    if _engine_of(target) == _engine_of(source):
        raise ConfigError(
            f"{source.place} would be copied onto itself; choose another --to-setting"
        )
    return target


def _engine_of(container: Container) -> str:
    """Return the engine of a container as text, which says where its records are."""
    with container.opened() as database:
        return str(database)


def _require_empty(target: Container) -> None:
    if number := len(_keys(target)):
        raise ConfigError(
            f"{target.place} has {_count(number, 'record')} in {target.store} already; "
            "--overwrite writes over them"
        )


def _copy_one(source: Container, target: Container) -> tuple[int, list[Broken]]:
    """Copy the records of a container, and read them back.

    Raises:
        StorageError: If one cannot be written, or is another one when it is read back.
    """
    values, broken = _read_all(source)
    with target.opened() as copy:
        outcome = carry_out(copy, values, {})
        if outcome.trouble:
            raise outcome.trouble
        arrived = dict(read_many(copy, list(values)))
    for key, value in values.items():
        if key not in arrived or _text(arrived[key]) != _text(value):
            raise StorageError(f"{_shown(key)} of {target.place} is not as it was written")
    return len(values), broken


def _text(value: Any) -> str:
    return str(value) if isinstance(value, BrokenRecord) else dump_typed(value)


def _say_how_to_use(targets: Iterable[Container]) -> None:
    names: dict[str, set[str]] = {}
    for target in targets:
        names.setdefault(target.store.as_configured(), set()).add(target.name)
    for entry, theirs in names.items():
        _say(f"to use {', '.join(sorted(theirs))}, let the configuration say {entry}")


# ---- Used by several tasks ----


def _chosen(options: argparse.Namespace) -> list[Container]:
    containers = containers_of(find_stores(options))
    return containers if options.place is None else [find(containers, options.place)]


def _keys(container: Container) -> list[str]:
    with container.opened() as database:
        return list(database.all_keys())


def _read_all(container: Container) -> tuple[dict[str, Any], list[Broken]]:
    """Return the records of a container, and those that cannot be read."""
    values: dict[str, Any] = {}
    broken = []
    with container.opened() as database:
        for key, value in read_many(database):
            if isinstance(value, BrokenRecord):
                broken.append(Broken(container.place, key, _reason(value)))
            else:
                values[key] = value
    return values, broken


def _reason(error: BrokenRecord) -> str:
    """Return why a record cannot be read, and what to type if that helps."""
    if isinstance(error.__cause__, UnknownType):
        return f"{error}; here, --import MODULE imports the module of the dataclass"
    return str(error)


def _typed_key(text: str) -> str:
    """Return the key that a person typed; a key that `ls` shows in quotes is typed with them."""
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    return text


def _shown(key: str) -> str:
    is_plain = key.isprintable() and key == key.strip() and key and not key.startswith('"')
    return key if is_plain else json.dumps(key)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _import(modules: Iterable[str]) -> None:
    """Import the modules of a project, which registers the dataclasses they define."""
    sys.path.insert(0, str(Path.cwd()))
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:  # a program of the user
            raise ConfigError(f"the module {name!r} cannot be imported: {error}") from error


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - speaks to its user


def _complain(text: str) -> None:
    print(f"moobius storage: {text}", file=sys.stderr)  # noqa: T201


_TASKS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "ls": _ls,
    "get": _get,
    "set": _set,
    "copy": _copy,
    "check": _check,
}
