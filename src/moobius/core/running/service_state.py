"""The state of a supervised service, and what it was asked to do; shared between threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

OVER = ("stopped", "failed")
"""The states from which a service does not return."""


class Lifeline:
    """The state of one service: set by the thread that runs it, read and awaited by all others.

    Attributes:
        state: See `ServiceStatus`.
        why: Why it does not run, if more is known than its state.
        is_wanted: Whether it shall go on; false once it was asked to stop.
        on_enter: Called by `enter` with each new state, before other threads see it.
    """

    def __init__(self) -> None:
        self.state = "starting"
        self.why = ""
        self.is_wanted = True
        self.on_enter: Callable[[str], None] = lambda state: None
        self._restart_asked = False
        self._change = threading.Condition()

    @property
    def is_over(self) -> bool:
        """Whether it has ended for good."""
        return self.state in OVER

    @property
    def is_restart_asked(self) -> bool:
        """Whether it was asked to restart, and the new run has not begun."""
        return self._restart_asked

    def enter(self, state: str) -> None:
        """Set the state; after a request to stop or restart, `running` is ignored."""
        try:
            self.on_enter(state)
        finally:  # who waits for the end must be woken in any case
            self._note(state)

    def turn(self, before: str, after: str) -> bool:
        """Change from state `before` to state `after`; return false if it is in another state."""
        with self._change:
            if self.state != before:
                return False
            self.state = after
            self._change.notify_all()
            return True

    def ask_to_stop(self) -> None:
        """Note that it shall stop."""
        with self._change:
            self.is_wanted = False
            if not self.is_over:
                self.state = "stopping"
            self._change.notify_all()

    def ask_to_restart(self) -> bool:
        """Note that it shall restart; return false if it has ended already."""
        with self._change:
            self._restart_asked = not self.is_over
            if self._restart_asked:
                self.state, self.why = "restarting", ""
            self._change.notify_all()
            return self._restart_asked

    def take_restart(self) -> bool:
        """Return whether it was asked to restart, and forget the request.

        Also called when a new run begins, which is what was requested: otherwise the state of that
        run could not become `running`.
        """
        with self._change:
            asked, self._restart_asked = self._restart_asked, False
            return asked and self.is_wanted

    def pause(self, seconds: float) -> bool:
        """Wait, or until it is asked to stop or to restart; return whether it is still wanted."""
        self._wait(lambda: not self.is_wanted or self._restart_asked, seconds)
        return self.is_wanted

    def wait_over(self, seconds: float | None = None) -> bool:
        """Wait until it is over; return whether it is."""
        return self._wait(lambda: self.is_over, seconds)

    def wait_running(self, seconds: float) -> bool:
        """Wait until it runs, or is over; return whether it runs."""
        self._wait(lambda: self.is_over or self.state == "running", seconds)
        return self.state == "running"

    def _note(self, state: str) -> None:
        with self._change:
            is_held_back = not self.is_wanted or self._restart_asked
            if state in OVER or not (is_held_back and state == "running"):
                self.state = state
            self._change.notify_all()

    def _wait(self, condition: Callable[[], bool], seconds: float | None) -> bool:
        with self._change:
            return self._change.wait_for(condition, seconds)
