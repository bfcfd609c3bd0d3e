"""Which files count as source, and what counts as a change."""

from __future__ import annotations

import os
from pathlib import Path

from moobius.devtools.sources import changed, snapshot


def test_only_what_is_edited_counts(tmp_path: Path) -> None:
    for name in (
        "a.py",
        "part/b.py",
        "notes.txt",
        "logs/c.py",
        ".moobius/d.py",
        "__pycache__/e.py",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "environment").mkdir()
    (tmp_path / "environment" / "pyvenv.cfg").touch()
    (tmp_path / "environment" / "f.py").touch()
    found = [str(Path(path).relative_to(tmp_path)) for path in snapshot(tmp_path)]
    assert sorted(found) == ["a.py", "part/b.py"]


def test_writing_replacing_adding_and_removing_are_changes(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("1")
    first = snapshot(tmp_path)
    assert changed(first, snapshot(tmp_path)) == []
    file.write_text("22")
    second = snapshot(tmp_path)
    assert changed(first, second) == [str(file)]
    about = file.stat()
    (tmp_path / "new").write_text("33")
    os.utime(tmp_path / "new", ns=(about.st_atime_ns, about.st_mtime_ns))
    (tmp_path / "new").replace(file)
    third = snapshot(tmp_path)
    assert changed(second, third) == [str(file)]
    (tmp_path / "b.py").touch()
    assert changed(third, snapshot(tmp_path)) == [str(tmp_path / "b.py")]
    file.unlink()
    assert changed(third, snapshot(tmp_path)) == [str(file), str(tmp_path / "b.py")]


def test_several_folders_are_one(tmp_path: Path) -> None:
    for name in ("a/one.py", "b/two.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    found = snapshot(tmp_path / "a", tmp_path / "b")
    assert [*found] == [str(tmp_path / "a" / "one.py"), str(tmp_path / "b" / "two.py")]


def test_links_that_lead_nowhere_are_no_source(tmp_path: Path) -> None:
    (tmp_path / "loop.py").symlink_to("loop.py")
    (tmp_path / "gone.py").symlink_to("nowhere.py")
    (tmp_path / "circle").symlink_to(".")
    assert snapshot(tmp_path) == {}


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert snapshot(tmp_path / "none") == {}
