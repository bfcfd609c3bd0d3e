"""`moobius platform`: run a Platform as a program until a signal, or its parent, ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from loguru import logger

from moobius.errors import ConfigError, MoobiusError
from moobius.local import discovery
from moobius.local.options import DEFAULT_PORT, WILDCARDS, PlatformOptions, options_from
from moobius.local.platform import LocalPlatform

LOG_BYTES = "5 MB"
OLD_LOGS = 1


def main(arguments: argparse.Namespace) -> int:
    """Run what `moobius platform` was told, and return the exit status."""
    options = options_from(arguments)
    _allow_many_connections()
    embedded: bool = arguments.embedded
    connection_files = []
    if embedded or options.data is not None:
        connection_files.append(arguments.data / discovery.FILE)
    try:
        _set_up_log(arguments.data / "platform.log" if embedded else None, arguments.log_level)
    except OSError as error:
        _complain(f"cannot write to {arguments.data}: {error.strerror}; make it writable")
        return 1
    work = serve(
        options,
        connection_files=connection_files,
        user_wide=not embedded,
        stop_with_stdin=embedded,
        any_port_if_taken=embedded,
    )
    return asyncio.run(work)


async def serve(
    options: PlatformOptions,
    *,
    connection_files: list[Path] | None = None,
    user_wide: bool = False,
    stop_with_stdin: bool = False,
    any_port_if_taken: bool = False,
) -> int:
    """Run a Platform until SIGINT or SIGTERM, and return the exit status.

    Prints `Moobius Platform ready on http://H:P`, or `https`, when it accepts connections; what
    went wrong before is one line on standard error.

    Args:
        options: How the Platform runs.
        connection_files: Where to say how it is reached.
        user_wide: Say it in this user's runtime directory too, if it has what programs want that
            find it there: developer mode.
        stop_with_stdin: Stop at the end of standard input as well, and leave SIGINT, which a
            terminal sends to parent and child alike, to the parent.
        any_port_if_taken: Take any free port if the wanted one is not.
    """
    stop = asyncio.Event()
    _stop_on_signals(stop, ignore_interrupt=stop_with_stdin)
    if stop_with_stdin:
        _stop_at_end_of_stdin(stop)
    try:
        platform = await _start(options, any_port_if_taken)
    except MoobiusError as error:
        _complain(str(error))
        return 1
    try:
        with _connection_files(platform, connection_files or [], user_wide):
            _say(f"Moobius Platform ready on {platform.url}")
            if options.host in WILDCARDS:
                kind = "IPv6" if ":" in options.host else "IPv4"
                _say(f"and on port {platform.port} of every other {kind} address of this machine")
            await stop.wait()
    except MoobiusError as error:
        _complain(str(error))
        return 1
    finally:
        await platform.stop()
    return 0


async def _start(options: PlatformOptions, any_port_if_taken: bool) -> LocalPlatform:
    platform = LocalPlatform(options)
    try:
        await platform.start()
    except ConfigError as error:
        cause = error.__cause__
        is_taken = isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE
        if not (is_taken and any_port_if_taken and options.port):
            raise
        platform = LocalPlatform(replace(options, port=0))
        await platform.start()
    return platform


@contextlib.contextmanager
def _connection_files(
    platform: LocalPlatform, files: list[Path], user_wide: bool
) -> Iterator[None]:
    connection = discovery.Connection(
        platform.url,
        platform.ws_url,
        os.getpid(),
        platform.developer_key,
        platform.instance,
        platform.ca_file,
    )
    written: list[Path] = []
    try:
        for file in files:
            try:
                discovery.write(file, connection)
            except OSError as error:
                raise ConfigError(f"cannot write {file}: {error.strerror}") from error
            written.append(file)
        if user_wide and platform.options.developer_mode:
            file = discovery.user_file(platform.instance)
            try:
                discovery.remove_stale_user_files()
                discovery.write(file, connection)
                written.append(file)
            except (OSError, ConfigError) as error:  # a convenience; it runs as well without
                logger.warning("programs will not find this Platform by themselves: {}", error)
        yield
    finally:
        for file in written:
            discovery.remove(file, platform.instance)


def _allow_many_connections() -> None:
    """Have as many files open as the system lets us; its usual limit is that of small programs."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # not on Windows, or not allowed
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _stop_on_signals(stop: asyncio.Event, *, ignore_interrupt: bool) -> None:
    loop = asyncio.get_running_loop()

    def on_signal(number: int, frame: object) -> None:
        with contextlib.suppress(RuntimeError):  # an impatient second one, and the loop has gone
            loop.call_soon_threadsafe(stop.set)

    signal.signal(signal.SIGINT, signal.SIG_IGN if ignore_interrupt else on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    # Its terminal was closed; under `nohup` that is ignored.
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, on_signal)


def _stop_at_end_of_stdin(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def wait_for_end() -> None:
        with contextlib.suppress(OSError, ValueError):
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop may be gone already
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait_for_end, name="stdin watcher", daemon=True).start()


def _set_up_log(file: Path | None, level: str) -> None:
    # Without diagnose: it shows the values of variables beside a traceback, secrets among them.
    logger.remove()
    if file is None:
        logger.add(sys.stderr, level=level, diagnose=False)
        return
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    logger.add(file, level=level, diagnose=False, rotation=LOG_BYTES, retention=OLD_LOGS)


def _say(line: str) -> None:
    """Print the ready line; that nobody can read it is no reason to stop."""
    try:
        print(line, flush=True)  # noqa: T201
    except OSError:  # as in `moobius platform | head -0`, or into a file on a full disk
        logger.warning("nobody reads the standard output; it was to say: {}", line)


def _complain(line: str) -> None:
    print(f"moobius platform: {line}", file=sys.stderr, flush=True)  # noqa: T201 - speaks to its user


__all__ = ["DEFAULT_PORT", "main", "serve"]
