"""A scripted Platform at the other end of a real socket, for what the real one never does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Frame = dict[str, Any]
Answer = Callable[[Frame], Frame | None]


def copy_of(frame: Frame, status: bool = True, message: str = "", **context: Any) -> Frame:
    """The acknowledgement of a frame."""
    return {
        "type": "copy",
        "body": {
            "request_id": frame["request_id"],
            "origin_type": frame["type"],
            "status": status,
            "context": {"message": message, **context},
        },
    }


class Peer:
    """Keeps every frame of every connection and answers as `answer` says."""

    def __init__(self, answer: Answer = copy_of) -> None:
        self.answer = answer
        self.connections: list[list[Frame]] = []
        self.open: list[ServerConnection] = []
        self.url = ""

    @property
    def frames(self) -> list[Frame]:
        """All frames that came, over all connections."""
        return [frame for connection in self.connections for frame in connection]

    def texts(self) -> list[str]:
        """What the messages among them say."""
        return [
            frame["body"]["content"]["text"]
            for frame in self.frames
            if frame["type"] == "message_down"
        ]

    async def cut(self) -> None:
        """Break all connections without a word."""
        for connection in self.open:
            connection.transport.abort()

    async def handle(self, connection: ServerConnection) -> None:
        frames: list[Frame] = []
        self.connections.append(frames)
        self.open.append(connection)
        try:
            async for text in connection:
                frame = json.loads(text)
                frames.append(frame)
                answer = self.answer(frame)
                if answer is not None:
                    await connection.send(json.dumps(answer))
        except ConnectionClosed:
            pass
        finally:
            self.open.remove(connection)


@asynccontextmanager
async def peer(answer: Answer = copy_of) -> AsyncIterator[Peer]:
    """Listen on a free port."""
    script = Peer(answer)
    async with serve(script.handle, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        script.url = f"ws://127.0.0.1:{port}/"
        yield script
