"""A spell that another program casts is seen on the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from moobius import MoobiusWand
from tests.support.program import Program, copy_project

from .conftest import OpenPerson

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.defect("D110")
async def test_what_another_program_casts_is_seen_on_the_page(
    tmp_path: Path, person: OpenPerson
) -> None:
    async with Program(copy_project("demo", tmp_path), "main.py") as demo:
        ada = await person("Ada", await demo.url())
        await ada.sees("Ada")
        with MoobiusWand.attach(runtime=tmp_path / "runtime" / "moobius") as wand:
            (name,) = wand.services()
            await wand.aspell(name, "it starts raining")
        await expect(ada.message("WAND: it starts raining")).to_have_count(1)
        assert await demo.interrupt() == 130
