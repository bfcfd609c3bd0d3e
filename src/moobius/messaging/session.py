"""The state of one connection, which ends with it: the message being received, and the keys."""

from __future__ import annotations

from typing import Any

from moobius.errors import ProtocolError
from moobius.messaging.auth import Handshake, SharedKey
from moobius.messaging.framing import Bytes, Decoder, Message
from moobius.messaging.limits import Limits
from moobius.messaging.outbox import Seal, unsealed


class Session:
    """One connection, from its first byte to its last.

    Attributes:
        decoder: What the received bytes say.
        greeting: Bytes of the handshake that are still to be sent, before everything else.
    """

    def __init__(self, limits: Limits, key: SharedKey | None, role: str, now: float) -> None:
        self._limits = limits
        self._handshake = Handshake(key, role, now) if key else None
        self.decoder = Decoder(limits, self._handshake)
        self._heard_at = now
        self._has_heard = False
        self.greeting = self._handshake.hello() if self._handshake else b""

    @property
    def is_ready(self) -> bool:
        """Tell whether ordinary messages may go out and come in."""
        return self._handshake is None or self._handshake.may_send

    @property
    def seal(self) -> Seal:
        """What makes the header that goes on the wire."""
        return self._handshake.seal if self._handshake else unsealed

    @property
    def is_inside_message(self) -> bool:
        """Tell whether a message has begun to come and is not complete."""
        return self.decoder.is_inside_message

    def receive(self, data: Bytes, now: float) -> None:
        """Take bytes from the network; their memory may be reused once all events are taken."""
        self._heard_at, self._has_heard = now, True
        self.decoder.feed(data)

    def prove(self) -> bool:
        """Take only messages of the handshake; tell whether it is complete."""
        while not self.is_ready:
            event = self.decoder.next_event()
            if event is None:
                return False
            assert isinstance(event, Message)  # the handshake lets nothing else pass
            self.take_handshake(event.content)
        return True

    def take_handshake(self, content: Any) -> None:
        """Take a message that came before this session was ready."""
        if self._handshake is None:
            return
        try:
            self.greeting += self._handshake.read(content)
        except ProtocolError as error:
            self.decoder.fail(error)
            raise

    @property
    def deadline(self) -> float | None:
        """When `expire` has to be called; `None` for never, as things stand."""
        if self._handshake is None:  # as nearly always: nothing is under way then
            return self._incomplete_until if self.decoder.is_inside_message else None
        proof_until = self._handshake.deadline(has_heard=self._has_heard)
        return sooner(self._incomplete_until, proof_until)

    def expire(self, now: float) -> None:
        """Refuse a peer that left a message incomplete, or did not prove its key in time."""
        if self._handshake is not None:
            self._handshake.expire(now, has_heard=self._has_heard)
        until = self._incomplete_until
        if until is not None and now >= until:
            raise ProtocolError(f"a message stood incomplete for {self._limits.incomplete_s:.0f} s")

    @property
    def _incomplete_until(self) -> float | None:
        if self._limits.incomplete_s is None or not self.decoder.is_inside_message:
            return None
        return self._heard_at + self._limits.incomplete_s


def sooner(one: float | None, other: float | None) -> float | None:
    """Return the earlier of two times; `None` means never."""
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)
