"""The format of an export: read back it is the same, and anything wrong in it is named."""

from __future__ import annotations

import io
import json
import random
import sqlite3
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from moobius.errors import ConfigError
from moobius.local import archive
from moobius.local.model.events import (
    AccountCreated,
    AccountDeleted,
    ChannelCreated,
    Event,
    GroupCreated,
    Joined,
    MessageStored,
    RequestDone,
    ServiceBound,
    ServiceCreated,
)
from moobius.local.model.state import State
from moobius.local.store.journal import Journal
from tests.support.thorough import times

LIFE: list[Event] = [
    AccountCreated("ADA", "ada@x", "hash", "Ada"),
    AccountCreated("BOB", "bob@x", "", "Bob"),
    AccountCreated("CY", "cy@x", "", "Cy"),
    ChannelCreated("CH", "room", "", "ADA"),
    Joined("CH", "ADA", 1),
    Joined("CH", "BOB", 2),
    ServiceCreated("SVC", "ADA", ""),
    ServiceBound("CH", "SVC"),
    GroupCreated("GRP", ("ADA", "BOB"), shared=True, owner="CY"),
    MessageStored(("ADA", "BOB"), "CH", "M1", 5, {"content": {"text": "ü"}, "n": 2**63}),
    MessageStored(("BOB",), "CH", "M2", 3, {"content": {"text": "later, with an older time"}}),
    MessageStored(("CY",), "CH", "M3", 6, {}),
    RequestDone("user:ADA", "R1"),
    RequestDone("user:ADA", "R2", "abc"),
    RequestDone("service:SVC", "R3"),
    RequestDone("user:CY", "R4"),
    RequestDone("service:OLD", "R5"),
    AccountDeleted("CY"),
]
MESSAGES = [each for each in LIFE if isinstance(each, MessageStored)]


def opened(path: Path) -> closing[Journal]:
    return closing(Journal(path))


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    (tmp_path / "picture").write_bytes(b"\x00picture" * 1000)
    (tmp_path / ".name-picture").write_text("our cat.png")
    with opened(tmp_path / "old") as journal, (tmp_path / "export.zip").open("wb") as target:
        journal.append(LIFE)
        files = [tmp_path / ".name-picture", tmp_path / "picture"]
        contents = archive.write(target, journal, files)
    assert str(contents) == "2 accounts, 1 channel, 2 messages, 1 file"
    return tmp_path / "export.zip"


def read(source: Path, into: Path) -> archive.Contents:
    into.mkdir()
    return archive.read(source, into / "journal", into / "files")


def test_everything_comes_back(exported: Path, tmp_path: Path) -> None:
    assert str(read(exported, tmp_path / "new")) == "2 accounts, 1 channel, 2 messages, 1 file"
    with opened(tmp_path / "old") as old, opened(tmp_path / "new" / "journal") as new:
        assert new.restore() == old.restore()
        assert new.requests("user:ADA") == LIFE[12:14]
        assert {*new.identities()} == {"user:ADA", "service:SVC"}, "nor do their requests"
        assert [*new.messages()] == MESSAGES[:2], "that of a deleted account stays behind"
    assert (tmp_path / "new" / "files" / "picture").read_bytes() == b"\x00picture" * 1000
    assert (tmp_path / "new" / "files" / ".name-picture").read_text() == "our cat.png"
    assert (tmp_path / "new" / "files" / "picture").stat().st_mode & 0o777 == 0o600


def test_a_person_can_read_it(exported: Path) -> None:
    with zipfile.ZipFile(exported) as entries:
        assert entries.namelist() == ["platform.jsonl", "files/.name-picture", "files/picture"]
        first, *rest = map(json.loads, entries.read("platform.jsonl").decode().splitlines())
    assert (first["format"], first["version"]) == ("moobius platform", 1)
    kinds = [line["event"] for line in rest]
    assert kinds == [
        *("AccountCreated", "AccountCreated", "ChannelCreated", "ServiceCreated", "ServiceBound"),
        *("Joined", "Joined", "GroupCreated", *["RequestDone"] * 3),
        *("MessageStored", "MessageStored"),
    ]


def test_it_can_be_written_where_nothing_can_be_sought(exported: Path, tmp_path: Path) -> None:
    class Pipe(io.RawIOBase):
        written = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.written += bytes(data)
            return len(data)

    pipe = Pipe()
    with opened(tmp_path / "old") as journal:
        archive.write(pipe, journal, [])  # type: ignore[arg-type] # a raw stream is enough
    (tmp_path / "piped.zip").write_bytes(pipe.written)
    read(tmp_path / "piped.zip", tmp_path / "new")


def rewritten(source: Path, change: Callable[[list[bytes]], list[bytes]]) -> Path:
    """Write the archive anew with other lines."""
    target = source.with_name("changed.zip")
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        new.writestr("platform.jsonl", b"\n".join(change(old.read("platform.jsonl").split(b"\n"))))
    return target


def line(**event: Any) -> bytes:
    return json.dumps(event).encode()


def message(**fields: Any) -> bytes:
    whole = {"owners": ["ADA"], "channel_id": "CH", "message_id": "M", "timestamp": 1}
    return line(**{"event": "MessageStored", **whole, "message": {}, **fields})


HEADER = line(format="moobius platform", version=1)

