"""`moobius platform export`, `import` and `reset`, as they are typed.

What they do is in `moving.py`, loaded when one of them runs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from moobius.errors import ConfigError
from moobius.local.options import directory


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `moobius platform export` to a parser."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the archive to write, a .zip")
    _add_data(parser)


def add_import_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `moobius platform import` to a parser."""
    parser.add_argument("file", type=Path, metavar="FILE", help="an archive that export wrote")
    parser.add_argument(
        "--replace", action="store_true", help="let it take the place of what is there"
    )
    _add_data(parser)


def add_reset_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `moobius platform reset` to a parser."""
    parser.add_argument("--yes", action="store_true", help="do not ask")
    _add_data(parser)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=directory,
        default=argparse.SUPPRESS,
        metavar="DIR",
        help="the Platform's data directory",
    )


def export_main(arguments: argparse.Namespace) -> int:
    """Do what `moobius platform export` was told, and say what was done."""
    from moobius.local.moving import export_data

    contents = export_data(arguments.data, arguments.file)
    _say(f"{arguments.file} holds {contents}; also password hashes, so keep it to yourself")
    return 0


def import_main(arguments: argparse.Namespace) -> int:
    """Do what `moobius platform import` was told, and say what was done."""
    from moobius.local.moving import import_data

    contents = import_data(arguments.file, arguments.data, replace=arguments.replace)
    _say(f"{arguments.data} now holds {contents}")
    return 0


def reset_main(arguments: argparse.Namespace) -> int:
    """Do what `moobius platform reset` was told: ask, remove, and say what was removed."""
    from moobius.local.moving import remove_data

    def is_sure(held: str) -> bool:
        return arguments.yes or _confirmed(f"Remove {held} from {arguments.data}? [y/N] ")

    removed = remove_data(arguments.data, is_sure)
    _say(f"removed {removed} from {arguments.data}" if removed else "nothing was removed")
    return 0 if removed else 1


def _confirmed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("reset asks before it removes anything; without a terminal, say --yes")
    return input(question).strip().lower() in ("y", "yes")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - speaks to its user
