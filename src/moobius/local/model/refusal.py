"""How the rules refuse a command: a code of platform.md 2.3, and a text for a person."""

from __future__ import annotations

from enum import IntEnum

from moobius.errors import MoobiusError


class Code(IntEnum):
    """The `code` of a reply's envelope (platform.md 2.3)."""

    SUCCESS = 10000
    MALFORMED = 10001
    NOT_FOUND = 10002
    NOT_PERMITTED = 10003
    CONFLICT = 10004
    NOT_AUTHENTICATED = 10005
    WRONG_CREDENTIALS = 10006
    ACCOUNT_EXISTS = 10007
    UNKNOWN_PATH = 10404
    INTERNAL = 10500


class Refused(MoobiusError):
    """A command the rules do not allow; nothing has changed.

    Attributes:
        code: The kind of refusal.
        message: The text for the caller.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type[Refused], tuple[Code, str]]:
        return type(self), (self.code, self.message)


def malformed(message: str) -> Refused:
    """Build the refusal of a missing or mistyped parameter."""
    return Refused(Code.MALFORMED, message)


def not_found(message: str) -> Refused:
    """Build the refusal of something that is not there."""
    return Refused(Code.NOT_FOUND, message)


def too_many(who: str, most: float, what: str) -> Refused:
    """Build the refusal of one more than is allowed, as in "This account has 5 channels, ..."."""
    return not_permitted(f"{who} {most} {what}, which is as many as it may")


def not_permitted(message: str) -> Refused:
    """Build the refusal of something the caller may not do."""
    return Refused(Code.NOT_PERMITTED, message)
