"""Calls of storage engines in threads, so that they do not block the event loop.

`off_loop` makes one call. `Turns` makes the calls of one container one after the other, and brings
its memory up to date after each, before the next one begins.
"""

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

# A container uses one thread at a time. Of more containers on one store, some wait for others.
_MAX_THREADS = 16

# One pool for each store (`DatabaseInterface.waits_for`), so that calls to a store that hangs do
# not block calls to the others. The threads of a pool end when no container uses it any more.
_pools: weakref.WeakValueDictionary[Hashable, ThreadPoolExecutor] = weakref.WeakValueDictionary()


def _threads_for(engine: Any) -> ThreadPoolExecutor:
    # Not the loop's own threads: a program may have filled those with work that waits for us.
    engine_class = engine if isinstance(engine, type) else type(engine)
    store = None if engine_class is engine else waits_for(engine)
    # No lock: at worst two threads make two pools, which does no harm.
    pool = _pools.get((engine_class, store))
    if pool is None:
        pool = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="moobius-storage")
        _pools[engine_class, store] = pool
    return pool


async def off_loop(engine: Any, call: Callable[[], T]) -> T:
    """Make a call of an engine, or of its class; in a thread if it may wait.

    If the waiting task is cancelled while the call is being made, the call still goes on to its
    end, and its error, if there is one, is logged.
    """
    if not may_wait(engine):
        return call()
    pool = _threads_for(engine)  # a reference, so that others find this pool meanwhile
    return await _result_of(pool.submit(call), _log_error_of)


class Turns:
    """The queue of one container for its engine.

    A turn has three steps: it prepares the call, makes the call in a thread, and applies the result
    to the container's memory. The first and the last step run where the container is used. Turns
    end in the order in which they were taken. Code that uses the engine directly calls `finish`
    first, and so keeps this order, too.
    """

    def __init__(self, engine: Any) -> None:
        """Begin with an empty queue.

        Args:
            engine: The engine. Engines that wait for the same store share some threads.
        """
        self._engine = engine
        self._reset()
        _all_turns.add(self)

    def _reset(self) -> None:
        self._turns: deque[_Turn] = deque()  # the call of the first one is being made
        self._pool: ThreadPoolExecutor | None = None
        self._guard = threading.RLock()
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._holders: dict[str, asyncio.Task[Any] | None] = {}  # who has which lock

    async def take(self, prepare: Callable[[], Callable[[], T]], on_result: Callable[[T], R]) -> R:
        """Wait for a turn, make a call in it, and return what `on_result` returns.

        The turn is completed even if the waiting task is cancelled. An error is logged then, except
        for `KeyError`: nobody needs to know any more that there is no such key.

        Args:
            prepare: Returns the call; runs when all earlier turns have ended.
            on_result: Gets the result of the call, and applies it to memory.
        """
        turn = _Turn(prepare, on_result, asyncio.get_running_loop())
        with self._guard:
            self._turns.append(turn)
            if self._turns[0] is turn:
                self._begin(turn)
            else:
                self._settle()  # the loop of an earlier turn may have ended, and cannot do it
        answer: R = await _result_of(turn.answer, _log_error_but_missing_key)
        return answer

    @property
    def are_over(self) -> bool:
        """Whether every turn that was taken has ended."""
        return not self._turns

    def finish(self) -> None:
        """Block until every turn that was taken has ended."""
        while (turn := self._first()) is not None:
            wait([turn.called])
            self._settle()

    @asynccontextmanager
    async def exclusively(self, key: str) -> AsyncIterator[None]:
        """Make every other task that asks for this key wait until the block ends.

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

    def _first(self) -> _Turn | None:
        if not self._turns:  # as nearly always: every use of the engine asks
            return None
        with self._guard:  # another thread may end the last turn at any time
            return self._turns[0] if self._turns else None

    def _begin(self, turn: _Turn) -> None:
        try:
            call = turn.prepare()
            if self._pool is None:
                self._pool = _threads_for(self._engine)
            self._pool.submit(self._run, turn, call)
        except Exception as error:  # also when the interpreter is ending, and begins no thread
            turn.called.set_exception(error)
            self._settle_soon(turn)

    def _run(self, turn: _Turn, call: Callable[[], Any]) -> None:
        _fulfil(turn.called, call)
        self._settle_soon(turn)

    def _settle_soon(self, turn: _Turn) -> None:
        with self._guard:
            # The loop that took this turn may have ended, while another one waits for a later turn.
            loops = {turn.loop, self._turns[-1].loop if self._turns else turn.loop}
        for loop in loops:
            with contextlib.suppress(RuntimeError):  # closed: the next turn or `finish` settles it
                loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        """If the first turn's call has ended, apply its result to memory and begin the next."""
        with self._guard:
            if self._turns and self._turns[0].called.done():
                self._turns.popleft().settle()
                if self._turns:
                    self._begin(self._turns[0])


class _Turn:
    """One turn.

    Attributes:
        called: Ends when the engine's call has ended.
        answer: Ends when memory is up to date; what the task that took the turn waits for.
    """

    def __init__(
        self,
        prepare: Callable[[], Callable[[], Any]],
        on_result: Callable[[Any], Any],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.prepare = prepare
        self.loop = loop
        self.called: Future[Any] = Future()
        self.answer: Future[Any] = Future()
        self._on_result = on_result

    def settle(self) -> None:
        """Apply the result to memory, and answer the task that waits."""
        if not self.answer.set_running_or_notify_cancel():  # it was cancelled; the log hears it
            self.answer = Future()
            self.answer.add_done_callback(_log_error_but_missing_key)
        _fulfil(self.answer, lambda: self._on_result(self.called.result()))


async def _result_of(future: Future[T], if_cancelled: Callable[[Future[Any]], None]) -> T:
    """Wait for the result of a future.

    Args:
        future: The future.
        if_cancelled: Called with the future when it is done, if the waiting task was cancelled
            before it got the result. The task may have been cancelled just when it was to wake up
            with an error: asyncio drops that error, and nobody would hear of it.
    """
    try:
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        future.add_done_callback(if_cancelled)
        raise


def _fulfil(future: Future[Any], work: Callable[[], Any]) -> None:
    try:
        result = work()
    except BaseException as error:  # goes to whoever waits, as it is
        future.set_exception(error)
    else:
        future.set_result(result)


def _log_error_of(future: Future[Any]) -> None:
    if not future.cancelled() and (error := future.exception()):
        logger.error("A call of a storage engine failed, and nobody waits for it: {}", error)


def _log_error_but_missing_key(future: Future[Any]) -> None:
    if not future.cancelled() and not isinstance(future.exception(), KeyError):
        _log_error_of(future)


# ---- Forks ----

_all_turns: weakref.WeakSet[Turns] = weakref.WeakSet()


def _reset_after_fork() -> None:
    """In a forked process, forget the threads and the calls being made: they are the parent's."""
    _pools.clear()
    for turns in _all_turns:
        turns._reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
