"""The shared key (specification 6.4): both sides prove it, and sign every message. Pure.

It protects against change, replay, reordering and reflection; it hides nothing (that is what TLS is
for). A link without a key puts none of this on the wire.

    client                                   server
      | hello: role, nonce                     | hello: role, nonce
      |--------------------------------------->|
      |<---------------------------------------|     from both nonces and the key: one key each way
      | confirm, signed, number 0              | confirm, signed, number 0
      |--------------------------------------->|
      |<---------------------------------------|     verified on both sides: OPEN
      | every message, signed, numbered 1, 2, ...
"""

from __future__ import annotations

import enum
import hmac
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from moobius.errors import ConfigError, NotAuthentic
from moobius.messaging.framing import PROTOHEADER, Bytes, Header, framed
from moobius.messaging.messages import Encoded, encode_json
from moobius.messaging.outbox import Outgoing

AUTH = "auth"
VERSION = 1
KEY_BYTES, NONCE_BYTES = 32, 16
MAX_EARLY_MESSAGE = 1024
"""Bytes of a message before the peer has proved its key."""
CONFIRM_WITHIN_S = 5.0
SPEAK_WITHIN_S = 2.0
"""Where the key is not required, a peer that is silent for so long counts as one without a key."""
PIECES_AT_A_TIME = 4
"""Pieces of a file that are signed before other work goes on: this takes a millisecond or two."""
SIGNATURE_ROOM = 128
"""Bytes that a signature adds to a header, at most."""

_NO_MAC = b"0" * 64
_HEX_NONCE = re.compile(r"[0-9a-f]{32}")
_MAC_FIELD = re.compile(rb', "auth-mac": "([0-9a-f]{64})"\}')
_MAC_FIELD_LENGTH = len(b', "auth-mac": ""}') + 64
_CONFIRMATION = {"v": VERSION, "confirm": True}
OTHER_ROLE = {"client": "server", "server": "client"}
_DIRECTION = {"client": b"c2s", "server": b"s2c"}


@dataclass(frozen=True)
class SharedKey:
    """A key that both sides hold, and whether a peer without it is let in.

    Attributes:
        secret: 32 random bytes.
        required: Whether a peer that does not speak of keys is refused. False is for moving a fleet
            over, and no protection: an attacker can force it.
        file: Where it was read from; no peer gets that file, whatever the policy allows.
    """

    secret: bytes = field(repr=False)
    required: bool = True
    file: Path | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise ConfigError(f"a shared key has {KEY_BYTES} bytes, not {len(self.secret)}")

    @classmethod
    def from_hex(cls, text: str, *, required: bool = True) -> SharedKey:
        """Read a key from 64 hexadecimal digits; white space around them is allowed.

        Raises:
            ConfigError: If it is anything else.
        """
        try:
            secret = bytes.fromhex(text.strip())
        except ValueError:  # whose text would quote the key
            raise ConfigError("a shared key is 64 hexadecimal digits") from None
        return cls(secret, required)

    @classmethod
    def from_file(cls, path: str | Path, *, required: bool = True) -> SharedKey:
        """Read a key from a file that only its user can read.

        Raises:
            ConfigError: If there is no such file or no key in it, or if others may read it.
        """
        path = Path(path)
        try:
            mode, text = path.stat().st_mode, path.read_text("ascii")
        except (OSError, UnicodeError) as error:
            raise ConfigError(f"no shared key can be read from {path}: {error}") from None
        if os.name == "posix" and mode & 0o077:
            raise ConfigError(f"{path} holds a key that others can read; chmod 600 {path}")
        return replace(cls.from_hex(text, required=required), file=path.resolve())

    @classmethod
    def new(cls) -> SharedKey:
        """Draw a key."""
        return cls(secrets.token_bytes(KEY_BYTES))

    def hex(self) -> str:
        """Return the key as a key file holds it."""
        return self.secret.hex()


class State(enum.Enum):
    """How far a connection has come."""

    HELLO = "the peer has not said hello"
    CONFIRM = "the peer has not proved its key"
    OPEN = "both sides have proved their key"
    UNSIGNED = "the peer has no key, and needs none"


