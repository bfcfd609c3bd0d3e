"""`import moobius` has no side effects, whatever the command line of the program says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# What the original looked for in the arguments of whatever program imported it (sdk.md 1.12).
HOSTILE = ["make_main", "x.py", "config_path", "none.json", "-g", "-p", "s3cret", "--help", "gui"]

PROGRAM = """
import asyncio, json, logging, os, signal, sys, threading, warnings
from loguru import logger

SIGNALS = [signal.SIGINT, signal.SIGTERM]

def world():
    return {
        "arguments": list(sys.argv),
        "loguru handlers": sorted(logger._core.handlers),
        "logging handlers": [str(handler) for handler in logging.getLogger().handlers],
        "logging level": logging.getLogger().level,
        "threads": [thread.name for thread in threading.enumerate()],
        "signals": [str(signal.getsignal(number)) for number in SIGNALS],
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "files": sorted(os.listdir(".")) + sorted(os.listdir(os.path.expanduser("~"))),
        "path": list(sys.path),
        "hooks": [str(sys.excepthook), str(threading.excepthook)],
        "warnings": str(warnings.filters),
        "open files": sorted(os.listdir("/proc/self/fd")) if os.path.isdir("/proc") else [],
    }

loaded = set(sys.modules)
before = world()
import moobius
assert not {"moobius.core.sdk", "moobius.network", "loguru._logger"} & (sys.modules.keys() - loaded)
from moobius import Moobius, MoobiusStorage, MoobiusWand
from moobius import json_utils, types, utils
after = world()
changed = {key: (before[key], after[key]) for key in before if before[key] != after[key]}
heavy = {
    *("moobius.local", "moobius.cli", "apscheduler", "aioprocessing", "aiohttp", "hypothesis"),
    *("websockets.asyncio.client", "certifi", "redis", "sqlite3", "tkinter", "requests"),
} & sys.modules.keys()
assert not changed, changed
assert not heavy, heavy
"""


@pytest.mark.parametrize("arguments", [[], HOSTILE])
def test_importing_changes_nothing(tmp_path: Path, arguments: list[str]) -> None:
    folder, home = tmp_path / "folder", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=folder,
        env={**os.environ, "HOME": str(home), "USERPROFILE": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [*folder.iterdir(), *home.iterdir()] == []
