"""The programs of `docs/messaging.md` that stand on the original interface, run as they stand."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.messaging import quiet_server, write_settings
from tests.support.patience import PATIENCE

GUIDE = Path(__file__).parents[2] / "docs" / "messaging.md"
PROGRAM = re.compile(r"^```python\n# (client|server)\.py\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@contextlib.contextmanager
def running(folder: Path, program: str) -> Iterator[subprocess.Popen[str]]:
    (folder / "main.py").write_text(program)
    with subprocess.Popen(
        [sys.executable, "-u", "main.py"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_client_and_the_server_meet_and_end_quietly_at_ctrl_c(tmp_path: Path) -> None:
    programs = dict(PROGRAM.findall(GUIDE.read_text("utf-8")))
    for name in ("client", "server"):
        (tmp_path / name).mkdir()
    write_settings(tmp_path / "server/config/server.ini", *quiet_server())
    with running(tmp_path / "server", programs["server"]) as server:
        assert server.stdout is not None and server.stderr is not None
        place = None
        while place is None:
            place = re.search(r" listens on ([\d.]+):(\d+)", server.stderr.readline())
        write_settings(
            tmp_path / "client/config/client.ini",
            *("id = ada", "[SERVER]", f"host = {place[1]}", f"port = {place[2]}"),
        )
        with running(tmp_path / "client", programs["client"]) as client:
            assert client.stdout is not None
            assert server.stdout.readline() == "met ada\n"
            assert server.stdout.readline().startswith("up for ")
            assert client.stdout.readline() == "blinking 3 red\n"
            for program in (client, server):
                program.send_signal(signal.SIGINT)
                _, said = program.communicate(timeout=PATIENCE)
                assert program.returncode == 0, said
                assert "Traceback" not in said
