"""`moobius dev`: saving a file while people talk loses and doubles nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.patience import until
from tests.support.program import PLATFORM_READY, SERVICE_READY, Program
from tests.support.scripts import alive
from tests.support.wire import Person, Socket, wire_to

READY = re.compile(r"^service +\| .* (\w+) is ready: 1 channel on", re.MULTILINE)
PAGE = re.compile(r"^dev +\| open (http://127\.0\.0\.1:\d+)/", re.MULTILINE)

FIRST_LINES = """
{ "$0" -m moobius dev --ephemeral 2> complaints; echo $? > status; } | head -2
"""

ECHO = """
import os
from moobius import Moobius
from words import VERSION

class Echo(Moobius):
    async def on_start(self):
        assert VERSION != "v0", "it fails when it is logged in already"
        print("started", os.getpid(), flush=True)
    async def on_message_up(self, message):
        text = f"{VERSION} {message.content.text}"
        await self.send_message(text, message.channel_id, message.sender, [message.sender])
"""


def project(tmp_path: Path) -> Path:
    folder = tmp_path / "work" / "echo"
    folder.mkdir(parents=True)
    (folder / "service.py").write_text(ECHO, "utf-8")
    save(folder, 1)
    return folder


def save(folder: Path, version: int) -> None:
    save_text(folder, f'VERSION = "v{version}"\n')


def save_text(folder: Path, text: str) -> None:
    """Save at once and whole: a file that is empty for a moment would be a version of its own."""
    (folder / "words").write_text(text, "utf-8")
    (folder / "words").replace(folder / "words.py")


class Talker:
    """A member who says one number after another, and keeps what is answered."""

    def __init__(self, person: Person, socket: Socket, channel_id: str) -> None:
        self.person = person
        self.socket = socket
        self.channel_id = channel_id
        self.said = 0
        self.heard: list[str] = []
        self._listening = asyncio.create_task(self._listen())

    async def talk(self, pause: float, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self.say()
            await asyncio.sleep(pause)

    async def say(self) -> None:
        body = {
            "subtype": "text",
            "channel_id": self.channel_id,
            "content": {"text": str(self.said)},
            "recipients": "service",
            "timestamp": 1,
            "context": {},
        }
        self.said += 1
        await self.socket.good(type="message_up", body=body)

    @property
    def versions(self) -> list[str]:
        return [text.split()[0] for text in self.heard]

    @property
    def numbers(self) -> list[int]:
        return [int(text.split()[1]) for text in self.heard]

    async def heard_from(self, version: int) -> None:
        await until(lambda: f"v{version}" in self.versions, lambda: f"heard {self.heard}")

    async def close(self) -> None:
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                frame = await self.socket.next()
                if frame["type"] == "message_down":
                    self.heard.append(frame["body"]["content"]["text"])


@asynccontextmanager
async def talkers(url: str, emails: list[str]) -> AsyncIterator[list[Talker]]:
    async with wire_to(url) as wire:
        found: list[Talker] = []
        for email in emails:
            person = await wire.be(email)
            (channel,) = await person.get("/channel/popular")
            socket = await person.user_socket()
            joining = {"subtype": "join", "channel_id": channel["channel_id"]}
            await socket.good(type="action", body=joining)
            found.append(Talker(person, socket, channel["channel_id"]))
        try:
            yield found
        finally:
            for each in found:
                await each.close()


async def test_fifty_members_talk_while_the_source_is_saved(tmp_path: Path) -> None:
    folder = project(tmp_path)
    people = [{"email": f"member{number}@example.org"} for number in range(50)]
    (folder / "seed.json").write_text(json.dumps({"people": people}), "utf-8")
    command = ("-m", "moobius", "platform", "--port", "0", "--ephemeral", "--seed", "seed.json")
    async with Program(folder, *command) as platform:
        url = (await platform.wait_for(PLATFORM_READY))[1]
        async with Program(folder, "-m", "moobius", "dev") as dev:
            await dev.wait_for(READY)
            async with talkers(url, [each["email"] for each in people]) as members:
                stop = asyncio.Event()
                talks = [asyncio.create_task(each.talk(0.2, stop)) for each in members]
                for version in (2, 3, 4):
                    await until(lambda: all(each.said > 1 for each in members))
                    save(folder, version)
                    await members[0].heard_from(version)
                for each in members:
                    await each.heard_from(4)
                stop.set()
                await asyncio.gather(*talks)
                await until(
                    lambda: all(len(each.heard) >= each.said for each in members),
                    lambda: f"missing: {[set(range(m.said)) - {*m.numbers} for m in members]}",
                )
                for each in members:
                    assert each.numbers == list(range(each.said))
                    assert each.versions == sorted(each.versions)
                    assert each.versions[-1] == "v4"
            # It answers what was kept for it before it says that it is ready.
            await until(lambda: len(READY.findall(dev.output)) >= 4, lambda: dev.output)
            assert await dev.interrupt() == 0
        assert len(READY.findall(dev.output)) == 4
        assert "Traceback" not in dev.output


async def test_a_mistake_is_shown_and_the_next_save_answers_what_waited(tmp_path: Path) -> None:
    folder = project(tmp_path)
    async with Program(folder, "-m", "moobius", "dev", "--ephemeral") as dev:
        url = (await dev.wait_for(PAGE))[1]
        await dev.wait_for(READY)
        async with talkers(url, ["ada@example.org"]) as (ada,):
            await ada.say()
            await ada.heard_from(1)
            save_text(folder, "VERSION = (\n")
            await dev.wait_for(re.compile(r"^service +\| SyntaxError: ", re.MULTILINE))
            await dev.wait_for(re.compile(r"^dev +\| it ended with status 1", re.MULTILINE))
            for _ in range(3):
                await ada.say()
            save(folder, 0)
            await until(lambda: dev.output.count("it ended with status 1") == 2)
            save(folder, 2)
            await until(lambda: len(ada.heard) == 4, lambda: f"heard {ada.heard}")
            assert ada.heard == ["v1 0", "v2 1", "v2 2", "v2 3"]
        assert await dev.interrupt() == 0
    assert re.search(r"^dev +\| words.py changed: starting again$", dev.output, re.MULTILINE)


async def test_what_comes_while_a_crashed_service_is_away_is_answered_later(tmp_path: Path) -> None:
    folder = project(tmp_path)
    async with Program(folder, "-m", "moobius", "dev", "--ephemeral") as dev:
        url = (await dev.wait_for(PAGE))[1]
        await dev.wait_for(READY)
        (pid,) = pids(dev)
        async with talkers(url, ["ada@example.org"]) as (ada,):
            asked = {"username": (await ada.person.wire.sign_up("grace")).email}
            await ada.person.wire.call("POST", "/auth/forgot_password", body=asked)
            code = r"^platform \| .*code for a new password for grace"
            await dev.wait_for(re.compile(code, re.MULTILINE))
            os.kill(pid, signal.SIGKILL)
            await dev.wait_for(re.compile("it ended with status -9; save a file to start it again"))
            await ada.say()
            save_in_the_same_second(folder, 2)
            await ada.heard_from(2)
            assert ada.heard == ["v2 0"]


async def test_a_program_that_goes_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    folder = project(tmp_path)
    async with Program(folder, "-m", "moobius", "dev", "--ephemeral") as dev:
        await dev.wait_for(READY)
        (folder / "service.py").rename(folder / "elsewhere")
        await dev.wait_for(
            re.compile(r"^dev +\| it cannot be started: .*service\.py", re.MULTILINE)
        )
        (folder / "loop.py").symlink_to("loop.py")
        (folder / "elsewhere").rename(folder / "service.py")
        await until(lambda: len(READY.findall(dev.output)) == 2, lambda: dev.output)
        assert await dev.interrupt() == 0


async def test_a_program_in_another_folder_is_watched_there(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (tmp_path / "work" / "here").mkdir()
    command = ("-m", "moobius", "dev", "../echo/service.py", "--ephemeral")
    async with Program(tmp_path / "work" / "here", *command) as dev:
        await dev.wait_for(READY)
        said = f"a saved .py file in {tmp_path / 'work' / 'here'} or {folder} starts it again"
        assert f"dev      | {said}\n" in dev.output
        save(folder, 2)
        await until(lambda: len(READY.findall(dev.output)) == 2, lambda: dev.output)
        assert await dev.interrupt() == 0


async def test_one_ctrl_c_while_it_starts_again_cuts_nothing_short(tmp_path: Path) -> None:
    folder = project(tmp_path)
    text = """
    async def on_stop(self):
        print("stopping", flush=True)
        while not Path("go").exists():
            await asyncio.sleep(0.02)
        Path("done").touch()
