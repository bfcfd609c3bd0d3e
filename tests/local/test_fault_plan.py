"""The words of `--faults`, and the dice: the same seed throws the same."""

from __future__ import annotations

import pytest

from moobius.errors import ConfigError
from moobius.local.fault_plan import Delay, Dice, FaultPlan

ALL = (
    "cut=0.01,delay=50ms..200ms@0.1,duplicate=0.02,reorder=0.03,"
    "refuse=0.05,expire_tokens=0.001,http500=1,seed=7"
)


def test_every_word_arrives() -> None:
    plan = FaultPlan.read(ALL)
    assert plan == FaultPlan(0.01, Delay(0.05, 0.2, 0.1), 0.02, 0.03, 0.05, 0.001, 1.0, 7)
    assert str(plan) == ALL
    assert FaultPlan.read(str(plan)) == plan
    assert FaultPlan.read(" cut=1 , seed=1 ") == FaultPlan(cut=1.0, seed=1)
    assert FaultPlan.read("") == FaultPlan()


@pytest.mark.parametrize(
    ("text", "meant"),
    [("1s", Delay(1, 1, 1)), ("5ms@0.5", Delay(0.005, 0.005, 0.5)), ("0.5s..2s", Delay(0.5, 2, 1))],
)
def test_a_delay_is_a_time_or_a_range_and_perhaps_a_chance(text: str, meant: Delay) -> None:
    assert FaultPlan.read(f"delay={text}").delay == meant


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("cot=1", "no fault 'cot', only cut, delay, duplicate, reorder, refuse, expire_tokens"),
        ("cut", "cut= has to be a chance from 0 to 1"),
        ("cut=2", "cut=2 has to be a chance"),
        ("cut=nan", "cut=nan has to be a chance"),
        ("cut=0.1,cut=0.2", "cut is given twice"),
        ("delay=0.5", "delay=0.5 has to say how long"),
        ("delay=1.1.1s", "delay=1.1.1s has to say how long"),
        ("delay=2s..1s", "has to grow"),
        ("delay=1s..2h", "has to say how long"),
        ("delay=61s", "end at 60 s"),
        ("delay=1s@2", "delay=1s@2 has to be a chance|delay=2 has to be a chance"),
        ("seed=x", "seed=x has to be a whole number"),
    ],
)
def test_what_is_wrong_is_named(text: str, wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        FaultPlan.read(text)


def test_the_same_seed_throws_the_same_whatever_else_is_wanted() -> None:
    first, second = Dice(FaultPlan(cut=0.5, seed=7)), Dice(FaultPlan(cut=0.5, refuse=0.5, seed=7))
    thrown = []
    for _ in range(200):
        second.hit("refuse")
        thrown.append((first.hit("cut"), second.hit("cut")))
    assert all(one == other for one, other in thrown)
    assert 60 < sum(one for one, _ in thrown) < 140
    other = Dice(FaultPlan(cut=0.5, seed=8))
    assert [other.hit("cut") for _ in range(200)] != [one for one, _ in thrown]


def test_what_is_not_wanted_never_happens_and_what_is_certain_always_does() -> None:
    dice = Dice(FaultPlan(cut=1, delay=Delay(0.1, 0.2)))
    assert dice.plan.seed is not None, "so that a run can be repeated"
    for _ in range(100):
        assert dice.hit("cut")
        assert not dice.hit("refuse")
        assert 0.1 <= dice.delay_seconds() <= 0.2
    assert Dice(FaultPlan()).delay_seconds() == 0
