"""The thread that listens on a wand's control addresses, with an event loop of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import selectors
import threading
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from loguru import logger

from moobius.core.control import forks
from moobius.core.control.calls import no_files
from moobius.core.control.desk import REQUESTS, Desk
from moobius.core.control.opening import Opening
from moobius.errors import WandError
from moobius.messaging.aio_server import AsyncServer, serve
from moobius.messaging.auth import SharedKey
from moobius.messaging.callbacks import Callbacks

START_WITHIN_S = 10.0
FINISH_WITHIN_S = 2.0
"""Seconds that answers may take which are due when the last service has ended."""
STAND_STILL_WITHIN_S = 1.0
LONGEST_FORK_S = 10.0
LONGEST_SOCKET_PATH = 100
"""Bytes. The system allows a few more: 107 on Linux, 103 on macOS."""


class Listener:
    """Listens from `start` to `finish`.

    Attributes:
        address: Where to call from this machine.
        key: What the caller has to prove.
    """

    def __init__(self, desk: Desk, socket_file: Path, openings: Sequence[Opening] = ()) -> None:
        """Prepare.

        Args:
            desk: What does what is asked.
            socket_file: Where the Unix socket goes, in a directory for its user alone.
            openings: Where else to listen, for other machines.
        """
        self.address = ""
        self.key = SharedKey.new()
        self._desk = desk
        self._socket_file = socket_file
        self._openings = openings
        self._selector = selectors.DefaultSelector()
        self._loop = asyncio.SelectorEventLoop(self._selector)
        self._closing = asyncio.Event()
        self._is_closing = False
        self._listens: concurrent.futures.Future[str] = concurrent.futures.Future()
        self._go_on = threading.Event()
        self._thread = threading.Thread(target=self._run, name="moobius control", daemon=True)

    @property
    def is_open(self) -> bool:
        """Whether it listens, and goes on doing so."""
        return self._thread.is_alive() and not self._is_closing

    def start(self) -> None:
        """Begin to listen, and return when that is so.

        Raises:
            WandError: If that cannot be, or takes too long.
        """
        forks.watch(self)
        self._thread.start()
        try:
            self.address = self._listens.result(START_WITHIN_S)
        except concurrent.futures.TimeoutError:
            raise WandError(f"no control address within {START_WITHIN_S:g} s") from None
        except Exception as error:
            raise WandError(f"no control address: {error}") from error

    def finish(self) -> None:
        """Listen no more; what is being done is answered still. Returns at once."""
        self._is_closing = True
        with contextlib.suppress(RuntimeError):  # it is over already
            self._loop.call_soon_threadsafe(self._closing.set)

    def join(self) -> None:
        """Wait until all is closed, for a moment at most."""
        if self._thread is not threading.current_thread():
            self._thread.join(FINISH_WITHIN_S * 2)

    # ---- In the thread -------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:
            if self._listens.done():
                logger.opt(exception=error).error("nobody listens for other programs any more")
            else:
                self._listens.set_exception(error)
        finally:
            forks.forget(self)
            self._desk.close()
            self._loop.close()

    async def _serve(self) -> None:
        callbacks = Callbacks()
        for request in REQUESTS:
            callbacks.on_request(request)(partial(_answer, self._desk, request))
        common: dict[str, Any] = {"error_replies": True, "files": no_files()}
        async with AsyncExitStack() as stack:
            local = await stack.enter_async_context(self._local(callbacks, **common))
            self._listens.set_result(
                f"unix:{self._socket_file}"
                if self._has_socket_file()
                else f"tcp://127.0.0.1:{local.port}"
            )
            for opening in self._openings:
                await _open(opening, stack, callbacks, **common)
            await self._closing.wait()
            self._socket_file.unlink(missing_ok=True)  # nobody new; the rest may take a moment
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._desk.idle.wait(), FINISH_WITHIN_S)

    def _local(self, callbacks: Callbacks, **common: Any) -> AsyncServer:
        if self._has_socket_file():
            return serve(callbacks, path=self._socket_file, key=self.key, **common)
        return serve(callbacks, "127.0.0.1", 0, key=self.key, **common)

    def _has_socket_file(self) -> bool:
        length = len(os.fsencode(self._socket_file))
        return hasattr(asyncio, "start_unix_server") and length <= LONGEST_SOCKET_PATH

    # ---- Around a fork -------------------------------------------------------------------------

    def stand_still(self) -> None:
        """Let the thread hold no lock until `go_on`: a fork copies locks as they are."""
        self._go_on = threading.Event()
        stands = threading.Event()
        with contextlib.suppress(RuntimeError):  # it is over already
            self._loop.call_soon_threadsafe(_wait, stands, self._go_on)
            stands.wait(STAND_STILL_WITHIN_S)

    def go_on(self) -> None:
        """Let the thread work again."""
        self._go_on.set()

    def let_go(self) -> None:
        """Close what a forked child has inherited, without touching what the parent sees.

        The numbers stay taken, by nothing: the objects that own them may close them later. The
        selector comes first; it is shared, and whoever told it anything would tell the parent's.
        """
        numbers = [key.fd for key in self._selector.get_map().values()]
        own = getattr(self._selector, "fileno", None)  # not every kind has a descriptor
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in ([own()] if own else []) + numbers:
            os.dup2(nothing, number, inheritable=False)
        os.close(nothing)


async def _open(opening: Opening, stack: AsyncExitStack, *args: Any, **common: Any) -> None:
    """Let other machines in, too; where that cannot be, it is no harm to anybody else."""
    try:
        server = await stack.enter_async_context(opening.serve(*args, **common))
    except Exception as error:
        logger.warning("no other machine reaches this wand at {}: {}", opening.place, error)
    else:
        logger.info("other machines reach this wand at {}", opening.address_of(server))


def _wait(stands: threading.Event, go_on: threading.Event) -> None:
    stands.set()
    go_on.wait(LONGEST_FORK_S)


async def _answer(
    desk: Desk, request: str, link: object, /, *args: Any, **kwargs: Any
) -> dict[str, Any]:
    return await desk.answer(request, *args, **kwargs)
