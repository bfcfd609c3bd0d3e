"""Seed 001, "the most delicious part": another, independent script speaks through the demo."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.member import Member
from tests.support.program import Program, copy_project

# What the reader of the demo would write: a weather forecast that knows nothing of the service.
FORECAST = """
from moobius import MoobiusWand

wand = MoobiusWand.attach()
print(list(wand.services()))
wand.spell("DemoService", "it starts raining")
"""


@pytest.mark.promise("0-31")
@pytest.mark.defect("D110")
async def test_a_separate_script_casts_a_spell_into_the_running_demo(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "forecast.py").write_text(FORECAST)
    async with Program(copy_project("demo", tmp_path), "main.py") as demo:
        async with Member(await demo.url(), "Ada") as ada:
            await ada.join()
            await ada.see_characters("Ada")
            async with Program(tmp_path / "elsewhere", "forecast.py") as forecast:
                assert await forecast.ended() == 0
            assert forecast.output == "['DemoService']\n"
            await ada.hear("WAND: it starts raining")
            command = ("-m", "moobius", "spell", "DemoService", "and stops again")
            async with Program(tmp_path / "elsewhere", *command) as typed:
                assert await typed.ended() == 0, typed.output
            await ada.hear("WAND: and stops again")
        assert await demo.interrupt() == 130
    async with Program(tmp_path / "elsewhere", "forecast.py") as forecast:
        assert await forecast.ended() == 1
    assert "no service 'DemoService' runs; running: none" in forecast.output
