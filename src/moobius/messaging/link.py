"""The rules for one side of a connection, without I/O: calls and bytes in, events and bytes out.

A `Link` knows all the rules: framing, limits, keys, files, the queue, the pending requests, what is
sent again after a loss. It has no socket, clock, thread or lock. Two shells use it: `aio_link`
(asyncio) and `connection_manager` (selectors, the original interface). A shell

- calls `connection_made` and `connection_lost`; the link outlives connections;
- hands received bytes to `receive`, then takes `next_event` until there is none. What these raise
  (`ProtocolError`, `OSError`) means: log it, close the connection, call `connection_lost`;
- sends what `data_to_send` returns, and says with `sent` how much the system took; or takes whole
  messages with `take_whole`, where it hands all over at once;
- calls `expire` at `next_deadline` at the latest, then takes events. Times are seconds of any clock
  that only goes forward, the same one in all calls;
- runs callbacks for `Action` and `Request` with the functions of `callbacks`, and hands on
  `Answered` and `Failed` to `pending.owner`, which is the shell's own.

Files need no callback: what a peer pushes or asks for is written and read here, as the policy
allows. A shell that is used from several threads holds a lock of its own around each call.
"""

from __future__ import annotations

from loguru import logger

from moobius.errors import NotAuthentic, ProtocolError, RequestTimeout
from moobius.messaging.events import Failed, LinkEvent
from moobius.messaging.framing import Bytes, FramingEvent, Message
from moobius.messaging.link_calls import LinkCalls
from moobius.messaging.outbox import Outgoing
from moobius.messaging.session import Session, sooner


class Link(LinkCalls):
    """What one side knows of its peer, and the connection to it while there is one.

    How it is made, and its calls (`send_action`, `request`, ...) are in `LinkCalls`.
    """

    # The connection.

    def connection_made(self, role: str, now: float) -> None:
        """Begin a connection: greet, then what was queued, then the unanswered requests again.

        Args:
            role: `client` for the side that connected, `server` for the side that accepted.
            now: The time.
        """
        self._begin(Session(self.limits, self.key, role, now))

    def take_over(self, other: Link) -> None:
        """Go on with the connection of another link, whose peer turned out to be ours.

        May be called only between two of its messages. What waits in the other link is sent first,
        and answers to its requests come to this link.
        """
        session, other._session = other._session, None
        if session is None:
            return
        self._begin(session)
        self.outbox.take_over(other.outbox)
        for pending in self.pending.take_over(other.pending):
            self._intake.fail(pending, "malformed", "another request has its id")

    def _begin(self, session: Session) -> None:
        self._session = session
        self.peer_has_key = False
        if self.resend_requests:
            still_queued = self.outbox.queued_requests()
            for pending in self.pending:
                if pending.request_id not in still_queued:
                    self.outbox.put_again(Outgoing.of(pending.message, pending.request_id))

    def connection_lost(self) -> None:
        """End the connection; harmless when there is none."""
        session, self._session = self._session, None
        if session is None:
            return
        if session.is_inside_message:
            logger.warning("{}: the connection ended inside a message, which is lost", self.name)
        self._intake.abandon()
        self.outbox.connection_lost(keep=self.resume_queue)

    def why_lost(self, error: Exception | None) -> str:
        """Say why there is no connection any more, as far as this side can tell.

        Args:
            error: What was wrong, if anything was.
        """
        if self.peer_has_key and self.key is None:
            return "the peer hung up: it has a shared key, and this side has none to prove"
        hint = "; do both sides have the same key?" if self.key is not None else ""
        return str(error or f"the peer hung up{hint}")

    # Bytes.

    def receive(self, data: Bytes, now: float) -> None:
        """Take bytes from the network; their memory may be reused once all events are taken.

        Raises:
            ProtocolError: If this connection has failed before.
        """
        if self._session is not None:
            self._session.receive(data, now)

    def next_event(self) -> LinkEvent | None:
        """Return what happened next; `None` when nothing did, or more bytes are needed.

        Raises:
            ProtocolError: If the peer's bytes cannot be trusted.
            OSError: If an answer does not fit into the queue.
        """
        while not self._intake.events and self._session is not None:
            event = self._decoded(self._session)
            if event is None:
                return self._intake.next_event()
            if self._session.is_ready or not isinstance(event, Message):
                self._intake.take(event)
            else:
                self._session.take_handshake(event.content)
        return self._intake.next_event()

    def _decoded(self, session: Session) -> FramingEvent | None:
        try:
            return session.decoder.next_event()
        except NotAuthentic:
            raise
        except ProtocolError as error:
            # An answer that breaks the rules ends its request, which else would be sent again on
            # the next connection, and answered the same. The decoder raises this error again.
            answer = session.decoder.refused
            if answer is None or not self._intake.refuse_answer(answer, error):
                raise
            return None

    def prove(self) -> bool:
        """Take only messages of the handshake; tell whether the peer has proved its key.

        For links with a required key: without one, there is no handshake.
        """
        return self._session is not None and self._session.prove()

    @property
    def arrival_size(self) -> int:
        """Bytes of the content of the action or request that `next_event` returned last."""
        return self._intake.arrival_size

    def take(self, event: FramingEvent) -> None:
        """Take one event of a decoder; what it means comes out of `next_event`."""
        self._intake.take(event)

    @property
    def is_ready(self) -> bool:
        """Tell whether messages may go out: there is a connection, and keys are proved."""
        return self._session is not None and self._session.is_ready

    @property
    def wants_to_send(self) -> bool:
        """Tell whether `data_to_send` has something."""
        session = self._session
        if session is None:
            return False
        return bool(session.greeting) or (len(self.outbox) > 0 and session.is_ready)

    def data_to_send(self, size: int) -> memoryview:
        """Return the next bytes, at most `size`; the same ones again until `sent` is told.

        Empty although `wants_to_send`: a file is being signed, ask again soon.

        Raises:
            OSError: If a file that is being sent cannot be read; it is dropped.
        """
        session = self._session
        if session is None or session.greeting or not session.is_ready:
            return memoryview(session.greeting if session else b"")[:size]
        try:
            return self.outbox.data_to_send(size, session.seal)
        except OSError:
            self.outbox.drop_current()
            raise

    def sent(self, count: int) -> None:
        """Take note that the first `count` bytes of `data_to_send` were handed to the system."""
        if self._session is not None and self._session.greeting:
            self._session.greeting = self._session.greeting[count:]
        else:
            self.outbox.sent(count)

    def take_whole(self, size: int) -> bytes:
        """Take whole small messages of together about `size` bytes; they count as handed over.

        Empty when nothing waits, and when `data_to_send` has to be asked, as for a file.
        """
        session = self._session
        if session is None:
            return b""
        greeting, session.greeting = session.greeting, b""
        if greeting or not session.is_ready:
            return greeting
        return self.outbox.take_whole(size, session.seal)

    # Time.

    @property
    def next_deadline(self) -> float | None:
        """When `expire` has to be called; `None` for never, as things stand."""
        return sooner(self.pending.next_deadline, self.connection_deadline)

    @property
    def connection_deadline(self) -> float | None:
        """The part of `next_deadline` that is about the connection, and not about requests."""
        return None if self._session is None else self._session.deadline

    def expire(self, now: float) -> None:
        """Give up what took too long; requests that did become events.

        Raises:
            ProtocolError: If the peer left a message incomplete, or did not prove its key.
        """
        for pending in self.pending.expire(now):
            error = RequestTimeout(f"{self.name}: no answer to {pending.name!r} in time")
            self._intake.events.append(Failed(pending, error))
        if self._session is not None:
            self._session.expire(now)
