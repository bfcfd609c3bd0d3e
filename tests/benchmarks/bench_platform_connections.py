"""How much memory a Platform needs for people who are connected and say nothing.

    python -m tests.benchmarks.bench_platform_connections [CONNECTIONS]

Everybody has an account of their own and has logged in. The reference is the same Platform, with
the same accounts, before anybody has connected.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.crowd import Crowd, Running, connected, frame, login, make_crowd, platform

LIMIT_MIB = 400.0


async def measure(server: Running, crowd: Crowd) -> None:
    """Connect everybody, and print what that took."""
    before = await asyncio.to_thread(server.resident)
    began = time.perf_counter()
    listeners = await connected(server.url, [login(token) for token in crowd.people])
    took = time.perf_counter() - began
    after = await asyncio.to_thread(server.resident)
    began = time.perf_counter()
    answers = [listener.more(50) for listener in listeners]
    for listener in listeners:
        listener.transport.write(frame(type="heartbeat", request_id="H", body={}))
    await asyncio.wait_for(asyncio.gather(*answers), 60)
    beat = time.perf_counter() - began
    count = len(listeners)
    good = "within" if after < LIMIT_MIB else "ABOVE"
    sys.stdout.write(
        f"| | |\n|---|---|\n"
        f"| connections | {count:,} |\n"
        f"| memory before | {before:.0f} MiB |\n"
        f"| memory with all of them | {after:.0f} MiB ({good} {LIMIT_MIB:.0f} MiB) |\n"
        f"| for each | {(after - before) * 1024 / count:.1f} KiB |\n"
        f"| connect and log in | {count / took:,.0f} a second |\n"
        f"| a heartbeat of everybody at once | {beat:.2f} s |\n"
    )


def main() -> None:
    """Measure, and print a table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as scratch:
        crowd = make_crowd(Path(scratch) / "data", count)
        with platform(Path(scratch) / "data") as server:
            asyncio.run(measure(server, crowd))


if __name__ == "__main__":
    main()
