"""The model is a function: no clock, no randomness, no files, no network, and nobody waits."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import moobius.local.model

FOLDER = Path(moobius.local.model.__file__).parent
MODULES = sorted(FOLDER.glob("*.py"))

MAY_IMPORT = {
    *("__future__", "collections", "collections.abc", "dataclasses", "enum", "typing"),
    *("functools", "graphlib", "hashlib", "itertools", "math", "operator"),
    "msgspec",
    "moobius.errors",
}
OWN = "moobius.local.model."
IMPURE_NAMES = {"open", "print", "input", "eval", "exec", "__import__", "hash", "id"}


def imports_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = str(node.module)
            # `from moobius.local.model import events` names a module of its own
            yield from (
                f"{module}.{alias.name}" if f"{module}." == OWN else module for alias in node.names
            )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_rule_reaches_nothing_outside(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    foreign = {name for name in imports_of(tree) if name not in MAY_IMPORT}
    assert {name for name in foreign if not name.startswith(OWN)} == set()
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called & IMPURE_NAMES == set()
    waiting = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Global)
    assert not any(isinstance(node, waiting) for node in ast.walk(tree))


def test_the_rules_were_read() -> None:
    assert {"apply.py", "messages.py", "state.py"} <= {path.name for path in MODULES}
