"""A dict whose every change reaches a storage engine (sdk.md 1.5.2)."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import islice
from operator import methodcaller
from typing import Any, TypeVar

from loguru import logger

from moobius.database.database_interface import DatabaseInterface, may_wait, require_text
from moobius.database.editing import Edit, changed_elsewhere, require_changeable
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

_AT_ONCE = 100  # records that are read before other coroutines may run
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds between attempts to follow a change


def _do_nothing() -> None:
    """Take the place of a call, in a turn that needs none."""


class CachedDict(StoredDict):
    """A dict on a storage engine: each change is written to the engine first, then to memory.

    Changes *inside* a value are not noticed. Save them, or edit in a block that saves at its end:

        scores["ada"].append(3)
        scores.save("ada")

        with scores.edit("ada") as list_of_ada:
            list_of_ada.append(3)

    Until `load` is called, each value is read when it is first asked for; which keys exist is
    always answered by the engine, too. Asking for all values (`values`, `items`, `==`) loads them.
    Asking for a key that is not in memory always asks the engine, so a key that another process
    wrote is found. To see that another process changed a value, use `reload`, or `watch` where the
    engine can tell.

    A call of an engine that waits, as `redis` does for the network, blocks the event loop. The
    methods whose names begin with `a` let other coroutines run meanwhile:

        await scores.aset("ada", [3])
        async with scores.aedit("ada") as list_of_ada:
            list_of_ada.append(await next_score())

    They take effect in the order in which they were called. A method without `a` first waits until
    the earlier ones have ended.

    A record that cannot be read is an error for its key alone: `d[key]` raises `BrokenRecord`,
    iteration over a loaded container leaves it out, and writing or deleting it repairs it.
    What the engine cannot take is an error in strict mode. Otherwise it is logged as one, kept in
    memory, listed by `unsaved`, and tried again with the next write.
    Copies (`copy.copy`, `copy.deepcopy`, pickles) are further handles on the same store; `copy()`
    is a plain dict. Code in C that looks past the class, as `json.dumps` does, sees only what is in
    memory: give it `copy()`, or call `load` first.
    """

    def __init__(self, database: DatabaseInterface, strict_mode: bool = False) -> None:
        """Make a container on an engine; nothing is read yet. See `StoredDict`."""
        super().__init__(database, strict_mode)
        self._edits: dict[str, Edit] = {}  # whose blocks have not ended

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
        await self._turn(prepare, partial(self._apply_commit, {key: GONE}))

    async def asave(self, key: str) -> None:
        """Write the value of `key` again, after it was changed in place.

        Raises:
            KeyError: If there is no such key.
        """
        await self._aread(key)
        wanted: dict[str, Any] = {}

        def prepare(database: DatabaseInterface) -> Callable[[], Outcome]:
            if not dict.__contains__(self, key):  # `dict.__getitem__` would wait for this very turn
                raise KeyError(key)
            wanted[key] = dict.__getitem__(self, key)  # not before: earlier calls may replace it
            return self._prepared_change(wanted, database)

        await self._turn(prepare, partial(self._apply_commit, wanted))

    @asynccontextmanager
    async def aedit(self, key: str) -> AsyncIterator[Any]:
        """Give the value of `key` to a block that changes it in place, and save it afterwards.

        The block may await: other tasks that edit this key wait until it ends. If the block raises,
        nothing is saved, and the container has the value as it was before. If it stores another
        value under the key, or deletes the key, that counts. If the task is cancelled while the
        value is being saved, it may be saved or not, and memory is then like the engine.

        Reading everything anew meanwhile does not replace the value that the block has, unless it
        was changed elsewhere. On `redis`, which several processes may share, the value is read anew
        first, so changes in it that were not saved are lost. What another process stores meanwhile
        is never overwritten.

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
            edit = self._edits[key] = Edit(value, copy.deepcopy(value), mark)
            try:
                yield value
                await self._end_edit(key, edit)
            except BaseException:
                if not edit.is_saved:  # it may be, if this task was cancelled while it was saved
                    self._restore(key, value, edit.before)
                raise
            finally:
                self._edits.pop(key, None)

    # ---- For coroutines: all keys ----

    async def aload(self) -> None:
        """Read every key from the engine; a record that cannot be read is logged and left out."""
        if may_wait(self.database):
            await self._in_turn(read_all, self._apply_load)
        else:
            records = readable(self.database)
            while some := dict(islice(records, _AT_ONCE)):
                self._apply_load(some)
                await asyncio.sleep(0)
        self._loaded = True

    async def areload(self, key: str | None = None) -> Any:
        """Read `key`, or everything, anew from the engine; see `reload`."""
        if key is None:
            await self._in_turn(read_all, self._apply_reload_all)
            self._loaded = True
            return None
        call = methodcaller("get_value", require_text(key))
        return await self._in_turn(call, partial(self._apply_reload, key))

    async def aupdate(self, *args: Any, **kwargs: Any) -> None:
        """Store every item of a mapping, of an iterable of pairs, and of the keywords."""
        for key, value in dict(*args, **kwargs).items():
            await self.aset(key, value)

    async def aclear(self) -> None:
        """Remove everything, also what was never loaded or cannot be read."""
        await self._turn(self._prepared_clearing, self._apply_clear)

    async def asave_unsaved(self) -> None:
        """Try again to bring to the engine what it could not take; see `save_unsaved`."""
        await self._turn(partial(self._prepared_change, {}), self._apply_retry)

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
                await self._in_turn(partial(read_all, keys=known), self._apply_reload_all)
            elif self._loaded or dict.__contains__(self, key):
                call = methodcaller("get_value", key)
                await self._in_turn(call, partial(self._apply_watched, key))
        except KeyError:  # it was deleted, and is gone from memory, too
            return
        except BrokenRecord as error:
            self._keep_edit(str(key), (False, None))
            self._change_memory({str(key): GONE})
            logger.error("Left out of its container: {}", error)

    def _apply_watched(self, key: str, answer: tuple[bool, Any]) -> None:
        if key not in self._unsaved:
            self._apply_reload(key, answer)

    # ---- Edits ----

    def _apply_reload(self, key: str, answer: tuple[bool, Any]) -> Any:
        return (
            dict.get(self, key)
            if self._keep_edit(key, answer)
            else super()._apply_reload(key, answer)
        )

    def _apply_reload_all(self, values: Mapping[str, Any]) -> None:
        for key in self._edits.keys() - values.keys() - self._unsaved.keys():
            self._keep_edit(key, (False, None))
        super()._apply_reload_all(values)

    def _apply_load(self, values: Mapping[str, Any]) -> None:
        read = self._edits.keys() & values.keys() - self._unsaved.keys() if self._edits else ()
        staying = {key for key in read if self._keep_edit(key, (True, values[key]))}
        super()._apply_load(
            {k: values[k] for k in values if k not in staying} if staying else values
        )

    def _keep_edit(self, key: str, answer: tuple[bool, Any]) -> bool:
        """Tell whether a key is being edited, and shall keep the value that its edit has.

        It shall not if what was read differs from what the edit began with. The edit then fails
        when it ends.
        """
        edit = self._edits.get(key)
        if edit is None or not self._still_has(key, edit.value):  # we replaced it ourselves
            return False
        if answer == (True, edit.before):
            return True
        del self._edits[key]
        edit.has_conflict = True
        return False

    async def _mark_to_edit(self, key: str) -> Any:
        """Read a key anew where processes share the engine; return the mark of that state."""
        if not hasattr(self.database, "get_to_edit") or key in self._unsaved:
            if not self._turns.are_over:  # then memory is not up to date yet
                await self._turn(lambda _: _do_nothing, lambda _: None)
            return None
        try:
            return await self._in_turn(
                methodcaller("get_to_edit", key), partial(self._apply_mark, key)
            )
        except BrokenRecord:
            raise
        except StorageError as error:
            if not dict.__contains__(self, key):
                raise
            logger.warning("{!r} is edited as it is in memory: {}", key, error)
            return None

    def _apply_mark(self, key: str, answer: tuple[bool, Any, Any]) -> Any:
        found, value, mark = answer
        if key in self._unsaved:
            return None
        if not found or dict.get(self, key) != value:  # an equal one stays: others may hold it
            self._apply_reload(key, (found, value))
        return mark

    async def _end_edit(self, key: str, edit: Edit) -> None:
        if edit.has_conflict:
            raise EditConflict(changed_elsewhere(key))
        try:
            prepare = partial(self._prepared_edit, key, edit)
            await self._turn(prepare, partial(self._apply_edit, key, edit))
        except EditConflict:
            self._edits.pop(key, None)  # so that what others stored replaces the value
            with suppress(KeyError):
                await self.areload(key)
            raise

    def _prepared_edit(
        self, key: str, edit: Edit, database: DatabaseInterface
    ) -> Callable[[], Outcome | None]:
        if edit.has_conflict:
            raise EditConflict(changed_elsewhere(key))
        if not self._still_has(key, edit.value):  # another value was stored, and that counts
            return _do_nothing
        value = edit.value if edit.mark is None else Edited(edit.value, edit.mark)
        return self._prepared_change({key: value}, database)

    def _apply_edit(self, key: str, edit: Edit, outcome: Outcome | None) -> None:
        if outcome is not None:
            self._apply_commit({key: edit.value}, outcome)
            edit.is_saved = True

    def _apply_commit(self, wanted: Mapping[str, Any], outcome: Outcome) -> None:
        super()._apply_commit(wanted, outcome)
        for key in self._edits.keys() & wanted.keys() if self._edits else ():
            self._edits[key].mark = None  # no longer valid: we wrote this key ourselves

    # ---- Turns at the engine ----

    async def _aread(self, key: str) -> Any:
        if dict.__contains__(self, key):
            return dict.__getitem__(self, key)
        return await self._in_turn(partial(self._fetch, key), partial(self._apply_fetch, key))

    async def _acommit(self, wanted: Mapping[str, Any]) -> None:
        await self._turn(
            partial(self._prepared_change, wanted), partial(self._apply_commit, wanted)
        )

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
        return partial(delete_all, database, self._known_keys())

    async def _in_turn(
        self, call: Callable[[DatabaseInterface], T], on_result: Callable[[T], R]
    ) -> R:
        return await self._turn(lambda database: partial(call, database), on_result)

    async def _turn(
        self, prepare: Callable[[DatabaseInterface], Callable[[], T]], on_result: Callable[[T], R]
    ) -> R:
        if not may_wait(self.database):
            return on_result(prepare(self.database)())
        asked = time.monotonic()
        return await self._turns.take(lambda: prepare(engine_for(self.database, asked)), on_result)