WRONG: Mapping[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "another format": (
        lambda lines: [line(format="diary", version=1), *lines[1:]],
        "line 1 of platform.jsonl says format 'diary', not 'moobius platform'",
    ),
    "a later version": (
        lambda lines: [line(format="moobius platform", version=2), *lines[1:]],
        r"written by a newer Moobius \(format 2, this one reads 1\)",
    ),
    "no header": (lambda lines: lines[1:], "line 1 of platform.jsonl is no event.*format"),
    "nothing": (lambda lines: [], "line 1 of platform.jsonl is no event"),
    "no JSON": (
        lambda lines: [*lines[:3], b"{nonsense", *lines[3:]],
        "line 4 of platform.jsonl is no event",
    ),
    "an empty line": (
        lambda lines: [*lines[:3], b"", *lines[3:]],
        "line 4 of platform.jsonl is no event",
    ),
    "not UTF-8": (
        lambda lines: [*lines[:1], b'{"event": "AccountDeleted", "user_id": "\xff"}', *lines[1:]],
        "line 2 of platform.jsonl is no event",
    ),
    "an event of the future": (
        lambda lines: [*lines[:3], line(event="Levitated"), *lines[3:]],
        "line 4 of platform.jsonl is no event.*Levitated",
    ),
    "a field of another type": (
        lambda lines: [*lines[:1], line(event="AccountDeleted", user_id=7)],
        r"line 2 of platform.jsonl is no event: Expected `str`, got `int` - at `\$.user_id`",
    ),
    "an account left out": (
        lambda lines: [*lines[:1], *lines[2:]],
        "ADA.*without an account|ADA, who has no account",
    ),
    "a channel left out": (
        lambda lines: [*lines[:3], *lines[4:]],
        "line 5 of platform.jsonl names something that is not there: 'CH'",
    ),
    "a channel bound twice": (
        lambda lines: [
            *lines[:4],
            line(event="ServiceCreated", service_id="S2", owner="ADA", description=""),
            line(event="ServiceBound", channel_id="CH", service_id="S2"),
            *lines[4:],
        ],
        "bound to CH, but not back|S2",
    ),
    "an address twice": (
        lambda lines: [*lines[:2], lines[1].replace(b'"ADA"', b'"EVE"'), *lines[2:]],
        "shares its e-mail address",
    ),
    "a message of nobody": (
        lambda lines: [*lines[:-1], message(owners=["EVE"])],
        "line 15 of platform.jsonl: the message is in the history of EVE, who has no account",
    ),
    "a message from before time": (
        lambda lines: [*lines[:-1], message(timestamp=-1)],
        "line 15 of platform.jsonl: -1 is no time",
    ),
    "a message from after time": (
        lambda lines: [*lines[:-1], message(timestamp=2**63)],
        "line 15 of platform.jsonl.*",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_named_with_its_line(exported: Path, tmp_path: Path, what: str) -> None:
    change, expected = WRONG[what]
    with pytest.raises(ConfigError, match=f"changed.zip cannot be imported: .*(?:{expected})"):
        read(rewritten(exported, change), tmp_path / "new")


def test_unchanged_lines_are_fine(exported: Path, tmp_path: Path) -> None:
    read(rewritten(exported, lambda lines: [*lines[:-1], message()]), tmp_path / "new")


@pytest.mark.parametrize(
    "name",
    ["files/../evil", "/etc/evil", "files/a/b", "evil", "files/..", "files/C:evil", "files/"],
)
def test_nothing_is_written_outside(exported: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / "evil.zip"
    with zipfile.ZipFile(target, "w") as new:
        new.writestr("platform.jsonl", HEADER)
        new.writestr(name, b"evil")
    with pytest.raises(ConfigError, match=r"an entry .*, which no export has"):
        read(target, tmp_path / "new")
    assert not [path for path in tmp_path.rglob("*evil*") if path != target]


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as new:
        new.writestr("holiday.jpg", b"")
    with pytest.raises(ConfigError, match=r"no platform\.jsonl, so it is no export"):
        read(tmp_path / "other.zip", tmp_path / "new")


def test_any_damage_is_found_or_does_no_harm(exported: Path, tmp_path: Path) -> None:
    whole, dice, state = exported.read_bytes(), random.Random(7), State()
    with opened(tmp_path / "old") as journal:
        state = journal.restore()
    harmed = 0
    for number in range(times(150)):
        content = bytearray(whole)
        content[dice.randrange(len(whole))] ^= dice.randrange(1, 256)
        exported.write_bytes(content)
        into = tmp_path / str(number)
        try:
            read(exported, into)
        except ConfigError:
            harmed += 1
        else:
            with opened(into / "journal") as journal:
                assert journal.restore() == state
            assert (into / "files" / "picture").read_bytes() == b"\x00picture" * 1000
    assert harmed > times(75)


def test_a_long_history_is_written_in_order(tmp_path: Path) -> None:
    count = 12_000
    with opened(tmp_path / "old") as journal, (tmp_path / "export.zip").open("wb") as target:
        journal.append(LIFE[:6])
        journal.append(
            [MessageStored(("ADA", "BOB"), "CH", f"M{n}", n, {"n": n}) for n in range(count)]
        )
        archive.write(target, journal, [])
    assert read(tmp_path / "export.zip", tmp_path / "new").messages == count
    with closing(sqlite3.connect(tmp_path / "new" / "journal")) as connection:
        ids = connection.execute("SELECT message_id FROM messages ORDER BY seq").fetchall()
    assert ids == [(f"M{n}",) for n in range(count)]
