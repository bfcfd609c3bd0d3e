"""What the documents and docstrings say is so: their programs fit the package (5.10, D113)."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from moobius import Moobius, MoobiusStorage, MoobiusWand
from moobius.network.http_api_wrapper import HTTPAPIWrapper
from moobius.network.ws_client import WSClient
from tests.support.program import ROOT

FENCED = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("projects/**/*.md")])
PROGRAMS = sorted(ROOT.glob("projects/**/*.py"))
ARGUMENT = re.compile(r"^(\*{0,2}\w+)(?: \(.*?\))?:", re.MULTILINE)


def programs() -> Iterator[tuple[str, str]]:
    """Yield (where, source) of every program that is shown or shipped."""
    for path in PROGRAMS:
        yield str(path.relative_to(ROOT)), path.read_text("utf-8")
    for path in DOCUMENTS:
        for number, source in enumerate(FENCED.findall(path.read_text("utf-8"))):
            yield f"{path.relative_to(ROOT)} #{number}", source


def calls_of_verbs(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Yield the calls `self.<verb>(...)` of verbs that `Moobius` has."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and ast.unparse(node.func.value) == "self"
            and hasattr(Moobius, node.func.attr)
        ):
            yield node.func.attr, node


@pytest.mark.defect("D113")
@pytest.mark.parametrize(("where", "source"), list(programs()), ids=lambda text: text[:40])
def test_a_program_in_the_documents_fits_the_package(where: str, source: str) -> None:
    tree = ast.parse(source, where)
    assert "logging.info" not in source
    for verb, call in calls_of_verbs(tree):
        if any(isinstance(argument, ast.Starred) for argument in call.args):
            continue
        keywords = {keyword.arg: None for keyword in call.keywords if keyword.arg}
        signature = inspect.signature(getattr(Moobius, verb))
        try:
            signature.bind(None, *call.args, **keywords)
        except TypeError as error:
            pytest.fail(f"{where}, line {call.lineno}: {ast.unparse(call)}: {error}")


def test_there_are_programs_to_check() -> None:
    found = [verb for _, source in programs() for verb, _ in calls_of_verbs(ast.parse(source))]
    assert len(found) > 20


@pytest.mark.defect("D113")
@pytest.mark.parametrize("cls", [Moobius, MoobiusWand, MoobiusStorage, HTTPAPIWrapper, WSClient])
def test_docstrings_name_the_parameters_there_are(cls: type) -> None:
    wrong = []
    for name, member in inspect.getmembers(cls, inspect.isfunction):
        described = _arguments_of(inspect.getdoc(member) or "")
        parameters = set(inspect.signature(member).parameters)
        wrong += [f"{cls.__name__}.{name}: {extra}" for extra in described - parameters]
    assert wrong == []


def _arguments_of(docstring: str) -> set[str]:
    section = re.search(r"^Args:\n((?:    .*\n|\n)*)", docstring + "\n", re.MULTILINE)
    if section is None:
        return set()
    lines = [line[4:] for line in section[1].splitlines() if not line.startswith("     ")]
    return {found[1].lstrip("*") for line in lines if (found := ARGUMENT.match(line))}


@pytest.mark.promise("0-16")
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []
