"""How a program calls the process that answers for a service."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from moobius.core.control import protocol
from moobius.core.control.records import Record
from moobius.errors import ConfigError, MessagingError, RequestFailed, WandError
from moobius.messaging.aio_client import connect
from moobius.messaging.auth import SharedKey
from moobius.messaging.policy import FilePolicy

if TYPE_CHECKING:
    import ssl

    from moobius.messaging.aio_client import Connecting
    from moobius.messaging.aio_link import AsyncLink

ANSWER_WITHIN_S = 5.0
"""Seconds for what takes no time: the process is dead or stopped if it takes longer."""

GONE = (ConnectionRefusedError, FileNotFoundError)
"""What it means when nobody is there any more."""


class Unreachable(WandError):
    """The process that should answer does not.

    Attributes:
        is_gone: Whether it certainly has ended.
    """

    def __init__(self, reason: str, *, is_gone: bool) -> None:
        super().__init__(reason)
        self.is_gone = is_gone

    def __reduce__(self) -> tuple[Any, ...]:
        return _unreachable, (self.args[0], self.is_gone)


def _unreachable(reason: str, is_gone: bool) -> Unreachable:
    return Unreachable(reason, is_gone=is_gone)


def no_files() -> FilePolicy:
    """Return the policy under which neither side reads or writes a file of the other."""
    return FilePolicy(Path(os.sep), (), ())


def dial(address: str, key: str | SharedKey, tls: ssl.SSLContext | None = None) -> Connecting:
    """Return a connection about to be made.

    Raises:
        ConfigError: If the address or the key cannot be one, or the other way needs TLS.
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
        ConfigError: If the address or the key cannot be one, or does not go with the certificates.
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
        raise _not_there(record, error) from error


async def ask(
    link: AsyncLink, record: Record, request: str, *args: Any, timeout: float | None = None
) -> Any:
    """Ask for something over a connection, and return the answer's value.

    Args:
        link: The connection.
        record: Whom it leads to.
        request: What for.
        *args: Arguments of that.
        timeout: Seconds to wait; as long as it takes if not given.

    Raises:
        WandError: What went wrong over there.
        Unreachable: If there is no answer.
    """
    try:
        return protocol.read_answer(await link.request(request, *args, timeout=timeout))
    except RequestFailed as error:
        raise _not_there(record, error) from error
    except MessagingError as error:
        raise _not_there(record, error, protocol.MAY_BE_STILL.get(request, "")) from error


async def answers(record: Record) -> bool:
    """Return whether the process that a connection file names is there, and has written it."""
    try:
        async with await open_link(record) as link:
            said = await ask(link, record, protocol.PING, timeout=ANSWER_WITHIN_S)
    except Unreachable as error:
        return not error.is_gone
    except WandError:
        return False
    return bool(said == record.instance)


def _not_there(record: Record, error: Exception, may_be: str = "") -> Unreachable:
    reason = str(error) or f"no answer within {ANSWER_WITHIN_S:g} s"
    where = f"process {record.pid}" if record.pid else record.address
    who = record.name or "the wand"
    text = f"{who} cannot be reached ({where} should answer): {reason}{may_be}"
    return Unreachable(text, is_gone=isinstance(error, GONE))
