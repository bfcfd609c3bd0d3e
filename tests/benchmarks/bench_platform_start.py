"""How long a Platform takes to start, by how much has been said and done on it.

    python -m tests.benchmarks.bench_platform_start [MESSAGES [EVENTS [RUNS]]]

Three data directories: an empty one, one with people and groups but no message, and one with the
same and a million messages. Each is started as a process, from the command to the line that says
it is ready, and its journal is opened by itself. The last directory is also started without its
snapshot, which is what a start was before there were any. The runs take turns, so that a busy
moment of the machine falls on all of them alike.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from moobius.local.data import DataDirectory
from moobius.local.model.events import (
    AccountCreated,
    ChannelCreated,
    CharactersShown,
    Event,
    GroupCreated,
    Joined,
    MessageStored,
    RequestDone,
    TokenIssued,
)
from moobius.local.store import snapshots
from moobius.local.store.journal import Journal

PEOPLE, CHANNELS, LISTED = 2000, 50, 5
BATCH = 20_000
LIMIT_SECONDS = 2.0
JOURNAL = DataDirectory(Path()).journal
_dice = random.Random(5)


def identifier(number: int, kind: int) -> str:
    """Return an id of the form that the Platform gives."""
    return f"{number:08x}-0000-4000-8000-{kind:012x}"


PERSON, CHANNEL, GROUP, MESSAGE, FAMILY = range(5)
people = [identifier(number, PERSON) for number in range(PEOPLE)]
channels = [identifier(number, CHANNEL) for number in range(CHANNELS)]


def settled() -> Iterator[Event]:
    """People with tokens, in channels."""
    for user_id in people:
        yield AccountCreated(
            user_id, f"{user_id}@example.net", "scrypt$16384$8$1$salt$hash", "Name"
        )
        for kind in ("access", "refresh"):
            yield TokenIssued(f"{kind}-{user_id:0>64}", user_id, kind, user_id, 2**42)
    for channel_id in channels:
        yield ChannelCreated(channel_id, "Room", "", people[0])
        for user_id in _dice.sample(people, 100):
            yield Joined(channel_id, user_id, 1)


def lively() -> Iterator[Event]:
    """Ever more groups, most of which are shown to somebody."""
    for number in itertools.count():
        listed = tuple(_dice.sample(people, LISTED))
        group_id = identifier(number, GROUP)
        yield GroupCreated(group_id, listed, timestamp=number, shared=True, owner=listed[0])
        yield CharactersShown(_dice.choice(channels), group_id, listed[:2])


def said(count: int) -> Iterator[Event]:
    """Messages that two people have in their histories, by requests of one of them."""
    for number in range(count):
        owners = tuple(_dice.sample(people, 2))
        message_id, channel = identifier(number, MESSAGE), _dice.choice(channels)
        message = {
            "type": "message_down",
            "subtype": "text",
            "channel_id": channel,
            "content": {"text": f"message number {number}"},
            "timestamp": number,
            "sender": owners[0],
            "message_id": message_id,
            "context": {"is_dcs": True},
        }
        yield MessageStored(owners, channel, message_id, number, message)
        yield RequestDone(f"user:{owners[0]}", message_id)


def make(folder: Path, events: Iterator[Event]) -> None:
    """Add to a data directory, and leave it as a clean stop does: with a snapshot."""
    folder.mkdir(exist_ok=True)
    with closing(Journal(folder / JOURNAL)) as journal:
        while batch := list(itertools.islice(events, BATCH)):
            journal.append(batch)
        state = journal.restore()
        (seq,) = journal.connection.execute("SELECT max(seq) FROM events").fetchone()
        for statement, values in snapshots.steps(seq, state, []):
            journal.connection.execute(statement, values)


def without_snapshot(folder: Path) -> Path:
    """Copy a data directory without its snapshot."""
    target = folder.with_name(f"{folder.name}, all events read")
    shutil.copytree(folder, target)
    with closing(sqlite3.connect(target / JOURNAL, isolation_level=None)) as connection:
        connection.execute("DELETE FROM snapshots")
    return target


def start(folder: Path) -> float:
    """Start a Platform; return the seconds until it says that it is ready."""
    began = time.perf_counter()
    command = ("platform", "--port", "0", "--data", str(folder), "--no-developer")
    process = subprocess.Popen(
        [sys.executable, "-m", "moobius", *command],
        stdout=subprocess.PIPE,
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},  # out of sight of other programs
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    took = time.perf_counter() - began
    process.kill()
    process.communicate()
    assert line.startswith(b"Moobius Platform ready"), line
    return took


def restore(folder: Path) -> float:
    """Open a journal and return the seconds until its state is there."""
    program = (
        "import sys, time; from pathlib import Path;"
        "from moobius.local.store.journal import Journal; began = time.perf_counter();"
        "Journal(Path(sys.argv[1])).restore(); print(time.perf_counter() - began)"
    )
    command = [sys.executable, "-c", program, str(folder / JOURNAL)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Make the data, measure, and print the medians."""
    given = [*map(int, sys.argv[1:]), *(1_000_000, 200_000, 5)[len(sys.argv) - 1 :]]
    messages, events, runs = given
    with tempfile.TemporaryDirectory() as scratch:
        empty, quiet, full = (Path(scratch) / name for name in ("empty", "quiet", "full"))
        make(empty, iter(()))
        make(quiet, itertools.chain(settled(), itertools.islice(lively(), events)))
        shutil.copytree(quiet, full)
        make(full, said(messages))
        folders = {
            "empty": empty,
            f"{events:,} events": quiet,
            f"the same and {messages:,} messages": full,
            "the last, all events read": without_snapshot(full),
        }
        size = (full / JOURNAL).stat().st_size / 2**20
        sys.stdout.write(f"the largest journal has {size:,.0f} MiB\n")
        report(folders, runs)


def report(folders: dict[str, Path], runs: int) -> None:
    """Start everything in turn, and print what it took."""
    starts: dict[str, list[float]] = {name: [] for name in folders}
    opens: dict[str, list[float]] = {name: [] for name in folders}
    for _ in range(runs):
        for name, folder in folders.items():
            starts[name].append(start(folder))
            opens[name].append(restore(folder))
    names = [*folders]
    reference = statistics.median(starts[names[0]])
    for name in names:
        ready, opened = statistics.median(starts[name]), statistics.median(opens[name])
        sys.stdout.write(
            f"{name:40} ready after {ready:5.2f} s ({ready / reference:4.1f} x empty), "
            f"of which the journal {opened:5.2f} s\n"
        )
    measured = statistics.median(starts[names[2]])
    good = "within" if measured < LIMIT_SECONDS else "ABOVE"
    sys.stdout.write(f"{names[2]}: {measured:.2f} s, {good} {LIMIT_SECONDS:.0f} s\n")


if __name__ == "__main__":
    main()
