"""How long one message takes to a thousand members, beside a bare broadcast of the same bytes.

    python -m tests.benchmarks.bench_platform_fanout [MEMBERS [RUNS]]

From the moment in which the sender writes it until the last member has all of it. The Platform
checks the message, keeps it in everybody's history and acknowledges it; the reference is
`websockets.broadcast` and nothing else. Both are processes of their own; their turns alternate.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from websockets.asyncio.server import ServerConnection, broadcast, serve

from tests.benchmarks.crowd import (
    OWNER,
    PASSWORD,
    Crowd,
    Listener,
    Running,
    connected,
    frame,
    login,
    make_crowd,
    platform,
    running,
)
from tests.support.wire import wire_to

LIMIT = 3.0
TEXT = "one message to everybody " * 8


async def reference() -> None:
    """Send whatever anybody says to everybody, this one too."""
    connections: set[ServerConnection] = set()

    async def handle(connection: ServerConnection) -> None:
        connections.add(connection)
        await connection.send("x" * 200)  # for the login
        async for text in connection:
            if '"login"' not in str(text):
                broadcast(connections, text)

    async with serve(handle, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        sys.stdout.write(f"ready on http://127.0.0.1:{port}\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().create_future()


async def once(sender: Listener, message: bytes, members: list[Listener], size: int) -> float:
    """Send a message; return the seconds until everybody has it."""
    arrived = [member.more(size) for member in members]
    began = time.perf_counter()
    sender.transport.write(message)
    await asyncio.wait_for(asyncio.gather(*arrived), 30)
    took = time.perf_counter() - began
    await asyncio.sleep(0.1)  # for answers on the way, and the journal
    return took


async def size_of(sender: Listener, message: bytes, member: Listener) -> int:
    """Send a message; return how many bytes a member gets for it."""
    before = member.heard
    sender.transport.write(message)
    await asyncio.sleep(1)
    return member.heard - before


async def measure(ours: Running, bare: Running, crowd: Crowd, runs: int) -> None:
    """Send through both in turn, and print the medians."""
    async with wire_to(ours.url) as wire:
        body = {"username": OWNER, "password": PASSWORD}
        signed_in = await wire.call("POST", "/auth/sign_in", body=body)
    token = signed_in["data"]["AuthenticationResult"]["AccessToken"]
    service = frame(
        type="service_login", request_id="S", access_token=token, service_id=crowd.service_id
    )
    members = await connected(ours.url, [login(each) for each in crowd.people])
    (sender,) = await connected(ours.url, [service])
    message = frame(
        type="message_down",
        request_id="",
        service_id=crowd.service_id,
        body={
            "subtype": "text",
            "channel_id": crowd.channel_id,
            "recipients": await _group(ours.url, token, crowd.people),
            "content": {"text": TEXT},
            "sender": crowd.people[0],
        },
    )
    size = await size_of(sender, message, members[0])
    hello = frame(type="login")
    audience = await connected(bare.url, [hello] * len(crowd.people))
    (caller,) = await connected(bare.url, [hello])
    # Of the same size on the wire: a frame of this length has a header of four bytes.
    plain = frame(text="x" * (size - 4 - len(json.dumps({"text": ""}))))
    assert await size_of(caller, plain, audience[0]) == size
    times: dict[str, list[float]] = {"the Platform": [], "a bare broadcast": []}
    for _ in range(runs):
        times["the Platform"].append(await once(sender, message, members, size))
        times["a bare broadcast"].append(await once(caller, plain, audience, size))
    report(times, len(members), size)


async def _group(url: str, token: str, people: list[str]) -> str:
    async with wire_to(url) as wire:
        body = {"group_id": "", "characters": people}
        reply = await wire.call("POST", "/service/group/create", body=body, token=token)
        return str(reply["data"])


def report(times: dict[str, list[float]], members: int, size: int) -> None:
    """Print the table."""
    ours, bare = (statistics.median(each) for each in times.values())
    sys.stdout.write(f"One message of {size} bytes to {members:,} members, until the last has it\n")
    sys.stdout.write("| | median | best | worst |\n|---|---|---|---|\n")
    for name, each in times.items():
        low, middle, high = min(each), statistics.median(each), max(each)
        sys.stdout.write(
            f"| {name} | {middle * 1000:.1f} ms | {low * 1000:.1f} ms | {high * 1000:.1f} ms |\n"
        )
    good = "within" if ours / bare <= LIMIT else "ABOVE"
    sys.stdout.write(f"{ours / bare:.2f} x a bare broadcast, {good} {LIMIT:.0f} x\n")


def main() -> None:
    """Measure, and print a table; or be the reference."""
    if sys.argv[1:] == ["reference"]:
        asyncio.run(reference())
        return
    members, runs = [*map(int, sys.argv[1:]), *(1000, 30)[len(sys.argv) - 1 :]]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "data"
        crowd = make_crowd(folder, members)
        this = ("-m", "tests.benchmarks.bench_platform_fanout", "reference")
        with platform(folder) as ours, running(*this) as bare:
            asyncio.run(measure(ours, bare, crowd, runs))


if __name__ == "__main__":
    main()
