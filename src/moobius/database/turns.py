"""Engine calls off the event loop, one at a time, with memory following each before the next."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from loguru import logger

from moobius.database.database_interface import may_wait
from moobius.errors import StorageError

T = TypeVar("T")
R = TypeVar("R")

# A container uses one thread at a time; of more containers than this, some wait for others.
_MOST_THREADS = 16


@functools.cache
def _threads() -> ThreadPoolExecutor:
    # Not the loop's own threads: a program may have filled those with work that waits for us.
    return ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="moobius-storage")


if hasattr(os, "register_at_fork"):  # threads do not follow into the child
    os.register_at_fork(after_in_child=_threads.cache_clear)


async def off_loop(engine: Any, call: Callable[[], T]) -> T:
    """Make a call of an engine, or of its class; in a thread if it may wait."""
    return await asyncio.wrap_future(_threads().submit(call)) if may_wait(engine) else call()


class Turns:
    """The turns of one container at its engine.

    A turn has three parts: preparing the call, the call itself, which is made in a thread, and what
    follows from it for memory. The first and the last are done where the container lives. Turns are
    over in the order in which they were taken; whoever wants the engine at once calls `finish`
    first, and so keeps to that order, too.
    """

    def __init__(self) -> None:
        self._turns: deque[_Turn] = deque()  # the first one is under way
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
        answer: R = await asyncio.wrap_future(turn.answer)
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
                del self._holders[key]

    def _begin(self, turn: _Turn) -> None:
        try:
            call = turn.prepare()
        except Exception as error:
            turn.called.set_exception(error)
            self._call_is_over(turn)
        else:
            _threads().submit(self._run, turn, call)

    def _run(self, turn: _Turn, call: Callable[[], Any]) -> None:
        _fulfil(turn.called, call)
        self._call_is_over(turn)

    def _call_is_over(self, turn: _Turn) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: `finish` will settle it
            turn.loop.call_soon_threadsafe(self._settle)

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
        except KeyError:  # the key that was asked for is not there, and nobody asks any more
            return
        except Exception as error:
            logger.error("A call of a storage engine failed, and nobody waits for it: {}", error)

    def _follow(self) -> Any:
        return self._then(self.called.result())


def _fulfil(future: Future[Any], work: Callable[[], Any]) -> None:
    try:
        result = work()
    except BaseException as error:  # goes to whoever waits, as it is
        future.set_exception(error)
    else:
        future.set_result(result)
