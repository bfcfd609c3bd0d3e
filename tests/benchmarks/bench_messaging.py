"""Messaging beside the bare minimum that could do the same, in one run.

    python -m tests.benchmarks.bench_messaging [ROUNDS]

Small messages: against asyncio streams that read and write the same frames with nothing else: no
limits, no queue, no callbacks, no time limits. Files: against `socket.sendfile` on one thread and
`recv` into a file on another. Both sides of each run in this process; the rounds are short and take
turns, so that a busy moment of the machine falls on both alike. What counts is the median of the
ratios; the speeds are the best of each.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from moobius.messaging import AsyncLink, FilePolicy, Limits, connect, serve
from moobius.messaging.framing import PROTOHEADER

ACTIONS = 5_000
REQUESTS = 1_500
IN_FLIGHT = 50
FILE_SIZE = 256 * 1024 * 1024
RECEIVE_SIZE = 256 * 1024
FLAT = 16 * 1024 * 1024
POSITION = {"x": 1.5, "y": -2.25, "battery": 12.2}

Run = Callable[[], Awaitable[float]]
"""Does the work once and returns how much of it was done in a second."""


class Comparison(NamedTuple):
    """One line of the table."""

    what: str
    unit: str
    bare: Run
    ours: Run
    aim: float


# The bare side: frames on asyncio streams, written by hand.


async def read_bare(reader: asyncio.StreamReader) -> tuple[dict[str, Any], Any]:
    (length,) = PROTOHEADER.unpack(await reader.readexactly(PROTOHEADER.size))
    header = json.loads(await reader.readexactly(length))
    return header, json.loads(await reader.readexactly(header["content-length"]))


def write_bare(writer: asyncio.StreamWriter, kind: str, contents: Any, **fields: Any) -> None:
    content = json.dumps(contents, ensure_ascii=False).encode()
    header = {
        "byteorder": sys.byteorder,
        "content-type": "json",
        "content-encoding": "utf-8",
        "content-length": len(content),
        "message-type": kind,
        **fields,
    }
    raw = json.dumps(header, ensure_ascii=False).encode()
    writer.write(PROTOHEADER.pack(len(raw)) + raw + content)


@asynccontextmanager
async def bare_pair(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()


async def bare_actions() -> float:
    done = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(ACTIONS):
            await read_bare(reader)
        done.set()
        writer.close()

    async with bare_pair(handle) as (_, writer):
        start = time.perf_counter()
        for number in range(ACTIONS):
            contents = {"args": [number], "kwargs": POSITION}
            write_bare(writer, "message", contents, action="telemetry")
            await writer.drain()
        await done.wait()
        return ACTIONS / (time.perf_counter() - start)


async def bare_requests(in_flight: int) -> float:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(REQUESTS):
            _, asked = await read_bare(reader)
            answer = {"value": asked["args"][0]}
            fields = {"requested_value": asked["requested_value"]}
            write_bare(writer, "response", answer, **fields, request_id=asked["request_id"])
        writer.close()

    async with bare_pair(handle) as (reader, writer):
        waiting: dict[str, asyncio.Future[Any]] = {}

        async def take_answers() -> None:
            for _ in range(REQUESTS):
                header, content = await read_bare(reader)
                waiting.pop(header["request_id"]).set_result(content["value"])

        async def ask(number: int) -> None:
            request_id = f"{number % 10_000:04}"
            waiting[request_id] = asyncio.get_running_loop().create_future()
            contents = {
                "requested_value": "echo",
                "request_id": request_id,
                "args": [number],
                "kwargs": {},
            }
            write_bare(writer, "request", contents)
            await waiting[request_id]

        taking = asyncio.create_task(take_answers())
        speed = await asked_per_second(ask, in_flight)
        await taking
        return speed


async def asked_per_second(ask: Callable[[int], Awaitable[None]], in_flight: int) -> float:
    numbers = iter(range(REQUESTS))

    async def ask_on() -> None:
        for number in numbers:
            await ask(number)

    start = time.perf_counter()
    await asyncio.gather(*(ask_on() for _ in range(in_flight)))
    return REQUESTS / (time.perf_counter() - start)


# Ours.


async def our_actions() -> float:
    seen, done = 0, asyncio.Event()
    server = serve()

    @server.on("telemetry")
    def count(link: AsyncLink, number: int, **position: float) -> None:
        nonlocal seen
        seen += 1
        if seen == ACTIONS:
            done.set()

    async with server, connect("127.0.0.1", server.port) as link:
        start = time.perf_counter()
        for number in range(ACTIONS):
            await link.send("telemetry", number, **POSITION)
        await done.wait()
        return ACTIONS / (time.perf_counter() - start)


async def our_requests(in_flight: int) -> float:
    server = serve()

    @server.on_request("echo")
    def echo(link: AsyncLink, number: int) -> int:
        return number

    async with server, connect("127.0.0.1", server.port) as link:

        async def ask(number: int) -> None:
            await link.request("echo", number, timeout=30.0)

        return await asked_per_second(ask, in_flight)


# Files.


class FileBench:
    """The same file both ways, and how much memory it took."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = folder / "source"
        self.grown = 0
        with self.source.open("wb") as file:
            piece = os.urandom(1024 * 1024)
            for _ in range(FILE_SIZE // len(piece)):
                file.write(piece)

    async def bare(self) -> float:
        return await asyncio.to_thread(self._send_bare)

    def _send_bare(self) -> float:
        target = self.folder / "bare"
        with socket.create_server(("127.0.0.1", 0)) as listening:
            sender = threading.Thread(target=self._sendfile, args=(listening,))
            start = time.perf_counter()
            sender.start()
            with (
                socket.create_connection(listening.getsockname()) as sock,
                target.open("wb") as out,
            ):
                while data := sock.recv(RECEIVE_SIZE):
                    out.write(data)
                out.flush()
                os.fsync(out.fileno())  # ours does too: a power cut must not leave half a file
            seconds = time.perf_counter() - start
            sender.join()
        target.unlink()
        return FILE_SIZE / seconds / 1e6

    def _sendfile(self, listening: socket.socket) -> None:
        sock, _ = listening.accept()
        with sock, self.source.open("rb") as file:
            sock.sendfile(file)

    async def ours(self) -> float:
        limits = Limits(file_content=None)
        files = FilePolicy.inside(self.folder, max_size=None)
        target = self.folder / "ours"
        server = serve(limits=limits, files=files)
        async with server, connect("127.0.0.1", server.port, limits=limits, files=files) as link:
            before = peak = resident_bytes()
            start = time.perf_counter()
            fetching = asyncio.create_task(link.get_file("source", target, timeout=60.0))
            while not fetching.done():
                await asyncio.wait({fetching}, timeout=0.02)
                peak = max(peak, resident_bytes())
            await fetching
            seconds = time.perf_counter() - start
        self.grown = max(self.grown, peak - before)
        assert target.stat().st_size == FILE_SIZE
        target.unlink()
        return FILE_SIZE / seconds / 1e6


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def in_turns(rounds: int, comparison: Comparison) -> tuple[float, float, float]:
    """Return the best of each side, and the median of the ratios."""
    pairs = [(await comparison.bare(), await comparison.ours()) for _ in range(rounds)]
    bare, ours = (max(side) for side in zip(*pairs, strict=True))
    return bare, ours, median(own / other for other, own in pairs)


async def measure(rounds: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        files = FileBench(Path(folder))
        comparisons = [
            Comparison("small actions", "/s", bare_actions, our_actions, 0.7),
            Comparison(
                "requests, one at a time",
                "/s",
                lambda: bare_requests(1),
                lambda: our_requests(1),
                0.7,
            ),
            Comparison(
                f"requests, {IN_FLIGHT} in flight",
                "/s",
                lambda: bare_requests(IN_FLIGHT),
                lambda: our_requests(IN_FLIGHT),
                0.7,
            ),
            Comparison("a file of 256 MiB", "MB/s", files.bare, files.ours, 0.5),
        ]
        lines = [f"{'':26} {'bare':>12} {'moobius':>12} {'ratio':>7}   aim"]
        for comparison in comparisons:
            bare, ours, ratio = await in_turns(rounds, comparison)
            unit = comparison.unit
            verdict = "met" if ratio >= comparison.aim else "MISSED"
            lines.append(
                f"{comparison.what:26} {bare:>7.0f} {unit:4} {ours:>7.0f} {unit:4} {ratio:>7.2f}   "
                f">= {comparison.aim} {verdict}"
            )
        verdict = "met" if files.grown < FLAT else "MISSED"
        lines.append(
            f"memory while the file came: {files.grown / 2**20:+.1f} MiB; "
            f"aim: flat, below {FLAT / 2**20:.0f} MiB, {verdict}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, and print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    sys.stdout.write(asyncio.run(measure(rounds)) + "\n")


if __name__ == "__main__":
    main()
