"""The command line: a table of commands, each with its arguments and the function that runs it."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from moobius._version import __version__
from moobius.core.runner import exit_on_signals
from moobius.errors import MoobiusError
from moobius.local.options import add_arguments as add_platform_arguments

_STOPPED_ON_PURPOSE = (128 + signal.SIGINT, 128 + signal.SIGTERM)


@dataclass(frozen=True)
class Command:
    """One word after `moobius`."""

    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    options = _parser().parse_args(arguments)
    exit_on_signals()
    try:
        return COMMANDS[options.command].run(options)
    except MoobiusError as error:
        print(f"moobius {options.command}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except SystemExit as end:
        if end.code in _STOPPED_ON_PURPOSE:
            return 0
        raise


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="moobius", description="Make a group chat into an application."
    )
    parser.add_argument("--version", action="version", version=f"moobius {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        command.add_arguments(
            commands.add_parser(name, help=command.help, description=command.help)
        )
    return parser


def _add_demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words", nargs="*", metavar="WORD",
        help="what the demo itself understands: test (cast spells), agent (a second client)",
    )  # fmt: skip
    parser.add_argument("--port", type=int, help="port of the page (default: 8484 if free)")
    parser.add_argument("--ephemeral", action="store_true", help="forget everything at the end")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page")


# The functions import what they need when they run: `moobius --help` should not load a server.
def _run_platform(options: argparse.Namespace) -> int:
    from moobius.local.serve import main as serve

    return serve(options)


def _run_demo(options: argparse.Namespace) -> int:
    from moobius.demo import run

    return run(
        options.words,
        port=options.port,
        ephemeral=options.ephemeral,
        browser=not options.no_browser,
    )


COMMANDS: Mapping[str, Command] = {
    "demo": Command(
        "run the demo service on the local Platform and open its page",
        _add_demo_arguments,
        _run_demo,
    ),
    "platform": Command("run the Platform on this machine", add_platform_arguments, _run_platform),
}
