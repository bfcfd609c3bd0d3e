"""`moobius.types` is the face of words, values and helpers; a star import gives them all."""

from __future__ import annotations

import dataclasses
from typing import Any

import moobius.types
from moobius import types, values, words

HELPERS = {
    "add_str_method",
    "as_update_body",
    "assert_strs",
    "from_dict",
    "limit_len",
    "normalize_message",
    "payload_as_dict",
    "recv_tmp_convert",
    "to_char_id_list",
}


def test_it_is_one_module_on_every_path() -> None:
    assert moobius.types is types


def test_a_star_import_gives_every_class_constant_and_helper() -> None:
    names: dict[str, Any] = {}
    exec("from moobius.types import *", names)
    classes = {
        n for n, v in vars(values).items() if isinstance(v, type) and dataclasses.is_dataclass(v)
    }
    constants = {name for name in vars(words) if name.isupper()}
    assert len(classes) == 22
    assert names.keys() >= classes | constants | HELPERS


def test_a_star_import_brings_nothing_that_would_hide_a_name_of_the_users() -> None:
    names: dict[str, Any] = {}
    exec("from moobius.types import *", names)
    foreign = {
        n for n, v in names.items() if getattr(v, "__name__", "") in ("dataclasses", "typing")
    }
    assert not foreign
    assert "value" not in names
    assert "Any" not in names
