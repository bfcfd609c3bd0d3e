"""Engine calls off the event loop, one at a time, with memory following each before the next."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from loguru import logger

from moobius.database.database_interface import may_wait, waits_for
from moobius.errors import StorageError

T = TypeVar("T")
R = TypeVar("R")

# A container uses one thread at a time; of more containers at one place, some wait for others.
_MOST_THREADS = 16

# Each for one place where calls wait, so that a place that hangs keeps no other one waiting. The
# threads end when no container uses them any more.
_pools: weakref.WeakValueDictionary[Hashable, ThreadPoolExecutor] = weakref.WeakValueDictionary()


def _threads_for(engine: Any) -> ThreadPoolExecutor:
    # Not the loop's own threads: a program may have filled those with work that waits for us.
    kind = engine if isinstance(engine, type) else type(engine)
    place = None if kind is engine else waits_for(engine)
    # No lock: two threads may make two pools at the worst, which does no harm.
    pool = _pools.get((kind, place))
    if pool is None:
        pool = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="moobius-storage")
        _pools[kind, place] = pool
    return pool


async def off_loop(engine: Any, call: Callable[[], T]) -> T:
    """Make a call of an engine, or of its class; in a thread if it may wait."""
    if not may_wait(engine):
        return call()
    pool = _threads_for(engine)  # held, for else everybody would have threads of their own
    return await asyncio.wrap_future(pool.submit(call))


class Turns:
    """The turns of one container at its engine.

    A turn has three parts: preparing the call, the call itself, which is made in a thread, and what
    follows from it for memory. The first and the last are done where the container lives. Turns are
    over in the order in which they were taken; whoever wants the engine at once calls `finish`
    first, and so keeps to that order, too.
    """

    def __init__(self, engine: Any) -> None:
        """Have no turns yet.

        Args:
            engine: Of its calls, those that wait for the same place share some threads.
        """
        self._engine = engine
        self._begin_anew()
        _all.add(self)

    def _begin_anew(self) -> None:
        self._turns: deque[_Turn] = deque()  # the first one is under way
        self._pool: ThreadPoolExecutor | None = None
        self._guard = threading.RLock()
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._holders: dict[str, asyncio.Task[Any] | None] = {}  # who has which lock

    async def take(self, prepare: Callable[[], Callable[[], T]], then: Callable[[T], R]) -> R:
        """Make the call that `prepare` returns, and return what `then` makes of its result.

        A turn that was taken is completed, also if nobody waits for it any more.
        """
        turn = _Turn(prepare, then, asyncio.get_running_loop())
        with self._guard:
            self._turns.append(turn)
            if self._turns[0] is turn:
                self._begin(turn)
            else:
                self._settle()  # one whose loop has ended since is settled by nobody else
        try:
            answer: R = await asyncio.wrap_future(turn.answer)
        except asyncio.CancelledError:
            turn.leave()
            raise
        return answer

    def finish(self) -> None:
        """Wait, blocking, until every turn that was taken is over."""
        while self._turns:
            wait([self._turns[0].called])
            self._settle()

    @asynccontextmanager
    async def exclusively(self, key: str) -> AsyncIterator[None]:
        """Keep every other task that asks for this key waiting until the block ends.

        Raises:
            StorageError: If this task is in such a block already, and would wait for itself.
        """
        task = asyncio.current_task()
        if self._holders.get(key) is task:
            raise StorageError(f"{key!r} is edited within an edit of {key!r}; use its value")
        async with self._locks.setdefault(key, asyncio.Lock()):
            self._holders[key] = task
            try:
                yield
            finally:
                self._holders.pop(key, None)  # a forked process has none of them

    def _begin(self, turn: _Turn) -> None:
        try:
            call = turn.prepare()
        except Exception as error:
            turn.called.set_exception(error)
            self._call_is_over(turn)
        else:
            if self._pool is None:
                self._pool = _threads_for(self._engine)
            self._pool.submit(self._run, turn, call)

    def _run(self, turn: _Turn, call: Callable[[], Any]) -> None:
        _fulfil(turn.called, call)
        self._call_is_over(turn)

    def _call_is_over(self, turn: _Turn) -> None:
        with self._guard:
            # The loop that took this turn may have ended, and another one wait for a later turn.
            loops = {turn.loop, self._turns[-1].loop if self._turns else turn.loop}
        for loop in loops:
            with contextlib.suppress(RuntimeError):  # closed: the next turn or `finish` settles it
                loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        """Let memory follow the turn that is under way, if its call is over; begin the next."""
        with self._guard:
            if self._turns and self._turns[0].called.done():
                self._turns.popleft().settle()
                if self._turns:
                    self._begin(self._turns[0])


class _Turn:
    def __init__(
        self,
        prepare: Callable[[], Callable[[], Any]],
        then: Callable[[Any], Any],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.prepare = prepare
        self.loop = loop
        self.called: Future[Any] = Future()
        self.answer: Future[Any] = Future()
        self._then = then

    def settle(self) -> None:
        """Do memory's part, and answer whoever waits."""
        if self.answer.set_running_or_notify_cancel():
            _fulfil(self.answer, self._follow)
            return
        try:
            self._follow()
        except Exception as error:
            _tell(error)

    def leave(self) -> None:
        """Wait for the answer no longer; trouble that was about to arrive is told all the same."""
        self.answer.add_done_callback(_tell_of)

    def _follow(self) -> Any:
        return self._then(self.called.result())


def _tell_of(answer: Future[Any]) -> None:
    if not answer.cancelled() and (error := answer.exception()):
        _tell(error)


def _tell(error: BaseException) -> None:
    if isinstance(error, KeyError):  # what was asked for is not there, and nobody asks any more
        return
    logger.error("A call of a storage engine failed, and nobody waits for it: {}", error)


# ---- Forks ----

_all: weakref.WeakSet[Turns] = weakref.WeakSet()


def _begin_all_anew() -> None:
    """Forget, in a forked process, the threads and the calls under way: they are the parent's."""
    _pools.clear()
    for turns in _all:
        turns._begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_all_anew)


def _fulfil(future: Future[Any], work: Callable[[], Any]) -> None:
    try:
        result = work()
    except BaseException as error:  # goes to whoever waits, as it is
        future.set_exception(error)
    else:
        future.set_result(result)
