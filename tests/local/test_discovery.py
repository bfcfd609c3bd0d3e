"""The connection file: private, true, and not believed when nobody answers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from moobius.local import discovery


def test_a_file_left_by_the_dead_is_not_believed(
    tmp_path: Path, unused_tcp_port_factory: Callable[[], int]
) -> None:
    dead = discovery.Connection(
        f"http://127.0.0.1:{unused_tcp_port_factory()}", "", os.getpid(), "", "x"
    )
    file = tmp_path / discovery.FILE
    discovery.write(file, dead)
    assert discovery.read(file) == dead
    assert discovery.find_live(file) is None
    file.chmod(0o666)  # anybody could have written it
    assert discovery.read(file) is None
    file.chmod(0o600)
    file.write_text('{"url": 1}')
    assert discovery.read(file) is None


def test_of_the_users_files_the_oldest_comes_first_and_the_deads_are_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert discovery.user_files() == []
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for age, name in enumerate("abc"):
        pid = ended.pid if name == "c" else os.getpid()
        connection = discovery.Connection("http://127.0.0.1:1", "", pid, "", name)
        discovery.write(discovery.user_file(name), connection)
        os.utime(discovery.user_file(name), (1000 - age, 1000 - age))
    late, early, dead = map(discovery.user_file, "abc")
    assert discovery.user_files() == [dead, early, late]
    discovery.remove_stale_user_files()
    assert discovery.user_files() == [early, late]
    assert discovery.find_user_platform() is None, "nobody answers"


def test_the_users_file_is_in_the_runtime_directory_or_in_one_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert discovery.user_file("me") == tmp_path / "moobius" / "platform-me.json"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    file = discovery.user_file("me")
    assert file.parent.parent == tmp_path
    mine = discovery.Connection("http://127.0.0.1:1", "ws://127.0.0.1:1/", os.getpid(), "key", "me")
    discovery.write(file, mine)
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600
    assert "key" not in repr(mine).replace("developer_key", "")
    discovery.remove(file, "somebody else")
    assert discovery.read(file) == mine
    discovery.remove(file, "me")
    assert not file.exists()


def test_a_platform_that_is_slow_to_answer_is_alive(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_late() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                time.sleep(2.5)  # as on a machine that has other things to do
                body = b'{"data": {"instance": "me"}}'
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
                connection.sendall(body)

        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        slow = discovery.Connection(url, "", os.getpid(), "", "me")
        discovery.write(tmp_path / discovery.FILE, slow)
        thread = threading.Thread(target=answer_late)
        thread.start()
        assert discovery.find_live(tmp_path / discovery.FILE) == slow
        thread.join()
