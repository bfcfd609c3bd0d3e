"""The log sinks of this package: one for the terminal and each file, shared by all services.

loguru's `logger` belongs to the user. Only sinks that were added here are removed; and loguru's own
start-up sink, which would print every line a second time.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from loguru import logger

TERMINAL = "the terminal"
LOGURU_START_UP_SINK = 0
_COLOURED = ("PYCHARM_HOSTED", "GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "TRAVIS", "APPVEYOR")
"""Set where what a program prints is shown in colours, though it is no terminal."""


@dataclass(frozen=True, eq=False)
class Wish:
    """A request for a sink: the terminal or a file, with the lowest level to be logged there."""

    place: str
    """`TERMINAL`, or the path of a file."""
    level: str
    options: Mapping[str, Any] = field(default_factory=dict)
    """Rotation and retention of a file, as `logger.add` takes them."""


class _Terminal:
    """Standard output, as long as somebody reads it; a program may have none at all.

    loguru would tell at each line that it cannot be written, and fail where there is nothing.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        if self._stream is not None:
            try:
                self._stream.write(text)
                self._stream.flush()
            except BrokenPipeError:  # `| head` has seen enough
                self._stream = None

    def isatty(self) -> bool:
        """Whether lines may be coloured; where loguru would colour `sys.stdout`, for one."""
        stream = self._stream
        return stream is not None and (stream.isatty() or any(map(os.environ.get, _COLOURED)))


_wishes: dict[str, list[Wish]] = defaultdict(list)
_open: dict[str, tuple[int, str]] = {}  # place -> number and level of its sink
_lock = threading.RLock()
_chosen: list[Wish] = []  # the wish of the last call of `set_terminal_logger_level`, if any


def add_wish(wish: Wish) -> None:
    """Add a wish, and the sink for it, if there is none.

    Raises:
        OSError: If a file cannot be written.
        ValueError: If loguru does not understand the options; also a `TypeError`.
    """
    with _lock:
        with contextlib.suppress(ValueError):
            logger.remove(LOGURU_START_UP_SINK)
        _wishes[wish.place].append(wish)
        try:
            _update_sink(wish.place)
        except BaseException:
            drop_wish(wish)
            raise


def drop_wish(wish: Wish) -> None:
    """Remove a wish; with the last one for its place, the sink is removed too."""
    with _lock:
        _wishes[wish.place].remove(wish)
        _update_sink(wish.place)


def set_terminal_logger_level(the_level: str) -> None:
    """Show records of this level and above on the terminal, whatever level services ask for.

    Raises:
        ValueError: If loguru knows no such level.
    """
    wish = Wish(TERMINAL, logger.level(the_level.upper()).name)
    with _lock:
        before, _chosen[:] = list(_chosen), [wish]
        add_wish(wish)
        for old in before:
            drop_wish(old)


def _update_sink(place: str) -> None:
    """Replace the sink of a place if its level is not the lowest of its wishes."""
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
        except OSError as error:  # such as a full disk; the sink is removed all the same
            logger.warning(
                "the last log lines could not be written to {}: {}", place, error.strerror
            )
    if wanted is not None:
        _open[place] = _add(place, wanted, wishes[0].options), wanted


def _add(place: str, level: str, options: Mapping[str, Any]) -> int:
    # Without diagnose: the values of variables, as loguru shows them beside a traceback, may be
    # secrets.
    if place != TERMINAL:
        return logger.add(place, level=level, diagnose=False, **options)
    # On Windows only the stream itself will do: loguru has the console show colours for no other.
    is_plain = os.name == "nt" and sys.stdout is not None
    return logger.add(
        sys.stdout if is_plain else _Terminal(sys.stdout),
        level=level,
        filter=lambda record: not record["extra"].get("on_stderr"),
        diagnose=False,
    )


def _rank(level: str) -> int:
    return logger.level(level).no
