"""JSON files, atomic writes, threads."""

import io
import json
import os
import stat
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from moobius import types
from moobius.errors import MissingFile, StorageError
from moobius.utils import (
    EnhancedJSONEncoder,
    enhanced_json_load,
    enhanced_json_save,
    is_url,
    make_fn_async,
    mask_url,
    remove_stale_temporaries,
    summarize_html,
    write_text_atomically,
)

CHARACTER = types.Character("id-1", "Ada")


@dataclass
class Unregistered:
    inner: Any


@pytest.mark.promise("0-46")
def test_the_encoder_writes_dataclasses_as_dicts() -> None:
    text = json.dumps({"x": [Unregistered(CHARACTER)]}, cls=EnhancedJSONEncoder, ensure_ascii=False)
    assert json.loads(text)["x"][0]["inner"]["name"] == "Ada"
    with pytest.raises(TypeError):
        json.dumps(object(), cls=EnhancedJSONEncoder)


def test_save_and_load_by_name(tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    data = {"who": CHARACTER, "pair": (1, 2), 3: {4}}
    text = enhanced_json_save(str(file), data)
    assert file.read_text(encoding="utf-8") == text
    assert enhanced_json_load(str(file)) == data
    assert enhanced_json_load(file.read_bytes()) == data


def test_save_and_load_through_file_objects(tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    with file.open("w", encoding="utf-8") as writer:
        enhanced_json_save(writer, [CHARACTER])
    with file.open(encoding="utf-8") as reader:
        assert enhanced_json_load(reader) == [CHARACTER]
    assert enhanced_json_load(io.BytesIO(file.read_bytes())) == [CHARACTER]


def test_save_without_a_name_only_returns_the_text() -> None:
    assert enhanced_json_save(None, [1], indent=4) == "[\n    1\n]"


def test_without_marks_dataclasses_become_plain_dicts_for_good() -> None:
    text = enhanced_json_save(None, {"x": (Unregistered(1),)}, typemark_dataclasses=False)
    assert enhanced_json_load(text.encode()) == {"x": [{"inner": 1}]}


def test_a_bad_file_is_one_clear_error(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{oops")
    with pytest.raises(StorageError, match=r"broken\.json is not JSON: .*line 1"):
        enhanced_json_load(broken)
    with pytest.raises(MissingFile, match=r"absent\.json"):
        enhanced_json_load(tmp_path / "absent.json")
    with pytest.raises(FileNotFoundError):
        enhanced_json_load(tmp_path / "absent.json")


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    enhanced_json_save(file, ["old"])
    with pytest.raises(StorageError):
        enhanced_json_save(file, [object()])
    assert enhanced_json_load(file) == ["old"]


@pytest.mark.parametrize("fsync", [False, True])
def test_writing_replaces_the_file_and_leaves_nothing_else(tmp_path: Path, fsync: bool) -> None:
    file = tmp_path / "text"
    write_text_atomically(file, "one", fsync=fsync)
    write_text_atomically(file, "zwei ä", fsync=fsync)
    assert file.read_text(encoding="utf-8") == "zwei ä"
    assert list(tmp_path.iterdir()) == [file]


def test_a_failed_write_leaves_the_old_text_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_text_atomically(file, "\ud800")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_keeps_its_permissions_and_a_link_stays_a_link(tmp_path: Path) -> None:
    secret, link = tmp_path / "secret", tmp_path / "link"
    secret.write_text("old")
    secret.chmod(0o600)
    link.symlink_to(secret)
    write_text_atomically(link, "new")
    assert link.is_symlink()
    assert secret.read_text() == "new"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    file = tmp_path / "text"
    texts = {letter * 200_000 for letter in "ab"}
    write_text_atomically(file, "a" * 200_000)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for text in texts:
                write_text_atomically(file, text)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert all(file.read_text() in texts for _ in range(200))
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("", ""),
        ("no page at all: 1 < 2", "no page at all: 1 < 2"),
        ('{"code": 10000}', '{"code": 10000}'),
        ('<?xml version="1.0"?><Error>denied</Error>', "denied"),
        (
            "<!DOCTYPE html><html><head><title>502 Bad Gateway</title><style>p {}</style></head>"
            "\n<body><!-- <p>secret</p> --><center><h1>502&nbsp;Bad&amp;</h1></center>\n<hr>"
            "<SCRIPT>alert('<p>')</SCRIPT>nginx</body></html>",
            "502 Bad Gateway 502 Bad& nginx",
        ),
        ("<p>502</p><!-- never closed <p>nginx", "502"),
        ("<p>502</p><script>never(closed)</p>nginx", "502"),
    ],
)
def test_a_page_of_html_becomes_its_text(page: str, text: str) -> None:
    assert summarize_html(page) == text


@pytest.mark.parametrize("never_closed", ["<!--", "<script>", "<style>"])
def test_a_hostile_page_is_read_once_and_not_from_each_of_its_beginnings(
    never_closed: str,
) -> None:
    assert summarize_html("<p>502" + never_closed * 500_000) == "502"  # that would take hours


@pytest.mark.parametrize(
    ("path", "is_address"),
    [
        ("http://x", True), (" HTTPS://x/y.png\n", True), ("ftp://x", True), ("ftps://x", True),
        ("see http://x", False), ("/tmp/a", False), ("", False), (None, False),
        (Path("http://x"), False),
    ],
)  # fmt: skip
def test_an_address_begins_with_its_scheme(path: object, is_address: bool) -> None:
    assert is_url(path) is is_address


async def test_a_function_made_async_runs_in_a_thread() -> None:
    def where(*, name: str) -> tuple[str, int]:
        return name, threading.get_ident()

    name, thread = await make_fn_async(where)(name="x")
    assert name == "x"
    assert thread != threading.get_ident()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://ada:hunter2@h:1/0", "redis://ada:****@h:1/0"),
        ("redis://:hunter2@h", "redis://:****@h"),
        ("rediss://:hun@ter2@h", "rediss://:****@h"),
        ("rediss://:hun/ter?2@h", "rediss://:****@h"),
        ("redis+sentinel://:hunter2@a:1,b:2/m", "redis+sentinel://:****@a:1,b:2/m"),
        ("unix://ada:hunter2@/run/r.sock?db=1", "unix://ada:****@/run/r.sock?db=1"),
        ("redis://h?db=1&password=hunter2&x=1", "redis://h?db=1&password=****&x=1"),
        ("at redis://:hunter2@h, twice", "at redis://:****@h, twice"),
        ("http://localhost:8080/path", "http://localhost:8080/path"),
        ("redis://ada@h:1", "redis://ada@h:1"),
        ("ada@example.org", "ada@example.org"),
        ("", ""),
    ],
)
def test_passwords_in_addresses_are_masked(text: str, shown: str) -> None:
    assert mask_url(text) == shown


def test_a_left_over_that_cannot_be_removed_is_a_warning(tmp_path: Path, log: list[str]) -> None:
    left = tmp_path / ".0123456789abcdef.tmp"
    left.mkdir()  # as unremovable by `unlink` as a file of somebody else's
    os.utime(left, (0, 0))
    remove_stale_temporaries(tmp_path)
    assert left.exists()
    assert any(line.startswith("WARNING") and left.name in line for line in log)
