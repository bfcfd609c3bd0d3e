"""The table of commands: each with its arguments and the function that runs it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moobius._version import __version__
from moobius.cli_services import (
    add_logs_arguments,
    add_name_argument,
    add_ps_arguments,
    add_spell_arguments,
    logs_main,
    ps_main,
    restart_main,
    spell_main,
    stop_main,
)
from moobius.devtools.arguments import (
    add_dev_arguments,
    add_doctor_arguments,
    add_run_arguments,
    dev_main,
    doctor_main,
    run_main,
)
from moobius.local.certificates import add_arguments as add_certificate_arguments
from moobius.local.moving_commands import (
    add_export_arguments,
    add_import_arguments,
    add_reset_arguments,
    export_main,
    import_main,
    reset_main,
)
from moobius.local.options import add_arguments as add_platform_arguments
from moobius.local.options import port_number
from moobius.storage_cli.arguments import add_arguments as add_storage_arguments
from moobius.storage_cli.arguments import main as run_storage


def _never(options: argparse.Namespace) -> bool:
    return False


def _always(options: argparse.Namespace) -> bool:
    return True


@dataclass(frozen=True)
class Command:
    """One word after `moobius`."""

    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    is_endless: Callable[[argparse.Namespace], bool] = _never
    """Whether Ctrl+C is the way to end it, with status 0; any other is interrupted, with 130."""


def read_words(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read what follows `moobius`; `None` for the words of this program.

    Raises:
        SystemExit: If that is no command, or all that was wanted is help.
    """
    return _parser().parse_args(arguments)


class _Parser(argparse.ArgumentParser):
    """The parser of one command: what it does not know is refused with its own usage.

    Argparse would hand it up, and show the usage of `moobius` itself, which helps nobody.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="moobius", description="Make a group chat into an application.")
    parser.add_argument("--version", action="version", version=f"moobius {__version__}")
    _add_commands(parser, COMMANDS, "command", required=True)
    return parser


def _add_commands(
    parser: argparse.ArgumentParser, table: Mapping[str, Command], dest: str, *, required: bool
) -> None:
    word = dest.upper() if required else f"[{dest.upper()}]"
    commands = parser.add_subparsers(dest=dest, required=required, metavar=word)
    for name, command in table.items():
        command.add_arguments(
            commands.add_parser(name, help=command.help, description=command.help)
        )


def _add_demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "way", nargs="?", metavar="WAY", choices=("test", "agent"),
        help="test: cast spells; agent: run a second client beside the service",
    )  # fmt: skip
    parser.add_argument("--port", type=port_number, help="port of the page (default: 8484 if free)")
    parser.add_argument("--ephemeral", action="store_true", help="forget everything at the end")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page")


def _add_platform_arguments(parser: argparse.ArgumentParser) -> None:
    add_platform_arguments(parser)
    _add_commands(parser, PLATFORM_TASKS, "task", required=False)


# The functions import what they need when they run: `moobius --help` should not load a server.
def _run_platform(options: argparse.Namespace) -> int:
    if options.task is not None:
        return PLATFORM_TASKS[options.task].run(options)
    from moobius.local.serve import main as serve

    return serve(options)


def _make_certificate(options: argparse.Namespace) -> int:
    from moobius.local.certificates import main as make_certificate

    return make_certificate(options)


def _run_demo(options: argparse.Namespace) -> int:
    from moobius.demo import run

    return run(
        [options.way] if options.way else [],
        port=options.port,
        ephemeral=options.ephemeral,
        browser=not options.no_browser,
    )


# What `moobius platform` can do besides running. An option that `moobius platform` has too needs
# `default=argparse.SUPPRESS` here, or its default would hide what was said before the word.
PLATFORM_TASKS: Mapping[str, Command] = {
    "cert": Command(
        "make an authority of one's own and a certificate for --tls-cert",
        add_certificate_arguments,
        _make_certificate,
    ),
    "export": Command(
        "write everything a Platform holds into one file, to keep or to move it",
        add_export_arguments,
        export_main,
    ),
    "import": Command(
        "read what export wrote into an empty data directory", add_import_arguments, import_main
    ),
    "reset": Command(
        "remove everything a Platform holds, after asking", add_reset_arguments, reset_main
    ),
}

COMMANDS: Mapping[str, Command] = {
    "demo": Command(
        "run the demo service on the local Platform and open its page",
        _add_demo_arguments,
        _run_demo,
        _always,
    ),
    "dev": Command(
        "run a project on the local Platform, again whenever its source changes",
        add_dev_arguments,
        dev_main,
        _always,
    ),
    "doctor": Command(
        "look for what keeps a service from running", add_doctor_arguments, doctor_main
    ),
    "logs": Command(
        "show what a service has logged",
        add_logs_arguments,
        logs_main,
        lambda options: bool(options.follow),
    ),
    "platform": Command(
        "run the Platform on this machine",
        _add_platform_arguments,
        _run_platform,
        lambda options: options.task is None,
    ),
    "ps": Command("show the services that run", add_ps_arguments, ps_main),
    "restart": Command("stop a service and start it again", add_name_argument, restart_main),
    "run": Command("run the service of a file", add_run_arguments, run_main),
    "spell": Command(
        "cast a spell on a service that runs: its on_spell is called",
        add_spell_arguments,
        spell_main,
    ),
    "stop": Command("stop a service", add_name_argument, stop_main),
    "storage": Command(
        "look into what services have stored, change it, move it",
        add_storage_arguments,
        run_storage,
    ),
}
