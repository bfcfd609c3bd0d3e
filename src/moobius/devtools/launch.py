"""What every program under `moobius dev` begins as: `python -m moobius.devtools.launch`.

It imports what services need, and waits for a line on its standard input that says what to run.
So it can be started before anybody saves a file, and the next one is there sooner. Whatever it
becomes, it leaves with `moobius dev`.
"""

from __future__ import annotations

import builtins
import importlib
import io
import json
import os
import runpy
import sys
from pathlib import Path
from types import ModuleType

from moobius.core.handover import HOLDER_VARIABLE, leave_with
from moobius.devtools.tracebacks import show_without_us

NEEDED = (
    "aiohttp",
    "apscheduler.executors.asyncio",
    "apscheduler.schedulers.asyncio",
    "moobius.command_table",
    "moobius.core.running.foreground",
    "moobius.core.sdk",
    "moobius.database.magical_storage",
    "moobius.devtools.run",
    "moobius.local.embedded",
    "websockets.asyncio.client",
)
"""Modules that take long to import, and that every service imports before it is ready."""


def main() -> None:
    """Wait for a command, and carry it out; without one, end."""
    leave_with(int(os.environ[HOLDER_VARIABLE]))
    for name in NEEDED:
        importlib.import_module(name)
    line = sys.stdin.readline()
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    if line:
        sys.excepthook = show_without_us
        _carry_out(json.loads(line))


def file_command(file: str) -> dict[str, object]:
    """Return the command to run a file as `python FILE` does."""
    return {"file": file}


def words_command(words: list[str]) -> dict[str, object]:
    """Return the command to do what `moobius WORDS` does."""
    return {"words": words}


def _carry_out(command: dict[str, object]) -> None:
    words = command.get("words")
    if isinstance(words, list):
        sys.argv = ["moobius", *words]
        runpy.run_module("moobius", run_name="__main__", alter_sys=True)
    else:
        _run_file(str(command["file"]))


def _run_file(file: str) -> None:
    """Run a file as `__main__`, which it stays: child processes ask for it, also at the end."""
    sys.argv = [file]
    file = str(Path(file).absolute())
    module = ModuleType("__main__")
    module.__dict__.update(__file__=file, __builtins__=builtins)
    sys.modules["__main__"] = sys.modules["__mp_main__"] = module  # as child processes call it
    sys.path[0] = str(Path(file).resolve().parent)
    with io.open_code(file) as source:
        code = compile(source.read(), file, "exec", dont_inherit=True)
    exec(code, module.__dict__)


if __name__ == "__main__":
    main()
