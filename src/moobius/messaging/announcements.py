"""The datagram by which a server tells the network where it is (specification 1.7, 6.5)."""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from loguru import logger

from moobius.errors import ProtocolError
from moobius.messaging import messages
from moobius.messaging.framing import Decoder, Inspector, Message
from moobius.messaging.limits import Limits
from moobius.messaging.messages import Action, Encoded

ACTION = "server_ip"
SMALLEST_BUFFER = 1024
"""Bytes; a signed announcement has 371."""

# How soon listening notices that it shall end.
_LOOK_UP_S = 0.2
_PORT = re.compile(r"[0-9]{1,5}")


class Announcement(NamedTuple):
    """Where a server is."""

    host: str
    """`localhost` or an IPv4 address in four parts."""
    port: int
    """Where it accepts TCP connections."""
    id: str
    """Four digits, that tell servers apart."""
    start_time: float
    """When the server was started, in seconds since 1970."""


def encode(announcement: Announcement) -> Encoded:
    """Encode an announcement; numbers travel as texts."""
    host, port, server_id, start_time = announcement
    kwargs = {"host": host, "port": str(port), "id": server_id, "start_time": str(start_time)}
    return messages.encode_action(ACTION, (), kwargs)


def read(datagram: bytes, inspector: Inspector | None = None) -> Announcement:
    """Read a datagram that anybody may have sent.

    Args:
        datagram: The bytes.
        inspector: Who checks the signature, if one is required.

    Raises:
        ProtocolError: If it is not exactly one announcement of a server that could be there.
    """
    decoder = Decoder(Limits(json_content=len(datagram), file_content=0), inspector)
    decoder.feed(datagram)
    message = decoder.next_event()
    if not isinstance(message, Message):
        raise ProtocolError("a datagram that holds no whole message with JSON content")
    if decoder.is_inside_message:
        raise ProtocolError("a datagram that holds more than one message")
    meaning = messages.read(message.header, message.content)
    if not isinstance(meaning, Action) or meaning.action != ACTION:
        raise ProtocolError("a datagram that is no announcement")
    return _read_values(meaning.kwargs)


def _read_values(kwargs: Mapping[str, Any]) -> Announcement:
    return Announcement(
        _read_host(kwargs.get("host")),
        _read_port(kwargs.get("port")),
        str(kwargs.get("id", ""))[:60],
        _read_time(kwargs.get("start_time")),
    )


def _read_host(host: object) -> str:
    if host == "localhost":
        return "localhost"
    try:
        # Of an integer, ipaddress would make an address, too.
        address = ipaddress.IPv4Address(host if isinstance(host, str) else "")
    except ValueError:
        raise ProtocolError("an announcement whose host is no IPv4 address") from None
    if address.is_unspecified or address.is_multicast or str(address) == "255.255.255.255":
        raise ProtocolError(f"an announcement whose host {address} is nobody's address")
    return str(address)


def _read_port(port: object) -> int:
    if isinstance(port, str) and _PORT.fullmatch(port):
        port = int(port)
    if type(port) is not int or not 1 <= port <= 65535:
        raise ProtocolError("an announcement whose port is no number from 1 to 65535")
    return port


def _read_time(value: object) -> float:
    """Return when the server started; infinitely late if it does not say: it yields to others."""
    try:
        return float(value) if isinstance(value, (str, int, float)) else float("inf")
    except (ValueError, OverflowError):
        return float("inf")


def listening_socket(port: int) -> socket.socket:
    """Return a UDP socket that hears what is sent to this port, by broadcast too.

    Raises:
        OSError: If the port is taken.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.bind(("", port))
    except BaseException:
        sock.close()
        raise
    return sock


def hear(
    sock: socket.socket,
    inspector: Callable[[], Inspector | None],
    *,
    size: int = SMALLEST_BUFFER,
    seconds: float | None = None,
    is_over: Callable[[], bool],
) -> Announcement | None:
    """Wait for an announcement, whatever else arrives.

    Args:
        sock: As `listening_socket` returns it.
        inspector: Makes who checks the signature of one datagram.
        size: The most bytes of a datagram that are taken; a longer one is none of ours.
        seconds: How long to wait, for ever if `None`, however much else arrives.
        is_over: Asked now and then; true ends the waiting.

    Returns:
        The first good one; `None` when the time is up.

    Raises:
        OSError: If the socket is broken.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    while not is_over():
        left = _LOOK_UP_S if deadline is None else min(_LOOK_UP_S, deadline - time.monotonic())
        if left <= 0:
            return None
        sock.settimeout(left)
        try:
            datagram, sender = sock.recvfrom(max(size, SMALLEST_BUFFER))
            return read(datagram, inspector())
        except TimeoutError:
            continue
        except ProtocolError as error:
            logger.debug("Ignored a datagram from {}:{}: {}", *sender[:2], error)
    return None
