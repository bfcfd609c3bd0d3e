"""Makes services reachable: takes a name for each, and writes and removes its connection file."""

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

from moobius.core.control import connection_files
from moobius.core.control.connection_files import Record
from moobius.core.control.request_handler import Entry, RequestHandler, Service
from moobius.core.running.service_state import OVER, Lifeline
from moobius.errors import WandError
from moobius.private_files import process_lives

if TYPE_CHECKING:
    from moobius.core.control.listener import Listener
    from moobius.core.control.opening import Opening

LONGEST_CLASS_NAME = 50
"""A service is named after so many characters of its class; a number may follow."""
_TWIN = (
    "a {} of this folder runs already (pid {}); if it is the same service, the Platform gives what "
    "members do to the newer one only: stop one of them, as with `moobius stop {}`"
)
_UNREACHED = "other programs cannot reach {}: {}"


class Supervised(Service, Protocol):
    """A service of a wand."""

    life: Lifeline
    log_file: str


class Publisher:
    """Makes the services of one wand reachable from other programs of the same user.

    Services can run without it: whatever fails here is logged as a warning, and stops no service.
    """

    def __init__(
        self,
        stop: Callable[[int], None],
        restart: Callable[[int], None],
        openings: Sequence[Opening] = (),
    ) -> None:
        """Prepare; nothing is opened or written before there is a service.

        Args:
            stop: Stops the service with a handle, and returns when it has ended.
            restart: Restarts it, and returns when it runs.
            openings: Addresses to listen on for other machines.
        """
        self._instance = uuid.uuid4().hex
        self._owner = os.getpid()
        self._openings = openings
        self._new_handler = partial(RequestHandler, self._instance, stop, restart)
        self._entries: dict[str, Entry] = {}
        self._claimed: dict[str, Record] = {}
        self._folder: Path | None = None
        self._listener: Listener | None = None
        self._lock = threading.RLock()

    def claim(self, cls_name: str, wanted: str | None) -> str:
        """Reserve a name for a service that is about to start: one that no other of this user has.

        Args:
            cls_name: The name of its class: the service's name too, with a number if that is taken.
            wanted: The name to use instead.

        Raises:
            WandError: If the wanted name is taken, or is no possible name.
        """
        with self._lock:
            self._open_folder()
            if wanted is not None:
                if not self._take(connection_files.check_name(wanted), cls_name):
                    raise WandError(
                        f"a service called {wanted!r} runs already; choose another name"
                    )
                return wanted
            stem = cls_name[:LONGEST_CLASS_NAME]
            name, numbers = stem, itertools.count(2)
            while not self._take(name, cls_name):
                self._warn_of_twin(name, cls_name)
                name = f"{stem}-{next(numbers)}"
            return name

    def log_file_of(self, name: str) -> str:
        """Return the log file of a service whose configuration names none; empty for no file."""
        return "" if self._folder is None else str(connection_files.log_file_of(self._folder, name))

    def watch(self, name: str, service: Supervised) -> None:
        """Make a service reachable from the moment it is ready until it has ended."""
        service.life.on_enter = partial(self._on_state, name, service)

    def finish(self) -> None:
        """Wait, when no service is left, until the last answers have been sent."""
        listener = self._listener
        if listener is not None and not self._entries:
            listener.join()

    # ---- Names ---------------------------------------------------------------------------------

    def _open_folder(self) -> None:
        folder = connection_files.services_folder()
        try:
            connection_files.make_folder(folder)
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

    def _warn_of_twin(self, taken: str, cls_name: str) -> None:
        """Warn if another program has started this service already, as who forgets one would."""
        if self._folder is None:
            return
        other = connection_files.read(connection_files.file_of(self._folder, taken))
        if other is None or other.pid == self._owner:
            return
        if (other.cls, other.project) == (cls_name, str(Path.cwd())):
            logger.warning(_TWIN, cls_name, other.pid, taken)

    def _write_claim(self, folder: Path, record: Record) -> bool:
        try:
            return connection_files.claim(folder, record) or (
                _clear(folder, record.name) and connection_files.claim(folder, record)
            )
        except OSError as error:
            logger.warning(_UNREACHED, record.name, error)
            return True  # nobody else knows the name, but the service can have it

    # ---- Services ------------------------------------------------------------------------------

    def _on_state(self, name: str, service: Supervised, state: str) -> None:
        """Publish or withdraw a service, by the state that it is about to enter."""
        if os.getpid() != self._owner:
            return
        try:
            if state == "running":
                self._publish(name, service)
            elif state in OVER:
                self._withdraw(name)
        except Exception as error:  # such as: no thread can be started at the end of a program
            logger.warning(_UNREACHED, name, error)

    def _publish(self, name: str, service: Supervised) -> None:
        try:
            self._publish_record(name, service)
        except Exception:
            with contextlib.suppress(OSError):  # the directory may be gone
                self._release(name)
            raise

    def _publish_record(self, name: str, service: Supervised) -> None:
        with self._lock:
            record = self._claimed.get(name)
            if record is None or self._folder is None:
                return
            listener = self._open_listener(self._folder)
            record = replace(
                record,
                log_file=service.log_file,
                address=listener.address,
                key=listener.key.hex(),
            )
            self._entries[name] = Entry(service, record)
            connection_files.publish(self._folder, record)
            self._claimed[name] = record

    def _release(self, name: str) -> None:
        """Give up the name of a service without an address: it would seem to start for ever."""
        with self._lock:
            record = self._claimed.get(name)
            if record is not None and not record.address and self._folder is not None:
                connection_files.remove(self._folder, record)

    def _withdraw(self, name: str) -> None:
        with self._lock:
            record = self._claimed.pop(name, None)
            self._entries.pop(name, None)
            if self._listener is not None and not self._entries:
                self._listener.finish()
            if record is not None and self._folder is not None:
                connection_files.remove(self._folder, record)

    def _open_listener(self, folder: Path) -> Listener:
        if self._listener is not None and self._listener.is_open:
            return self._listener
        # Imported only now: a program that starts no service need not wait for it.
        from moobius.core.control.listener import Listener

        socket_file = folder / f"{uuid.uuid4().hex[:16]}.sock"
        listener = Listener(self._new_handler(self._entries), socket_file, self._openings)
        listener.start()
        self._listener = listener
        return listener


def _clear(folder: Path, name: str) -> bool:
    """Remove the connection file of a service that has ended; return whether the name is free."""
    record = connection_files.read(connection_files.file_of(folder, name))
    if record is None:
        connection_files.discard(folder, name)
    elif process_lives(record.pid) and (not record.address or _answers(record)):
        return False
    else:
        connection_files.bury(folder, record)
    return True


def _answers(record: Record) -> bool:
    """Ask the process that a connection file names, in a thread: a loop may run in this one."""
    from moobius.core.control.calls import answers

    results: list[bool] = []
    asking = threading.Thread(target=lambda: results.append(asyncio.run(answers(record))))
    asking.start()
    asking.join()
    return results == [True]
