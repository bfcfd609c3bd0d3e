"""Settings that travel: with their comments, there and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from moobius.messaging import annotated, ini

FILE = """\
# first
id = 1
# the name
name = drone # of this one
[SERVER]
# where
port = 1
plain = x
[[INNER]]
deep = y
# last
"""


@pytest.fixture
def settings(tmp_path: Path) -> Any:
    (tmp_path / "x.ini").write_text(FILE)
    return ini.read(tmp_path / "x.ini")


def test_every_value_travels_with_its_comments(settings: Any) -> None:
    found = annotated.annotate(settings)
    assert found["name"] == {
        "__value__": "drone",
        "comments": ["# the name"],
        "inline_comment": "# of this one",
    }
    assert found["SERVER"] == {
        "port": {"__value__": "1", "comments": ["# where"]},
        "plain": {"__value__": "x"},
        "INNER": {"deep": {"__value__": "y"}},
    }
    assert found["initial_comment"] == ["# first"]
    assert found["final_comment"] == ["# last"]


def test_e34_what_travelled_and_came_back_can_be_written(settings: Any, tmp_path: Path) -> None:
    found = json.loads(json.dumps(annotated.annotate(settings)))
    ini.write(annotated.read(found), tmp_path / "back.ini")
    again = annotated.annotate(ini.read(tmp_path / "back.ini"))
    assert again == found


def test_e34_the_table_of_original_peers_is_understood() -> None:
    table = {"name": "# of this one", "other": None}
    found = annotated.read({"name": {"__value__": "x", "inline_comment": table}})
    assert found.inline_comments["name"] == "# of this one"


def test_plain_values_are_understood_too() -> None:
    found = annotated.read({"id": "x", "SERVER": {"port": 1, "host": {"__value__": "h"}}})
    assert found.dict() == {"id": "x", "SERVER": {"port": 1, "host": "h"}}


def test_defaults_on_demand(tmp_path: Path) -> None:
    spec = ini.parse_spec(["id = string(default='x')", "port = integer(default=1)"])
    settings = annotated.read({"port": 2}, spec)
    assert ini.check(settings) == []
    found = annotated.annotate(settings, include_defaults=True)
    assert found["id"] == {"__value__": "x", "default": "x", "unchanged": True}
    assert found["port"] == {"__value__": 2, "default": 1, "unchanged": False}
    assert "id" not in annotated.read(found), "an unchanged option is not taken over"


@pytest.mark.parametrize(
    "hostile",
    [
        {"a": {"__value__": "1", "comments": ["# x\n[AUTH]\nuse = False"]}},
        {"a": {"__value__": "1", "inline_comment": "# x\n[AUTH]\nuse = False"}},
        {"a": "1", "initial_comment": ["# x\n[AUTH]\nuse = False"]},
        {"a": "1", "final_comment": ["# x\r[AUTH]\ruse = False"]},
        {"a": {"__value__": "1", "comments": {"x": 1}}},
        {"a": {"__value__": "1", "comments": [1, None]}, "initial_comment": 5},
    ],
)
def test_a_comment_cannot_become_a_setting(hostile: dict[str, Any], tmp_path: Path) -> None:
    ini.write(annotated.read(hostile), tmp_path / "x.ini")
    assert ini.read(tmp_path / "x.ini").dict() == {"a": "1"}


@pytest.mark.parametrize("wrong", [None, [], "x", 5])
def test_what_is_no_dictionary_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="settings are a dictionary"):
        annotated.read(wrong)
