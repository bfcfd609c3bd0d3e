"""A whole Platform in one file, to keep it or to move it (docs/local-platform.md, "Moving").

A zip archive with `platform.jsonl`, a JSON object a line, and the uploaded files under `files/`.
The first line is a header, every other one an event: first those that lead to the state (see
`story.py`), then the latest requests, then the messages. Only the state is held in memory, however
many messages there are.
"""

from __future__ import annotations

import errno
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from moobius._version import __version__
from moobius.errors import ConfigError
from moobius.local.model.apply import apply
from moobius.local.model.events import AnyEvent, Event, MessageStored, decode, encode
from moobius.local.model.soundness import contradictions
from moobius.local.model.state import State
from moobius.local.model.story import story_of
from moobius.local.store.journal import Journal
from moobius.local.web.files import is_upload

FORMAT = "moobius platform"
VERSION = 1
LINES = "platform.jsonl"
FILES = "files/"
BATCH = 5000  # events kept in one go
CHUNK = 1024 * 1024

# What `zipfile` says of damage, also of that which looks like another method or a password.
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError)


class Contents(NamedTuple):
    """How much a Platform holds."""

    accounts: int
    channels: int
    messages: int
    files: int

    def __str__(self) -> str:
        names = self._asdict().items()
        return ", ".join(f"{n} {name.removesuffix('s') if n == 1 else name}" for name, n in names)


class Header(msgspec.Struct):
    """The first line."""

    format: str
    version: int
    moobius: str = ""


class _BadArchive(Exception):
    """An archive that cannot be imported; says why, and `read` adds the name of the file."""


def write(target: IO[bytes], journal: Journal, files: Iterable[Path]) -> Contents:
    """Write everything a Platform holds.

    Args:
        target: Where to; need not be able to seek.
        journal: What it knows.
        files: What was uploaded.

    Returns:
        How much it was.
    """
    state = journal.restore()
    messages = written = 0
    with zipfile.ZipFile(target, "w", strict_timestamps=False) as archive:
        entry = zipfile.ZipInfo(LINES)
        entry.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(entry, "w", force_zip64=True) as lines:
            lines.write(msgspec.json.encode(Header(FORMAT, VERSION, __version__)) + b"\n")
            for event in _events_of(state, journal):
                messages += isinstance(event, MessageStored)
                lines.write(encode(event) + b"\n")
        for file in files:
            archive.write(file, FILES + file.name)
            written += is_upload(file.name)
    return Contents(len(state.accounts), len(state.channels), messages, written)


def _events_of(state: State, journal: Journal) -> Iterator[Event]:
    yield from story_of(state)
    for identity in journal.identities():
        if _still_exists(identity, state):
            yield from journal.requests(identity)
    for message in journal.messages():
        owners = tuple(owner for owner in message.owners if owner in state.accounts)
        if owners:  # the histories of deleted accounts stay behind
            yield msgspec.structs.replace(message, owners=owners)


def _still_exists(identity: str, state: State) -> bool:
    """Return whether requests are of an account or a service that has not been deleted."""
    kind, _, name = identity.partition(":")
    return name in (state.accounts if kind == "user" else state.services)


def read(source: Path, journal: Path, files: Path) -> Contents:
    """Read an archive into a new journal and a new directory of files, checking all of it.

    Args:
        source: The archive.
        journal: The journal to make.
        files: The directory to make.

    Raises:
        ConfigError: If it is no archive of a Platform, or anything in it is wrong; says what and
            where.
        OSError: If the journal or the files cannot be written.
    """
    try:
        stream = source.open("rb")
    except OSError as error:
        raise ConfigError(f"cannot read {source}: {error.strerror or error}") from error
    try:
        with stream, zipfile.ZipFile(stream) as archive:
            return _read(archive, journal, files)
    except (*DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # that of a seek to nowhere
            raise
        raise ConfigError(f"{source} is damaged, or no export of a Platform: {error}") from error
    except _BadArchive as error:
        raise ConfigError(f"{source} cannot be imported: {error}") from error


def _read(archive: zipfile.ZipFile, journal: Path, files: Path) -> Contents:
    if LINES not in archive.namelist():
        raise _BadArchive(f"it has no {LINES}, so it is no export of a Platform")
    state = State()
    with archive.open(LINES) as lines, closing(Journal(journal)) as made:
        _check_header(lines.readline())
        messages = _import_events(lines, state, made)
    files.mkdir()
    count = 0
    for entry in archive.infolist():
        if entry.filename != LINES:
            count += is_upload(_extract(archive, entry, files))
    return Contents(len(state.accounts), len(state.channels), messages, count)


def _check_header(line: bytes) -> None:
    with _naming_line(1):
        header = msgspec.json.decode(line, type=Header)
    if header.format != FORMAT:
        raise _BadArchive(f"line 1 of {LINES} says format {header.format!r}, not {FORMAT!r}")
    if header.version > VERSION:
        raise _BadArchive(
            f"it was written by a newer Moobius (format {header.version}, this one reads "
            f"{VERSION}); use that version"
        )


def _import_events(lines: IO[bytes], state: State, journal: Journal) -> int:
    """Put the events of the lines into a state and a journal; return the number of messages."""
    messages = 0
    events = _events(lines, state)
    while batch := list(islice(events, BATCH)):
        journal.append(batch)
        messages += sum(isinstance(event, MessageStored) for event in batch)
    contradiction = next(contradictions(state), None)
    if contradiction is not None:
        raise _BadArchive(contradiction)
    return messages


def _events(lines: IO[bytes], state: State) -> Iterator[AnyEvent]:
    for number, line in enumerate(lines, 2):
        with _naming_line(number):
            event = decode(line)
            apply(state, event)
            if isinstance(event, MessageStored):
                _check_message(event, state)
        yield event


def _check_message(event: MessageStored, state: State) -> None:
    strangers = [owner for owner in event.owners if owner not in state.accounts]
    if strangers:
        raise _BadArchive(f"the message is in the history of {strangers[0]}, who has no account")
    if not 0 <= event.timestamp < 2**63:
        raise _BadArchive(f"{event.timestamp} is no time in milliseconds")


@contextmanager
def _naming_line(number: int) -> Iterator[None]:
    """Turn what goes wrong while a line is read into an error that names the line."""
    where = f"line {number} of {LINES}"
    try:
        yield
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise _BadArchive(f"{where} is no event: {error}") from error
    except (KeyError, ValueError) as error:
        raise _BadArchive(f"{where} names something that is not there: {error}") from error
    except _BadArchive as error:
        raise _BadArchive(f"{where}: {error}") from error


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, files: Path) -> str:
    """Write an entry to the directory of files, and return its name there."""
    folder, _, name = entry.filename.rpartition("/")
    if f"{folder}/" != FILES or name in ("", ".", "..") or any(c in name for c in "\\:\0"):
        raise _BadArchive(f"it has an entry {entry.filename!r}, which no export has")
    with archive.open(entry) as source:
        descriptor = os.open(files / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            shutil.copyfileobj(source, target, CHUNK)
    return name
