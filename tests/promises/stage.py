"""Who is on the stage: a service and a user client that note everything, and two people."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from moobius import Moobius
from tests.support.patience import until
from tests.support.room import Room
from tests.support.wire import Socket

PNG = b"\x89PNG\r\n\x1a\n-not-really-a-picture"

CALLBACKS = (
    "on_message_up",
    "on_message_down",
    "on_refresh",
    "on_join",
    "on_leave",
    "on_button_click",
    "on_menu_item_click",
    "on_copy_client",
    "on_unknown_payload",
    "on_spell",
    "on_update",
    "on_update_characters",
    "on_update_buttons",
    "on_update_canvas",
    "on_update_style",
    "on_update_menu",
    "on_update_channel_info",
)


class Recorder(Moobius):
    """Notes what its callbacks are called with, then does what they do by themselves."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seen: list[tuple[str, Any]] = []

    async def wait_for(
        self, callback: str, is_right: Callable[[Any], bool] = lambda event: True
    ) -> Any:
        """Wait for a callback with the right event; return that."""

        def found() -> list[Any]:
            return [event for name, event in self.seen if name == callback and is_right(event)]

        await until(lambda: bool(found()), lambda: f"no such {callback} among {self.seen}")
        return found()[0]

    async def has_caught_up(self) -> None:
        """Wait until all it has sent is handled, and so is all that has come for it."""
        await self.ws_client.catch_up()
        assert self._dispatch is not None
        await self._dispatch._lanes._empty.wait()


def _noting(name: str) -> Callable[[Any, Any], Coroutine[Any, Any, None]]:
    inherited = getattr(Moobius, name)

    async def callback(self: Recorder, event: Any) -> None:
        self.seen.append((name, event))
        await inherited(self, event)

    return callback


for _name in CALLBACKS:
    setattr(Recorder, _name, _noting(_name))


class Stage:
    """A room, the service that serves it, and a fan who is a member by the SDK's user mode."""

    def __init__(self, room: Room, service: Recorder, fan: Recorder) -> None:
        self.room = room
        self.service = service
        self.fan = fan
        self.channel_id = room.channel_id
        self.ada = room.id_of("ada")
        self.bob = room.id_of("bob")
        self._owner_socket: Socket | None = None

    async def sweep(self) -> None:
        """Forget what earlier tests have left, also what is still on its way."""
        for client in (self.fan, self.service):
            await client.has_caught_up()
        for name in ("ada", "bob"):
            await self.room.sockets[name].drop()
        self.service.seen.clear()
        self.fan.seen.clear()

    async def sees(self, name: str) -> dict[str, Any]:
        """Return the body of the next frame somebody receives."""
        body: dict[str, Any] = (await self.room.sockets[name].next())["body"]
        return body

    async def sees_nothing(self, name: str) -> None:
        """Check that somebody has received nothing more."""
        await self.room.sockets[name].nothing()

    async def shown_to(self, name: str) -> list[str]:
        """Return the ids in the character list that somebody receives next."""
        body = await self.sees(name)
        assert body["subtype"] == "characters", body
        return await self.members_of(name, body["content"]["characters"])

    async def members_of(self, name: str, group_id: str) -> list[str]:
        """Return who is in a group, as its reader asks the Platform."""
        group = await self.room.people[name].get("/user/group", group_id=group_id)
        members: list[str] = group["characters"]
        return members

    async def another_room(self, *names: str) -> Room:
        """Open a free channel of the same owner, with some of the same people in it."""
        owner = self.room.owner
        room = Room(self.room.platform, owner, await owner.channel("Another"))
        if self._owner_socket is None:
            self._owner_socket = await owner.user_socket()
        leave = {"subtype": "leave", "channel_id": room.channel_id}
        await self._owner_socket.good(type="action", body=leave)
        for name in names or ("ada", "bob"):
            room.people[name] = self.room.people[name]
            room.sockets[name] = self.room.sockets[name]
            join = {"subtype": "join", "channel_id": room.channel_id}
            await room.sockets[name].good(type="action", body=join)
        await self.sweep()
        return room


@contextmanager
def requests_of(service: Moobius) -> Iterator[list[str]]:
    """Note the HTTP requests a service makes during a block, as `GET /path`."""
    asked: list[str] = []
    transport = service.http_api._transport
    request = transport.request

    async def noting(method: str, url: str, **kwargs: Any) -> Any:
        asked.append(f"{method} /{url.split('/', 3)[3].lstrip('/')}")
        return await request(method, url, **kwargs)

    transport.request = noting  # type: ignore[method-assign]
    try:
        yield asked
    finally:
        transport.request = request  # type: ignore[method-assign]
