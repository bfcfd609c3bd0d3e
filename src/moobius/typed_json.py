"""Typed JSON: values to JSON text and back, without losing a type and without running code.

Typed JSON (sdk.md 1.10) is ordinary JSON in which whatever JSON cannot say is marked:

    {"_moobius_type": "moobius.types.Character", "_moobius_val": {"character_id": ...}}

A marker restores plain built-ins (the tables below) and *registered* dataclasses, never anything
else: records hold what chat members typed, so a marker must not be able to name code to run. A
dict of the user that contains a marker's key is itself marked, and comes back as it was.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import math
import operator
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import msgspec

from moobius.errors import UnknownType, UnstorableError

C = TypeVar("C", bound=type)

_DTYPE = "_moobius_type"
_DVAL = "_moobius_val"
_MARKER_KEYS = {_DTYPE, _DVAL}

TOO_DEEP = "a value that contains itself, or is nested very deeply, cannot be stored"

_quick = msgspec.json.Encoder()
_quick_decoder = msgspec.json.Decoder()

# ---- Which dataclasses may be restored --------------------------------------------------------


class _Registration(NamedTuple):
    cls: type
    restore: Callable[[dict[str, Any]], Any] | None


_registered: dict[str, _Registration] = {}


def register_type(
    cls: C,
    *,
    names: Iterable[str] = (),
    restore: Callable[[dict[str, Any]], Any] | None = None,
) -> C:
    """Let storage keep and restore the dataclass `cls`; usable as a decorator, in either order.

    Registering the same name again replaces what was known of it.

    Args:
        cls: The class. `@dataclass` may be applied to it afterwards.
        names: Further dotted names by which records may call it, as after a class was moved.
        restore: Makes an instance from the dict of stored fields, where `cls(**fields)` would
            not do, as for records written by an older version of the class.
    """
    for name in (type_name(cls), *names):
        _registered[name] = _Registration(cls, restore)
    return cls


def type_name(cls: type) -> str:
    """Return the dotted name under which records store instances of `cls`."""
    # A spawned process runs the start script under this name; for the user it is the same script.
    module = "__main__" if cls.__module__ == "__mp_main__" else cls.__module__
    return f"{module}.{cls.__qualname__}"


def restore_dataclass(name: str, fields: Any) -> Any:
    """Make an instance of the registered dataclass called `name`.

    Raises:
        UnknownType: If no such dataclass is registered.
        UnstorableError: If the fields do not fit it.
    """
    found = next((_registered[n] for n in _spellings(name) if n in _registered), None)
    if found is None:
        raise UnknownType(
            f"a record names the type {name!r}, which is not registered: decorate the dataclass "
            "with @types.add_str_method (below @dataclass) and import it before loading"
        )
    if not isinstance(fields, dict):
        raise UnstorableError(
            f"a record of type {name!r} holds a {type(fields).__name__} instead of its fields"
        )
    if unnamed := [field for field in fields if not isinstance(field, str)]:
        raise UnstorableError(f"a record of type {name!r} has a field called {unnamed[0]!r}")
    make = found.restore or partial(_build, _finished_class(found.cls))
    try:
        return make(fields)
    except UnstorableError:
        raise
    except Exception as error:  # user code: __post_init__ may raise anything
        raise UnstorableError(f"a record does not fit {type_name(found.cls)}: {error}") from error


def _spellings(name: str) -> Iterator[str]:
    """Yield every registered name that a record's `name` may mean, the likeliest first.

    The module of the start script is `__main__` where it runs, and has its own name when imported.
    """
    yield name
    scripts = _names_of_start_script()
    head, _, rest = name.partition(".")
    for script in scripts:
        if name.startswith(f"{script}."):
            yield f"__main__.{name[len(script) + 1 :]}"
    if head in ("__main__", "__mp_main__"):
        yield f"__main__.{rest}"
        yield from (f"{script}.{rest}" for script in scripts)
        # Written when another script was the start script: its class, if only one can be meant.
        yield from _only(n for n in _registered if n.endswith(f".{rest}") and not _is_ours(n))
    elif not rest:  # version 0.0.1 wrote bare class names
        yield f"moobius.types.{name}"
        yield from _only(n for n in _registered if n.endswith(f".{name}"))


def _names_of_start_script() -> list[str]:
    script = sys.modules.get("__main__")
    spec, path = getattr(script, "__spec__", None), getattr(script, "__file__", None)
    names = [spec.name] if spec else []
    return [*names, Path(path).stem] if path else names


def _only(names: Iterable[str]) -> list[str]:
    found = list(names)
    return found if len(found) == 1 else []


def _is_ours(name: str) -> bool:
    return name.startswith("moobius.")


def _finished_class(cls: type) -> type:
    """Return the dataclass that `cls` became.

    `@dataclass(slots=True)` makes a second class of the one that was registered.
    """
    with contextlib.suppress(AttributeError, KeyError):
        found = operator.attrgetter(cls.__qualname__)(sys.modules[cls.__module__])
        if dataclasses.is_dataclass(found) and type_name(cast(type, found)) == type_name(cls):
            return cast(type, found)
    if not dataclasses.is_dataclass(cls):
        raise UnstorableError(f"{type_name(cls)} is registered, but it is not a dataclass")
    return cls


def _build(cls: type, fields: dict[str, Any]) -> Any:
    in_init = {field.name: field.init for field in dataclasses.fields(cls)}
    if unknown := sorted(fields.keys() - in_init.keys()):
        raise UnstorableError(
            f"a record of {type_name(cls)} has {', '.join(unknown)}; "
            f"the class has {', '.join(in_init)}"
        )
    made = cls(**{name: value for name, value in fields.items() if in_init[name]})
    for name, value in fields.items():
        if not in_init[name]:
            object.__setattr__(made, name, value)
    return made


# ---- Values to JSON and back ------------------------------------------------------------------


def to_jsonable(value: Any) -> Any:
    """Return `value` in JSON's own types, marked where JSON would lose the type.

    Subclasses of built-ins become the built-in (an `OrderedDict` a dict, an `IntEnum` an int).

    Raises:
        UnstorableError: If `value` is, or contains, anything that could not be restored.
    """
    kind = type(value)
    return (_ENCODERS.get(kind) or _encoder(kind))(value)


def from_jsonable(data: Any) -> Any:
    """Return the value that `to_jsonable` turned into `data`.

    Raises:
        UnstorableError: If a marker names anything but a built-in of the table or a registered
            dataclass.
    """
    if isinstance(data, dict):
        if data.keys() == _MARKER_KEYS:
            return _restore(data[_DTYPE], data[_DVAL])
        return {key: from_jsonable(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [from_jsonable(item) for item in data]
    return data


def mark(name: str, content: Any) -> dict[str, Any]:
    """Return `content` marked as an instance of the type called `name`."""
    return {_DTYPE: name, _DVAL: content}


def mark_pairs(value: dict[Any, Any]) -> dict[str, Any]:
    """Return a dict as marked pairs, the form for keys that a JSON object cannot hold."""
    return mark("builtins.dict", [[to_jsonable(k), to_jsonable(v)] for k, v in value.items()])


def as_plain(value: Any) -> Any:
    """Return `value` in JSON's own types, without any marks; it is not modified.

    Dataclasses and mappings become dicts, lists, tuples and sets become lists, also inside others.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: as_plain(item) for name, item in fields_of(value).items()}
    if isinstance(value, Mapping):
        return {key: as_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_plain(item) for item in value]
    return value


