"""Verbs of one mode refuse to work in the other."""

from __future__ import annotations

import inspect

import pytest

from moobius import Moobius
from moobius.core.modes import service_only, user_only
from moobius.errors import WrongMode


class Robot:
    def __init__(self, service_mode: bool) -> None:
        self.service_mode = service_mode

    @service_only
    async def show(self, what: str, *, twice: bool = False) -> str:
        """Show something."""
        return what * 2 if twice else what

    @user_only
    async def click(self, what: str) -> str:
        return what


async def test_in_its_mode_a_verb_is_as_it_was() -> None:
    assert await Robot(True).show("hi", twice=True) == "hihi"
    assert await Robot(False).click(what="hi") == "hi"
    assert Robot.show.__name__ == "show"
    assert Robot.show.__doc__ == "Show something."
    assert list(inspect.signature(Robot.show).parameters) == ["self", "what", "twice"]


async def test_in_the_other_mode_it_says_whose_it_is() -> None:
    with pytest.raises(WrongMode, match=r"show\(\) is for a service \(service_mode true\)"):
        await Robot(False).show("hi")
    with pytest.raises(WrongMode, match=r"click\(\) is for a user-mode client"):
        await Robot(True).click("hi")


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("send_characters", ([], "CH", [])),
        ("send_buttons", ([], "CH", [])),
        ("send_menu", ([], "CH", [])),
        ("send_canvas", ([], "CH", [])),
        ("send_style", ([], "CH", [])),
        ("create_agent", ("Owl",)),
    ],
)
async def test_a_user_has_no_verbs_of_a_service(verb: str, arguments: tuple[object, ...]) -> None:
    user = Moobius(service_mode=False)
    with pytest.raises(WrongMode, match=rf"{verb}\(\) is for a service"):
        await getattr(user, verb)(*arguments)


async def test_a_service_clicks_nothing() -> None:
    with pytest.raises(WrongMode, match=r"send_button_click\(\) is for a user-mode client"):
        await Moobius().send_button_click("ring", channel_id="CH")
