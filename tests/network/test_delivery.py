"""Who waits for what becomes of a frame, and how each wait ends; without any socket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from moobius.errors import LoginRefused, TransportError
from moobius.network.delivery import Delivery
from moobius.network.outbox import Outbox, Outgoing
from moobius.types import CopyBody
from tests.support.patience import PATIENCE, until

LOST = {"message": "You have not login yet"}


class Post:
    """A delivery with what it has written."""

    def __init__(self, capacity: int = 10, *, resend: bool = True) -> None:
        self.waits: list[bool] = []
        self.delivery = Delivery(Outbox(capacity), "ws://x/", resend, self._note)
        self.written: list[str] = []
        self._carrying: asyncio.Task[None] | None = None

    def _note(self) -> None:
        self.waits.append(self.delivery.is_awaited)

    async def put(self, *names: str, is_message: bool = True) -> None:
        for name in names:
            await self.delivery.put(Outgoing(name, name, f"frame {name}", is_message))

    async def write(self, count: int) -> None:
        """Write on a new connection until so many frames have been written to any."""

        async def write(frame: Outgoing) -> None:
            self.written.append(frame.text)

        carrying = asyncio.create_task(self.delivery.carry(write))
        await until(lambda: len(self.written) == count)
        carrying.cancel()
        await asyncio.wait({carrying})

    def answer(self, name: str, status: bool = True, **context: Any) -> None:
        self.delivery.answered(CopyBody(name, "message_down", status, context))


async def test_what_is_written_waits_for_its_answer() -> None:
    post = Post()
    await post.put("1", "2")
    await post.write(2)
    assert post.delivery.outbox.qsize() == 2
    post.answer("1")
    post.answer("nobody's")
    post.answer("2")
    assert post.delivery.outbox.empty()


async def test_a_lost_connection_is_made_up_for_in_order() -> None:
    post = Post()
    await post.put("1", "2")
    await post.write(2)
    await post.put("3")
    post.delivery.connection_lost()
    await post.write(5)
    assert post.written == ["1", "2", "1", "2", "3"]


@pytest.mark.parametrize(("features", "again"), [(None, []), ([], []), (["deduplicate"], ["1"])])
async def test_messages_are_repeated_where_that_is_safe(features: Any, again: list[str]) -> None:
    post = Post(resend=False)
    login = CopyBody("login", "service_login", True, {"features": features})
    post.delivery.logged_in(login, "service_login")
    await post.put("1")
    await post.put("2", is_message=False)
    await post.write(2)
    post.delivery.connection_lost()
    await post.write(2 + len(again) + 1)
    assert post.written[2:] == [*again, "2"]


def test_a_refused_login_is_an_error_with_the_reason() -> None:
    copy = CopyBody("login", "service_login", False, {"msg": "Service not found"})
    with pytest.raises(LoginRefused, match="service_login at ws://x/: Service not found"):
        Post().delivery.logged_in(copy, "service_login")


async def test_a_session_that_was_lost_ends_the_connection_once() -> None:
    post = Post(resend=False)
    await post.put("1")
    await post.write(1)
    with pytest.raises(TransportError, match="You have not login yet"):
        post.answer("1", False, **LOST)
    post.delivery.connection_lost()
    await post.write(2)  # it had no effect, so it goes again in any case
    post.answer("1", False, **LOST)
    assert post.delivery.outbox.empty()


async def test_a_refusal_is_logged(log: list[str]) -> None:
    post = Post()
    await post.put("1")
    await post.write(1)
    post.answer("1", False, message="Channel not found")
    assert log[-1].startswith("ERROR the Platform refused frame 1: Channel not found (")
    assert post.delivery.outbox.empty()


async def test_who_waits_is_known_while_they_wait() -> None:
    post = Post(capacity=1)
    await post.put("1")
    second = asyncio.create_task(post.put("2"))
    await until(lambda: post.waits[-1])
    assert not second.done()
    await post.write(1)
    post.answer("1")
    await second
    assert not post.waits[-1]
    with post.delivery.answer_to({"request_id": "3"}) as answer:
        assert post.waits[-1]
        post.answer("3")
        assert (await answer).request_id == "3"
    assert not post.waits[-1]


async def test_what_is_never_answered_is_let_go(log: list[str]) -> None:
    post = Post(capacity=1)
    await post.put("1")
    with post.delivery.answer_to({"request_id": "1"}) as answer:
        await post.write(1)
        post.delivery.let_go(1e18, "unanswered")
        with pytest.raises(TransportError, match="frame 1 unanswered"):
            await answer
    await asyncio.wait_for(post.put("2"), PATIENCE)  # there is room again
    assert log == ["WARNING 1 frames unanswered, the first: frame 1\n"]


async def test_flushing_waits_for_the_last_answer_and_takes_nothing_new() -> None:
    post = Post()
    await post.put("1")
    await post.write(1)
    flushing = asyncio.create_task(post.delivery.flush(PATIENCE))
    await until(lambda: post.delivery.is_closing)
    with pytest.raises(TransportError, match="it was closed"):
        await post.put("2")
    assert not flushing.done()
    post.answer("1")
    await asyncio.wait_for(flushing, PATIENCE)


async def test_flushing_gives_up_and_says_so(log: list[str]) -> None:
    post = Post()
    await post.put("1")
    await post.delivery.flush(0.01)
    assert log == ["WARNING 1 frames were not acknowledged in 0.01 s\n"]


async def test_dismissed_nobody_waits_any_more() -> None:
    post = Post(capacity=1)
    await post.put("1")
    second = asyncio.create_task(post.put("2"))
    await until(lambda: post.waits[-1])
    with post.delivery.answer_to({"request_id": "1"}) as answer:
        post.delivery.dismiss()
        for waiting in (second, answer):
            with pytest.raises(TransportError, match="closed"):
                await asyncio.wait_for(waiting, PATIENCE)


async def test_a_frame_that_was_sent_twice_takes_no_room_for_ever() -> None:
    post = Post(capacity=2)
    await post.put("1", "1")
    await post.write(2)
    post.answer("1")
    post.answer("1")  # some Platforms answer each
    await asyncio.wait_for(post.put("2", "3"), PATIENCE)
