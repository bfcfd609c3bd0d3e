"""Make a group chat into an application: a Python program decides what each member sees.

Subclass `Moobius`, override `on_...` callbacks, call `send_...` verbs, and run the class with
`MoobiusWand`. State that survives restarts lives in `MoobiusStorage`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import moobius.legacy  # noqa: F401 - registers older names, before `core.sdk` uses them
from moobius._version import __version__

if TYPE_CHECKING:
    from moobius import json_utils, types, utils
    from moobius.core.sdk import Moobius
    from moobius.core.storage import MoobiusStorage
    from moobius.core.wand import MoobiusWand
    from moobius.errors import MoobiusError

__all__ = [
    "Moobius",
    "MoobiusError",
    "MoobiusStorage",
    "MoobiusWand",
    "__version__",
    "json_utils",
    "types",
    "utils",
]

# Name -> its module, which is imported when the name is first used: the command line, or a script
# that only reads stored data, should not have to import a chat client.
_HOMES = {
    "Moobius": "moobius.core.sdk",
    "MoobiusError": "moobius.errors",
    "MoobiusStorage": "moobius.core.storage",
    "MoobiusWand": "moobius.core.wand",
}
_MODULES = ("json_utils", "types", "utils")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"moobius.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'moobius' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
