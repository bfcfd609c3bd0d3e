"""What a socket may ask for, decoded: D2 names only, every field of its declared type."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Union

Recipients = Union[str, tuple[str, ...], None]  # noqa: UP007 - evaluated at run time on 3.10
"""A group id, a character id or a literal; or a list of character ids; or nothing."""


@dataclass(frozen=True)
class MessageUp:
    """A message from a member (platform.md 3.7)."""

    subtype: str
    channel_id: str
    content: dict[str, Any]
    recipients: Recipients = None
    timestamp: int | None = None
    context: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MessageDown:
    """A message from a service (platform.md 3.8)."""

    subtype: str
    channel_id: str
    content: dict[str, Any]
    sender: str
    recipients: Recipients = None
    timestamp: int | None = None
    context: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Update:
    """Something a service shows (platform.md 3.9).

    Attributes:
        extras: `group_id` and `context`, where the sender gave them.
        everyone: Addressed to all members, whatever `recipients` says.
    """

    subtype: str
    channel_id: str
    content: Any
    recipients: Recipients = None
    extras: dict[str, Any] = field(default_factory=dict)
    everyone: bool = False


@dataclass(frozen=True)
class Action:
    """Something a member did (platform.md 3.10); `details` are the keys of its subtype."""

    subtype: str
    channel_id: str
    details: dict[str, Any] = field(default_factory=dict)
