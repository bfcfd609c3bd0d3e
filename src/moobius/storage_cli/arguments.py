"""The arguments of `moobius storage`. What it does is in `tasks.py`, imported when it runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

_PLACE = "SERVICE/CHANNEL/NAME as `ls` shows it; the end of it will do if only one ends so"
_EPILOG = """\
Which stores: those of config/db.json (or config/config.json) in the working directory, those of
--config FILE, or the one that --engine and its settings mean.

  moobius storage ls
  moobius storage get scores ada
  moobius storage set scores ada '[1, 2]'
  moobius storage copy --to sqlite
  moobius storage check --engine json --root-dir data
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `moobius storage` to a parser."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    _add_import(parser, "modules")
    tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK")
    for name, (help_text, add_own) in _TASKS.items():
        task = tasks.add_parser(name, help=help_text, description=help_text)
        add_own(task)
        _add_common(task)


def main(options: argparse.Namespace) -> int:
    """Do what `moobius storage` was told; return the exit status."""
    from moobius.storage_cli.tasks import run

    return run(options)


def _add_ls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("place", nargs="?", metavar="PLACE", help=f"only this container: {_PLACE}")


def _add_get(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("place", metavar="PLACE", help=_PLACE)
    parser.add_argument("key", nargs="?", metavar="KEY", help="only this record")


def _add_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("place", metavar="PLACE", help=f"{_PLACE}; a whole one may be new")
    parser.add_argument("key", metavar="KEY")
    parser.add_argument("value", metavar="VALUE", help="JSON, as `get` shows it; text in quotes")


def _add_copy(parser: argparse.ArgumentParser) -> None:
    _add_ls(parser)
    parser.add_argument("--to", required=True, metavar="ENGINE", help="the engine to copy to")
    parser.add_argument(
        "--to-setting", action="append", default=[], metavar="NAME=VALUE",
        help="its settings, as `url=redis://...`; otherwise those of the engine copied from",
    )  # fmt: skip
    parser.add_argument(
        "--overwrite", action="store_true", help="also into containers that have records already"
    )


_TASKS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "ls": ("list the containers, or the keys of one", _add_ls),
    "get": ("show a record, or all records of a container", _add_get),
    "set": ("write a record; a service that runs sees it once it reads it anew", _add_set),
    "copy": ("copy containers to another engine, and compare", _add_copy),
    "check": ("read every record and name the broken ones; exit status 1 if any", _add_ls),
}


def _add_common(parser: argparse.ArgumentParser) -> None:
    which = parser.add_argument_group("which stores")
    which.add_argument(
        "--config", type=Path, metavar="FILE", help="a configuration that lists them"
    )
    which.add_argument("--engine", metavar="ENGINE", help="json, sqlite, redis, or one of your own")
    which.add_argument("--root-dir", metavar="DIR", help="short for --setting root_dir=DIR")
    which.add_argument(
        "--setting", action="append", default=[], metavar="NAME=VALUE",
        help="a setting of --engine, as `port=6380`",
    )  # fmt: skip
    _add_import(parser, "more_modules")
    parser.add_argument("--json", action="store_true", help="answer in JSON, for programs")


def _add_import(parser: argparse.ArgumentParser, name: str) -> None:
    """Add `--import`, which may be before the task, after it, and both."""
    parser.add_argument(
        "--import", action="append", default=[], dest=name, metavar="MODULE",
        help="a module of the project that defines dataclasses which are stored",
    )  # fmt: skip
