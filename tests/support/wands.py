"""Wands that are attached to, without a process for each service: what they answer is real."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moobius.core.control.publisher import Publisher
from moobius.core.running.plan import ServiceStatus
from moobius.core.running.service_state import Lifeline


@dataclass
class Listening:
    """A service that keeps its spells."""

    handle: int
    name: str
    log_file: str = ""
    life: Lifeline = field(default_factory=Lifeline)
    spells: list[Any] = field(default_factory=list)

    @property
    def takes_spells(self) -> bool:
        return not self.life.is_over

    @property
    def status(self) -> ServiceStatus:
        return ServiceStatus(self.handle, self.name, self.life.state, os.getpid(), 0)

    def put(self, spell: Any) -> None:
        self.spells.append(spell)


class Troupe:
    """Services of one wand; each is ready at once."""

    def __init__(self, **options: Any) -> None:
        self.services: dict[int, Listening] = {}
        self.publisher = Publisher(self.stop, self.restart, **options)
        self.while_stopping: Callable[[], object] = lambda: None

    def add(self, cls_name: str = "Room", name: str | None = None) -> Listening:
        """Start a service."""
        taken = self.publisher.claim(cls_name, name)
        service = Listening(len(self.services) + 1, taken, self.publisher.log_file_of(taken))
        self.services[service.handle] = service
        self.publisher.watch(taken, service)
        service.life.enter("running")
        return service

    def stop(self, handle: int) -> None:
        """Do as a wand does: the end is noted by another thread than the one that asked for it."""
        life = self.services[handle].life
        life.ask_to_stop()
        self.while_stopping()
        threading.Thread(target=life.enter, args=("stopped",)).start()
        assert life.wait_over(20)

    def restart(self, handle: int) -> None:
        life = self.services[handle].life
        life.ask_to_restart()
        life.take_restart()
        life.enter("running")


@contextmanager
def troupe(**options: Any) -> Iterator[Troupe]:
    """Services whose wand ends in order."""
    made = Troupe(**options)
    try:
        yield made
    finally:
        for service in made.services.values():
            if not service.life.is_over:
                service.life.enter("stopped")
        made.publisher.finish()