"""
    (folder / "service.py").write_text(f"import asyncio\nfrom pathlib import Path{ECHO}{text}")
    async with Program(folder, "-m", "moobius", "dev", "--ephemeral") as dev:
        await dev.wait_for(READY)
        save(folder, 2)
        await dev.wait_for(re.compile("stopping$", re.MULTILINE))
        ending = asyncio.create_task(dev.interrupt())
        # As long as one that kills would need at most.
        await asyncio.wait({ending}, timeout=0.3)
        (folder / "go").touch()
        assert await ending == 0
        assert (folder / "done").exists()


async def test_after_it_was_killed_the_service_hears_when_it_is_run_by_itself(
    tmp_path: Path,
) -> None:
    folder = project(tmp_path)
    async with Program(folder, "-m", "moobius", "platform", "--port", "0") as platform:
        url = (await platform.wait_for(PLATFORM_READY))[1]
        async with Program(folder, "-m", "moobius", "dev") as dev:
            await dev.wait_for(READY)
            (pid,) = pids(dev)
            async with talkers(url, ["ada@example.org"]) as (ada,):
                await ada.say()
                await ada.heard_from(1)
                dev.kill()
                await until(lambda: not alive(pid))
                await ada.say()  # to nobody: no dev, nothing is kept
                save(folder, 2)
                async with Program(folder, "-m", "moobius", "run", "service.py") as service:
                    await service.wait_for(SERVICE_READY)
                    await ada.say()
                    await ada.heard_from(2)
                    assert ada.heard == ["v1 0", "v2 2"]
                    assert await service.interrupt() == 130


async def test_who_does_not_read_to_the_end_ends_it_without_complaint(tmp_path: Path) -> None:
    folder = project(tmp_path)
    async with Program(folder, "-c", FIRST_LINES, sys.executable, python="/bin/sh") as shell:
        assert await shell.ended() == 0
    assert (folder / "complaints").read_text() == ""
    assert (folder / "status").read_text() == "141\n"
    lines = shell.output.splitlines()
    assert len(lines) == 2 and lines[1].startswith("dev      | open http://")
    assert at_work_in(folder) == []


async def test_nothing_is_left_when_it_is_killed(tmp_path: Path) -> None:
    folder = project(tmp_path)
    async with Program(folder, "-m", "moobius", "dev", "--ephemeral") as dev:
        await dev.wait_for(READY)
        (pid,) = pids(dev)
        platform = json.loads((folder / ".moobius" / "platform.json").read_text("utf-8"))["pid"]
        dev.kill()
        await until(lambda: not alive(pid) and not alive(platform))
        await until(lambda: not at_work_in(folder), lambda: f"left: {at_work_in(folder)}")


async def test_a_program_that_starts_its_services_itself_is_run_as_it_stands(
    tmp_path: Path,
) -> None:
    folder = project(tmp_path)
    (folder / "main.py").write_text(
        """
