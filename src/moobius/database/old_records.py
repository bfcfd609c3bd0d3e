"""Records as versions 0.0.1 and 1.3 wrote them (sdk.md 1.5.4). Pure.

{"<key>": value, "_type": "builtins.dict"}      1.3
{"<key>": value, "_type": "dict"}               0.0.1
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moobius.errors import UnstorableError
from moobius.typed_json import restore_dataclass

_TYPE = "_type"

_BUILTINS: dict[str, tuple[type | tuple[type, ...], Callable[[Any], Any]]] = {
    # name: (what the JSON value must be, how to make the value of it)
    "NoneType": ((object,), lambda value: None),
    "bool": (bool, bool),
    "int": (int, int),
    "float": ((int, float), float),
    "str": (str, str),
    "list": (list, list),
    "tuple": (list, tuple),
    "dict": (dict, dict),
    # What 1.3 wrote of subclasses; today they are stored as dicts, too.
    "collections.OrderedDict": (dict, dict),
    "collections.defaultdict": (dict, dict),
    "collections.Counter": (dict, dict),
}
_BUILTINS |= {name.removeprefix("collections."): how for name, how in _BUILTINS.items()}  # 0.0.1


def looks_old(key: str, data: Any) -> bool:
    """Tell whether `data`, stored under `key`, has the shape of an old record."""
    return isinstance(data, dict) and data.keys() == {key, _TYPE}


def restore_old(key: str, data: dict[str, Any]) -> Any:
    """Return the value of an old record.

    Raises:
        UnstorableError: If its type is neither a plain built-in nor a registered dataclass.
    """
    if key == _TYPE or not isinstance(data[_TYPE], str):
        raise UnstorableError(f"{_TYPE!r} is not the name of a type")
    name, value = data[_TYPE], data[key]
    plain = _BUILTINS.get(name.removeprefix("builtins."))
    if plain is None:
        return restore_dataclass(name, value)
    expected, make = plain
    if not isinstance(value, expected):
        raise UnstorableError(f"a record of type {name!r} holds a {type(value).__name__}")
    return make(value)
