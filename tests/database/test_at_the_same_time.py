"""Whatever tasks and threads do to one store at the same time, none undoes what another did."""

from __future__ import annotations

import asyncio
import copy
import sys
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from moobius.database.cached_dict import CachedDict
from moobius.errors import EditConflict
from tests.support.thorough import times

from .conftest import Opener

STEPS = 25
TASKS = 4
THREADS = 2
SHARED = "shared"
ABSENT = "absent"


class Worker:
    """Changes keys of its own, in a container it may share, and knows what they must be."""

    def __init__(self, name: str, container: CachedDict, seed: int) -> None:
        self.container = container
        self.random = Random(f"{seed} {name}")
        self.mine = [f"{name}-{number}" for number in range(3)]
        self.model: dict[str, list[str]] = {}
        self.marks: list[str] = []
        self.name = name

    # ---- In a thread ----

    def run(self) -> None:
        for step in range(STEPS):
            key = self.random.choice(self.mine)
            self.act(key, f"{self.name}.{step}")
            self.check(key)

    def act(self, key: str, mark: str) -> None:
        ways = [self.assign, self.assign, self.delete, self.edit, self.look]
        self.random.choice(ways)(key, mark)

    def assign(self, key: str, mark: str) -> None:
        self.container[key] = [mark]
        self.model[key] = [mark]

    def delete(self, key: str, mark: str) -> None:
        assert self.container.pop(key, ABSENT) == self.model.pop(key, ABSENT)

    def edit(self, key: str, mark: str) -> None:
        if key in self.model:
            with self.container.edit(key) as marks:
                marks.append(mark)
            self.model[key].append(mark)

    def look(self, key: str, mark: str) -> None:
        self.random.choice([self.container.load, self.container.reload])()
        assert self.model.keys() <= set(self.container)
        assert len(self.container) >= len(self.model)

    def check(self, key: str) -> None:
        assert self.container.get(key, ABSENT) == self.model.get(key, ABSENT)

    # ---- In a task ----

    async def arun(self) -> None:
        ways = [self.aassign, self.adelete, self.aedit, self.areload, self.alook, self.ashare]
        for step in range(STEPS):
            key, mark = self.random.choice(self.mine), f"{self.name}.{step}"
            if self.random.random() < 0.2:
                self.act(key, mark)
            else:
                await self.random.choice(ways)(key, mark)
            self.check(key)
            await self.pause()

    async def aassign(self, key: str, mark: str) -> None:
        await self.container.aset(key, [mark])
        self.model[key] = [mark]

    async def adelete(self, key: str, mark: str) -> None:
        if key in self.model:
            await self.container.adelete(key)
            del self.model[key]

    async def aedit(self, key: str, mark: str) -> None:
        if key in self.model:
            await self.aappend(key, mark)
            self.model[key].append(mark)

    async def aappend(self, key: str, mark: str) -> None:
        async with self.container.aedit(key) as marks:
            await self.pause()
            marks.append(mark)
            await self.pause()

    async def areload(self, key: str, mark: str) -> None:
        if key in self.model:
            assert await self.container.areload(key) == self.model[key]

    async def alook(self, key: str, mark: str) -> None:
        ways = [self.container.aload, self.container.areload]
        await self.random.choice(ways)()
        await self.container.areload(SHARED)
        assert self.model.keys() <= set(self.container)

    async def ashare(self, key: str, mark: str) -> None:
        await self.aappend(SHARED, mark)
        self.marks.append(mark)

    async def pause(self) -> None:
        for _ in range(self.random.randrange(3)):
            await asyncio.sleep(0)


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_threads")
@pytest.mark.parametrize("seed", range(times(3)))
async def test_every_worker_has_what_it_wrote(open_database: Opener, seed: int) -> None:
    container = CachedDict(open_database())
    container[SHARED] = []
    tasks = [Worker(f"task {n}", container, seed) for n in range(TASKS)]
    threads = [Worker(f"thread {n}", copy.copy(container), seed) for n in range(THREADS)]
    working = [
        *(asyncio.to_thread(worker.run) for worker in threads),
        *(worker.arun() for worker in tasks),
    ]
    await asyncio.wait_for(asyncio.gather(*working), 60)

    stored = dict(CachedDict(open_database()))
    marks = [mark for worker in tasks for mark in worker.marks]
    assert sorted(stored.pop(SHARED)) == sorted(marks)
    model = {key: value for worker in [*tasks, *threads] for key, value in worker.model.items()}
    assert stored == model
    for worker in [*tasks, *threads]:
        assert {k: dict.get(worker.container, k) for k in worker.model} == worker.model
    assert container.unsaved == []


Reading = Callable[[CachedDict], Any]
LOAD: list[Reading] = [lambda d: d.load(), lambda d: d.aload()]  # forgets nothing
RELOAD: list[Reading] = [
    lambda d: d.reload(),
    lambda d: d.reload("a"),
    lambda d: d.areload(),
    lambda d: d.areload("a"),
]
READ_ANEW = [*LOAD, *RELOAD]


async def read_anew(container: CachedDict, how: Reading) -> None:
    reading = how(container)
    if asyncio.iscoroutine(reading):
        await reading


@pytest.mark.parametrize("how", READ_ANEW)
async def test_an_edit_keeps_its_value_while_others_read_anew(
    open_database: Opener, how: Reading
) -> None:
    container = CachedDict(open_database())
    container.update({"a": [1], "b": [1]})
    container["b"].append("not saved")
    async with container.aedit("a") as value:
        value.append(2)
        await read_anew(container, how)
        assert container["a"] is value
        value.append(3)
    assert container["a"] == [1, 2, 3]
    assert CachedDict(open_database())["a"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("how", "theirs"), [*((how, [9]) for how in READ_ANEW), *((how, None) for how in RELOAD)]
)
async def test_an_edit_is_told_that_what_was_read_anew_is_another_value(
    open_database: Opener, how: Reading, theirs: Any
) -> None:
    container, other = CachedDict(open_database()), CachedDict(open_database())
    container.update({"a": [1], "b": [1]})

    async def edit() -> None:
        async with container.aedit("a") as value:
            value.append(2)
            if theirs is None:
                del other["a"]
            else:
                other["a"] = theirs
            try:
                await read_anew(container, how)
            except KeyError:
                assert theirs is None

    with pytest.raises(EditConflict, match="'a' was changed elsewhere"):
        await edit()
    assert CachedDict(open_database()).get("a") == theirs
    assert await container.aget("b") == [1]


@pytest.mark.parametrize("how", READ_ANEW)
async def test_what_is_assigned_in_an_edit_holds_when_it_is_read_anew(
    open_database: Opener, how: Reading
) -> None:
    container = CachedDict(open_database())
    container["a"] = [1]
    async with container.aedit("a") as value:
        value.append(2)
        container["a"] = [9]
        await read_anew(container, how)
    assert container["a"] == [9]
    assert CachedDict(open_database())["a"] == [9]
