"""A dict whose every change reaches a storage engine (sdk.md 1.5.2)."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from loguru import logger

from moobius.database.database_interface import DatabaseInterface, may_wait, require_text
from moobius.database.engine_calls import (
    GONE,
    Outcome,
    carry_out,
    delete_all,
    delete_found,
    read_all,
)
from moobius.database.stored_dict import StoredDict
from moobius.errors import BrokenRecord, StorageError

__all__ = ["CachedDict"]

T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE = 100  # records that are read before other coroutines have a go


class CachedDict(StoredDict):
    """A dict with a storage engine under it: the engine is written first, then memory.

    Changes *inside* a value are not noticed. Save them, or edit in a block that saves at its end:

        scores["ada"].append(3)
        scores.save("ada")

        with scores.edit("ada") as list_of_ada:
            list_of_ada.append(3)

    Until `load` is called, values are read one by one when asked for; which keys exist is always
    answered truthfully. Asking for all values (`values`, `items`, `==`) loads them. Asking for a
    key that is not in memory always asks the engine, so a key that another process wrote is
    found; use `reload` to see that it changed one, or `watch` where the engine can tell.

    An engine that waits, for a network as `redis` does, stops every coroutine while it does.
    The methods whose names begin with `a` let the others run meanwhile:

        await scores.aset("ada", [3])
        async with scores.aedit("ada") as list_of_ada:
            list_of_ada.append(await next_score())

    They happen in the order in which they were called; a method without `a` waits until those
    under way are over, and so happens after them.

    A record that cannot be read is an error for its key alone: `d[key]` raises `BrokenRecord`,
    iteration over a loaded container leaves it out, and writing or deleting it repairs it.
    What the engine cannot take is an error in strict mode. Otherwise it is logged as one, kept in
    memory, listed by `unsaved`, and tried again with the next write.
    Copies (`copy.copy`, `copy.deepcopy`, pickles) are further handles on the same store; `copy()`
    is a plain dict. Code in C that looks past the class, as `json.dumps` does, sees only what is in
    memory: give it `copy()`, or call `load` first.
    """

    # ---- For coroutines: one key ----

    async def aget(self, key: str, default: Any = None) -> Any:
        """Return the value of `key`, or `default` if there is none."""
        try:
            return await self._aread(key)
        except KeyError:
            return default

    async def aset(self, key: str, value: Any) -> None:
        """Store a value; raises what `d[key] = value` does."""
        await self._acommit({require_text(key): value})

    async def adelete(self, key: str) -> None:
        """Remove a key.

        Raises:
            KeyError: If there is no such key.
        """
        await self._turn(
            partial(self._prepared_deletion, key), partial(self._committed, {key: GONE})
        )

    async def asave(self, key: str) -> None:
        """Write the value of `key` again, after it was changed in place.

        Raises:
            KeyError: If there is no such key.
        """
        await self._acommit({key: await self._aread(key)})

    @asynccontextmanager
    async def aedit(self, key: str) -> AsyncIterator[Any]:
        """Give the value of `key` to a block that changes it in place, and save it afterwards.

        The block may await: others who edit this key wait until it ends. If it raises, nothing is
        saved and the container has the value as it was before.
        """
        async with self._turns.lock(key):
            value = await self._aread(key)
            with self._restoring(key, value):
                yield value
                await self.aset(key, value)

    # ---- For coroutines: all keys ----

    async def aload(self) -> None:
        """Read every key from the engine; a record that cannot be read is logged and left out."""
        if may_wait(self.database):
            await self._in_turn(partial(read_all, self.database), self._take_in)
        else:
            keys = iter(list(self.database.all_keys()))
            while some := list(islice(keys, _AT_ONCE)):
                self._take_in(read_all(self.database, some))
                await asyncio.sleep(0)
        self._loaded = True

    async def areload(self, key: str | None = None) -> Any:
        """Read `key`, or everything, anew from the engine; see `reload`."""
        if key is None:
            await self._in_turn(partial(read_all, self.database), self._all_renewed)
            self._loaded = True
            return None
        call = partial(self.database.get_value, require_text(key))
        return await self._in_turn(call, partial(self._renewed, key))

    async def aupdate(self, *args: Any, **kwargs: Any) -> None:
        """Store every item of a mapping, of an iterable of pairs, and of the keywords."""
        for key, value in dict(*args, **kwargs).items():
            await self.aset(key, value)

    async def aclear(self) -> None:
        """Remove everything, also what was never loaded or cannot be read."""
        await self._turn(self._prepared_clearing, self._cleared)

    async def asave_unsaved(self) -> None:
        """Try again to bring to the engine what it could not take; see `save_unsaved`."""
        await self._turn(partial(self._prepared_change, {}), self._retried)

    # ---- What others change ----

    async def watch(self) -> AsyncGenerator[str | None, None]:
        """Follow the changes that other handles on this store make, in this process or another.

            async for key in scores.watch():
                logger.info("{} has {} now", key, scores.get(key))

        Memory follows first. What was changed here and is not stored yet stays.

        Yields:
            A key that was written or deleted. Or None: any key may have changed. That comes once at
            the beginning, when from now on no change is missed, and after a lost connection.

        Raises:
            StorageError: If the engine cannot tell.
        """
        watch = getattr(self.database, "watch", partial(DatabaseInterface.watch, self.database))
        changes = watch()
        try:
            async for key in changes:
                await self._follow(key)
                yield key
        finally:
            if hasattr(changes, "aclose"):  # a generator, which holds a connection
                await changes.aclose()

    async def _follow(self, key: str | None) -> None:
        try:
            if key is None:
                known = None if self._loaded else list(dict.keys(self))
                await self._in_turn(partial(read_all, self.database, known), self._all_renewed)
            elif self._loaded or dict.__contains__(self, key):
                call = partial(self.database.get_value, key)
                await self._in_turn(call, partial(self._followed, key))
        except KeyError:  # it was deleted, and is gone from memory, too
            return
        except BrokenRecord as error:
            self._change_memory({str(key): GONE})
            logger.error("Left out of its container: {}", error)
        except StorageError as error:  # out of reach; once it is back, `watch` says so
            logger.warning("A container is not up to date: {}", error)

    def _followed(self, key: str, answer: tuple[bool, Any]) -> None:
        if key not in self._unsaved:
            self._renewed(key, answer)

    # ---- Turns at the engine ----

    async def _aread(self, key: str) -> Any:
        if dict.__contains__(self, key):
            return dict.__getitem__(self, key)
        return await self._in_turn(partial(self._fetch, key), partial(self._found, key))

    async def _acommit(self, wanted: Mapping[str, Any]) -> None:
        await self._turn(partial(self._prepared_change, wanted), partial(self._committed, wanted))

    def _prepared_change(self, wanted: Mapping[str, Any]) -> Callable[[], Outcome]:
        left_over = self._left_over(wanted)
        return partial(carry_out, self.database, _snapshot(wanted), _snapshot(left_over))

    def _prepared_deletion(self, key: str) -> Callable[[], Outcome]:
        if dict.__contains__(self, key):
            return self._prepared_change({key: GONE})
        if not isinstance(key, str) or key in self._unsaved:
            raise KeyError(key)
        return partial(delete_found, self.database, key, _snapshot(self._left_over({})))

    def _prepared_clearing(self) -> Callable[[], tuple[dict[str, Any], Outcome]]:
        return partial(delete_all, self.database, self._known())

    async def _in_turn(self, call: Callable[[], T], then: Callable[[T], R]) -> R:
        return await self._turn(lambda: call, then)

    async def _turn(self, prepare: Callable[[], Callable[[], T]], then: Callable[[T], R]) -> R:
        if may_wait(self.database):
            return await self._turns.take(prepare, then)
        return then(prepare()())


def _snapshot(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return values that stay as they are while a thread writes them."""
    return {key: value if value is GONE else copy.deepcopy(value) for key, value in changes.items()}
