"""Runs commands: decide, apply, store, then answer and deliver; in one order for everybody.

A command is decided and applied at once, without waiting, so the next one already sees its
effects. Acknowledgements, replies and deliveries wait until the store has the events, and
commands that arrive meanwhile are stored together in one go.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Concatenate, NamedTuple, ParamSpec

from loguru import logger

from moobius.errors import StorageError
from moobius.local.model.apply import apply
from moobius.local.model.outcome import Delivery, Moment, Outcome, Quotas
from moobius.local.model.state import State
from moobius.local.options import Limits
from moobius.local.recent import Coalescer, RecentRequests, RequestsOf
from moobius.local.store.protocol import Store
from moobius.stamps import Stamps

P = ParamSpec("P")


TURN_FRAMES = 64
TURN_BYTES = 256 * 1024
"""After so many commands of a batch, or bytes of their frames, the tasks that write to sockets get
a turn. Otherwise the answers to a large batch would pile up in the queues of clients, and cut off
even those that read as fast as they can."""


class RequestKey(NamedTuple):
    """What tells a request from all others: who asks, the id given to it, and what is asked.

    Attributes:
        known: The recent requests of the identity that asks.
        request_id: The id that the client gave it.
        digest: Of what is asked.
        stored: The digest that the store had under that id a moment ago, if any.
    """

    known: RequestsOf
    request_id: str
    digest: str
    stored: str | None

    @property
    def is_repeat(self) -> bool:
        """Whether this very request was carried out already."""
        return self.known.has(self.request_id, self.digest, self.stored)


@dataclass
class _Ticket:
    """A command that is decided and applied, and waits to be stored.

    Attributes:
        outcome: What it came to.
        acknowledge: Called when it is stored, before anything is delivered.
        refuse: Called instead if it cannot be stored.
        reply: Set when it is stored and delivered.
        on_stored: Tells the memory of recent requests. It also keeps that memory alive until the
            store has the request: see `RecentRequests`.
        size: Bytes of the frame that asked for it.
    """

    outcome: Outcome
    acknowledge: Callable[[], None] | None
    refuse: Callable[[], None] | None
    reply: asyncio.Future[Any]
    on_stored: Callable[[], None] | None
    size: int


class Engine:
    """The state, and the only way to change it.

    Args:
        store: Where events are kept; closed by `stop`.
        deliver: Hands a delivery to the sockets it is for.
        clock: Returns milliseconds since the epoch.
        new_id: Returns a fresh id.
        limits: What an account may have, and how many commands may wait for the store.
        on_batch: Called after each batch with the number of its events, and the seconds it took
            to store them.
    """

    def __init__(
        self,
        store: Store,
        deliver: Callable[[Delivery], None],
        *,
        clock: Callable[[], int],
        new_id: Callable[[], str],
        limits: Limits,
        on_batch: Callable[[int, float], None] = lambda events, seconds: None,
    ) -> None:
        self.state = State()
        self.store = store
        self._deliver = deliver
        self._clock = clock
        self._stamps = Stamps(clock)
        self._new_id = new_id
        self._limits = limits
        self._quotas = quotas_of(limits)
        self._on_batch = on_batch
        self.recent = RecentRequests(limits.recent_requests, store)
        self.coalescer = Coalescer(limits.coalesce_ms)
        self._pending: list[_Ticket] = []
        self._pending_bytes = 0
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._failed = False
        self._writer: asyncio.Task[None] | None = None

    @property
    def failed(self) -> bool:
        """Whether the store has failed, so that no command is taken any more."""
        return self._failed

    @property
    def pending(self) -> int:
        """How many commands are decided and not yet stored."""
        return len(self._pending)

    @property
    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self._clock()

    async def start(self) -> None:
        """Read what the store has, then take commands.

        Raises:
            StorageError: If it cannot be read; the store is closed then.
        """
        try:
            self.state = await self.store.restore()
        except BaseException:
            await self.store.close()
            raise
        self._writer = asyncio.create_task(self._store_batches(), name="platform journal")

    async def stop(self) -> None:
        """Store what was decided, then close the store."""
        if self._writer is not None:
            if not self._failed:
                await asyncio.wait([self.submit(lambda state, moment: Outcome())])
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        await self.store.close()

    async def run(
        self,
        command: Callable[Concatenate[State, Moment, P], Outcome],
        /,
        *args: P.args,
        **kw: P.kwargs,
    ) -> Any:
        """Carry out a command and return its reply, once it is safe.

        Raises:
            Refused: If the rules say no.
            StorageError: If the store could not keep it.
        """
        await self.wait_for_room()
        return await self.submit(lambda state, moment: command(state, moment, *args, **kw))

    def submit(
        self,
        decide: Callable[[State, Moment], Outcome],
        acknowledge: Callable[[], None] | None = None,
        request: RequestKey | None = None,
        refuse: Callable[[], None] | None = None,
        size: int = 0,
    ) -> asyncio.Future[Any]:
        """Decide and apply a command now; acknowledge, deliver and reply when it is safe.

        Args:
            decide: The command, its arguments bound.
            acknowledge: Called when the events are safe, before anything is delivered.
            request: A repeat of a request done before is acknowledged and not done again, whatever
                came of it: a click leaves nothing else behind, and is not to be done twice either.
            refuse: Called instead of `acknowledge` if the store fails to keep the events.
            size: Bytes of the frame that asks for it.

        Raises:
            Refused: If the rules say no; nothing has changed then.
            StorageError: If the store has failed before.
        """
        if self._failed:
            raise StorageError("the journal has failed; this Platform takes no more commands")
        is_repeat, on_stored = request is not None and request.is_repeat, None
        moment = Moment(self.now, self._stamps.next, self._new_id, self._quotas)
        outcome = Outcome() if is_repeat else decide(self.state, moment)
        if request is not None and not is_repeat:
            done = request.known.remember(request.request_id, request.digest)
            outcome.add(done)
            on_stored = partial(request.known.mark_stored, done)
        for event in outcome.events:
            apply(self.state, event)
        reply = asyncio.get_running_loop().create_future()
        self._pending.append(_Ticket(outcome, acknowledge, refuse, reply, on_stored, size))
        self._pending_bytes += size
        self._work.set()
        return reply

    async def wait_for_room(self) -> None:
        """Wait while too many commands are on their way to the store."""
        while self._is_full and not self._failed:
            self._room.clear()
            await self._room.wait()

    @property
    def _is_full(self) -> bool:
        limits = self._limits
        frames, size = len(self._pending), self._pending_bytes
        return frames >= limits.pending_frames or size >= limits.pending_bytes

    async def _store_batches(self) -> None:
        while not self._failed:
            await self._work.wait()
            self._work.clear()
            batch, self._pending, self._pending_bytes = self._pending, [], 0
            self._room.set()
            await self._store_batch(batch)
            del batch  # its tickets hold memories of requests, see `_Ticket.on_stored`

    async def _store_batch(self, batch: list[_Ticket]) -> None:
        try:
            events = [event for ticket in batch for event in ticket.outcome.events]
            if events:
                began = time.perf_counter()
                await self.store.append(events)
                self._on_batch(len(events), time.perf_counter() - began)
        except Exception as error:  # whatever it is, what follows could not be kept either
            self._fail(batch, error)
            return
        frames = size = 0
        for ticket in batch:
            self._complete(ticket)
            frames, size = frames + 1, size + ticket.size
            if frames >= TURN_FRAMES or size >= TURN_BYTES:
                frames = size = 0
                await asyncio.sleep(0)

    def _complete(self, ticket: _Ticket) -> None:
        if ticket.on_stored is not None:
            ticket.on_stored()
        with _logging_errors("a command is stored, but answering it failed"):
            if ticket.acknowledge is not None:
                ticket.acknowledge()
            for delivery in ticket.outcome.deliveries:
                self._deliver(delivery)
        if not ticket.reply.done():
            ticket.reply.set_result(ticket.outcome.data)

    def _fail(self, batch: list[_Ticket], error: Exception) -> None:
        # The state has events now that the store has not: going on would acknowledge what a restart
        # would have forgotten.
        logger.opt(exception=error).critical("the Platform takes no more commands, restart it")
        self._failed = True
        self._room.set()
        for ticket in [*batch, *self._pending]:
            with _logging_errors("refusing a command that was not stored failed"):
                if ticket.refuse is not None:
                    ticket.refuse()
            if not ticket.reply.done():
                ticket.reply.set_exception(error)
                ticket.reply.exception()  # asked for, so that asyncio does not miss a reader of it


def quotas_of(limits: Limits) -> Quotas:
    """Return what the rules need to know of the limits."""
    return Quotas(
        groups=limits.groups_per_account,
        channels=limits.channels_per_account,
        services=limits.services_per_account,
        agents=limits.agents_per_service,
        logins=limits.logins_per_account,
        tokens=limits.tokens_per_login,
        texts=limits.text_bytes_per_account,
        member_lists=limits.member_lists_per_channel,
    )


@contextmanager
def _logging_errors(what: str) -> Iterator[None]:
    """Log what goes wrong and go on: the failure of one command must not stop the others."""
    try:
        yield
    except Exception:
        logger.exception(what)
