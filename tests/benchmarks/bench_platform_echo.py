"""How many messages a second go to a service written with the SDK, and back.

    python -m tests.benchmarks.bench_platform_echo [USERS [MESSAGES]]

Each user says something to the service, which says it back to that user alone, and so on; so many
users do that at once. A message crosses the Platform twice, is kept, and is acknowledged twice.
Platform and service are processes of their own. The reference is a bare `websockets` server that
sends back what it gets; the turns alternate.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from loguru import logger
from websockets.asyncio.server import ServerConnection, serve

from moobius import Moobius, types
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

THIS = ("-m", "tests.benchmarks.bench_platform_echo")
ROUNDS = 5
TEXT = "an ordinary sentence of an ordinary length, as people write"


class Echo(Moobius):
    """Says back what it hears."""

    async def on_start(self) -> None:
        """Say that it is ready."""
        sys.stdout.write("ready on this Platform\n")
        sys.stdout.flush()

    async def on_message_up(self, message: types.MessageBody) -> None:
        """Say it back."""
        sender = str(message.sender)
        await self.send_message(str(message.content.text), message.channel_id, sender, sender)


async def service(url: str, channel_id: str, service_id: str) -> None:
    """Be the service."""
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    echo = Echo(
        config={
            "account_config": {"email": OWNER, "password": PASSWORD},
            "service_config": {
                "http_server_uri": url,
                "ws_server_uri": url.replace("http", "ws", 1),
                "channels": [channel_id],
                "service_id": service_id,
            },
        }
    )
    await echo.start()


async def reference() -> None:
    """Be the bare server."""

    async def handle(connection: ServerConnection) -> None:
        await connection.send("x" * 200)  # for the login
        async for text in connection:
            if '"login"' not in str(text):
                await connection.send(text)

    async with serve(handle, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        sys.stdout.write(f"ready on http://127.0.0.1:{port}\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().create_future()


async def exchange(users: list[Listener], message: bytes, size: int, count: int) -> float:
    """Let everybody say so much, one message after the other; return the seconds it took."""

    async def talk(user: Listener) -> None:
        for _ in range(count):
            answered = user.more(size)
            user.transport.write(message)
            await answered

    began = time.perf_counter()
    await asyncio.wait_for(asyncio.gather(*map(talk, users)), 120)
    return time.perf_counter() - began


async def size_of(user: Listener, message: bytes) -> int:
    """Return how many bytes come back for a message, its acknowledgement among them."""
    before = user.heard
    user.transport.write(message)
    await asyncio.sleep(1)
    return user.heard - before


async def measure(ours: Running, bare: Running, crowd: Crowd, messages: int) -> None:
    """Talk to both in turn, and print the medians."""
    body = {"subtype": "text", "channel_id": crowd.channel_id, "content": {"text": TEXT}}
    # Without an id of the request it is no repeat, so one frame will do for all.
    message = frame(type="message_up", request_id="", body={**body, "recipients": "service"})
    plain = frame(text="x" * (len(message) - 8 - len(json.dumps({"text": ""}))))
    users = await connected(ours.url, [login(each) for each in crowd.people])
    others = await connected(bare.url, [frame(type="login")] * len(crowd.people))
    sizes = await size_of(users[0], message), await size_of(others[0], plain)
    each = messages // len(users)
    rates: dict[str, list[float]] = {"the Platform and a service": [], "a bare echo": []}
    for _ in range(ROUNDS):
        took = await exchange(users, message, sizes[0], each)
        rates["the Platform and a service"].append(each * len(users) / took)
        took = await exchange(others, plain, sizes[1], each)
        rates["a bare echo"].append(each * len(users) / took)
    sys.stdout.write(f"{len(users)} users at once, messages a second there and back\n")
    sys.stdout.write("| | median | best | worst |\n|---|---|---|---|\n")
    for name, all_rates in rates.items():
        middle = statistics.median(all_rates)
        sys.stdout.write(
            f"| {name} | {middle:,.0f} | {max(all_rates):,.0f} | {min(all_rates):,.0f} |\n"
        )


def main() -> None:
    """Measure, and print a table; or be one of the other processes."""
    if sys.argv[1:2] == ["reference"]:
        asyncio.run(reference())
        return
    if sys.argv[1:2] == ["service"]:
        asyncio.run(service(*sys.argv[2:]))
        return
    users, messages = [*map(int, sys.argv[1:]), *(200, 10_000)[len(sys.argv) - 1 :]]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "data"
        crowd = make_crowd(folder, users)
        with platform(folder) as ours, running(*THIS, "reference") as bare:
            command = (*THIS, "service", ours.url, crowd.channel_id, crowd.service_id)
            with running(*command):
                asyncio.run(measure(ours, bare, crowd, messages))


if __name__ == "__main__":
    main()
