"""Who a login makes of a connection: pure, on a state made by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moobius.local import logins
from moobius.local.model.refusal import Refused
from moobius.local.model.state import Service, State, Token
from moobius.local.passwords import digest_of
from moobius.local.wire import inbound

NOW = 1000


@pytest.fixture
def state() -> State:
    """Ada, her tokens, and a service of hers; another of Bob's."""
    state = State()
    state.tokens[digest_of("good")] = Token("ADA", "access", "family", NOW + 1)
    state.tokens[digest_of("old")] = Token("ADA", "access", "family", NOW)
    state.tokens[digest_of("fresh")] = Token("ADA", "refresh", "family", NOW + 1)
    state.services["SVC"] = Service("SVC", "ADA")
    state.services["BOBS"] = Service("BOBS", "BOB")
    return state


def login(**fields: Any) -> inbound.Request:
    return inbound.read(json.dumps({"type": "service_login", **fields}))


def test_a_token_is_somebodys(state: State) -> None:
    assert logins.user_of(state, NOW, login(access_token="good")) == "ADA"


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("old", "Expired access_token"),
        ("fresh", "Invalid access_token"),
        ("unheard of", "Invalid access_token"),
        ("", "Invalid access_token"),
        (None, "Invalid access_token"),
        (["good"], "Invalid access_token"),
    ],
)
def test_any_other_is_nobodys(state: State, token: Any, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        logins.user_of(state, NOW, login(access_token=token))


@pytest.mark.parametrize(
    ("named", "service"),
    [
        ({"service_id": "SVC"}, "SVC"),
        ({"client_id": "SVC"}, "SVC"),
        ({"service_id": "SVC", "client_id": "BOBS"}, "SVC"),
        ({"service_id": ""}, ""),
        ({"service_id": None}, ""),
        ({"service_id": 7}, ""),
        ({}, ""),
    ],
)
def test_a_service_may_be_named(state: State, named: dict[str, Any], service: str) -> None:
    found = logins.service_of(state, NOW, login(access_token="good", **named))
    assert found == ("ADA", service)


@pytest.mark.parametrize("service", ["BOBS", "unheard of"])
def test_but_only_ones_own(state: State, service: str) -> None:
    with pytest.raises(Refused, match="Service not found for this access_token"):
        logins.service_of(state, NOW, login(access_token="good", service_id=service))
