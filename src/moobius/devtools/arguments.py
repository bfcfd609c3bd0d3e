"""What can be said after `moobius run`, `moobius dev` and `moobius doctor`.

The commands themselves are imported when they run: `moobius --help` should not load a service.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from moobius.core.running.supervision import POLICIES
from moobius.local.options import port_number

_CONFIG = "the service's configuration"


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `moobius run` to a parser."""
    add = parser.add_argument
    add(
        "target", metavar="FILE_OR_MODULE[:CLASS]",
        help="where the service class is; without CLASS it has to be the only one there",
    )  # fmt: skip
    add("--config", metavar="FILE", help=_CONFIG)
    add("--name", help="what the service is called from outside (default: its class)")
    add("--restart", choices=sorted(POLICIES), help="start it again when it ends (default: never)")
    add("--background", action="store_true", help="return when it is ready; it goes on")
    add("--report", type=Path, help=argparse.SUPPRESS)


def add_dev_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `moobius dev` to a parser."""
    add = parser.add_argument
    add(
        "path", nargs="?", default=".", metavar="PATH",
        help="a project's folder, or FILE_OR_MODULE[:CLASS] (default: this folder)",
    )  # fmt: skip
    add("--config", metavar="FILE", help=_CONFIG)
    add("--port", type=port_number, help="port of the page (default: 8484 if free)")
    add("--ephemeral", action="store_true", help="forget everything at the end")


def add_doctor_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `moobius doctor` to a parser."""
    parser.add_argument("--config", metavar="FILE", help=_CONFIG)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run_main(options: argparse.Namespace) -> int:
    """`moobius run`."""
    from moobius.devtools.run import main

    return main(options)


def dev_main(options: argparse.Namespace) -> int:
    """`moobius dev`."""
    from moobius.devtools.dev import main

    return main(options)


def doctor_main(options: argparse.Namespace) -> int:
    """`moobius doctor`."""
    from moobius.devtools.doctor import main

    return main(options)
