"""A dict whose every change reaches a storage engine (sdk.md 1.5.2)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from operator import methodcaller
from typing import Any, TypeVar

from loguru import logger

from moobius.database.database_interface import DatabaseInterface, may_wait, require_text
from moobius.database.editing import changed_elsewhere, require_changeable
from moobius.database.engine_calls import (
    GONE,
    Edited,
    Outcome,
    delete_all,
    delete_found,
    engine_for,
    freeze_left_over,
    prepared,
    read_all,
    readable,
)
from moobius.database.stored_dict import StoredDict
from moobius.errors import BrokenRecord, EditConflict, StorageError

__all__ = ["CachedDict"]

T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE = 100  # records that are read before other coroutines have a go
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds between attempts to follow a change


@dataclass
class _Edit:
    """An edit under way: its value, the value as it was before, and the engine's mark of that."""

    value: Any
    before: Any
    mark: Any


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

    def __init__(self, database: DatabaseInterface, strict_mode: bool = False) -> None:
        """Stand on an engine, reading nothing yet; see `StoredDict`."""
        super().__init__(database, strict_mode)
        self._edits: dict[str, _Edit] = {}  # those under way

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
        prepare = partial(self._prepared_deletion, key)
        await self._turn(prepare, partial(self._committed, {key: GONE}))

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
        saved and the container has the value as it was before. If it stores another value under the
        key, or deletes it, that holds.

        Whoever reads everything anew meanwhile leaves the block its value, unless it was changed
        elsewhere. Over `redis`, which several processes may share, the value is read anew first, so
        what was changed in it and not saved is given up. What another process stored meanwhile
        stays.

        Raises:
            KeyError: If there is no such key.
            EditConflict: If the value was changed elsewhere meanwhile. Nothing is saved, and memory
                has what was stored there.
            StorageError: If it is a value that cannot be changed in place, or if the task edits
                this key already.
        """
        async with self._turns.exclusively(key):
            mark = await self._mark_to_edit(key)
            value = require_changeable(key, await self._aread(key))
            with self._restoring(key, value) as before:
                edit = self._edits[key] = _Edit(value, before, mark)
                try:
                    yield value
                    await self._end_edit(key, edit)
                finally:
                    self._edits.pop(key, None)

    # ---- For coroutines: all keys ----

    async def aload(self) -> None:
        """Read every key from the engine; a record that cannot be read is logged and left out."""
        if may_wait(self.database):
            await self._in_turn(read_all, self._take_in)
        else:
            records = readable(self.database)
            while some := dict(islice(records, _AT_ONCE)):
                self._take_in(some)
                await asyncio.sleep(0)
        self._loaded = True

    async def areload(self, key: str | None = None) -> Any:
        """Read `key`, or everything, anew from the engine; see `reload`."""
        if key is None:
            await self._in_turn(read_all, self._all_renewed)
            self._loaded = True
            return None
        call = methodcaller("get_value", require_text(key))
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

        Memory follows first; while the engine cannot be asked for what changed, nothing is yielded.
        What was changed here and is not stored yet stays.

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
        """Read anew what may have changed, trying until the engine can be asked."""
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._read_anew(key)
            except StorageError as error:
                if pause == _FIRST_PAUSE:
                    logger.warning("A container is not up to date, and tries to be: {}", error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                return

    async def _read_anew(self, key: str | None) -> None:
        try:
            if key is None:
                known = None if self._loaded else list(dict.keys(self))
                await self._in_turn(partial(read_all, keys=known), self._all_renewed)
            elif self._loaded or dict.__contains__(self, key):
                call = methodcaller("get_value", key)
                await self._in_turn(call, partial(self._followed, key))
        except KeyError:  # it was deleted, and is gone from memory, too
            return
        except BrokenRecord as error:
            self._stays(str(key), (False, None))
            self._change_memory({str(key): GONE})
            logger.error("Left out of its container: {}", error)

    def _followed(self, key: str, answer: tuple[bool, Any]) -> None:
        if key not in self._unsaved:
            self._renewed(key, answer)

    # ---- Edits ----

    def _renewed(self, key: str, answer: tuple[bool, Any]) -> Any:
        return dict.get(self, key) if self._stays(key, answer) else super()._renewed(key, answer)

    def _all_renewed(self, values: Mapping[str, Any]) -> None:
        for key in self._edits.keys() - values.keys() - self._unsaved.keys():
            self._stays(key, (False, None))
        super()._all_renewed(values)

    def _take_in(self, values: Mapping[str, Any]) -> None:
        read = self._edits.keys() & values.keys() - self._unsaved.keys() if self._edits else ()
        staying = {key for key in read if self._stays(key, (True, values[key]))}
        super()._take_in({k: values[k] for k in values if k not in staying} if staying else values)

    def _stays(self, key: str, answer: tuple[bool, Any]) -> bool:
        """Tell whether a key is edited and read as it was before; if it is not, the edit fails."""
        edit = self._edits.get(key)
        if edit is None or not self._still_has(key, edit.value):  # replaced by our own doing
            return False
        if answer == (True, edit.before):
            return True
        del self._edits[key]
        return False

    async def _mark_to_edit(self, key: str) -> Any:
        """Read a key anew where processes share the engine; return the mark of that state."""
        if not hasattr(self.database, "get_to_edit") or key in self._unsaved:
            return None
        try:
            return await self._in_turn(methodcaller("get_to_edit", key), partial(self._marked, key))
        except BrokenRecord:
            raise
        except StorageError as error:
            if not dict.__contains__(self, key):
                raise
            logger.warning("{!r} is edited as it is in memory: {}", key, error)
            return None

    def _marked(self, key: str, answer: tuple[bool, Any, Any]) -> Any:
        found, value, mark = answer
        if key in self._unsaved:
            return None
        if not found or dict.get(self, key) != value:  # otherwise others may hold what memory has
            self._renewed(key, (found, value))
        return mark

    async def _end_edit(self, key: str, edit: _Edit) -> None:
        if self._edits.get(key) is not edit:
            raise EditConflict(changed_elsewhere(key))
        if not self._still_has(key, edit.value):
            return
        wanted = {key: edit.value if edit.mark is None else Edited(edit.value, edit.mark)}
        try:
            prepare = partial(self._prepared_change, wanted)
            await self._turn(prepare, partial(self._committed, {key: edit.value}))
        except EditConflict:
            self._edits.pop(key, None)  # what others stored shall replace it
            with suppress(KeyError):
                await self.areload(key)
            raise

    def _committed(self, wanted: Mapping[str, Any], outcome: Outcome) -> None:
        super()._committed(wanted, outcome)
        for key in self._edits.keys() & wanted.keys() if self._edits else ():
            self._edits[key].mark = None  # it differs from now on, and by our own doing

    # ---- Turns at the engine ----

    async def _aread(self, key: str) -> Any:
        if dict.__contains__(self, key):
            return dict.__getitem__(self, key)
        return await self._in_turn(partial(self._fetch, key), partial(self._found, key))

    async def _acommit(self, wanted: Mapping[str, Any]) -> None:
        await self._turn(partial(self._prepared_change, wanted), partial(self._committed, wanted))

    def _prepared_change(
        self, wanted: Mapping[str, Any], database: DatabaseInterface
    ) -> Callable[[], Outcome]:
        return prepared(database, wanted, self._left_over(wanted))

    def _prepared_deletion(self, key: str, database: DatabaseInterface) -> Callable[[], Outcome]:
        if dict.__contains__(self, key):
            return self._prepared_change({key: GONE}, database)
        if not isinstance(key, str) or key in self._unsaved:
            raise KeyError(key)
        left_over = freeze_left_over(database, self._left_over({}))
        return partial(delete_found, database, key, left_over)

    def _prepared_clearing(
        self, database: DatabaseInterface
    ) -> Callable[[], tuple[dict[str, Any], Outcome]]:
        return partial(delete_all, database, self._known())

    async def _in_turn(self, call: Callable[[DatabaseInterface], T], then: Callable[[T], R]) -> R:
        return await self._turn(lambda database: partial(call, database), then)

    async def _turn(
        self, prepare: Callable[[DatabaseInterface], Callable[[], T]], then: Callable[[T], R]
    ) -> R:
        if not may_wait(self.database):
            return then(prepare(self.database)())
        asked = time.monotonic()
        return await self._turns.take(lambda: prepare(engine_for(self.database, asked)), then)
