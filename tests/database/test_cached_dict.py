"""What coroutines need of a container: nobody waits for its engine, and nothing is overtaken."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from moobius.database.cached_dict import CachedDict
from moobius.database.engines import get_engine
from moobius.database.json_database import JSONDatabase
from moobius.database.magical_storage import MoobiusStorage
from moobius.database.redis_database import RedisDatabase
from moobius.errors import BrokenRecord, EditConflict, StorageError, UnstorableError
from tests.support.loop_guard import unblocked_loop
from tests.support.patience import PATIENCE, until, wait_until
from tests.support.redis import RedisServer, refusing_port

from .conftest import Opener
from .test_stored_dict import CONTENT, Recorder, content_of

Change = Callable[[CachedDict], Awaitable[Any]]


@pytest.fixture
def container(open_database: Opener) -> CachedDict:
    """A lazy container on `CONTENT`."""
    CachedDict(open_database()).update(CONTENT)
    return CachedDict(open_database())


@pytest.fixture
def slow(empty_redis: RedisServer) -> CachedDict:
    """A loaded container on a Redis that a test may pause."""
    container = CachedDict(RedisDatabase("a.b", **empty_redis.settings))
    container.update({"a": [1], "b": 2})
    container.load()
    return container


class Waiting(Recorder):
    may_wait = True


# ---- The same as without `a` ----


async def test_reading(container: CachedDict) -> None:
    assert await container.aget("a") == 1
    assert await container.aget("c", "default") is None
    assert await container.aget("z") is None
    assert await container.aget("z", "default") == "default"
    with pytest.raises(KeyError, match="z"):
        await container.adelete("z")
    with pytest.raises(KeyError, match="z"):
        await container.asave("z")


CHANGES: list[tuple[Change, dict[str, Any]]] = [
    (lambda d: d.aset("d", {4}), {**CONTENT, "d": {4}}),
    (lambda d: d.aset("a", 9), {**CONTENT, "a": 9}),
    (lambda d: d.adelete("a"), {"b": [2], "c": None}),
    (lambda d: d.aupdate({"a": 9}, d=4), {**CONTENT, "a": 9, "d": 4}),
    (lambda d: d.aupdate([("d", 4)]), {**CONTENT, "d": 4}),
    (lambda d: d.aclear(), {}),
]


@pytest.mark.parametrize(("change", "expected"), CHANGES)
@pytest.mark.parametrize("loaded", [True, False])
async def test_every_change_reaches_the_engine(
    container: CachedDict,
    open_database: Opener,
    change: Change,
    expected: dict[str, Any],
    loaded: bool,
) -> None:
    if loaded:
        await container.aload()
    assert await change(container) is None
    assert content_of(open_database) == expected
    assert container == expected


async def test_a_change_in_place_is_kept_by_asave(
    container: CachedDict, open_database: Opener
) -> None:
    (await container.aget("b")).append(3)
    assert content_of(open_database)["b"] == [2]
    await container.asave("b")
    assert content_of(open_database)["b"] == [2, 3]


async def test_loading(container: CachedDict, open_database: Opener) -> None:
    (await container.aget("b")).append("not saved")
    await container.aload()
    assert repr(container) == repr(container).replace(", loaded=False", "")
    assert container == CONTENT
    other = CachedDict(open_database())
    other.update({"a": 2, "new": 1})
    del other["b"]
    assert await container.areload("a") == 2
    with pytest.raises(KeyError, match="b"):
        await container.areload("b")
    assert container == {"a": 2, "c": None}
    await container.areload()
    assert container == {"a": 2, "c": None, "new": 1}


async def test_loading_much_lets_others_run(tmp_path: Path) -> None:
    many = {f"key{number}": number for number in range(500)}
    CachedDict(JSONDatabase(root_dir=str(tmp_path))).update(many)
    container = CachedDict(JSONDatabase(root_dir=str(tmp_path)))
    loading = asyncio.create_task(container.aload())
    turns = 0
    while not loading.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 5
    assert container == many


async def test_one_broken_record_is_left_out(tmp_path: Path, logged: list[str]) -> None:
    CachedDict(JSONDatabase(root_dir=str(tmp_path))).update(CONTENT)
    (tmp_path / "a.json").write_text("{")
    container = CachedDict(JSONDatabase(root_dir=str(tmp_path)))
    await container.aload()
    assert dict(container) == {"b": [2], "c": None}
    assert any("'a'" in line for line in logged)
    with pytest.raises(BrokenRecord):
        await container.aget("a")
    await container.adelete("a")
    assert "a" not in container


# ---- Edits ----


async def test_an_edit_is_saved_when_its_block_ends(
    container: CachedDict, open_database: Opener
) -> None:
    async with container.aedit("b") as value:
        value.append(3)
        await asyncio.sleep(0)
        assert content_of(open_database)["b"] == [2]
    assert content_of(open_database)["b"] == [2, 3]


@pytest.mark.parametrize("error", [ZeroDivisionError, asyncio.CancelledError])
async def test_an_edit_that_fails_changes_nothing(
    container: CachedDict, open_database: Opener, error: type[BaseException]
) -> None:
    with pytest.raises(error):
        async with container.aedit("b") as value:
            value.append(3)
            raise error
    assert container["b"] == [2]
    assert content_of(open_database)["b"] == [2]


@pytest.mark.parametrize("is_answered", [False, True])
@pytest.mark.parametrize(("trouble", "after"), [("", [1, 2]), ("disk full", [1])])
async def test_an_edit_cancelled_while_it_is_saved_leaves_memory_as_the_engine_is(
    is_answered: bool, trouble: str, after: list[int]
) -> None:
    engine = Waiting(a=[1])
    container = CachedDict(engine, strict_mode=True)
    is_saving = asyncio.Event()

    async def edit() -> None:
        async with container.aedit("a") as value:
            value.append(2)
            engine.trouble = trouble
            is_saving.set()

    task = asyncio.create_task(edit())
    await is_saving.wait()
    if is_answered:  # the answer is on its way to the task
        assert container.get("absent") is None
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert container.get("absent") is None  # asked after all that is under way
    assert container["a"] == engine.content["a"] == after


async def aedit_it(container: CachedDict) -> None:
    async with container.aedit("a") as value:
        value.append(2)


async def edit_it(container: CachedDict) -> None:
    with container.edit("a") as value:
        value.append(2)


async def asave_it(container: CachedDict) -> None:
    await container.asave("a")


async def save_it(container: CachedDict) -> None:
    container.save("a")


async def pop_it(container: CachedDict) -> None:
    container["a"] = [*container.pop("a"), 2]


@pytest.mark.parametrize(
    ("change", "after"),
    [(aedit_it, [9, 2]), (edit_it, [9, 2]), (asave_it, [9]), (save_it, [9]), (pop_it, [9, 2])],
)
async def test_a_change_builds_on_what_was_stored_before_it_was_called(
    change: Change, after: list[int]
) -> None:
    engine = Waiting(a=[1])
    container = CachedDict(engine)
    await container.aload()
    storing = asyncio.create_task(container.aset("a", [9]))
    await asyncio.sleep(0)
    await change(container)
    await storing
    assert container["a"] == engine.content["a"] == after


async def test_what_is_assigned_by_another_task_holds_even_if_it_is_not_stored_yet() -> None:
    engine = Waiting(a=[1])
    container = CachedDict(engine)
    async with container.aedit("a") as value:
        value.append(2)
        storing = asyncio.create_task(container.aset("a", [9]))
        await asyncio.sleep(0)
    await storing
    assert container["a"] == engine.content["a"] == [9]


async def test_an_edit_that_fails_leaves_alone_what_others_stored_meanwhile(
    container: CachedDict, open_database: Opener
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with container.aedit("b") as value:
            value.append(3)
            container["b"] = "newer"
            raise ZeroDivisionError
    container["c"] = [4]
    with pytest.raises(ZeroDivisionError):
        async with container.aedit("c"):
            del container["c"]
            raise ZeroDivisionError
    assert container == content_of(open_database) == {"a": 1, "b": "newer"}


async def test_edits_of_one_key_take_turns_and_lose_nothing(
    container: CachedDict, open_database: Opener
) -> None:
    async def append(number: int) -> None:
        async with container.aedit("b") as value:
            seen = list(value)
            await asyncio.sleep(0)
            value[:] = [*seen, number]
            if number % 3 == 0:
                raise ZeroDivisionError

    await asyncio.gather(*map(append, range(10)), return_exceptions=True)
    assert container["b"] == [2, 1, 2, 4, 5, 7, 8]
    assert content_of(open_database)["b"] == container["b"]


async def test_edits_of_different_keys_do_not_wait_for_each_other(container: CachedDict) -> None:
    container["c"] = [3]
    async with container.aedit("b") as one, container.aedit("c") as other:
        assert (one, other) == ([2], [3])


@pytest.mark.parametrize("newer", [["assigned"], None])
async def test_what_is_assigned_within_an_edit_holds(
    container: CachedDict, open_database: Opener, newer: list[str] | None
) -> None:
    async with container.aedit("b") as value:
        value.append(3)
        if newer:
            await container.aset("b", newer)
        else:
            await container.adelete("b")
    assert container.get("b") == content_of(open_database).get("b") == newer


@pytest.mark.parametrize("fixed", [1, "text", None, (1, "two"), frozenset("a")])
async def test_an_edit_of_what_cannot_be_changed_in_place_says_to_assign(
    container: CachedDict, fixed: object
) -> None:
    await container.aset("b", fixed)
    with pytest.raises(StorageError, match=r"'b' is of type .* assign"):
        async with container.aedit("b"):
            pass
    assert container["b"] == fixed


async def test_an_edit_within_an_edit_of_the_same_key_is_an_error(container: CachedDict) -> None:
    async def edit_twice() -> None:
        async with container.aedit("b"), container.aedit("b"):
            pass

    with pytest.raises(StorageError, match="'b' is edited within an edit of 'b'"):
        await asyncio.wait_for(edit_twice(), 20)
    async with container.aedit("b") as value:
        value.append(3)
    assert container["b"] == [2, 3]


# ---- Edits of what several processes share ----


@pytest.fixture
def shared(empty_redis: RedisServer) -> tuple[CachedDict, CachedDict]:
    """Two loaded containers on one store, as two processes have them."""
    mine, theirs = (CachedDict(RedisDatabase("a.b", **empty_redis.settings)) for _ in range(2))
    mine.update({"n": {"n": 0}, "other": 1})
    for container in (mine, theirs):
        container.load()
    return mine, theirs


async def test_an_edit_begins_with_what_others_stored(
    shared: tuple[CachedDict, CachedDict],
) -> None:
    mine, theirs = shared
    theirs["n"] = {"n": 5}
    async with mine.aedit("n") as value:
        value["n"] += 1
    assert mine["n"] == theirs.reload("n") == {"n": 6}
    mine["n"]["n"] = 7
    before = mine["n"]
    await mine.asave("n")
    async with mine.aedit("n") as value:
        assert value is before  # nobody else wrote, so others may hold it
    del theirs["n"]
    with pytest.raises(KeyError, match="n"):
        async with mine.aedit("n"):
            pass
    assert mine == {"other": 1}


async def test_an_edit_never_undoes_what_others_stored_meanwhile(
    shared: tuple[CachedDict, CachedDict],
) -> None:
    mine, theirs = shared
    with pytest.raises(EditConflict, match="'n' was changed elsewhere while it was edited"):
        async with mine.aedit("n") as value:
            value["n"] += 1
            theirs["n"] = {"n": 100}
    assert mine["n"] == theirs.reload("n") == {"n": 100}
    with pytest.raises(EditConflict):
        async with mine.aedit("n") as value:
            value["n"] += 1
            del theirs["n"]
    assert mine == theirs == {"other": 1}
    assert mine.unsaved == []


async def test_an_edit_may_save_in_between(shared: tuple[CachedDict, CachedDict]) -> None:
    mine, theirs = shared
    async with mine.aedit("n") as value:
        for _ in range(3):
            value["n"] += 1
            await mine.asave("n")
        value["n"] += 1
    assert mine["n"] == theirs.reload("n") == {"n": 4}


async def test_an_edit_that_memory_has_overtaken_is_an_error(
    shared: tuple[CachedDict, CachedDict],
) -> None:
    mine, theirs = shared
    seen: list[str | None] = []

    async def follow() -> None:
        async for key in mine.watch():
            seen.append(key)

    watching = asyncio.create_task(follow())
    async with mine.aedit("n") as value:
        value["n"] += 1
        await until(lambda: seen == [None])  # everything was read anew, and nothing new was there
        assert mine["n"] is value
        theirs["n"] = {"n": 0}
        await until(lambda: seen == [None, "n"])  # the same as before
    assert mine["n"] == theirs.reload("n") == {"n": 1}
    with pytest.raises(EditConflict, match="'n'"):
        async with mine.aedit("n") as value:
            value["n"] += 1
            theirs["n"] = {"n": 100}
            await until(lambda: mine["n"] == {"n": 100})
    assert mine["n"] == theirs.reload("n") == {"n": 100}
    await _stop([watching])


async def test_an_edit_of_what_cannot_be_asked_for_is_one_of_memory(
    shared: tuple[CachedDict, CachedDict], empty_redis: RedisServer
) -> None:
    mine, theirs = shared
    with refusing_port() as port:
        mine.database = RedisDatabase("a.b", host="127.0.0.1", port=port)
        async with mine.aedit("n") as value:
            value["n"] += 1
        assert mine.unsaved == ["n"]
        async with mine.aedit("n") as value:
            value["n"] += 1
        with pytest.raises(StorageError, match="refused"):
            async with mine.aedit("never read"):
                pass
    mine.database = RedisDatabase("a.b", **empty_redis.settings)
    await mine.asave_unsaved()
    assert theirs.reload("n") == {"n": 2}


COUNTER = """
import asyncio, json, sys
from moobius.database.cached_dict import CachedDict
from moobius.database.redis_database import RedisDatabase
from moobius.errors import EditConflict

