"""The embedded default: find this user's Platform, or start one beside the program.

The one door by which the SDK reaches the local Platform. Synchronous, and safe to call from a
thread; the Platform itself runs in a process of its own, which ends with its parent whatever
happens to the parent.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import site
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from moobius.errors import BadResponseException, ConfigError, TransportError
from moobius.local import discovery
from moobius.local.data import make_private, unwritable
from moobius.local.locks import FileLock
from moobius.local.options import DEFAULT_DATA, DEFAULT_PORT

READY = "Moobius Platform ready on "
START_SECONDS = 30.0
STOP_SECONDS = 5.0
ANSWER_SECONDS = 30.0

ELSEWHERE = "start the program in another directory"
PORT_VARIABLE = "MOOBIUS_LOCAL_PORT"
EPHEMERAL_VARIABLE = "MOOBIUS_LOCAL_EPHEMERAL"


class RunningPlatform:
    """A Platform to talk to; a context manager that stops it if we started it."""

    def __init__(
        self, connection: discovery.Connection, child: subprocess.Popen[str] | None = None
    ) -> None:
        self.url = connection.url
        self.ws_url = connection.ws_url
        self.ca_file = connection.ca_file
        self.developer_key = connection.developer_key
        self._child = child
        self._owner = os.getpid()
        self._closing = threading.Lock()

    @property
    def started_here(self) -> bool:
        """Whether it was started for us and ends with us."""
        return self._child is not None

    def close(self) -> None:
        """Stop the Platform if we started it; a second call does nothing more."""
        with self._closing:
            # A forked copy of us is not the one it was started for.
            if self._child is not None and self._owner == os.getpid():
                _stop(self._child)

    def __enter__(self) -> RunningPlatform:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(frozen=True)
class Provision:
    """What a program needs to run on a local Platform."""

    email: str
    password: str = field(repr=False)
    service_id: str
    channels: list[str]


def find_or_start(project: Path, *, announce: Callable[[str], None]) -> RunningPlatform:
    """Return the project's Platform, else this user's, else one started for this program.

    Args:
        project: The project's folder; what is started keeps its data in its `.moobius`.
        announce: Called with the ready line, if one is started.

    Raises:
        ConfigError: If none is running and none can be started; says why.
    """
    data = project.resolve() / DEFAULT_DATA
    found = _find(data)
    if found is not None:
        return RunningPlatform(found)
    make_private(data, ELSEWHERE)
    busy = f"another program has been starting the Platform of {data} for too long; try again"
    try:
        # Two services of one project that start together must not both start a Platform.
        with FileLock(data / "start.lock", busy, wait_seconds=START_SECONDS):
            found = _find(data)
            return RunningPlatform(found) if found else _start(data, announce)
    except OSError as error:
        raise unwritable(data, error, ELSEWHERE) from error


def find(project: Path) -> RunningPlatform | None:
    """Return the project's Platform, else this user's, if one is running."""
    found = _find(project.resolve() / DEFAULT_DATA)
    return RunningPlatform(found) if found else None


def provision(
    running: RunningPlatform,
    project: str,
    service: str | None,
    email: str = "",
    password: str = "",
) -> Provision:
    """Return account, service and channels for a program, made on first use.

    Args:
        running: The Platform.
        project: The project's name.
        service: The service's name, or None for user mode.
        email: The account to use; the developer's if not given.
        password: Its password.

    Raises:
        BadResponseException: If the Platform refuses, as it does a wrong password.
        TransportError: If it does not answer.
    """
    asked: dict[str, Any] = {
        "developer_key": running.developer_key,
        "project": project,
        "service": service,
    }
    if email:
        asked |= {"email": email, "password": password}
    data = _post(running, "/local/project", asked)
    return Provision(data["email"], data["password"], data["service_id"], data["channels"])


def hold(
    running: RunningPlatform, holder: str, service_id: str, *, seconds: float, resume: bool = False
) -> None:
    """Let a Platform keep what comes for a service that is started again.

    Args:
        running: The Platform.
        holder: Who asks; `end_hold` takes the same.
        service_id: The service.
        seconds: How long something is kept.
        resume: Deliver what was kept; from now on keep only what meets no connection.

    Raises:
        BadResponseException: If the Platform refuses.
        TransportError: If it does not answer.
    """
    asked = {"holder": holder, "service_id": service_id, "seconds": seconds, "resume": resume}
    _post(running, "/local/hold", {"developer_key": running.developer_key, **asked})


def end_hold(running: RunningPlatform, holder: str) -> None:
    """Let a Platform keep nothing any more for this holder; raises as `hold` does."""
    asked = {"developer_key": running.developer_key, "holder": holder}
    _post(running, "/local/hold/end", asked)


def _find(data: Path) -> discovery.Connection | None:
    return discovery.find_live(data / discovery.FILE) or discovery.find_user_platform()


def _start(data: Path, announce: Callable[[str], None]) -> RunningPlatform:
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
        child = _spawn(data, complaints)
        try:
            line = _ready_line(child)
            connection = discovery.read(data / discovery.FILE)
            if line is None or connection is None or connection.pid != child.pid:
                raise ConfigError(_why_not_ready(child, complaints))
        except BaseException:
            _stop(child)
            raise
    announce(line)
    return RunningPlatform(connection, child)


def _spawn(data: Path, complaints: IO[str]) -> subprocess.Popen[str]:
    command = _command(data)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            # Not the project's folder: with `-m`, its modules would shadow the library's.
            cwd=data,
            env=_environment(),
            start_new_session=True,
        )
    except OSError as error:
        raise ConfigError(
            f"the local Platform could not start: cannot run {command[0]!r}: "
            f"{error.strerror or error}"
        ) from error


def _command(data: Path) -> list[str]:
    command = [sys.executable, "-m", "moobius", "platform", "--embedded", "--data", str(data)]
    command += ["--port", os.environ.get(PORT_VARIABLE) or str(DEFAULT_PORT)]
    if os.environ.get(EPHEMERAL_VARIABLE, "") not in ("", "0"):
        command.append("--ephemeral")
    return command


def _environment() -> dict[str, str]:
    """Return an environment in which the child finds the same `moobius` as we do."""
    given = os.environ.get("PYTHONPATH", "")
    paths = [str(Path(each).resolve()) for each in given.split(os.pathsep) if each]
    root = str(Path(__file__).resolve().parents[2])
    installed = [*site.getsitepackages(), site.getusersitepackages()]
    if root not in paths and root not in installed:
        paths.append(root)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _ready_line(child: subprocess.Popen[str]) -> str | None:
    """Wait for the line that says it accepts connections; None if it ends or takes too long."""
    lines: list[str] = []

    def read() -> None:
        assert child.stdout is not None
        with contextlib.suppress(ValueError):  # closed meanwhile: the start was interrupted
            lines.append(child.stdout.readline().strip())

    reader = threading.Thread(target=read, name="platform start", daemon=True)
    reader.start()
    reader.join(START_SECONDS)
    return lines[0] if lines and lines[0].startswith(READY) else None


def _why_not_ready(child: subprocess.Popen[str], complaints: IO[str]) -> str:
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(1.0)
    complaints.seek(0)
    said = complaints.read().strip().removeprefix("moobius platform: ")
    how = "did not get ready in time" if child.returncode is None else "could not start"
    return f"the local Platform {how}: {said[-2000:] or 'it said nothing'}"


def _stop(child: subprocess.Popen[str]) -> None:
    """End the child: ask it first, then leave it less and less choice."""
    if child.stdin is not None:
        with contextlib.suppress(OSError):
            child.stdin.close()
    if os.name != "nt":  # there it would be killed at once
        # Forked copies of us may hold the other end of its standard input open.
        child.terminate()
    for insist in (child.terminate, child.kill):
        try:
            child.wait(STOP_SECONDS)
            break
        except subprocess.TimeoutExpired:
            insist()
    child.wait()
    # Not before: closing waits for `_ready_line`, which may still be reading from a silent child.
    if child.stdout is not None:
        child.stdout.close()


def _post(running: RunningPlatform, path: str, asked: dict[str, Any]) -> dict[str, Any]:
    endpoint = f"POST {path}"
    try:
        client = discovery.client_for(running.url, running.ca_file, ANSWER_SECONDS)
        with contextlib.closing(client):
            headers = {"Content-Type": "application/json"}
            client.request("POST", path, json.dumps(asked), headers)
            reply = json.loads(client.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise TransportError(f"no answer from {running.url}: {error}", endpoint=endpoint) from error
    if reply["code"] != 10000:
        raise BadResponseException(reply["message"], endpoint=endpoint, code=reply["code"])
    data: dict[str, Any] = reply["data"]
    return data
