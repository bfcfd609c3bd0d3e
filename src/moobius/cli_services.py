"""`moobius ps`, `spell`, `stop`, `restart`, `logs`: for services that run already."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from loguru import logger

from moobius.errors import WandError

if TYPE_CHECKING:
    from moobius.core.control.protocol import ServiceInfo
    from moobius.core.remote import RemoteWand

COLUMNS = ("NAME", "STATE", "PID", "SINCE", "PROJECT")
LOOK_EVERY_S = 0.2
_NAME = "the service, as `moobius ps` calls it"


def add_ps_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `moobius ps` to a parser."""
    parser.add_argument("--json", action="store_true", help="answer in JSON, for programs")


def add_name_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument of `moobius stop` and `moobius restart` to a parser."""
    parser.add_argument("name", metavar="NAME", help=_NAME)


def add_spell_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `moobius spell` to a parser."""
    # An error shows the usage too: who has written `-x` for TEXT finds the way here.
    parser.usage = "%(prog)s [-h] NAME (TEXT | -- -TEXT | --json JSON | --file FILE)"
    add_name_argument(parser)
    spell = parser.add_mutually_exclusive_group(required=True)
    spell.add_argument(
        "text", nargs="?", metavar="TEXT",
        help="what on_spell gets, as text; after -- if it begins with a dash",
    )  # fmt: skip
    spell.add_argument("--json", metavar="JSON", help="what on_spell gets, as JSON")
    spell.add_argument("--file", metavar="FILE", help="a file with the text; - for standard input")


def add_logs_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `moobius logs` to a parser."""
    add_name_argument(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on until Ctrl+C")
    parser.add_argument(
        "-n", "--lines", type=_line_count, default=100, metavar="N",
        help="the last N lines (default: 100)",
    )  # fmt: skip


def ps_main(options: argparse.Namespace) -> int:
    """Show the services of this user that run."""
    with _wand() as wand:
        services = wand.services().values()
    if options.json:
        _say(json.dumps([asdict(info) for info in services], indent=2))
    else:
        _say("\n".join(_table([COLUMNS, *map(_row, services)])))
    return 0


def spell_main(options: argparse.Namespace) -> int:
    """Cast a spell.

    Raises:
        WandError: If there is nobody to cast it on, or it cannot be read or travel.
    """
    with _wand() as wand:
        wand.spell(options.name, _spell(options))
    return 0


def stop_main(options: argparse.Namespace) -> int:
    """Stop a service.

    Raises:
        WandError: If there is none of that name, or it does not stop.
    """
    with _wand() as wand:
        wand.stop(options.name)
    return 0


def restart_main(options: argparse.Namespace) -> int:
    """Start a service anew.

    Raises:
        WandError: If there is none of that name, or it does not come back.
    """
    with _wand() as wand:
        wand.restart(options.name)
    return 0


def logs_main(options: argparse.Namespace) -> int:
    """Show the log of a service, also of one that has ended.

    Raises:
        WandError: If there is none.
    """
    file = _log_file(options.name)
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            for line in deque(stream, maxlen=options.lines):
                _write(line)
            for line in _more(file, stream) if options.follow else ():
                _write(line)
    except BrokenPipeError:
        raise  # nobody reads what we write; the log is fine
    except OSError as error:
        raise WandError(f"the log {file} cannot be read: {error.strerror or error}") from error
    return 0


@contextlib.contextmanager
def _wand() -> Iterator[RemoteWand]:
    """Attach a wand; what goes wrong is said by the command, in one line, and not by the log."""
    from moobius.core.remote import RemoteWand

    logger.disable("moobius")
    try:
        with RemoteWand.attach() as wand:
            yield wand
    finally:
        logger.enable("moobius")


def _line_count(text: str) -> int:
    if text.isdecimal():
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number of lines")


def _row(info: ServiceInfo) -> Sequence[str]:
    since = datetime.fromtimestamp(info.started_at).strftime("%Y-%m-%d %H:%M:%S")
    pid = "-" if info.pid is None else str(info.pid)
    return (info.name, info.state, pid, since, info.project)


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _spell(options: argparse.Namespace) -> Any:
    if options.json is not None:
        try:
            return json.loads(options.json)
        except ValueError as error:
            raise WandError(f"--json is no JSON: {error}") from None
        except RecursionError:
            raise WandError("--json is nested too deeply; no spell may be") from None
    if options.file is None:
        return options.text
    try:
        return sys.stdin.read() if options.file == "-" else Path(options.file).read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise WandError(f"{options.file} cannot be read: {error}") from error


def _log_file(name: str) -> Path:
    from moobius.core.control import connection_files, protocol

    # The connection file says where; so a service that is silent does not have to.
    folder = connection_files.services_folder()
    record = connection_files.read(
        connection_files.file_of(folder, connection_files.check_name(name))
    )
    if record is not None and record.address:
        if not record.log_file:
            raise WandError(f"{name} has no log file; set log_file in its configuration")
        return Path(record.log_file)
    left = connection_files.log_file_of(folder, name)
    if left.is_file():
        return left
    with _wand() as wand:
        raise WandError(protocol.no_service(name, sorted(wand.services())))


def _more(file: Path, stream: TextIO) -> Iterator[str]:
    """Yield what is added to a file, also after it was emptied or replaced by another."""
    while True:
        yield from stream
        with contextlib.suppress(FileNotFoundError):  # just between two files
            if not os.path.samestat(file.stat(), os.fstat(stream.fileno())):
                newer = file.open(encoding="utf-8", errors="replace")
                with stream:
                    yield from stream
                stream = newer
                continue
            if os.fstat(stream.fileno()).st_size < os.lseek(stream.fileno(), 0, os.SEEK_CUR):
                stream.seek(0)  # it was emptied, and begins anew
                continue
        time.sleep(LOOK_EVERY_S)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _write(line: str) -> None:
    print(line, end="", flush=True)  # noqa: T201
