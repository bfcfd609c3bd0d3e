"""Killed at any moment, the Platform loses nothing it acknowledged, and does nothing twice (4.4).

Twenty people and two services talk; the process is killed thirty times, each time after some
number of answers, so in the middle of whatever it is doing. Frames that were not answered are sent
again, with the same `request_id`, after the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.line import Frame, Line
from tests.support.program import PLATFORM_READY, Program
from tests.support.wire import Person, Wire, data_of, wire_to

SEED = 20241121
KILLS = 30
PEOPLE = 20
MOST_ANSWERS = 225  # before a kill

Place = tuple[Person, str]
"""Whose history, in which channel."""


@dataclass
class Saying:
    """A message somebody sends until it is answered."""

    frame: Frame
    places: list[Place]
    answered: bool = False


@dataclass
class Member:
    """Somebody who sends one message after the other, and services what they hear."""

    person: Person
    channel: str
    service_id: str = ""
    line: Line | None = None
    unanswered: Saying | None = None
    heard: asyncio.Queue[Frame] = field(default_factory=asyncio.Queue)

    async def connect(self, wire: Wire, town: Town) -> None:
        """Open a connection and log in, with the token of the first day."""
        self.person.wire = wire
        socket = await wire.session.ws_connect(wire.url)
        self.line = Line(socket, self.heard.put_nowait, town.count_answer)
        login = {"type": "service_login", "service_id": self.service_id}
        answer = await self.line.ask(
            {
                **(login if self.service_id else {"type": "user_login"}),
                "request_id": town.new_id(),
                "auth_origin": "cognito",
                "access_token": self.person.token,
            }
        )
        assert answer is None or answer["status"] is True, answer

    async def say(self, saying: Saying) -> bool:
        """Send a message; return whether it was answered."""
        assert self.line is not None
        self.unanswered = saying
        answer = await self.line.ask(saying.frame)
        if answer is None:
            return False
        assert answer["status"] is True, answer
        saying.answered = True
        self.unanswered = None
        return True


class Town:
    """A Platform's people, services, and everything they have said."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.members: list[Member] = []
        self.services: list[Member] = []
        self.lounge = ""
        self.groups: dict[str, list[Person]] = {}
        self.sayings: dict[str, Saying] = {}
        self.made: dict[str, list[str]] = {}  # group id -> characters, by HTTP
        self.agents: dict[str, set[str]] = {}  # service id -> agents, by HTTP
        self._ids = itertools.count(1)
        self._answers = 0
        self._kill_at = 0
        self._program: Program | None = None

    def new_id(self) -> str:
        """Return a new request id, or a text to say."""
        return f"n{next(self._ids)}"

    def kill_after(self, answers: int, program: Program) -> None:
        """Kill the Platform at the moment of so many more answers."""
        self._program, self._kill_at = program, self._answers + answers

    def count_answer(self) -> None:
        """Count an answer, and perhaps strike."""
        self._answers += 1
        if self._program is not None and self._answers >= self._kill_at:
            self._program.kill()
            self._program = None

    def said(self, kind: str) -> int:
        """Return how many messages of a kind there have been."""
        return sum(saying.frame["type"] == kind for saying in self.sayings.values())

    async def settle(self, wire: Wire) -> None:
        """Make accounts, two rooms with a service each, a lounge without, and groups."""
        people = await asyncio.gather(*(wire.sign_up(f"person{n}") for n in range(PEOPLE)))
        for number in range(2):
            owner = await wire.sign_up(f"owner{number}")
            room = await owner.channel()
            service_id = await owner.bound_service(room)
            self.services.append(Member(owner, room, service_id))
            self.agents[service_id] = set()
            for person in people[number::2]:
                await person.join(room)
                self.members.append(Member(person, room))
        self.lounge = await people[0].channel("Lounge")
        for person in people[1:]:
            await person.join(self.lounge)
        for _ in range(10):
            some = self.dice.sample(people, 3)
            group = await people[0].group(*(each.user_id for each in some))
            self.groups[group] = some

    async def live(self, wire: Wire) -> None:
        """Connect, finish what was not answered, and talk until the connections die."""
        everybody = [*self.members, *self.services]
        await asyncio.gather(*(member.connect(wire, self) for member in everybody))
        await asyncio.gather(
            *(self._talk(member) for member in self.members),
            *(self._serve(member) for member in self.services),
            *(self._manage(member, wire) for member in self.services),
        )
        await asyncio.gather(*(member.line.gone() for member in everybody if member.line))

    async def finish(self, wire: Wire) -> None:
        """Connect once more, and send what is left until it is answered."""
        for member in [*self.members, *self.services]:
            await member.connect(wire, self)
            if member.unanswered is not None:
                assert await member.say(member.unanswered)

    async def _talk(self, member: Member) -> None:
        if member.unanswered is None or await member.say(member.unanswered):
            while await member.say(self._new_saying(member)):
                pass

    def _new_saying(self, member: Member) -> Saying:
        """Say something to the service, or in the lounge to a few of those in there."""
        if self.dice.random() < 0.5:
            places = [(member.person, member.channel)]
            return self._saying("message_up", member.channel, "service", places)
        group, some = self.dice.choice([*self.groups.items()])
        places = [(each, self.lounge) for each in {member.person, *some}]
        return self._saying("message_up", self.lounge, group, places)

    def _saying(self, kind: str, channel: str, to: Any, places: list[Place], **more: Any) -> Saying:
        text = self.new_id()
        body = {
            "subtype": "text",
            "channel_id": channel,
            "content": {"text": text},
            "recipients": to,
            **more,
        }
        self.sayings[text] = Saying({"type": kind, "request_id": text, "body": body}, places)
        return self.sayings[text]

    async def _serve(self, service: Member) -> None:
        """Answer every member in the service's room, as one sentence to them and a neighbour."""
        alive = service.unanswered is None or await service.say(service.unanswered)
        assert service.line is not None
        gone = asyncio.create_task(service.line.gone())
        while alive:
            hearing = asyncio.create_task(service.heard.get())
            await asyncio.wait([hearing, gone], return_when=asyncio.FIRST_COMPLETED)
            if not hearing.done():
                hearing.cancel()
                break
            frame = hearing.result()
            if frame["type"] == "message_up":
                alive = await service.say(self._echo(service, frame["body"]))
        await gone

    def _echo(self, service: Member, body: Frame) -> Saying:
        here = [member.person for member in self.members if member.channel == service.channel]
        some = [each for each in here if each.user_id == body["sender"]] + [self.dice.choice(here)]
        saying = self._saying(
            "message_down",
            service.channel,
            [each.user_id for each in some],
            [(each, service.channel) for each in {*some}],
            sender=body["sender"],
        )
        saying.frame["service_id"] = service.service_id
        return saying

    async def _manage(self, service: Member, wire: Wire) -> None:
        """Make groups and agents by HTTP, and note those that were confirmed."""
        with contextlib.suppress(aiohttp.ClientError, ConnectionError):
            while True:
                listed = [self.new_id(), service.person.user_id]
                self.made[await service.person.group(*listed)] = listed
                agent = await service.person.post(
                    "/service/character/create",
                    service_id=service.service_id,
                    context={"name": self.new_id()},
                )
                self.agents[service.service_id].add(agent["character_id"])

    async def check(self, wire: Wire) -> None:
        """See that what was confirmed is there, once, and nothing is there twice."""
        histories = await asyncio.gather(
            *(_history(wire, member.person, member.channel) for member in self.members),
            *(_history(wire, member.person, self.lounge) for member in self.members),
        )
        found = Counter(itertools.chain.from_iterable(histories))
        expected: set[tuple[str, str, str]] = set()
        for text, saying in self.sayings.items():
            places = {(text, person.user_id, channel) for person, channel in saying.places}
            if saying.answered:
                assert {each for each in places if found[each] != 1} == set(), saying.frame
            expected |= places
        assert {each: count for each, count in found.items() if count > 1} == {}
        assert set(found) <= expected, "nothing is in the history of somebody else"
        await self._check_things(wire)

    async def _check_things(self, wire: Wire) -> None:
        for service in self.services:
            service.person.wire = wire
            (listed,) = await service.person.get("/service/list")
            assert listed["channel_ids"] == [service.channel]
            agents = await service.person.get(
                "/service/character/list", service_id=service.service_id
            )
            assert {each["character_id"] for each in agents} >= self.agents[service.service_id]
        known = {key: [each.user_id for each in some] for key, some in self.groups.items()}
        recent = dict([*self.made.items()][-50:])
        for group_id, characters in {**known, **recent}.items():
            group = await self.services[0].person.get("/user/group", group_id=group_id)
            assert group["characters"] == characters


