"""The log sinks of this package: one for each place, however many services ask for it.

loguru's `logger` belongs to the user. What is added here is removed again, and nothing else,
except loguru's own start-up sink, which would print every line a second time.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loguru import logger

TERMINAL = "the terminal"
LOGURU_START_UP_SINK = 0


@dataclass(frozen=True, eq=False)
class Wish:
    """Somebody wants the records of a level and above in a place."""

    place: str
    """`TERMINAL`, or the path of a file."""
    level: str
    options: Mapping[str, Any] = field(default_factory=dict)
    """Rotation and retention of a file, as `logger.add` takes them."""


_wishes: dict[str, list[Wish]] = defaultdict(list)
_open: dict[str, tuple[int, str]] = {}  # place -> number and level of its sink
_lock = threading.RLock()
_chosen: list[Wish] = []  # what `set_terminal_logger_level` was last told


def add_wish(wish: Wish) -> None:
    """See to it that a place gets what is wanted there.

    Raises:
        OSError: If a file cannot be written.
        ValueError: If loguru does not understand the options; also a `TypeError`.
    """
    with _lock:
        with contextlib.suppress(ValueError):
            logger.remove(LOGURU_START_UP_SINK)
        _wishes[wish.place].append(wish)
        try:
            _settle(wish.place)
        except BaseException:
            drop_wish(wish)
            raise


def drop_wish(wish: Wish) -> None:
    """Forget a wish; the sink goes with the last one for its place."""
    with _lock:
        _wishes[wish.place].remove(wish)
        _settle(wish.place)


def set_terminal_logger_level(the_level: str) -> None:
    """Show records of this level and above on the terminal, whatever services ask for.

    Raises:
        ValueError: If loguru knows no such level.
    """
    wish = Wish(TERMINAL, logger.level(the_level.upper()).name)
    with _lock:
        before, _chosen[:] = list(_chosen), [wish]
        add_wish(wish)
        for old in before:
            drop_wish(old)


def _settle(place: str) -> None:
    """Bring the sink of a place into line with the wishes: the lowest level wanted there."""
    wishes = [wish for wish in _chosen if wish in _wishes[place]] or _wishes[place]
    wanted = min((wish.level for wish in wishes), key=_rank, default=None)
    number, level = _open.get(place, (None, None))
    if wanted == level:
        return
    if number is not None:
        del _open[place]
        try:
            logger.remove(number)
        except ValueError:
            pass  # the user may have removed it, with all others
        except OSError as error:  # of a full disk, for one; it is removed all the same
            logger.warning("the last of the log is not in {}: {}", place, error.strerror)
    if wanted is not None:
        _open[place] = _add(place, wanted, wishes[0].options), wanted


def _add(place: str, level: str, options: Mapping[str, Any]) -> int:
    # Without diagnose: the values of variables, as loguru shows them beside a traceback, may be
    # secrets.
    if place != TERMINAL:
        return logger.add(place, level=level, diagnose=False, **options)
    return logger.add(
        sys.stdout,
        level=level,
        filter=lambda record: not record["extra"].get("on_stderr"),
        diagnose=False,
    )


def _rank(level: str) -> int:
    return logger.level(level).no