class Handshake:
    """One connection's proof and signatures: it inspects what comes and seals what goes."""

    def __init__(self, key: SharedKey, role: str, now: float, nonce: bytes | None = None) -> None:
        self.state = State.HELLO
        self.sealed = 0
        self._key = key
        self._role = role
        self._nonce = secrets.token_bytes(NONCE_BYTES) if nonce is None else nonce
        self._began = now
        self._keys: dict[str, bytes] = {}
        self._expected = 0
        self._mac: hmac.HMAC | None = None
        self._digits = b""
        self._signing: tuple[Outgoing, Iterator[bytes | None]] | None = None

    @property
    def may_send(self) -> bool:
        """Tell whether ordinary messages may go out."""
        return self.state in {State.OPEN, State.UNSIGNED}

    # What goes out.

    def hello(self) -> bytes:
        """Return the first thing that is sent on a connection."""
        contents = {"v": VERSION, "role": self._role, "nonce": self._nonce.hex()}
        return encode_json(contents, AUTH, None).wire

    def confirmation(self) -> bytes:
        """Return the second thing, when the peer has said hello."""
        message = encode_json(_CONFIRMATION, AUTH, None)
        header = self.seal(Outgoing.of(message))
        assert header is not None  # it is short
        return framed(header) + message.content

    def seal(self, message: Outgoing) -> bytes | None:
        """Return the header of a message, signed with this direction's next number.

        A large file takes more than one call; the others return `None`.
        """
        if self.state is State.UNSIGNED:
            return message.header
        if self._signing is None or self._signing[0] is not message:
            self._signing = (message, self._sign(message))
        header = next(self._signing[1])
        if header is not None:
            self._signing = None
        return header

    def _sign(self, message: Outgoing) -> Iterator[bytes | None]:
        unsigned = b'%s, "auth-seq": %d, "auth-mac": "' % (message.header[:-1], self.sealed)
        mac = hmac.new(self._keys[self._role], digestmod="sha256")
        mac.update(framed(unsigned + _NO_MAC + b'"}'))
        for number, piece in enumerate(message.content_pieces(), start=1):
            mac.update(piece)
            if number % PIECES_AT_A_TIME == 0:
                yield None
        self.sealed += 1
        yield unsigned + mac.hexdigest().encode() + b'"}'

    # What comes in: `framing.Inspector`.

    def inspect_length(self, length: int) -> None:
        """Refuse a long header from a peer that has not proved the key, before it is parsed."""
        may_be_unsigned = self.state is State.HELLO and not self._key.required
        if not (self.may_send or may_be_unsigned):
            self._check_early_size(PROTOHEADER.size + length)

    def inspect_header(self, raw: bytes, header: Header) -> None:
        """Refuse what may not come now; begin to verify what is signed."""
        if self.state is State.HELLO and header.message_type != AUTH and not self._key.required:
            self.state = State.UNSIGNED
        if self.state is State.UNSIGNED:
            return
        if self.state is not State.OPEN:
            self._check_early(raw, header)
        if self.state is not State.HELLO:
            self._begin_verifying(raw, header)

    def inspect_content(self, data: Bytes) -> None:
        """Take some of the content into the signature."""
        if self._mac is not None:
            self._mac.update(data)

    def inspect_end(self) -> None:
        """Compare the signature."""
        if self._mac is None:
            return
        if not hmac.compare_digest(self._mac.hexdigest().encode(), self._digits):
            is_proof = self.state is State.CONFIRM
            hint = "; do both sides have the same key?" if is_proof else ""
            raise NotAuthentic(f"a message whose signature is wrong{hint}")
        self._mac = None
        self._expected += 1

    def read(self, content: Any) -> bytes:
        """Take the peer's hello or confirmation; return what is to be sent for it.

        Raises:
            NotAuthentic: If it is neither.
        """
        if self.state is State.HELLO:
            self._keys = derive_keys(self._key.secret, *self._nonces(content))
            self.state = State.CONFIRM
            return self.confirmation()
        if content != _CONFIRMATION or content["confirm"] is not True:
            raise NotAuthentic("no confirmation where one must be")
        self.state = State.OPEN
        return b""

    # Time.

    def deadline(self, *, has_heard: bool) -> float | None:
        """Return when `expire` has to be asked; `has_heard` says whether any byte has come."""
        if self.may_send:
            return None
        is_silence_allowed = self._may_be_without_key(has_heard)
        return self._began + (SPEAK_WITHIN_S if is_silence_allowed else CONFIRM_WITHIN_S)

    def expire(self, now: float, *, has_heard: bool) -> None:
        """Go on without keys if that is allowed, or give up, when the time for it has come.

        Raises:
            NotAuthentic: If the peer took too long.
        """
        if self.may_send:
            return
        waited = now - self._began
        if self._may_be_without_key(has_heard) and waited >= SPEAK_WITHIN_S:
            self.state = State.UNSIGNED
        elif waited >= CONFIRM_WITHIN_S:
            raise NotAuthentic(f"{self.state.value} within {CONFIRM_WITHIN_S:.0f} s")

    # Inside.

    def _may_be_without_key(self, has_heard: bool) -> bool:
        return self.state is State.HELLO and not self._key.required and not has_heard

    def _check_early_size(self, size: int) -> None:
        if size > MAX_EARLY_MESSAGE:
            raise NotAuthentic(f"{size} bytes while {self.state.value}")

    def _check_early(self, raw: bytes, header: Header) -> None:
        size = PROTOHEADER.size + len(raw) + header.content_length
        if header.message_type != AUTH or header.encoding is None:
            raise NotAuthentic(f"a message while {self.state.value}")
        self._check_early_size(size)
        if self.state is State.HELLO and len(header.fields) != 5:
            raise NotAuthentic("a hello with additional header fields")

    def _begin_verifying(self, raw: bytes, header: Header) -> None:
        blank, self._digits = _take_signature(raw, header, "auth-seq")
        number = header.fields["auth-seq"]
        if type(number) is not int or number != self._expected:
            raise NotAuthentic(f"message {self._expected} was expected, another came")
        self._mac = hmac.new(self._keys[OTHER_ROLE[self._role]], digestmod="sha256")
        self._mac.update(framed(blank))

    def _nonces(self, content: Any) -> tuple[bytes, bytes]:
        """Return the client's and the server's nonce."""
        if not isinstance(content, dict) or content.keys() != {"v", "role", "nonce"}:
            raise NotAuthentic("no hello where one must be")
        if type(content["v"]) is not int or content["v"] != VERSION:
            raise NotAuthentic(f"a hello of a version other than {VERSION}")
        if content["role"] != OTHER_ROLE[self._role]:
            raise NotAuthentic("a hello with a role that is not the peer's")
        nonce = content["nonce"]
        if not isinstance(nonce, str) or not _HEX_NONCE.fullmatch(nonce):
            raise NotAuthentic("a hello whose nonce is not 32 lower-case hexadecimal digits")
        theirs = bytes.fromhex(nonce)
        if hmac.compare_digest(theirs, self._nonce):
            raise NotAuthentic("a hello with our own nonce")
        return (self._nonce, theirs) if self._role == "client" else (theirs, self._nonce)


