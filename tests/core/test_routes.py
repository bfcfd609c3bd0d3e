"""The tables from frames to callbacks are whole."""

from __future__ import annotations

from moobius import Moobius
from moobius.core.routes import ACTION_ROUTES, ROUTES, UNKNOWN, UPDATE_ROUTES

NOT_FROM_THE_WIRE = {
    "on_start",
    "on_stop",
    "on_channel_init",
    "on_channel_checkin",
    "on_spell",
    "on_error",
    "on_action",  # stands before the callbacks of actions
}


def test_every_route_leads_to_a_callback_and_every_callback_has_a_route() -> None:
    callbacks = {name for name in dir(Moobius) if name.startswith("on_")} - NOT_FROM_THE_WIRE
    assert {*ROUTES.values(), *UPDATE_ROUTES.values(), UNKNOWN} == callbacks


def test_actions_are_a_part_of_the_routes() -> None:
    assert ACTION_ROUTES["join"] == "on_join"
    assert set(ACTION_ROUTES.values()) < set(ROUTES.values())
