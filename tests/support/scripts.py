"""Programs of a few lines around a service, for what wands do with real processes."""

from __future__ import annotations

import re
from pathlib import Path

WHOLE_LINES = """
import sys
sys.stdout.reconfigure(line_buffering=True, write_through=False)
"""
"""Has each `print` be one write: what several processes say at a time stays in lines."""

SERVICE = (
    WHOLE_LINES
    + """
import multiprocessing, os, sys, threading, time
from moobius import Moobius, MoobiusWand

class Room(Moobius):
    async def on_start(self):
        print("started", os.getpid(), flush=True)
    async def on_spell(self, obj):
        if obj == "raise":
            raise RuntimeError("a bad spell")
        print("spell", obj, flush=True)
    async def on_stop(self):
        print("stopped", flush=True)

"""
)


def script(folder: Path, text: str) -> Path:
    """Write a program whose service is at the top."""
    (folder / "work").mkdir(exist_ok=True)
    (folder / "work" / "main.py").write_text(SERVICE + text, "utf-8")
    return folder / "work"


def alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not.

    One that was killed is a zombie as soon as its first thread has ended. It still holds all that
    it had open, and its parent hears nothing, until the others have.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return False
    state, threads = fields[0], int(fields[17])
    return state != "Z" or threads > 1


STARTED = re.compile(r"^started (\d+)$", re.MULTILINE)
