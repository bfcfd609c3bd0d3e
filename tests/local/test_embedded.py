"""Finding or starting a Platform from a program, with real processes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from moobius.errors import BadResponseException, ConfigError, TransportError
from moobius.local import LocalPlatform, discovery
from moobius.local.embedded import RunningPlatform, find_or_start, provision
from moobius.private_files import process_lives
from tests.support.patience import PATIENCE, until


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("MOOBIUS_LOCAL_PORT", "0")
    monkeypatch.setenv("MOOBIUS_LOCAL_EPHEMERAL", "1")


def _start(project: Path) -> tuple[RunningPlatform, list[str]]:
    lines: list[str] = []
    return find_or_start(project, announce=lines.append), lines


def test_one_is_started_and_ends_when_closed(tmp_path: Path) -> None:
    running, lines = _start(tmp_path)
    with running:
        assert lines == [f"Moobius Platform ready on {running.url}"]
        assert running.started_here
        assert running.ws_url == running.url.replace("http", "ws") + "/"
        given = provision(running, "tea", "Tea")
        assert given.channels
        assert given == provision(running, "tea", "Tea")
        assert running.developer_key not in repr(given)
        assert provision(running, "tea", None).channels == given.channels
        instance = discovery.answering(running.url)
        assert instance is not None
    running.close()
    assert discovery.answering(running.url) != instance  # another may have its port by now
    assert not (tmp_path / ".moobius" / discovery.FILE).exists()


def test_closing_takes_no_longer_when_another_process_holds_the_pipe(tmp_path: Path) -> None:
    running, _ = _start(tmp_path)
    child = running._child
    assert child is not None
    assert child.stdin is not None
    holder = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=[child.stdin.fileno()]
    )
    try:
        running.close()
        assert child.returncode == 0, "stopped in order, not killed"
        assert holder.poll() is None
    finally:
        holder.kill()
        holder.wait()


def test_the_projects_own_is_found_by_a_second_program(tmp_path: Path) -> None:
    running, _ = _start(tmp_path)
    with running:
        other, lines = _start(tmp_path)
        with other:
            assert (other.url, other.started_here, lines) == (running.url, False, [])
        assert discovery.answering(running.url) is not None


def test_two_programs_that_start_together_share_one(tmp_path: Path) -> None:
    found: list[RunningPlatform] = []
    threads = [threading.Thread(target=lambda: found.append(_start(tmp_path)[0])) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    try:
        assert len({each.url for each in found}) == 1
        assert sorted(each.started_here for each in found) == [False, True]
    finally:
        for each in found:
            each.close()


async def test_the_users_own_is_found_from_any_project(tmp_path: Path) -> None:
    async with LocalPlatform() as platform:
        connection = discovery.Connection(
            platform.url, platform.ws_url, 1, platform.developer_key, platform.instance
        )
        discovery.write(discovery.user_file("one"), connection)
        running, lines = await asyncio.to_thread(_start, tmp_path)
        assert (running.url, running.started_here, lines) == (platform.url, False, [])
        running.close()
        given = await asyncio.to_thread(provision, running, "tea", "Tea", "me@x.org", "secret")
        assert given.email == "me@x.org"
        with pytest.raises(BadResponseException, match="Incorrect username or password"):
            await asyncio.to_thread(provision, running, "tea", "Tea", "me@x.org", "wrong")
    with pytest.raises(TransportError, match="no answer from"):
        await asyncio.to_thread(provision, running, "tea", "Tea")


async def test_it_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time\n"
        "from moobius.local.embedded import find_or_start\n"
        "running = find_or_start(pathlib.Path(sys.argv[1]), announce=lambda line: None)\n"
        "print(running.url, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert parent.stdout is not None
        url = (await parent.stdout.readline()).decode().strip()
        instance = await asyncio.to_thread(discovery.answering, url)
        assert instance is not None
    finally:
        parent.kill()
        await parent.wait()
    await until(lambda: discovery.answering(url) != instance)


def test_what_went_wrong_in_the_child_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOOBIUS_LOCAL_PORT", "seven")
    with pytest.raises(ConfigError, match="'seven' is not a port"):
        _start(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write to"):
        _start(tmp_path / "file")


def test_a_project_with_modules_named_like_ours_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json.py", "moobius.py", "queue.py"):
        (tmp_path / name).write_text("raise RuntimeError('the project was imported')")
    monkeypatch.chdir(tmp_path)
    running, _ = _start(tmp_path)
    running.close()


def test_one_that_says_nothing_is_given_up_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\necho $$ > pid\nexec sleep 60\n")
    silent.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(silent))
    monkeypatch.setattr("moobius.local.embedded.START_SECONDS", 1.0)
    errors: list[BaseException] = []

    def start() -> None:
        try:
            _start(tmp_path)
        except ConfigError as error:
            errors.append(error)

    starting = threading.Thread(target=start, daemon=True)
    starting.start()
    starting.join(30)
    assert [str(each) for each in errors] == [
        "the local Platform did not get ready in time: it said nothing"
    ]
    assert not process_lives(int((tmp_path / ".moobius" / "pid").read_text()))


def test_without_an_interpreter_the_error_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match=r"cannot run .*nowhere': No such file"):
        _start(tmp_path)
