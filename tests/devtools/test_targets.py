"""From what a person names to a service class."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from moobius.devtools.targets import load_service, parse_target, starts_on_import
from moobius.errors import ConfigError, MissingFile

ONE = "from moobius import Moobius\nclass Tea(Moobius):\n    pass\n"
TWO = ONE + "class Cocoa(Tea):\n    pass\n"
GUARDED = ONE + 'if __name__ == "__main__":\n    MoobiusWand().run(Tea)\n'
UNGUARDED = ONE + "wand = MoobiusWand()\nhandle = wand.run(Tea, background=True)\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = {*sys.modules}
    yield tmp_path
    for name in {*sys.modules} - before:
        del sys.modules[name]


def test_a_file_a_module_and_a_class_are_told_apart(folder: Path) -> None:
    (folder / "tea.py").write_text(ONE, "utf-8")
    assert parse_target("tea.py").file == Path("tea.py")
    assert (parse_target("tea.py:Tea").module, parse_target("tea.py:Tea").cls) == ("tea", "Tea")
    assert (parse_target("a.b").file, parse_target("a.b:C").cls) == (None, "C")
    with pytest.raises(MissingFile, match=r"no file .*cocoa\.py"):
        parse_target("cocoa.py")


def test_the_only_service_is_found(folder: Path) -> None:
    (folder / "tea.py").write_text(ONE, "utf-8")
    assert load_service(parse_target("tea.py")).__name__ == "Tea"
    assert load_service(parse_target("tea")).__name__ == "Tea"
    assert load_service(parse_target("tea.py:Tea")).__name__ == "Tea"


def test_several_are_listed(folder: Path) -> None:
    (folder / "tea.py").write_text(TWO, "utf-8")
    with pytest.raises(ConfigError, match=r"2 services: Tea, Cocoa; say which, as in tea\.py:Tea"):
        load_service(parse_target("tea.py"))
    assert load_service(parse_target("tea.py:Cocoa")).__name__ == "Cocoa"
    with pytest.raises(ConfigError, match=r"tea\.py has no service class Milk; it has Tea, Cocoa"):
        load_service(parse_target("tea.py:Milk"))


def test_what_a_file_imports_counts_if_it_has_none_of_its_own(folder: Path) -> None:
    (folder / "tea.py").write_text(ONE, "utf-8")
    (folder / "main.py").write_text("from tea import Tea\n", "utf-8")
    (folder / "more.py").write_text("from tea import Tea\nclass More(Tea): ...\n", "utf-8")
    assert load_service(parse_target("main.py")).__name__ == "Tea"
    assert load_service(parse_target("more.py")).__name__ == "More"


def test_what_is_no_service_says_so(folder: Path) -> None:
    (folder / "none.py").write_text("from moobius import Moobius\n", "utf-8")
    with pytest.raises(ConfigError, match=r"none\.py has no subclass of Moobius"):
        load_service(parse_target("none.py"))
    with pytest.raises(ConfigError, match="no module 'nowhere' here"):
        load_service(parse_target("nowhere"))
    with pytest.raises(ConfigError, match="neither a Python file nor the name of a module"):
        load_service(parse_target("no-module"))
    (folder / "needs.py").write_text("import not_there_at_all\n", "utf-8")
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        load_service(parse_target("needs"))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b"x = 1\nclass Tea(:\n", r"tea\.py, line 2: invalid syntax"),
        (b"x = '\0'\n", r"tea\.py.*: .*null bytes"),
        (b"x = '\xff'\n", r"tea\.py.*: .*utf-8"),
        (b"-" * 100_000 + b"1", r"tea\.py: this is no Python source"),
    ],
)
def test_what_is_no_python_is_said_in_a_line(folder: Path, source: bytes, said: str) -> None:
    (folder / "tea.py").write_bytes(source)
    with pytest.raises(ConfigError, match=said) as caught:
        load_service(parse_target("tea.py"))
    assert "\n" not in str(caught.value)
    assert parse_target("tea.py").starts_itself


def test_the_folder_of_a_target_is_that_of_its_source(folder: Path) -> None:
    (folder / "part").mkdir()
    for name in ("tea.py", "part/__init__.py", "part/cocoa.py"):
        (folder / name).touch()
    assert parse_target("tea.py").folder == folder
    assert parse_target("part/cocoa.py").folder == folder / "part"
    assert parse_target("tea").folder == folder
    assert parse_target("part.cocoa").folder == folder / "part"
    assert parse_target("json.decoder").folder == Path(json.__file__).parent
    assert parse_target("nowhere").folder is None


def test_a_file_named_like_a_library_does_no_harm(folder: Path) -> None:
    (folder / "types.py").write_text(ONE, "utf-8")
    library = sys.modules["types"]
    assert load_service(parse_target("types.py")).__name__ == "Tea"
    assert sys.modules["types"] is library


def test_a_file_that_runs_its_service_when_it_is_imported_is_refused(folder: Path) -> None:
    (folder / "tea.py").write_text(UNGUARDED, "utf-8")
    with pytest.raises(
        ConfigError, match=r"start it with `python tea\.py`, or put that line under"
    ):
        load_service(parse_target("tea.py"))


@pytest.mark.parametrize(
    ("source", "starts"),
    [
        (ONE, False),
        (GUARDED, False),
        (UNGUARDED, True),
        ("MoobiusWand().run(X, config='c.json')\n", True),
        ("with MoobiusWand() as wand:\n    wand.run_all(X)\n", True),
        ("def main():\n    MoobiusWand().run(X)\n", False),
        ("subprocess.run(['x'])\n", False),
    ],
)
def test_starting_on_import_is_seen(source: str, starts: bool) -> None:
    assert starts_on_import(ast.parse(source).body) is starts


@pytest.mark.parametrize(
    ("source", "itself"), [(ONE, False), (GUARDED, True), (UNGUARDED, True), ("(", True)]
)
def test_a_program_of_its_own_is_recognised(folder: Path, source: str, itself: bool) -> None:
    (folder / "tea.py").write_text(source, "utf-8")
    assert parse_target("tea.py").starts_itself is itself
    assert not parse_target("tea.py:Tea").starts_itself
    assert not parse_target("tea").starts_itself
