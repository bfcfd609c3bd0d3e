"""`moobius run`: a service from a file or module, without a program around it."""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
import time
from pathlib import Path
from typing import Any

from moobius.core.wand import MoobiusWand
from moobius.devtools.detached import Detached
from moobius.devtools.targets import load_service, parse_target
from moobius.devtools.tracebacks import show_without_us
from moobius.utils import write_text_atomically

LOOK_EVERY_S = 0.05


def main(options: argparse.Namespace) -> int:
    """Run what was named until it ends, or in the background until it is ready.

    Raises:
        SystemExit: As `MoobiusWand.run` does.
        ConfigError: If there is no such service, or more than one.
    """
    target = parse_target(options.target)
    given = {key: getattr(options, key) for key in ("config", "name", "restart")}
    keywords: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if options.background:
        label = options.name or target.cls or target.module
        return Detached(label, options.target, keywords).start()
    sys.excepthook = show_without_us
    wand = MoobiusWand()
    cls = load_service(target)
    if options.report is not None:
        _report_when_ready(wand, options.report)
    wand.run(cls, **keywords)
    return 0


def _report_when_ready(wand: MoobiusWand, file: Path) -> None:
    """Tell who waits for us what our service is called, once it runs."""

    def watch() -> None:
        while True:
            for status in wand.status().values():
                if status.state == "running":
                    with contextlib.suppress(OSError):  # nobody waits any more
                        write_text_atomically(file, status.name)
                    return
            time.sleep(LOOK_EVERY_S)

    threading.Thread(target=watch, name="moobius ready report", daemon=True).start()
