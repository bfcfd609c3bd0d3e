"""Files in pieces, opened race-safely, replaced only when they are whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from moobius.errors import FileRefused
from moobius.messaging import files
from moobius.messaging.files import IncomingFile, OutgoingFile
from moobius.messaging.policy import FilePolicy, Place, own_place
from tests.support.descriptors import open_in


def receive(path: Path, content: bytes) -> None:
    file = IncomingFile(own_place(path))
    file.write(content)
    file.commit()


def test_a_file_is_replaced_when_it_is_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o751)
    file = IncomingFile(own_place(path))
    file.write(b"new ")
    file.write(bytearray(b"content"))
    assert path.read_bytes() == b"old"
    file.commit()
    assert path.read_bytes() == b"new content"
    assert stat.S_IMODE(path.stat().st_mode) == 0o751
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_can_be_read_by_all_and_written_by_its_user(tmp_path: Path) -> None:
    receive(tmp_path / "a", b"")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644


def test_a_discarded_file_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    file = IncomingFile(own_place(path))
    file.write(b"new")
    file.discard()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_long_name_is_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    receive(path, b"x")
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize("kind", ["directory", "pipe", "missing folder"])
def test_only_regular_files_are_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path = tmp_path / "missing" / "a"
    before = sorted(tmp_path.iterdir())
    with pytest.raises(FileRefused, match="cannot be written"):
        IncomingFile(own_place(path))
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", ["directory", "pipe", "missing", "too large"])
def test_only_regular_files_of_a_bounded_size_are_sent(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)  # and nobody at its other end to wait for
    elif kind == "too large":
        path.write_bytes(bytes(11))
    with pytest.raises(FileRefused):
        OutgoingFile.open(own_place(path), 10)


def test_a_file_is_sent_in_bounded_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = os.urandom(1000)
    (tmp_path / "a").write_bytes(content)
    monkeypatch.setattr(files, "PIECE", 300)
    file = OutgoingFile.open(own_place(tmp_path / "a"), 1000)
    (tmp_path / "a").unlink()  # it was opened, and is sent all the same
    assert [len(piece) for piece in file.pieces()] == [300, 300, 300, 100]
    assert b"".join(file.pieces()) == content
    file.close()
    file.close()


def test_a_file_that_grows_is_sent_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1234")
    file = OutgoingFile.open(own_place(tmp_path / "a"), None)
    with (tmp_path / "a").open("ab") as more:
        more.write(b"5678")
    assert b"".join(file.pieces()) == b"1234"
    file.close()


def swapped(tmp_path: Path) -> Place:
    """A place that was resolved, and whose directory is then swapped for a link."""
    base, outside = tmp_path / "base", tmp_path / "outside"
    (base / "folder").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").write_text("secret")
    place = FilePolicy.inside(base).to_read("folder/secret")
    (base / "folder").rename(base / "was")
    (base / "folder").symlink_to(outside)
    return place


def test_a_link_that_is_put_in_the_way_meanwhile_is_not_followed(tmp_path: Path) -> None:
    place = swapped(tmp_path)
    with pytest.raises(FileRefused):
        OutgoingFile.open(place, None)
    with pytest.raises(FileRefused):
        IncomingFile(place)
    assert (tmp_path / "outside" / "secret").read_text() == "secret"
    assert len(list((tmp_path / "outside").iterdir())) == 1


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    place = Place(tmp_path, ("a",))
    (tmp_path / "a").symlink_to(tmp_path / "secret")
    with pytest.raises(FileRefused):
        OutgoingFile.open(place, None)
    with pytest.raises(FileRefused):
        IncomingFile(place)


def test_links_in_a_circle_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    policy = FilePolicy.inside(tmp_path)
    for path in ("circle", "circle/x"):
        with pytest.raises(FileRefused):
            OutgoingFile.open(policy.to_read(path), None)
        with pytest.raises(FileRefused):
            IncomingFile(policy.to_write(path))


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    with (tmp_path / "open").open("wb"):
        assert open_in(tmp_path) == 1
    receive(tmp_path / "a", b"x")
    OutgoingFile.open(own_place(tmp_path / "a"), None).close()
    IncomingFile(own_place(tmp_path / "a")).discard()
    for refused in (tmp_path, tmp_path / "missing" / "x"):
        with pytest.raises(FileRefused):
            OutgoingFile.open(own_place(refused), None)
        with pytest.raises(FileRefused):
            IncomingFile(own_place(refused))
    assert open_in(tmp_path) == 0


def test_an_owner_who_is_not_there_changes_nothing(tmp_path: Path) -> None:
    file = IncomingFile(own_place(tmp_path / "a"), owner="nobody-of-this-name; touch pwned")
    file.commit()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").stat().st_uid == os.getuid()
