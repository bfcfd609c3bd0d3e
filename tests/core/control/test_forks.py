"""What forks do to who is watched. That the sockets are right is tested with the listener."""

from __future__ import annotations

import os

from moobius.core.control import forks


class Notes:
    """Writes down what happens to it."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def stand_still(self) -> None:
        self.notes.append("still")

    def go_on(self) -> None:
        self.notes.append("on")

    def let_go(self) -> None:
        self.notes.append("let go")


def fork(check: Notes, expected: list[str]) -> int:
    """Fork; return whether the child, and a child of that, found what was expected, as status."""
    pid = os.fork()
    if pid == 0:
        seen = check.notes == expected
        grandchild = os.fork()
        if grandchild == 0:
            os._exit(0 if check.notes == expected else 1)  # it is nobody's thread any more
        status = os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1])
        os._exit(status if seen else 2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_it_stands_still_and_goes_on_here_and_lets_go_there() -> None:
    watched = Notes()
    forks.watch(watched)
    assert fork(watched, ["still", "let go"]) == 0
    assert watched.notes == ["still", "on"]
    forks.forget(watched)
    forks.forget(watched)
    assert fork(watched, ["still", "on"]) == 0
    assert watched.notes == ["still", "on"]