async def _history(wire: Wire, person: Person, channel: str) -> list[tuple[str, str, str]]:
    query = {"channel_id": channel, "limit": "1024"}
    asked = await wire.call("GET", "/channel/history_message", query=query, token=person.token)
    found = data_of(asked)
    assert len(found) < 1024, "the test looks at whole histories"
    return [(each["content"]["text"], person.user_id, channel) for each in found]


@contextlib.asynccontextmanager
async def platform(folder: Path) -> AsyncIterator[tuple[Program, Wire]]:
    command = ("-m", "moobius", "platform", "--port", "0", "--data", "data")
    async with Program(folder, *command) as program:
        url = (await program.wait_for(PLATFORM_READY)).group(1)
        async with wire_to(url) as wire:
            yield program, wire
        assert "Traceback" not in program.output


@pytest.mark.timeout(900)
async def test_thirty_kills_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    town = Town(dice)
    (tmp_path / "platform").mkdir()
    async with platform(tmp_path / "platform") as (_, wire):
        await town.settle(wire)
    for kills in range(2 * KILLS):
        if kills >= KILLS and town.said("message_down") > 5 * KILLS:
            break  # services were struck in the middle, too; how soon depends on the machine
        async with platform(tmp_path / "platform") as (program, wire):
            await town.check(wire)
            answered = sum(saying.answered for saying in town.sayings.values())
            town.kill_after(dice.randint(PEOPLE + 3, MOST_ANSWERS), program)
            await town.live(wire)
            assert await program.ended() == -9
            assert sum(saying.answered for saying in town.sayings.values()) >= answered
    async with platform(tmp_path / "platform") as (_, wire):
        await town.check(wire)
        await town.finish(wire)
        assert all(saying.answered for saying in town.sayings.values())
        await town.check(wire)
    assert town.said("message_up") > 20 * KILLS
    assert town.said("message_down") > 5 * KILLS
    assert len(town.made) > KILLS
