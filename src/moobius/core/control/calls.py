"""Requests to the process that answers for a service: connecting, asking, and their errors."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from moobius.core.control import protocol
from moobius.core.control.connection_files import Record
from moobius.errors import ConfigError, MessagingError, RequestFailed, WandError
from moobius.messaging.aio_client import connect
from moobius.messaging.auth import SharedKey
from moobius.messaging.policy import FilePolicy

if TYPE_CHECKING:
    import ssl

    from moobius.messaging.aio_client import Connecting
    from moobius.messaging.aio_link import AsyncLink

ANSWER_WITHIN_S = 5.0
"""Seconds for what takes no time: a process that takes longer is dead, or was paused."""

GONE = (ConnectionRefusedError, FileNotFoundError)
"""The errors that mean that the process has certainly ended."""


class Unreachable(WandError):
    """The process that should answer does not.

    Attributes:
        is_gone: Whether that process has certainly ended.
    """

    def __init__(self, reason: str, *, is_gone: bool) -> None:
        super().__init__(reason)
        self.is_gone = is_gone

    def __reduce__(self) -> tuple[Any, ...]:
        return _unreachable, (self.args[0], self.is_gone)


def _unreachable(reason: str, is_gone: bool) -> Unreachable:
    return Unreachable(reason, is_gone=is_gone)


def no_files() -> FilePolicy:
    """Return the policy that lets neither side read or write files of the other."""
    return FilePolicy(Path(os.sep), (), ())


def dial(address: str, key: str | SharedKey, tls: ssl.SSLContext | None = None) -> Connecting:
    """Return a connection to be awaited.

    Raises:
        ConfigError: If the address or the key is not valid, or the address and `tls` do not match.
    """
    secret = key if isinstance(key, SharedKey) else SharedKey.from_hex(key)
    parts = urlsplit(address)
    common: dict[str, Any] = {
        "key": secret,
        "files": no_files(),
        "error_replies": True,
        "timeout": ANSWER_WITHIN_S,
    }
    if parts.scheme == "unix" and parts.path:
        return connect(path=parts.path, **common)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if parts.scheme not in ("tcp", "tls") or host is None or port is None:
        raise ConfigError(
            f"{address!r:.80} is none of unix:/PATH, tcp://HOST:PORT, tls://HOST:PORT"
        )
    if (parts.scheme == "tls") != (tls is not None):
        raise ConfigError(
            f"{address}: tls:// needs the certificates to trust, and only tls:// does"
        )
    return connect(host, port, ssl=tls, **common)


def check_address(address: str, key: str, tls: ssl.SSLContext | None) -> None:
    """Refuse what `dial` would refuse.

    Raises:
        ConfigError: If the address or the key is not valid, or the address and `tls` do not match.
    """
    dial(address, key, tls)


async def open_link(record: Record, tls: ssl.SSLContext | None = None) -> AsyncLink:
    """Connect to the process that answers for a service.

    Raises:
        Unreachable: If it does not answer.
    """
    try:
        return await dial(record.address, record.key, tls)
    except ConfigError as error:
        text = f"{record.name}.json, its connection file, is of no use: {error}"
        raise Unreachable(text, is_gone=False) from error
    except (asyncio.TimeoutError, OSError, MessagingError) as error:
        raise _unreachable_at(record, error) from error


async def ask(
    link: AsyncLink, record: Record, request: str, *args: Any, timeout: float | None = None
) -> Any:
    """Send a request over a connection, and return the value in its answer.

    Args:
        link: The connection.
        record: The connection file that it was made from, for errors.
        request: One of the requests of `protocol`.
        *args: Its arguments.
        timeout: Seconds to wait; without limit if not given.

    Raises:
        WandError: If the other side answers with an error.
        Unreachable: If there is no answer.
    """
    try:
        return protocol.read_answer(await link.request(request, *args, timeout=timeout))
    except RequestFailed as error:
        raise _unreachable_at(record, error) from error
    except MessagingError as error:
        raise _unreachable_at(record, error, protocol.PENDING_EFFECTS.get(request, "")) from error


async def answers(record: Record) -> bool:
    """Return whether the process that a connection file names answers, and wrote that file."""
    try:
        async with await open_link(record) as link:
            instance = await ask(link, record, protocol.PING, timeout=ANSWER_WITHIN_S)
    except Unreachable as error:
        return not error.is_gone
    except WandError:
        return False
    return bool(instance == record.instance)


def _unreachable_at(record: Record, error: Exception, pending_effect: str = "") -> Unreachable:
    reason = str(error) or f"no answer within {ANSWER_WITHIN_S:g} s"
    where = f"process {record.pid}" if record.pid else record.address
    who = record.name or "the wand"
    text = f"{who} cannot be reached ({where} should answer): {reason}{pending_effect}"
    return Unreachable(text, is_gone=isinstance(error, GONE))