def fields_of(value: Any) -> dict[str, Any]:
    """Return a dataclass's own fields, their values as they are."""
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _same(value: Any) -> Any:
    return value


# Most values are made of JSON's own types. To see that costs less than to convert them one by one.
_TEXT = frozenset({str})
_JSON_SCALARS = frozenset({type(None), bool, int, str})


class _Nonfinite(float):
    """NaN or an infinity, of which the quick encoder would say `null`. Subclasses it refuses."""


def _encode_float(value: float) -> float:
    return float(value) if math.isfinite(value) else _Nonfinite(value)


def _encode_dict(value: dict[Any, Any]) -> dict[str, Any]:
    if _DTYPE in value or not _has_text_keys(value):
        return mark_pairs(value)
    if _JSON_SCALARS.issuperset(map(type, value.values())):
        return dict(value)
    return {key: to_jsonable(item) for key, item in value.items()}


def _has_text_keys(value: dict[Any, Any]) -> bool:
    return _TEXT.issuperset(map(type, value)) or all(isinstance(key, str) for key in value)


def _encode_list(value: Iterable[Any]) -> list[Any]:
    items = list(value)
    if _JSON_SCALARS.issuperset(map(type, items)):
        return items
    return [to_jsonable(item) for item in items]


def _encode_unordered(value: Iterable[Any]) -> list[Any]:
    # The same set always gives the same file: readable differences, quiet version control.
    return sorted(_encode_list(value), key=json.dumps)


