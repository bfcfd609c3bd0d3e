"""What a look at the class finds before it runs."""

from __future__ import annotations

from typing import Any

import pytest

from moobius import Moobius, MoobiusWand
from moobius.core.checks import CALLBACKS, check_class


def test_an_instance_is_refused_and_the_class_is_named() -> None:
    class Room(Moobius):
        pass

    with pytest.raises(TypeError, match=r"run\(Room, \.\.\.\)"):
        MoobiusWand().run(Room())  # type: ignore[arg-type]


def test_a_class_that_is_no_service_is_refused() -> None:
    class Room:
        pass

    with pytest.raises(TypeError, match=r"write `class Room\(Moobius\):`"):
        MoobiusWand().run(Room)  # type: ignore[arg-type]


def test_a_callback_that_is_not_async_is_named(log: list[str]) -> None:
    class Room(Moobius):
        def on_channel_checkin(self, channel_id: str) -> None:  # type: ignore[override]
            pass

    check_class(Room)
    assert any("Room.on_channel_checkin" in line and "async def" in line for line in log)


def test_a_misspelt_callback_is_named_with_the_one_that_is_meant(log: list[str]) -> None:
    class Room(Moobius):
        async def on_mesage_up(self, message: Any) -> None:
            pass

    check_class(Room)
    assert any("on_mesage_up; did you mean on_message_up?" in line for line in log)


def test_a_service_that_is_right_is_left_in_peace(log: list[str]) -> None:
    class Room(Moobius):
        async def on_message_up(self, message: Any) -> None:
            pass

        async def on_tea_time(self) -> None:
            pass

        def helper(self) -> None:
            pass

    check_class(Room)
    assert log == []


def test_the_callbacks_are_known() -> None:
    assert {"on_start", "do_member_sync", "before_channel_init", "on_error"} <= CALLBACKS
