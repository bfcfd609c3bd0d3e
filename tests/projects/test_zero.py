"""The tutorial "Members and Characters", as its reader lives it: files, processes, a wire."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.member import Member
from tests.support.program import ROOT, Program, copy_project

# The last listing of the tutorial, to the letter.
FINAL_SERVICE = """\
# service.py
from moobius import Moobius, MoobiusWand, types


class ZeroService(Moobius):
    async def before_channel_init(self):
        self.meow = await self.create_agent(name='Meow', avatar='resources/avatar.png')
        self.members = {}

    async def on_channel_checkin(self, channel_id):
        await self.sync_channel(channel_id)

    async def on_refresh(self, action):
        await self.send_member_view(action.channel_id, action.sender)

    async def on_join(self, action):
        await self.sync_channel(action.channel_id)

    async def on_leave(self, action):
        await self.sync_channel(action.channel_id)

    async def sync_channel(self, channel_id):
        self.members[channel_id] = await self.fetch_member_ids(channel_id)

        for member_id in self.members[channel_id]:
            await self.send_member_view(channel_id, member_id)

    async def send_member_view(self, channel_id, member_id):
        characters = [self.meow] + self.members[channel_id]
        ind = characters.index(member_id) # find the recipient
        payload = [member_id] + characters[:ind] + characters[ind + 1:]
        await self.send_characters(characters=payload, channel_id=channel_id, recipients=member_id)


if __name__ == "__main__":
    MoobiusWand().run(ZeroService, config='config/config.json')
"""


@pytest.mark.promise("3-25")
def test_service_py_is_the_last_listing_of_the_tutorial() -> None:
    assert (ROOT / "projects/zero/service.py").read_text("utf-8") == FINAL_SERVICE


@pytest.mark.promise("3-22", "3-25")
async def test_everybody_comes_first_in_their_own_list(tmp_path: Path) -> None:
    folder = copy_project("zero", tmp_path)
    async with Program(folder, "service.py") as program:
        url = await program.url()
        async with Member(url, "Ada") as ada, Member(url, "Bob") as bob:
            await ada.join()
            await ada.see_characters("Ada", "Meow")

            await bob.join()
            await bob.see_characters("Bob", "Meow", "Ada")
            await ada.see_characters("Ada", "Meow", "Bob")

            ada.view.clear()
            await ada.act("refresh")
            await ada.see_characters("Ada", "Meow", "Bob")

            await bob.act("leave")
            await ada.see_characters("Ada", "Meow")
        assert await program.interrupt() == 130
        assert "Traceback" not in program.output
    assert "refresh" in (folder / "logs/service.log").read_text("utf-8")


@pytest.mark.promise("3-06", "3-38")
async def test_a_restart_finds_the_members_again(tmp_path: Path) -> None:
    folder = copy_project("zero", tmp_path)
    async with Program(folder, "service.py") as program, Member(await program.url(), "Ada") as ada:
        await ada.join()
        await ada.see_characters("Ada", "Meow")
        assert await program.interrupt() == 130
    async with Program(folder, "service.py") as program, Member(await program.url(), "Ada") as ada:
        (channel,) = await ada.ask("GET", "/channel/list")
        ada.channel_id = channel["channel_id"]
        await ada.act("refresh")
        await ada.see_characters("Ada", "Meow")


# What Ada sees of herself alone: after the start or her joining, and after a refresh.
CHAPTERS = {
    "01_empty": None,
    "02_tell_the_truth": None,
    "03_refresh": ["Ada"],
    "04_agent": ["Meow", "Ada"],
    "05_join_leave": ["Meow", "Ada"],
    "06_individual_lists": ["Ada", "Meow"],
}


def test_no_chapter_is_forgotten() -> None:
    chapters = (ROOT / "projects/zero/chapters").glob("*.py")
    assert sorted(path.stem for path in chapters) == list(CHAPTERS)


@pytest.mark.parametrize("chapter", CHAPTERS)
async def test_every_chapter_runs_and_shows_what_it_says(tmp_path: Path, chapter: str) -> None:
    folder = copy_project("zero", tmp_path)
    async with Program(folder, f"chapters/{chapter}.py") as program:
        async with Member(await program.url(), "Ada") as ada:
            await ada.join()
            names = CHAPTERS[chapter]
            if names is not None:
                await ada.see_characters(*names)
        assert await program.interrupt() == 130
        assert "Traceback" not in program.output
        if names is None:
            assert "names" not in ada.view
