"""What state a supervised service is in, and what was asked of it; shared between threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

OVER = ("stopped", "failed")
"""The states from which a service does not return."""


class Lifeline:
    """The state of one service, changed by who runs it, and watched by everybody else.

    Attributes:
        state: See `ServiceStatus`.
        why: Why it does not run, where there is more to say than that.
        is_wanted: Whether it shall go on; false once somebody asked it to stop.
        on_enter: Called with each state that `enter` notes, before others see it.
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
        """Whether somebody wants it anew, and it has not begun to be."""
        return self._restart_asked

    def enter(self, state: str) -> None:
        """Note a new state; one that was asked to stop is stopping until it is over."""
        try:
            self.on_enter(state)
        finally:  # whoever waits for the end must hear of it
            self._note(state)

    def turn(self, before: str, after: str) -> bool:
        """Change from one state to another; return false if it is in a third."""
        with self._change:
            if self.state != before:
                return False
            self.state = after
            self._change.notify_all()
            return True

    def ask_to_stop(self) -> None:
        """Want it no more."""
        with self._change:
            self.is_wanted = False
            if not self.is_over:
                self.state = "stopping"
            self._change.notify_all()

    def ask_to_restart(self) -> bool:
        """Want it anew; return false if it is over already."""
        with self._change:
            self._restart_asked = not self.is_over
            if self._restart_asked:
                self.state, self.why = "restarting", ""
            self._change.notify_all()
            return self._restart_asked

    def take_restart(self) -> bool:
        """Return whether it was asked to start again; it is not asked any more then.

        Whoever begins a new run takes it too, or what is wanted already would be held back.
        """
        with self._change:
            asked, self._restart_asked = self._restart_asked, False
            return asked and self.is_wanted

    def pause(self, seconds: float) -> bool:
        """Wait, unless it is asked to stop or to start again; return whether it is still wanted."""
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

    def _wait(self, is_so: Callable[[], bool], seconds: float | None) -> bool:
        with self._change:
            return self._change.wait_for(is_so, seconds)
