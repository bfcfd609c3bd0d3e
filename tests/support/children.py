"""Processes that a test has forked or spawned, and how they end."""

from __future__ import annotations

from multiprocessing.process import BaseProcess

from tests.support.patience import PATIENCE


def exit_codes(*children: BaseProcess) -> list[int | None]:
    """Wait for the end of these processes and return their statuses; kill those that hang."""
    for child in children:
        child.join(PATIENCE)
        if child.is_alive():
            child.kill()  # else the whole run would wait for it in the end
            child.join()
    return [child.exitcode for child in children]
