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
from moobius.core.control.opening import Opening
from moobius.core.control.request_handler import REQUESTS, RequestHandler
from moobius.errors import WandError
from moobius.messaging.aio_server import AsyncServer, serve
from moobius.messaging.auth import SharedKey
from moobius.messaging.callbacks import Callbacks

START_WITHIN_S = 10.0
FINISH_WITHIN_S = 2.0
"""Seconds for the answers that are still being made when the last service has ended."""
STAND_STILL_WITHIN_S = 1.0
LONGEST_FORK_S = 10.0
LONGEST_SOCKET_PATH = 100
"""Bytes. The system allows a few more: 107 on Linux, 103 on macOS."""


class Listener:
    """Listens from `start` to `finish`.

    Attributes:
        address: What programs on this machine connect to.
        key: The shared key that they have to know.
    """

    def __init__(
        self, handler: RequestHandler, socket_file: Path, openings: Sequence[Opening] = ()
    ) -> None:
        """Prepare.

        Args:
            handler: Answers the requests.
            socket_file: Path of the Unix socket, in a directory that only its user can enter.
            openings: Further addresses to listen on, for other machines.
        """
        self.address = ""
        self.key = SharedKey.new()
        self._handler = handler
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
        """Start to listen, and return when the address is known.

        Raises:
            WandError: If it cannot listen, or that takes too long.
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
        """Stop listening; requests that are being handled are still answered. Returns at once."""
        self._is_closing = True
        with contextlib.suppress(RuntimeError):  # it is over already
            self._loop.call_soon_threadsafe(self._closing.set)

    def join(self) -> None:
        """Wait until everything is closed, for a few seconds at most."""
        if self._thread is not threading.current_thread():
            self._thread.join(FINISH_WITHIN_S * 2)

    # ---- In the thread -------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:
            if self._listens.done():
                logger.opt(exception=error).error("other programs cannot reach this wand any more")
            else:
                self._listens.set_exception(error)
        finally:
            forks.forget(self)
            self._handler.close()
            self._loop.close()

    async def _serve(self) -> None:
        callbacks = Callbacks()
        for request in REQUESTS:
            callbacks.on_request(request)(partial(_answer, self._handler, request))
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
            self._socket_file.unlink(missing_ok=True)  # so that nobody connects any more
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._handler.idle.wait(), FINISH_WITHIN_S)

    def _local(self, callbacks: Callbacks, **common: Any) -> AsyncServer:
        if self._has_socket_file():
            return serve(callbacks, path=self._socket_file, key=self.key, **common)
        return serve(callbacks, "127.0.0.1", 0, key=self.key, **common)

    def _has_socket_file(self) -> bool:
        length = len(os.fsencode(self._socket_file))
        return hasattr(asyncio, "start_unix_server") and length <= LONGEST_SOCKET_PATH

    # ---- Around a fork -------------------------------------------------------------------------

    def stand_still(self) -> None:
        """Pause the thread where it holds no lock: a fork would copy locks as they are."""
        self._go_on = threading.Event()
        has_paused = threading.Event()
        with contextlib.suppress(RuntimeError):  # it is over already
            self._loop.call_soon_threadsafe(_wait, has_paused, self._go_on)
            has_paused.wait(STAND_STILL_WITHIN_S)

    def go_on(self) -> None:
        """Let the thread continue, in the parent, after the fork."""
        self._go_on.set()

    def let_go(self) -> None:
        """Close what a forked child has inherited, without an effect on the parent.

        Each descriptor is replaced by one of the null device, so that its number stays in use: the
        Python objects that own it may close it later. The selector comes first: it is shared with
        the parent, and must not be told that descriptors were closed.
        """
        numbers = [key.fd for key in self._selector.get_map().values()]
        own = getattr(self._selector, "fileno", None)  # not every kind has a descriptor
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in ([own()] if own else []) + numbers:
            os.dup2(nothing, number, inheritable=False)
        os.close(nothing)


async def _open(opening: Opening, stack: AsyncExitStack, *args: Any, **common: Any) -> None:
    """Listen for other machines too; when that fails, it is logged, and nothing else fails."""
    try:
        server = await stack.enter_async_context(opening.serve(*args, **common))
    except Exception as error:
        logger.warning("no other machine reaches this wand at {}: {}", opening.place, error)
    else:
        logger.info("other machines reach this wand at {}", opening.address_of(server))


def _wait(has_paused: threading.Event, go_on: threading.Event) -> None:
    has_paused.set()
    go_on.wait(LONGEST_FORK_S)


async def _answer(
    handler: RequestHandler, request: str, link: object, /, *args: Any, **kwargs: Any
) -> dict[str, Any]:
    return await handler.answer(request, *args, **kwargs)
