"""What is known of the other end of a connection."""

from __future__ import annotations

from moobius.local.speaker import Speaker
from moobius.local.wire.dialects import Dialect


def test_a_speaker_only_ever_turns_out_to_be_older() -> None:
    speaker = Speaker("conn")
    assert [speaker.heard(None), speaker.heard(Dialect.D1), speaker.heard(Dialect.D1)] == [
        False,
        True,
        False,
    ]
    assert speaker.heard(Dialect.D0)
    assert not speaker.heard(Dialect.D1)
    assert speaker.dialect is Dialect.D0


def test_who_chose_a_dialect_keeps_it() -> None:
    speaker = Speaker("conn", is_fixed=True)
    assert not speaker.heard(Dialect.D0)
    assert speaker.dialect is Dialect.D2


def test_a_stranger_has_a_number_and_no_name() -> None:
    assert {name: value for name, value in Speaker("conn").names.items() if value} == {
        "conn": "conn"
    }


def test_a_service_goes_by_its_latest_login() -> None:
    speaker = Speaker("conn", account="ada", services=["older", "newer"])
    assert speaker.names == {"conn": "conn", "user": "", "account": "ada", "service": "newer"}
