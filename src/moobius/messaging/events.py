"""The events of a link for its shell, besides `Action` and `Request`, which are messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from moobius.errors import MessagingError
from moobius.messaging.messages import Action, Request
from moobius.messaging.requests import Pending


class Answered(NamedTuple):
    """A request has its answer; `value` is True for a file, which is in its place by now."""

    pending: Pending
    value: Any


class Failed(NamedTuple):
    """A request will have no answer."""

    pending: Pending
    error: MessagingError


class FileStored(NamedTuple):
    """A file that the peer pushed is in its place."""

    path: Path


LinkEvent = Action | Request | Answered | Failed | FileStored
