"""Which faults are wanted, how often, and the dice that decide when. Pure: no clock, no sockets.

A plan is written as in `cut=0.01,delay=50ms..200ms@0.1,seed=7`: a chance from 0 to 1 for each
fault, and for `delay` how long and, after `@`, how often.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from moobius.errors import ConfigError

DELAY = re.compile(
    r"(?P<least>[\d.]+)(?P<unit>ms|s)(?:\.\.(?P<most>[\d.]+)(?P<most_unit>ms|s))?(?:@(?P<chance>.+))?"
)
SECONDS = {"ms": 0.001, "s": 1.0}
LONGEST_DELAY = 60.0
HELP = "as in --faults cut=0.01,delay=50ms..200ms@0.1,seed=7"


@dataclass(frozen=True)
class Delay:
    """How long something is held back, in seconds, and how often that happens."""

    least: float
    most: float
    chance: float = 1.0

    def __str__(self) -> str:
        return f"{1000 * self.least:g}ms..{1000 * self.most:g}ms@{self.chance:g}"


@dataclass(frozen=True)
class FaultPlan:
    """The chances of all faults; `str` of it gives the words it is read from.

    Attributes:
        cut: A frame to a client, or an HTTP reply, is lost together with its connection, and with
            whatever is under way from the client.
        delay: A frame to a client, or an HTTP reply, is held back. Frames keep their order.
        duplicate: A frame to a client is sent twice.
        reorder: A frame to a client is sent after the one that follows it.
        refuse: A frame of a client is answered with `status: false` and not carried out, and so
            are repeats of it.
        expire_tokens: The access token of a request or a login has just expired.
        http500: A request is answered with status 500 and not carried out.
        seed: Where the dice begin; the same seed throws the same. None: anywhere.
    """

    cut: float = 0.0
    delay: Delay | None = None
    duplicate: float = 0.0
    reorder: float = 0.0
    refuse: float = 0.0
    expire_tokens: float = 0.0
    http500: float = 0.0
    seed: int | None = None

    def __str__(self) -> str:
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return ",".join(f"{name}={_text(value)}" for name, value in given.items() if value)

    @classmethod
    def read(cls, text: str) -> FaultPlan:
        """Read a plan.

        Raises:
            ConfigError: Says which part of it is wrong, and what there is.
        """
        found: dict[str, Any] = {}
        for part in filter(None, (each.strip() for each in text.split(","))):
            name, _, value = part.partition("=")
            reader = READERS.get(name)
            if reader is None:
                known = ", ".join(READERS)
                raise ConfigError(f"there is no fault {name!r}, only {known}; {HELP}")
            if name in found:
                raise ConfigError(f"the fault {name} is given twice; {HELP}")
            found[name] = reader(name, value)
        return cls(**found)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _chance(name: str, text: str) -> float:
    try:
        chance = float(text)
    except ValueError:
        chance = -1.0
    if not 0 <= chance <= 1:
        raise ConfigError(f"{name}={text} has to be a chance from 0 to 1; {HELP}")
    return chance


def _delay(name: str, text: str) -> Delay:
    found = DELAY.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        least = float(found["least"]) * SECONDS[found["unit"]]
        most = float(found["most"]) * SECONDS[found["most_unit"]] if found["most"] else least
    except ValueError:
        raise ConfigError(
            f"{name}={text} has to say how long and how often, as in 50ms..200ms@0.1 or 1s; {HELP}"
        ) from None
    if not least <= most <= LONGEST_DELAY:
        raise ConfigError(f"{name}={text} has to grow, and end at {LONGEST_DELAY:g} s; {HELP}")
    return Delay(least, most, _chance(name, found["chance"] or "1"))


def _seed(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ConfigError(f"{name}={text} has to be a whole number; {HELP}") from None


READERS: Mapping[str, Callable[[str, str], Any]] = {
    "cut": _chance,
    "delay": _delay,
    "duplicate": _chance,
    "reorder": _chance,
    "refuse": _chance,
    "expire_tokens": _chance,
    "http500": _chance,
    "seed": _seed,
}


class Dice:
    """Decides. Every fault has dice of its own, so that one more does not change the others."""

    def __init__(self, plan: FaultPlan) -> None:
        seed = random.randrange(2**32) if plan.seed is None else plan.seed
        self.plan = replace(plan, seed=seed)
        self._dice = {name: random.Random(f"{seed} {name}") for name in READERS}

    def hit(self, fault: str) -> bool:
        """Return whether a fault, named as in the plan, happens now."""
        chance: float = getattr(self.plan, fault)
        return chance > 0 and self._dice[fault].random() < chance

    def delay_seconds(self) -> float:
        """Return for how many seconds to hold something back."""
        delay, dice = self.plan.delay, self._dice["delay"]
        if delay is None or dice.random() >= delay.chance:
            return 0.0
        return dice.uniform(delay.least, delay.most)
