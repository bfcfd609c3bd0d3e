"""Which of the three dialects a client speaks, and any frame in that dialect (platform.md 6.4).

The Platform thinks in D2, the language of 1.8.0. What comes in is D2 from `inbound.py` on; what
goes out is turned back here, at the very edge, for clients that are older.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum

from moobius.local.model.outcome import Frame
from moobius.local.wire import to_d0, to_d1
from moobius.local.wire.inbound import FETCHES, Request

PARAMETER = "dialect"


class Dialect(IntEnum):
    """How a client speaks; the older, the smaller."""

    D0 = 0  # 0.0.1
    D1 = 1  # 1.0 to 1.3.7, and the JavaScript SDK
    D2 = 2  # 20 August 2024 up to 1.8.0, and everybody since


NAMES: Mapping[str, Dialect] = {each.name.lower(): each for each in Dialect}

# Frames that only speakers of one dialect send. A subtype says more than its type.
TYPES: Mapping[str, Dialect] = {
    "ping": Dialect.D0,
    "msg_up": Dialect.D0,
    "msg_down": Dialect.D0,
    "feature_call": Dialect.D0,
    "button_click": Dialect.D1,
    "menu_click": Dialect.D1,
    "context_rclick": Dialect.D1,
}
OLDEST_WORDS = ("userlist", "features", "playground")


def spoken(request: Request) -> Dialect | None:
    """Return the dialect that a frame gives away; None if all would say it so."""
    found = TYPES.get(request.type)
    if found is not None:
        return found
    body = request.frame.get("body")
    subtype = body.get("subtype") if isinstance(body, dict) else None
    if not isinstance(subtype, str):
        return None
    fetches = request.type == "action" and subtype in FETCHES
    if not fetches and not (request.type == "update" and subtype.startswith("update_")):
        return None
    return Dialect.D0 if subtype.partition("_")[2] in OLDEST_WORDS else Dialect.D1


def render(frame: Frame, dialect: Dialect, named: Sequence[str] = ()) -> tuple[Frame, ...]:
    """Return a frame as clients of a dialect know it: one frame, several, or none.

    Args:
        frame: In D2, as the model delivers it; it is not changed.
        dialect: Whose language.
        named: The characters behind the group id in the frame, for those who know no groups.
    """
    return RENDER[dialect](frame, named)


RENDER: Mapping[Dialect, Callable[[Frame, Sequence[str]], tuple[Frame, ...]]] = {
    Dialect.D0: to_d0.frames,
    Dialect.D1: to_d1.frames,
    Dialect.D2: lambda frame, named: (frame,),
}
