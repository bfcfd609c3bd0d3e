"""Everything this package raises on purpose.

MoobiusError
├── ConfigError                fix the settings and start again
│   └── ValidationError        .errors names each one (messaging; also a ValueError)
├── MissingFile                a file that was named is not there (also a FileNotFoundError)
├── FileInTheWay               a file is there that may not be replaced (also a FileExistsError)
├── PayloadError               a frame we cannot read, or may not send
│   └── FrameTooLarge          .size, .limit: send less, or upload a file
├── StorageError               an engine failed
│   ├── BrokenRecord           one stored record cannot be read; the others are fine
│   ├── EditConflict           changed elsewhere during an edit: nothing is stored, edit it again
│   └── UnstorableError        a key or value of a type that no engine keeps (also a TypeError)
│       └── UnknownType        a record names a dataclass that was not imported yet
├── WrongMode                  a service-only verb called in user mode, or the reverse
├── WandError                  a service could not be started, reached or stopped
├── MessagingError             talking with a peer over moobius.messaging failed
│   ├── ProtocolError          the peer's bytes cannot be trusted; we hang up (also a ValueError)
│   │   └── NotAuthentic       a wrong key, or a message that was tampered with
│   ├── Unsendable             a message too long, or too deep, to be sent (also a ValueError)
│   ├── QueueFull              too much waits to be sent; try again later (also an OSError)
│   ├── TooManyRequests        too many wait for their answer (also a RuntimeError)
│   ├── RequestTimeout         no answer in time (also a TimeoutError)
│   ├── RequestFailed          the peer says that it cannot answer; .kind says why
│   ├── FileRefused            a file that may not, or cannot, be transferred (also an OSError)
│   └── PeerLost               the connection ended (also a ConnectionError)
│       ├── PeerClosed         the peer hung up (also a RuntimeError)
│       └── ConnectTimeout     it took too long to begin (also a TimeoutError)
└── PlatformError              asking the Platform failed; .endpoint says for what
    ├── TransportError         it may never have arrived; trying again can help
    ├── LoginRefused           the socket stays logged out; fix credentials or ids
    └── BadResponseException   understood, and the answer is no; .code says which
        └── Unauthorized       sign in again

Messages are for people: what was wrong, where, and what would be right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class MoobiusError(Exception):
    """The root of everything this package raises on purpose."""


class ConfigError(MoobiusError):
    """The settings are incomplete or contradict each other."""


class ValidationError(ConfigError, ValueError):
    """Settings that their specification refuses.

    Attributes:
        config: The settings, as they were refused.
        errors: (name, reason) for each faulty one, as in `("SERVER.port", "...")`.
    """

    def __init__(self, config: Any, errors: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{name}: {reason}" for name, reason in errors))
        self.config = config
        self.errors = list(errors)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.config, self.errors)


class MissingFile(MoobiusError, FileNotFoundError):
    """A file that was named is not there."""


class FileInTheWay(MoobiusError, FileExistsError):
    """A file is there already, and may not be replaced."""


class PayloadError(MoobiusError):
    """A frame that cannot be read, or that may not be sent."""


class FrameTooLarge(PayloadError):
    """A frame above the Platform's size limit; it was not sent.

    Attributes:
        size: Size of the frame in bytes.
        limit: The largest size allowed, in bytes.
    """

    def __init__(self, size: int, limit: int, what: str = "frame") -> None:
        super().__init__(
            f"{what} of {size} bytes not sent: the limit is {limit} bytes; "
            "send less at a time, or upload a file and send its URL"
        )
        self.size = size
        self.limit = limit
        self.what = what

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.size, self.limit, self.what)


class StorageError(MoobiusError):
    """A storage engine failed."""


class BrokenRecord(StorageError):
    """One stored record that cannot be read; the others stay usable."""


class EditConflict(StorageError):
    """A value was changed through another handle on the store while it was edited."""


class UnstorableError(StorageError, TypeError):
    """A key or a value of a type that storage does not keep or restore."""


class UnknownType(UnstorableError):
    """A record names a dataclass that is not registered, as before its module is imported."""


class WrongMode(MoobiusError):
    """A verb that this client's mode (service or user) does not have."""


class WandError(MoobiusError):
    """A service could not be started, reached or stopped."""


class MessagingError(MoobiusError):
    """Talking with a peer over `moobius.messaging` failed."""


class ProtocolError(MessagingError, ValueError):
    """Bytes of a peer that cannot be trusted; the connection they came on is closed."""


class NotAuthentic(ProtocolError):
    """The peer does not hold our key, or a message was changed, repeated or left out."""


class Unsendable(MessagingError, ValueError):
    """A message that is longer than the format or the limits allow, or nests deeper."""


class QueueFull(MessagingError, OSError):
    """Too much waits to be sent; this was not queued."""


class TooManyRequests(MessagingError, RuntimeError):
    """Too many requests wait for their answer; this one was not sent."""


class RequestTimeout(MessagingError, TimeoutError):
    """A request that was not answered in time."""


class RequestFailed(MessagingError):
    """A request that the peer cannot answer, or whose answer cannot be understood.

    Attributes:
        kind: Why: `unknown`, `exception`, `not-found`, `refused`, `encoding` as the peer says, or
            `malformed` for an answer without a value, or one that breaks the rules.
    """

    def __init__(self, reason: str, *, kind: str) -> None:
        super().__init__(reason)
        self.kind = kind

    def __reduce__(self) -> tuple[Any, ...]:
        return _failed_request, (self.args[0], self.kind)


class FileRefused(MessagingError, OSError):
    """A file that the policy does not let through, or that cannot be read or written."""


class PeerLost(MessagingError, ConnectionError):
    """The connection to the peer ended, or there is none."""


class PeerClosed(PeerLost, RuntimeError):
    """The peer closed the connection."""


class ConnectTimeout(PeerLost, TimeoutError):
    """A connection that did not stand in time; it says how far it came."""


class PlatformError(MoobiusError):
    """Asking the Platform for something failed.

    Attributes:
        reason: What went wrong.
        endpoint: What was asked, as in `POST /channel/create`.
    """

    def __init__(self, reason: str, *, endpoint: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.endpoint = endpoint

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.reason}"

    # Errors cross process borders (a background service reports to its wand), and an exception
    # with required keywords does not survive pickle by itself.
    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), dict(self.__dict__))


class TransportError(PlatformError):
    """The request or connection broke; it may never have arrived."""


class LoginRefused(PlatformError):
    """The Platform refused the login on the socket."""


class BadResponseException(PlatformError):
    """The Platform understood the request, and the answer is no.

    Attributes:
        code: The `code` of the reply's envelope, or the HTTP status where there is no envelope.
    """

    def __init__(self, reason: str, *, endpoint: str, code: int) -> None:
        super().__init__(reason, endpoint=endpoint)
        self.code = code

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.reason} (code {self.code})"


class Unauthorized(BadResponseException):
    """The access token is missing, invalid or expired (code 10005)."""


def _failed_request(reason: str, kind: str) -> RequestFailed:
    return RequestFailed(reason, kind=kind)


def _rebuild(cls: type[PlatformError], state: dict[str, Any]) -> PlatformError:
    error = cls.__new__(cls)
    Exception.__init__(error, state["reason"])
    error.__dict__.update(state)
    return error
