"""`moobius demo`: one command to a page that answers; what the demo does is tested beside it."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import aiohttp
import pytest

from moobius.demo import project_folder
from moobius.errors import MissingFile
from tests.support.program import Program

PAGE = re.compile(r"^(http://127\.0\.0\.1:\d+/)$", re.MULTILINE)


async def test_it_prints_the_address_of_a_page_that_answers(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    async with Program(folder, "-m", "moobius", "demo", "--ephemeral", "--port", "0") as program:
        url = (await program.wait_for(PAGE))[1]
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            assert response.status == 200
            assert "<title>" in await response.text()
        await program.wait_for(re.compile("DemoService is ready: 1 channel on"))
        assert await program.interrupt() == 0
    assert "Traceback" not in program.output


async def test_ctrl_c_before_it_is_ready_ends_it_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    async with Program(folder, "-m", "moobius", "demo", "--ephemeral", "--port", "0") as program:
        await program.wait_for(PAGE)
        os.killpg(program._process.pid, signal.SIGINT)
        assert await program.ended() == 0
    assert "Traceback" not in program.output


def test_an_unknown_project_is_named() -> None:
    with pytest.raises(MissingFile, match="no project 'nothing'"):
        project_folder("nothing")
