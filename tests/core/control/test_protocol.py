"""What travels on a control address, without any socket."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import pytest

from moobius import types
from moobius.core.control import protocol
from moobius.core.control.protocol import ServiceInfo
from moobius.errors import WandError

INFO = ServiceInfo("Room-2", "Room", "running", 7, 1, 12.5, "/project", "")


@types.add_str_method
@dataclass
class Weather:
    sky: str
    wind: tuple[int, int]


@pytest.mark.parametrize(
    "spell",
    [
        "it rains",
        None,
        {"forecast": ["rain", 1, 2.5, True], "nested": {"a": (1, 2)}},
        {1: {2, 3}, (4, 5): b"\x00\xff"},
        Weather("grey", (3, 4)),
        types.MessageContent(text="hello", path=None),
        "half a surrogate \ud83d and \u2028",
        math.inf,
    ],
)
def test_a_spell_comes_back_as_it_was(spell: Any) -> None:
    assert protocol.unpack_spell(protocol.pack_spell(spell)) == spell


def test_what_json_cannot_hold_is_refused_at_the_call() -> None:
    with pytest.raises(WandError, match=r"cannot travel: .*object"):
        protocol.pack_spell(object())
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(WandError, match="contains itself"):
        protocol.pack_spell(circle)


def test_a_spell_that_is_too_long_is_refused_with_both_sizes() -> None:
    assert protocol.pack_spell("x" * (protocol.MAX_SPELL - 2))
    with pytest.raises(WandError, match=r"1,048,577 bytes where 1,048,576 may travel"):
        protocol.pack_spell("x" * (protocol.MAX_SPELL - 1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        None,
        7,
        b"\xff",
        '{"_moobius_type": "os.system", "_moobius_val": "true"}',
        '{"_moobius_type": "subprocess.Popen", "_moobius_val": {"args": "true"}}',
        '{"_moobius_type": "builtins.eval", "_moobius_val": "1"}',
        "[" * 100_000,
    ],
)
def test_what_is_no_spell_runs_nothing(text: Any) -> None:
    with pytest.raises(WandError, match="cannot be read"):
        protocol.unpack_spell(text)


def test_an_answer_is_a_value_or_an_error() -> None:
    assert protocol.read_answer(protocol.value_answer(None)) is None
    assert protocol.read_answer(protocol.value_answer([1])) == [1]
    with pytest.raises(WandError, match="nobody there"):
        protocol.read_answer(protocol.error_answer("nobody there"))
    wrong: Any
    for wrong in (None, [], {}, {"error": 1}, "value"):
        with pytest.raises(WandError, match="cannot be understood"):
            protocol.read_answer(wrong)


def test_what_is_told_of_a_service_may_grow() -> None:
    said = asdict(INFO)
    assert protocol.info_from_json({**said, "more": 1}) == INFO
    wrong: Any
    for wrong in (None, [], {"name": "Room"}):
        with pytest.raises(WandError, match="cannot be understood"):
            protocol.info_from_json(wrong)


def test_nobody_lists_the_living() -> None:
    assert protocol.no_service("Rom", ["Room"]) == "no service 'Rom' runs; running: Room"
    assert protocol.no_service("Rom", []) == "no service 'Rom' runs; running: none"
