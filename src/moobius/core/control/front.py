"""What a wand has to do with all this: it takes names, and says when services begin and end."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from loguru import logger

from moobius.core.control import records
from moobius.core.control.desk import Desk, Entry, Service
from moobius.core.control.records import Record
from moobius.core.running.lifeline import OVER, Lifeline
from moobius.errors import WandError
from moobius.private_files import process_lives

if TYPE_CHECKING:
    from moobius.core.control.listener import Listener
    from moobius.core.control.opening import Opening

LONGEST_CLASS_NAME = 50
"""Of the name of a class, so much goes into the name of its service; a number may follow."""
_UNREACHED = "other programs cannot reach {}: {}"


class Supervised(Service, Protocol):
    """A service of a wand."""

    life: Lifeline
    log_file: str


class Front:
    """Makes the services of one wand reachable from other programs of the same user.

    That they are reachable is a convenience: whatever fails here is a warning, never a service.
    """

    def __init__(
        self,
        stop: Callable[[int], None],
        restart: Callable[[int], None],
        openings: Sequence[Opening] = (),
    ) -> None:
        """Prepare; nothing is opened or written before there is a service.

        Args:
            stop: Stops the service with a handle, and returns when that is done.
            restart: Starts it anew, and returns when it runs.
            openings: Where to listen for other machines.
        """
        self._instance = uuid.uuid4().hex
        self._owner = os.getpid()
        self._openings = openings
        self._new_desk = partial(Desk, self._instance, stop, restart)
        self._entries: dict[str, Entry] = {}
        self._claimed: dict[str, Record] = {}
        self._folder: Path | None = None
        self._listener: Listener | None = None
        self._lock = threading.RLock()

    def claim(self, cls_name: str, wanted: str | None) -> str:
        """Take a name for a service that is about to start: no two of a user that live share one.

        Args:
            cls_name: The name of its class, which is its name, with a number if that is taken.
            wanted: What it shall be called instead.

        Raises:
            WandError: If the wanted name is taken, or cannot be one.
        """
        with self._lock:
            self._open_folder()
            if wanted is not None:
                if not self._take(records.check_name(wanted), cls_name):
                    raise WandError(
                        f"a service called {wanted!r} runs already; choose another name"
                    )
                return wanted
            stem = cls_name[:LONGEST_CLASS_NAME]
            candidates = (
                f"{stem}-{number}" if number > 1 else stem for number in itertools.count(1)
            )
            return next(name for name in candidates if self._take(name, cls_name))

    def log_file_of(self, name: str) -> str:
        """Return where a service logs to whose configuration names no file; empty for nowhere."""
        return "" if self._folder is None else str(records.log_file_of(self._folder, name))

    def watch(self, name: str, service: Supervised) -> None:
        """Make a service reachable as soon as it is ready, and no longer than it lives."""
        service.life.on_enter = partial(self._noticed, name, service)

    def finish(self) -> None:
        """Wait until other programs have heard of the end of what has ended."""
        listener = self._listener
        if listener is not None and not self._entries:
            listener.join()

    # ---- Names ---------------------------------------------------------------------------------

    def _open_folder(self) -> None:
        folder = records.services_folder()
        try:
            records.make_folder(folder)
        except OSError as error:
            self._folder = None
            logger.warning("other programs cannot reach services of this one: {}", error)
        else:
            self._folder = folder

    def _take(self, name: str, cls_name: str) -> bool:
        if name in self._claimed:
            return False
        record = Record(
            name=name,
            cls=cls_name,
            pid=self._owner,
            instance=self._instance,
            project=str(Path.cwd()),
            started_at=time.time(),
            log_file=self.log_file_of(name),
        )
        if self._folder is not None and not self._write_claim(self._folder, record):
            return False
        self._claimed[name] = record
        return True

    def _write_claim(self, folder: Path, record: Record) -> bool:
        try:
            return records.claim(folder, record) or (
                _clear(folder, record.name) and records.claim(folder, record)
            )
        except OSError as error:
            logger.warning(_UNREACHED, record.name, error)
            return True  # the name is good enough for ourselves

    # ---- Services ------------------------------------------------------------------------------

    def _noticed(self, name: str, service: Supervised, state: str) -> None:
        """Take note of a state that a service is about to enter."""
        if os.getpid() != self._owner:
            return
        try:
            if state == "running":
                self._publish(name, service)
            elif state in OVER:
                self._withdraw(name)
        except Exception as error:  # a late program, for one, can start no thread any more
            logger.warning(_UNREACHED, name, error)

    def _publish(self, name: str, service: Supervised) -> None:
        try:
            self._let_in(name, service)
        except Exception:
            with contextlib.suppress(OSError):  # the directory may be gone
                self._release(name)
            raise

    def _let_in(self, name: str, service: Supervised) -> None:
        with self._lock:
            record = self._claimed.get(name)
            if record is None or self._folder is None:
                return
            listener = self._listening(self._folder)
            record = replace(
                record,
                log_file=service.log_file,
                address=listener.address,
                key=listener.key.hex(),
            )
            self._entries[name] = Entry(service, record)
            records.publish(self._folder, record)
            self._claimed[name] = record

    def _release(self, name: str) -> None:
        """Take a claim back that nothing will follow: it would seem to be starting for ever."""
        with self._lock:
            record = self._claimed.get(name)
            if record is not None and not record.address and self._folder is not None:
                records.remove(self._folder, record)

    def _withdraw(self, name: str) -> None:
        with self._lock:
            record = self._claimed.pop(name, None)
            self._entries.pop(name, None)
            if self._listener is not None and not self._entries:
                self._listener.finish()
            if record is not None and self._folder is not None:
                records.remove(self._folder, record)

    def _listening(self, folder: Path) -> Listener:
        if self._listener is not None and self._listener.is_open:
            return self._listener
        # Loaded only now: a program that starts no service need not wait for it.
        from moobius.core.control.listener import Listener

        socket_file = folder / f"{uuid.uuid4().hex[:16]}.sock"
        listener = Listener(self._new_desk(self._entries), socket_file, self._openings)
        listener.start()
        self._listener = listener
        return listener


def _clear(folder: Path, name: str) -> bool:
    """Return whether a name that is taken is free after all, its service being gone."""
    record = records.read(records.file_of(folder, name))
    if record is None:
        records.discard(folder, name)
    elif process_lives(record.pid) and (not record.address or _answers(record)):
        return False
    else:
        records.bury(folder, record)
    return True


def _answers(record: Record) -> bool:
    """Ask the process that a connection file names; from any thread, in any loop."""
    from moobius.core.control.calls import answers

    said: list[bool] = []
    asking = threading.Thread(target=lambda: said.append(asyncio.run(answers(record))))
    asking.start()
    asking.join()
    return said == [True]