from moobius import MoobiusWand
from service import Echo

class Other(Echo):
    pass

if __name__ == "__main__":
    wand = MoobiusWand()
    wand.run(Echo, background=True)
    wand.run(Other, background=True)
""",
        "utf-8",
    )
    async with Program(folder.parent, "-m", "moobius", "dev", "echo", "--ephemeral") as dev:
        await until(lambda: {*READY.findall(dev.output)} == {"Echo", "Other"}, lambda: dev.output)
        before = pids(dev)
        save(folder, 2)
        await until(lambda: len(pids(dev)) == 4, lambda: dev.output)
        assert not any(alive(pid) for pid in before)
        assert await dev.interrupt() == 0
        assert not any(alive(pid) for pid in pids(dev))


async def test_a_folder_without_a_program_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    async with Program(tmp_path / "empty", "-m", "moobius", "dev") as dev:
        assert await dev.ended() == 1
    assert "has neither main.py nor service.py; say which file to run" in dev.output


def at_work_in(folder: Path) -> list[str]:
    """Return the processes whose working directory that is."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == folder:
                found.append((process / "cmdline").read_text())
    return found


def save_in_the_same_second(folder: Path, version: int) -> None:
    """Save what a compiled file, which knows seconds and sizes only, cannot tell from before."""
    before = (folder / "words.py").stat()
    elsewhere = folder / ".words"
    elsewhere.mkdir()
    save(elsewhere, version)
    os.utime(elsewhere / "words.py", ns=(before.st_atime_ns, before.st_mtime_ns // 10**9 * 10**9))
    (elsewhere / "words.py").replace(folder / "words.py")


def pids(dev: Program) -> list[int]:
    return [int(pid) for pid in re.findall(r"started (\d+)$", dev.output, re.MULTILINE)]