def derive_keys(secret: bytes, client_nonce: bytes, server_nonce: bytes) -> dict[str, bytes]:
    """Return the key of each direction, by the role of who signs with it."""
    return {
        role: hmac.digest(
            secret,
            b"clever-show-auth-1 %s\0%s%s" % (direction, client_nonce, server_nonce),
            "sha256",
        )
        for role, direction in _DIRECTION.items()
    }


def _take_signature(raw: bytes, header: Header, companion: str) -> tuple[bytes, bytes]:
    """Return a header with a blank signature, and the signature's digits; refuse any other form."""
    at_end = _MAC_FIELD.fullmatch(raw, max(0, len(raw) - _MAC_FIELD_LENGTH))
    if at_end is None or list(header.fields)[-2:] != [companion, "auth-mac"]:
        raise NotAuthentic("a message that is not signed")
    return raw[: at_end.start(1)] + _NO_MAC + raw[at_end.end(1) :], at_end[1]


# Announcements: one datagram, no connection, so the time stands where the number would.


def sign_announcement(key: SharedKey, message: Encoded, now: int) -> bytes:
    """Return an announcement as it is sent, signed.

    Args:
        key: The shared key.
        message: The unsigned action.
        now: Seconds since 1970.
    """
    unsigned = b'%s, "auth-time": %d, "auth-mac": "' % (message.header[:-1], now)
    whole = framed(unsigned + _NO_MAC + b'"}') + message.content
    digits = hmac.new(_announcement_key(key), whole, "sha256").hexdigest().encode()
    return framed(unsigned + digits + b'"}') + message.content


class AnnouncementCheck:
    """Inspects announcements (`framing.Inspector`): signed with our key, and not too old."""

    def __init__(self, key: SharedKey, now: float, max_skew: float = 0.0) -> None:
        """Prepare for one datagram.

        Args:
            key: The shared key.
            now: Seconds since 1970.
            max_skew: How many seconds the announcement's time may be away; 0 does not look.
        """
        self._now = now
        self._max_skew = max_skew
        self._mac = hmac.new(_announcement_key(key), digestmod="sha256")
        self._digits = b""

    def inspect_length(self, length: int) -> None:
        """Accept any: a datagram is short."""

    def inspect_header(self, raw: bytes, header: Header) -> None:
        """Refuse what is unsigned or out of time."""
        blank, self._digits = _take_signature(raw, header, "auth-time")
        sent = header.fields["auth-time"]
        if type(sent) is not int:
            raise NotAuthentic("an announcement whose time is not an integer")
        if self._max_skew and abs(sent - self._now) > self._max_skew:
            raise NotAuthentic("an announcement from another time")
        self._mac.update(framed(blank))

    def inspect_content(self, data: Bytes) -> None:
        """Take some of the content into the signature."""
        self._mac.update(data)

    def inspect_end(self) -> None:
        """Compare the signature."""
        if not hmac.compare_digest(self._mac.hexdigest().encode(), self._digits):
            raise NotAuthentic("an announcement whose signature is wrong")


def _announcement_key(key: SharedKey) -> bytes:
    return hmac.digest(key.secret, b"clever-show-auth-1 udp\0", "sha256")
