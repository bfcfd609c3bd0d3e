"""Every promise and every defect of old has a test, and every marker names one of them.

The lists are `promises/rows.txt` and `promises/defects.txt`. The markers are read from the source
of the tests, so that this also holds when only some of them are run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LISTS = {"promise": TESTS / "promises/rows.txt", "defect": TESTS / "promises/defects.txt"}

# What has no test yet because the issue that brings it is not built yet.
LATER: dict[str, str] = {
    "0-44": "J: the names of 1.3.7",
    "3-32": "a later issue: the wizard that offers the projects as templates",
}


def listed(kind: str) -> dict[str, str]:
    """Return id -> promise."""
    lines = LISTS[kind].read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    assert all(len(row) == 2 and row[1] for row in rows), "a line is: id, tab, words"
    found = dict(rows)
    assert len(found) == len(rows), "an id is listed twice"
    return found


def kind_of(node: ast.AST) -> str:
    """Return `promise` or `defect` for a marker of ours, else nothing."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in (
        "pytest.mark.promise",
        "pytest.mark.defect",
    ):
        return ast.unparse(node.func).rpartition(".")[2]
    return ""


def markers_of(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (kind, id, where) for every marker on a test of a file."""
    source = path.read_text("utf-8")
    if not any(f"pytest.mark.{kind}" in source for kind in LISTS):
        return  # reading them all takes seconds
    tree = ast.parse(source, str(path))
    everywhere = sum(1 for node in ast.walk(tree) if kind_of(node))
    on_tests = 0
    for node in ast.walk(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if not node.name.startswith("test_"):
            continue
        for marker in node.decorator_list:
            if not (kind := kind_of(marker)):
                continue
            assert isinstance(marker, ast.Call)
            on_tests += 1
            where = f"{path.relative_to(TESTS)}::{node.name}"
            assert marker.args, f"{where}: a marker without an id"
            for argument in marker.args:
                assert isinstance(argument, ast.Constant), f"{where}: ids are literal texts"
                yield kind, str(argument.value), where
    assert on_tests == everywhere, f"{path}: a marker that is not on a test"


@cache
def all_marked() -> dict[str, dict[str, list[str]]]:
    """Return kind -> id -> the tests that prove it."""
    found: dict[str, dict[str, list[str]]] = {kind: {} for kind in LISTS}
    for path in sorted(TESTS.rglob("test_*.py")):
        for kind, number, where in markers_of(path):
            found[kind].setdefault(number, []).append(where)
    return found


def marked(kind: str) -> dict[str, list[str]]:
    """Return id -> the tests that prove it."""
    return all_marked()[kind]


@pytest.mark.parametrize("kind", LISTS)
def test_every_row_has_a_test(kind: str) -> None:
    missing = [
        f"{number} {words}"
        for number, words in listed(kind).items()
        if number not in marked(kind) and number not in LATER
    ]
    assert missing == []


@pytest.mark.parametrize("kind", LISTS)
def test_every_marker_names_a_row(kind: str) -> None:
    rows = listed(kind)
    assert {n: tests for n, tests in marked(kind).items() if n not in rows} == {}


def test_what_comes_later_is_listed_and_not_here_yet() -> None:
    known = {**listed("promise"), **listed("defect")}
    here = {**marked("promise"), **marked("defect")}
    assert [number for number in LATER if number not in known or number in here] == []


def test_a_marker_that_proves_nothing_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "test_x.py"
    file.write_text('@pytest.mark.promise("0-01")\ndef helper(): ...\n', "utf-8")
    with pytest.raises(AssertionError, match="not on a test"):
        list(markers_of(file))