def _encode_dataclass(value: Any) -> dict[str, Any]:
    name = type_name(type(value))
    if name not in _registered:
        raise UnstorableError(
            f"a dataclass of type {name} cannot be stored before it is registered: "
            "decorate it with @types.add_str_method, below @dataclass"
        )
    return mark(name, {field: to_jsonable(item) for field, item in fields_of(value).items()})


_ENCODERS: dict[type, Callable[[Any], Any]] = {
    type(None): _same,
    bool: _same,
    int: int,
    float: _encode_float,
    str: str.__str__,
    list: _encode_list,
    dict: _encode_dict,
    tuple: lambda value: mark("builtins.tuple", _encode_list(value)),
    set: lambda value: mark("builtins.set", _encode_unordered(value)),
    frozenset: lambda value: mark("builtins.frozenset", _encode_unordered(value)),
    bytes: lambda value: mark("builtins.bytes", base64.b64encode(value).decode()),
    bytearray: lambda value: mark("builtins.bytearray", base64.b64encode(value).decode()),
}

_DECODERS: dict[str, Callable[[Any], Any]] = {
    "builtins.dict": lambda pairs: {from_jsonable(k): from_jsonable(v) for k, v in pairs},
    "builtins.tuple": lambda items: tuple(map(from_jsonable, items)),
    "builtins.set": lambda items: set(map(from_jsonable, items)),
    "builtins.frozenset": lambda items: frozenset(map(from_jsonable, items)),
    "builtins.bytes": lambda text: base64.b64decode(text, validate=True),
    "builtins.bytearray": lambda text: bytearray(base64.b64decode(text, validate=True)),
}


def _encoder(kind: type) -> Callable[[Any], Any]:
    if dataclasses.is_dataclass(kind):
        return _encode_dataclass
    for base in kind.__mro__:
        if base in _ENCODERS:
            return _ENCODERS[base]
    raise UnstorableError(
        f"a value of type {kind.__module__}.{kind.__qualname__} cannot be stored; storable are "
        "None, bool, int, float, str, bytes, list, tuple, set, dict and registered dataclasses"
    )


def _restore(name: Any, content: Any) -> Any:
    if not isinstance(name, str):
        raise UnstorableError(f"a record's {_DTYPE!r} is {name!r}; it must be the name of a type")
    if name not in _DECODERS:
        return restore_dataclass(name, from_jsonable(content))
    try:
        return _DECODERS[name](content)
    except (ValueError, TypeError) as error:
        if isinstance(error, UnstorableError):
            raise
        raise UnstorableError(f"a record marked {name!r} does not hold one: {error}") from error


# ---- JSON text ---------------------------------------------------------------------------------


def dump_json(jsonable: Any, *, indent: int | None = 2) -> str:
    """Return JSON text that any UTF-8 file can hold.

    Raises:
        UnstorableError: If JSON has no words for something in it.
    """
    try:
        text = json.dumps(jsonable, indent=indent, ensure_ascii=False)
        if not text.isascii() and not _fits_utf8(text):
            text = json.dumps(jsonable, indent=indent)
    except (TypeError, ValueError, RecursionError) as error:
        raise UnstorableError(f"a value cannot be written as JSON: {error}") from error
    return text


def _fits_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, as some keyboards send it
        return False
    return True


def dump_jsonable(jsonable: Any, *, indent: int | None = 2) -> str:
    """Do what `dump_json` does, quickly, for what `to_jsonable` returned (and for nothing else)."""
    try:
        compact = _quick.encode(jsonable)
        text = compact if indent is None else msgspec.json.format(compact, indent=indent)
        return text.decode()
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError):
        pass  # it knows less than the standard library, which shall say what is wrong, if anything
    return dump_json(jsonable, indent=indent)


def dump_typed(value: Any, *, indent: int | None = 2) -> str:
    """Return `value` as typed JSON text.

    Raises:
        UnstorableError: If it could not be restored from it.
    """
    try:
        return dump_jsonable(to_jsonable(value), indent=indent)
    except RecursionError as error:
        raise UnstorableError(TOO_DEEP) from error


def _load_json(text: str) -> Any:
    try:
        return _quick_decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return json.loads(text)  # it knows more, as NaN, or says what is wrong


def load_typed(data: str | bytes) -> Any:
    """Return the value of typed JSON text.

    Raises:
        UnstorableError: If a marker names a type that must not be restored.
        ValueError: If it is no JSON.
    """
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data))
    try:
        plain = _load_json(text)
        return from_jsonable(plain) if _DTYPE in text else plain
    except RecursionError as error:
        raise UnstorableError("JSON nested too deeply to be read") from error
