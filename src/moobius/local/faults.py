"""Misfortunes on purpose, for tests of clients; the one place where they are done."""

from __future__ import annotations

from moobius.local.hub import Hub


class Faults:
    """What can be made to go wrong on a running Platform."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def cut_connections(self) -> None:
        """Break all live sockets without a word."""
        for peer in self._hub:
            peer.cut()
