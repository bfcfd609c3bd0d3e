"""The command line, from its first moment to its exit status; its commands are in `command_table`.

That table, and what it imports, is loaded by `main`: until signals are taken care of, Ctrl+C would
show a traceback, so nothing here may take long to import.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

from moobius.core.stopping.signals import STOP_SIGNALS, exit_on_signals, put_off_exit
from moobius.errors import MoobiusError

_BY_SIGNAL = [128 + number for number in STOP_SIGNALS]
_NOBODY_READS = 128 + 13
"""The status of a program that SIGPIPE has ended, as `| head` does."""
_OUTPUT_ERRORS = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    exit_on_signals()
    program, is_endless = "moobius", False
    try:
        with put_off_exit():  # until it is known which command a signal ends
            from moobius.command_table import COMMANDS, read_words

            options = read_words(arguments)
            program = f"moobius {options.command}"
            command = COMMANDS[options.command]
            is_endless = command.is_endless(options)
        status = command.run(options)
        print(end="", flush=True)  # noqa: T201 - what nobody reads is noticed here, not at the exit
        return status
    except MoobiusError as error:
        _complain(program, str(error))
        return 1
    except OSError as error:  # of what we print; what a socket or a file meets is an error of ours
        if program == "moobius run" or not _is_of_output(error):  # or the service's own
            raise
        _print_no_more()
        if isinstance(error, BrokenPipeError):
            return _NOBODY_READS
        _complain(program, f"the output cannot be written: {error.strerror}")
        return 1
    except SystemExit as end:
        if end.code in _BY_SIGNAL and is_endless:
            return 0
        raise


def _is_of_output(error: OSError) -> bool:
    return error.filename is None and error.errno in _OUTPUT_ERRORS


def _complain(program: str, text: str) -> None:
    print(f"{program}: {text}", file=sys.stderr)  # noqa: T201


def _print_no_more() -> None:
    """Let Python find nothing to complain of when it flushes at the exit."""
    with open(os.devnull, "w") as nothing:  # noqa: PTH123 - see above: no import of pathlib
        os.dup2(nothing.fileno(), sys.stdout.fileno())