async def main():
    container = CachedDict(RedisDatabase("a.b", **json.loads(sys.argv[1])))
    for _ in range(100):
        while True:
            try:
                async with container.aedit("n") as value:
                    value["n"] += 1
            except EditConflict:
                continue
            break

asyncio.run(main())
"""


async def test_processes_that_count_together_lose_nothing(
    shared: tuple[CachedDict, CachedDict], empty_redis: RedisServer
) -> None:
    settings = json.dumps(empty_redis.settings)
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", COUNTER, settings)
        for _ in range(2)
    ]
    assert [await asyncio.wait_for(each.wait(), 60) for each in processes] == [0, 0]
    assert shared[0].reload("n") == {"n": 200}


# ---- Nobody waits, and nothing is overtaken ----


@pytest.mark.promise("1-42")
@pytest.mark.defect("D80")
async def test_an_engine_that_hangs_does_not_hold_up_the_loop(
    slow: CachedDict, empty_redis: RedisServer
) -> None:
    settings = {**empty_redis.settings, "timeout": 20}
    entry = {"implementation": "redis", "name": "other", "settings": settings}
    empty_redis.pause()
    try:
        async with unblocked_loop():
            waiting = asyncio.gather(
                slow.aset("a", [1, 2]),
                slow.aget("z", "absent"),
                slow.areload("b"),
                slow.adelete("b"),
                MoobiusStorage.aopen("s", "c", [entry]),
            )
            assert slow["a"] == [1]  # memory answers at once, with what is stored
            assert await slow.aget("b") == 2
            done, _ = await asyncio.wait([waiting], timeout=0.3)
            assert not done
            empty_redis.resume()
            _, absent, reloaded, _, storage = await waiting
    finally:
        empty_redis.resume()
    assert (absent, reloaded) == ("absent", 2)
    assert slow == {"a": [1, 2]}
    await storage.aclose()


async def test_the_guard_notices_what_holds_up_the_loop(
    slow: CachedDict, empty_redis: RedisServer
) -> None:
    with pytest.raises(AssertionError, match=r"the event loop was blocked:(.|\n)*redis_database"):
        async with unblocked_loop(0.3) as guard:

            def resume_when_noticed() -> None:
                try:
                    wait_until(lambda: guard.stacks)
                finally:
                    empty_redis.resume()

            empty_redis.pause()
            resuming = threading.Thread(target=resume_when_noticed)
            resuming.start()
            slow["a"] = 3
            resuming.join()


async def test_what_was_called_first_is_stored_first(
    slow: CachedDict, empty_redis: RedisServer
) -> None:
    await asyncio.gather(
        *(slow.aset("a", number) for number in range(10)), slow.adelete("a"), slow.aset("a", 19)
    )
    assert slow["a"] == 19
    under_way = asyncio.gather(slow.aset("a", "async"), slow.aset("new", "async"), slow.aclear())
    await asyncio.sleep(0)
    slow["a"] = "sync"  # waits for those under way, though they are answered only later
    slow["b"] = "sync"
    await under_way
    assert slow == {"a": "sync", "b": "sync"}
    database = RedisDatabase("a.b", **empty_redis.settings)
    assert dict(database.get_many()) == slow


async def test_a_value_is_stored_as_it_was_when_its_turn_came() -> None:
    engine = Waiting()
    container = CachedDict(engine)
    value = [1]
    storing = asyncio.create_task(container.aset("a", value))
    await asyncio.sleep(0)
    value.append(2)
    await storing
    assert engine.content == {"a": [1]}
    assert container["a"] is value


@pytest.mark.parametrize("engine_class", [Recorder, Waiting])
async def test_a_value_that_cannot_be_copied_is_an_error_that_names_its_key(
    engine_class: type[Recorder], logged: list[str]
) -> None:
    container = CachedDict(engine_class(a="old"))
    with pytest.raises(UnstorableError, match=r"'a' not stored: cannot pickle .*lock"):
        await container.aset("a", threading.Lock())
    assert container["a"] == "old"
    container.database.trouble = "disk full"  # type: ignore[attr-defined] # of a Recorder
    changed: dict[str, Any] = {}
    await container.aset("changed", changed)
    changed["since"] = threading.Lock()
    container.database.trouble = ""  # type: ignore[attr-defined] # of a Recorder
    await container.aset("b", 1)
    assert container.unsaved == ["changed"]
    assert container.database.content == {"a": "old", "b": 1}  # type: ignore[attr-defined]
    assert any("'changed' not stored: cannot pickle" in line for line in logged)


async def test_saving_what_an_earlier_call_deletes_is_a_key_error() -> None:
    container = CachedDict(Waiting(a=[1]))
    await container.aload()
    deleting = asyncio.create_task(container.adelete("a"))
    await asyncio.sleep(0)
    with pytest.raises(KeyError, match="a"):
        await asyncio.wait_for(container.asave("a"), PATIENCE)
    await deleting


@pytest.mark.parametrize(
    ("change", "outcome"),
    [(lambda d: d.aset("a", [9]), {"a": [9]}), (lambda d: d.adelete("a"), {})],
    ids=["aset", "adelete"],
)
async def test_what_another_task_stores_during_an_edit_holds(
    change: Callable[[CachedDict], Awaitable[None]], outcome: dict[str, Any]
) -> None:
    engine = Waiting(a=[1])
    container = CachedDict(engine)
    await container.aload()
    with container.edit("a") as value:
        value.append(2)
        changing = asyncio.ensure_future(change(container))
        await asyncio.sleep(0)  # it is on its way
    await changing
    assert dict(container) == engine.content == outcome


async def test_popitem_passes_over_what_an_earlier_call_deletes() -> None:
    container = CachedDict(Waiting(a=1, b=2))
    await container.aload()
    deleting = asyncio.create_task(container.adelete("b"))
    await asyncio.sleep(0)
    assert container.popitem() == ("a", 1)
    await deleting
    assert not container


async def all_is_stored(*containers: CachedDict) -> None:
    """Wait until an engine that was out of reach, or was too slow, has everything."""
    give_up = time.monotonic() + PATIENCE
    for container in containers:
        while container.unsaved and time.monotonic() < give_up:
            with contextlib.suppress(StorageError):
                await container.asave_unsaved()
        assert not container.unsaved


async def test_who_waits_for_an_engine_that_is_out_of_reach_is_told_at_once(
    empty_redis: RedisServer, logged: list[str]
) -> None:
    container = CachedDict(RedisDatabase("a.b", **empty_redis.settings, timeout=1.5))
    other = CachedDict(RedisDatabase("a.c", **empty_redis.settings, timeout=1.5))
    await asyncio.gather(container.aset("a", 0), other.aset("a", 0))
    await all_is_stored(container, other)
    empty_redis.pause()
    try:
        start = time.monotonic()
        tasks = [asyncio.create_task(container.aset(f"{n}", n)) for n in range(20)]
        tasks += [asyncio.create_task(other.aset(f"{n}", n)) for n in range(20)]
        reading = asyncio.create_task(container.aget("absent"))
        with pytest.raises(UnstorableError, match=r"'b'.*builtins\.object"):
            await container.aset("b", object())
        with pytest.raises(StorageError, match=r"'absent' not read: .*imeout"):
            await reading
        await asyncio.gather(*tasks)
        container["at once"] = 1  # waits for itself, not for those before it
        assert time.monotonic() - start < 20  # one after the other they would take 63 seconds
    finally:
        empty_redis.resume()
    assert len(container.unsaved) == 21
    await asyncio.gather(container.aset("b", 1), other.aset("b", 1))
    await all_is_stored(container, other)
    stored = RedisDatabase("a.b", **empty_redis.settings)
    assert dict(stored.get_many()) == dict(container)


async def test_who_reads_at_the_same_time_gets_the_same_object(empty_redis: RedisServer) -> None:
    CachedDict(RedisDatabase("a.b", **empty_redis.settings))["a"] = [1]
    lazy = CachedDict(RedisDatabase("a.b", **empty_redis.settings))
    one, other = await asyncio.gather(lazy.aget("a"), lazy.aget("a"))
    assert one is other is lazy["a"]


async def test_a_read_that_was_overtaken_does_not_bring_the_old_value_back(
    slow: CachedDict, empty_redis: RedisServer
) -> None:
    lazy = CachedDict(RedisDatabase("a.b", **empty_redis.settings))
    reading = asyncio.create_task(lazy.aget("a"))
    await asyncio.sleep(0)
    lazy["a"] = "new"
    assert await reading in ([1], "new")
    assert lazy["a"] == "new"


# ---- Trouble ----


async def test_an_unstorable_value_is_an_error_and_changes_nothing(
    open_database: Opener,
) -> None:
    container = CachedDict(open_database())
    await container.aset("a", "old")
    with pytest.raises(UnstorableError, match=r"'a'.*builtins\.object"):
        await container.aset("a", object())
    with pytest.raises(UnstorableError, match="keys are strings"):
        await container.aset(1, "one")  # type: ignore[arg-type]
    assert container == {"a": "old"}


@pytest.mark.parametrize("engine_class", [Recorder, Waiting])
async def test_trouble_of_the_engine(engine_class: type[Recorder], logged: list[str]) -> None:
    engine = engine_class(a=[1])
    strict = CachedDict(engine, strict_mode=True)
    await strict.aload()
    engine.trouble = "disk full"
    with pytest.raises(StorageError, match=r"'b' not stored: disk full"):
        await strict.aset("b", 1)
    with pytest.raises(StorageError, match=r"'a' not stored: disk full"):
        async with strict.aedit("a") as value:
            value.append(2)
    assert strict == {"a": [1]}
    lenient = CachedDict(engine)
    await lenient.aset("b", 1)
    assert lenient["b"] == 1
    assert lenient.unsaved == ["b"]
    assert any("'b' not stored: disk full" in line for line in logged)
    with pytest.raises(StorageError, match="disk full"):
        await lenient.asave_unsaved()
    engine.trouble = ""
    await lenient.asave_unsaved()
    assert engine.content == {"a": [1], "b": 1}
    assert lenient.unsaved == []


# ---- Watching ----


async def test_memory_follows_what_others_change(empty_redis: RedisServer) -> None:
    mine, theirs = (CachedDict(RedisDatabase("a.b", **empty_redis.settings)) for _ in range(2))
    mine.update({"a": 1, "b": 2, "untouched": 0})
    mine.load()
    lazy = CachedDict(RedisDatabase("a.b", **empty_redis.settings))
    assert lazy["a"] == 1
    seen: list[str | None] = []

    async def follow(container: CachedDict) -> None:
        async for key in container.watch():
            if container is mine:
                seen.append(key)

    async with unblocked_loop():
        watching = [asyncio.create_task(follow(container)) for container in (mine, lazy)]
        await until(lambda: seen == [None])
        await theirs.aset("a", 10)
        await theirs.aset("new", 3)
        await theirs.adelete("b")
        await until(lambda: seen == [None, "a", "new", "b"])  # memory follows first
        assert dict(mine) == {"a": 10, "untouched": 0, "new": 3}
        await until(lambda: dict.get(lazy, "a") == 10)
    assert dict.keys(lazy) == {"a"}  # what was never asked for is still not loaded
    await _stop(watching)


WRITER = """
import json, sys
from moobius.database.cached_dict import CachedDict
from moobius.database.engines import get_engine

