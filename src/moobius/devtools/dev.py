"""`moobius dev`: a Platform, and a service that is started again whenever its source changes."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from moobius.devtools.program import ServiceProgram
from moobius.devtools.sources import Snapshot, changed, snapshot
from moobius.devtools.stream import LogTail, Stream
from moobius.devtools.targets import Target, parse_target
from moobius.errors import ConfigError, MoobiusError
from moobius.local.embedded import (
    EPHEMERAL_VARIABLE,
    PORT_VARIABLE,
    RunningPlatform,
    end_hold,
    find_or_start,
)
from moobius.local.options import DEFAULT_DATA

LOOK_EVERY_S = 0.1
MAIN_FILES = ("main.py", "service.py")
LOG = "platform.log"


def main(options: argparse.Namespace) -> int:
    """Run a project until Ctrl+C; return 0.

    Raises:
        ConfigError: If there is no program to run, or no Platform can be started.
        BrokenPipeError: If nobody reads what it says any more.
    """
    target = _target(options.path)
    if options.port is not None:
        os.environ[PORT_VARIABLE] = str(options.port)
    if options.ephemeral:
        os.environ[EPHEMERAL_VARIABLE] = "1"
    project, stream = Path.cwd(), Stream()
    log = LogTail(project / DEFAULT_DATA / LOG)
    with _platform(project, stream) as platform:
        stream.say("dev", f"open {platform.url}/, and once more as somebody else")
        folders = _folders(project, target)
        stream.say("dev", f"a saved .py file in {' or '.join(map(str, folders))} starts it again")
        program = ServiceProgram(target, options.config, stream)
        try:
            _run_again_and_again(program, folders, log, stream)
        finally:
            program.end()
    return 0


def _target(path: str) -> Target:
    """Find the program that is meant; if a folder is, make it the working directory.

    Raises:
        ConfigError: If a folder has none, or several.
        MissingFile: If a file is named that is not there.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        return parse_target(path)
    os.chdir(folder)
    names = [name for name in MAIN_FILES if Path(name).is_file()]
    names = names[:1] or sorted(str(file) for file in Path().glob("*.py"))
    if len(names) != 1:
        raise ConfigError(
            f"{Path.cwd()} has neither {' nor '.join(MAIN_FILES)}; say which file to run"
            + (f": {', '.join(names)}" if names else "")
        )
    return parse_target(names[0])


@contextlib.contextmanager
def _platform(project: Path, stream: Stream) -> Iterator[RunningPlatform]:
    """Find or start the Platform; leave nothing held there at the end."""
    with find_or_start(project, announce=lambda line: stream.say("platform", line)) as platform:
        try:
            yield platform
        finally:
            if not platform.started_here:
                with contextlib.suppress(MoobiusError):  # it may have ended before us
                    end_hold(platform, str(os.getpid()))


def _folders(project: Path, target: Target) -> list[Path]:
    """Return where to look for changes: the working directory, and where the program lies."""
    folders = [project]
    if target.folder is not None and target.folder.resolve() != project.resolve():
        folders.append(target.folder.resolve())
    return folders


def _run_again_and_again(
    program: ServiceProgram, folders: Sequence[Path], log: LogTail, stream: Stream
) -> None:
    while True:
        seen = snapshot(*folders)  # before it starts: what is saved from now on is a change
        program.start()
        while True:
            began = time.process_time()
            if files := changed(seen, _settled(seen, folders)):
                break
            for line in log.lines():
                stream.say("platform", line)
            program.note_end()
            stream.check()
            # A look at a large tree takes long: all of them no more than a fifth of a processor.
            time.sleep(max(LOOK_EVERY_S, 4 * (time.process_time() - began)))
        names = ", ".join(os.path.relpath(file, folders[0]) for file in files)
        stream.say("dev", f"{names} changed: starting again")
        program.stop()


def _settled(seen: Snapshot, folders: Sequence[Path]) -> Snapshot:
    """Look at the sources; if they have changed, until they stay as they are for a moment."""
    now = snapshot(*folders)
    while now != seen:
        time.sleep(LOOK_EVERY_S / 2)
        seen, now = now, snapshot(*folders)
    return now
