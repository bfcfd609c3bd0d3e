"""The front door opens what it promises, and every documented import path leads somewhere."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

import moobius

# The import paths of sdk.md 6.1; those of older versions come with the older versions.
PATHS: dict[str, list[str]] = {
    "moobius": ["Moobius", "MoobiusStorage", "MoobiusWand", "types", "utils"],
    "moobius.types": [
        "MessageBody",
        "Character",
        "add_str_method",
        "to_char_id_list",
        "assert_strs",
    ],
    "moobius.json_utils": [
        "enhanced_json_save",
        "enhanced_json_load",
        "marked_recursive_dataclass",
        "marked_recursive_undataclass",
        "recursive_json_load",
        "update_jsonfile",
        "get_config",
        "_DTYPE",
        "_DVAL",
    ],
    "moobius.utils": [
        "EnhancedJSONEncoder",
        "enhanced_json_save",
        "enhanced_json_load",
        "make_fn_async",
        "summarize_html",
        "to_char_id_list",
        "set_terminal_logger_level",
        "assert_strs",
    ],
    "moobius.core.sdk": ["Moobius", "ServiceGroupLib"],
    "moobius.core.groups": ["ServiceGroupLib", "group2ids"],
    "moobius.core.wand": ["MoobiusWand"],
    "moobius.core.storage": ["MoobiusStorage"],
    "moobius.database.storage": ["MoobiusStorage", "CachedDict", "get_engine"],
    "moobius.database.magical_storage": ["CachedDict", "MagicalStorage", "MoobiusStorage"],
    "moobius.database.database_interface": ["DatabaseInterface"],
    "moobius.database.json_database": ["JSONDatabase"],
    "moobius.database.null_database": ["NullDatabase"],
    "moobius.network.http_api_wrapper": ["HTTPAPIWrapper", "BadResponseException"],
    "moobius.network.ws_client": ["WSClient"],
}


def test_the_front_door_opens_exactly_what_it_promises() -> None:
    promised = {"Moobius", "MoobiusError", "MoobiusStorage", "MoobiusWand"}
    assert set(moobius.__all__) == promised | {"__version__", "types", "json_utils", "utils"}
    assert list(moobius.__all__) == sorted(moobius.__all__)
    assert all(inspect.isclass(getattr(moobius, name)) for name in promised)
    assert set(moobius.__all__) <= set(dir(moobius))


def test_a_door_that_is_none_is_an_attribute_error() -> None:
    assert not hasattr(moobius, "Moobious")
    with pytest.raises(AttributeError, match="module 'moobius' has no attribute 'Moobious'"):
        _ = moobius.Moobious
    with pytest.raises(ImportError):
        exec("from moobius import Moobious")


def test_a_star_import_gives_the_same() -> None:
    names: dict[str, object] = {}
    exec("from moobius import *", names)
    assert names.keys() - {"__builtins__"} == set(moobius.__all__)


@pytest.mark.parametrize(
    ("path", "name"), [(path, name) for path, names in PATHS.items() for name in names]
)
def test_a_documented_import_path(path: str, name: str) -> None:
    assert hasattr(importlib.import_module(path), name)


@pytest.mark.parametrize("name", ["types", "json_utils", "utils"])
def test_modules_of_the_package_itself(name: str) -> None:
    names: dict[str, object] = {}
    exec(f"from moobius import {name}", names)
    assert names[name] is importlib.import_module(f"moobius.{name}")


@pytest.mark.parametrize("name", sorted({name for names in PATHS.values() for name in names}))
def test_one_name_is_one_thing_on_every_path(name: str) -> None:
    found = [getattr(importlib.import_module(path), name) for path in PATHS if name in PATHS[path]]
    assert all(one is found[0] for one in found)


def test_the_package_is_typed_and_has_a_version() -> None:
    assert (Path(moobius.__file__).parent / "py.typed").exists()
    assert moobius.__version__.count(".") == 2