engine, settings = sys.argv[1:]
container = CachedDict(get_engine(engine)(domain="a.b", **json.loads(settings)))
container["a"] = {"from": "another process"}
container["new"] = 1
del container["b"]
"""


async def in_another_process(implementation: str, place: dict[str, Any]) -> None:
    """Change some records of the domain `a.b`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, implementation, json.dumps(place)
    )
    assert await asyncio.wait_for(process.wait(), 50) == 0


@pytest.mark.parametrize("implementation", ["json", "sqlite", "redis"])
async def test_what_another_process_wrote_is_seen(
    implementation: str, place: dict[str, Any]
) -> None:
    container = CachedDict(get_engine(implementation)(domain="a.b", **place))
    container.update({"a": 1, "b": 2})
    container.load()
    await in_another_process(implementation, place)
    assert container["new"] == 1
    assert container["a"] == 1
    assert container.reload("a") == {"from": "another process"}
    assert await container.areload() is None
    assert container == {"a": {"from": "another process"}, "new": 1}


async def test_redis_tells_of_what_another_process_wrote(empty_redis: RedisServer) -> None:
    container = CachedDict(RedisDatabase("a.b", **empty_redis.settings))
    container.update({"a": 1, "b": 2})
    container.load()
    changes = container.watch()
    assert await anext(changes) is None
    await in_another_process("redis", empty_redis.settings)
    assert [await anext(changes) for _ in range(3)] == ["a", "new", "b"]
    assert dict(container) == {"a": {"from": "another process"}, "new": 1}
    await changes.aclose()


async def test_a_change_that_cannot_be_read_yet_is_not_followed_before_it_can(
    slow: CachedDict, empty_redis: RedisServer, logged: list[str]
) -> None:
    theirs = RedisDatabase("a.b", **empty_redis.settings)
    seen: list[tuple[str | None, Any]] = []

    async def follow() -> None:
        async for key in slow.watch():
            seen.append((key, dict.get(slow, "a")))

    watching = asyncio.create_task(follow())
    await until(lambda: seen == [(None, [1])])
    with contextlib.closing(empty_redis.client()) as client:
        client.execute_command("ACL SETUSER default -hget")
        try:
            theirs.set_value("a", "new")
            await until(lambda: any("not up to date" in line for line in logged))
            assert (seen, slow["a"]) == ([(None, [1])], [1])
        finally:
            client.execute_command("ACL SETUSER default +hget")
    await until(lambda: seen == [(None, [1]), ("a", "new")])
    assert sum("not up to date" in line for line in logged) == 1
    await _stop([watching])


async def test_after_a_lost_connection_everything_is_read_anew(
    empty_redis: RedisServer,
) -> None:
    mine, theirs = (CachedDict(RedisDatabase("a.b", **empty_redis.settings)) for _ in range(2))
    mine.update({"a": 1, "b": 2})
    mine.load()
    seen: list[str | None] = []

    async def follow() -> None:
        async for key in mine.watch():
            seen.append(key)

    watching = asyncio.create_task(follow())
    await until(lambda: seen == [None])
    with contextlib.closing(empty_redis.client()) as client:
        client.execute_command("CLIENT KILL TYPE pubsub")
        client.delete(theirs.database._name)  # type: ignore[attr-defined]
        theirs["a"] = 5
    await until(lambda: None in seen[1:])
    assert mine == {"a": 5}
    await _stop([watching])


async def test_what_could_not_be_stored_stays_when_others_change_it() -> None:
    engine = Waiting(a=1)
    container = CachedDict(engine)
    container.load()
    engine.trouble = "out of reach"
    container["a"] = "mine"
    del container["a"]
    container["b"] = "mine"
    await container._follow("a")
    await container._follow("b")
    await container._follow(None)
    assert container == {"b": "mine"}
    assert engine.content == {"a": 1}


@pytest.mark.parametrize("implementation", ["json", "sqlite", "tests.database.attic.Attic"])
async def test_an_engine_that_cannot_tell_says_so(container: CachedDict) -> None:
    with pytest.raises(StorageError, match=rf"{type(container.database).__name__} does not tell"):
        async for _ in container.watch():
            pass


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


# ---- Known and documented ----


async def test_json_wants_a_copy(container: CachedDict) -> None:
    assert json.loads(json.dumps(container.copy())) == CONTENT
    await container.aload()
    assert json.loads(json.dumps(container)) == CONTENT
