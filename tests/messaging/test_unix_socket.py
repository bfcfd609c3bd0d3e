"""A path is taken from who is gone, and from nobody else."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from moobius.messaging import serve
from moobius.messaging.unix_socket import UnixSocket


async def test_a_server_too_busy_to_answer_is_left_alone_and_nobody_waits_for_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s"
    waiting = []
    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(os.fspath(path))
        busy.listen(0)
        for _ in range(100):
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].setblocking(False)
            try:
                waiting[-1].connect(os.fspath(path))
            except BlockingIOError:
                break
        else:
            raise AssertionError("its queue never got full")
        with pytest.raises(OSError, match="in use"):
            await asyncio.wait_for(serve(path=path).start(), 10.0)
        for sock in waiting:
            sock.close()
    assert path.exists()


async def test_of_many_that_begin_at_once_in_the_place_of_a_dead_one_one_gets_the_path(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(path))
    began = await asyncio.gather(
        *(UnixSocket.listen(path) for _ in range(10)), return_exceptions=True
    )
    (own,) = [one for one in began if isinstance(one, UnixSocket)]
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.fspath(path))  # it listens by the time it is there
    own.remove()
    own.sock.close()
    assert not path.exists()


async def test_who_closes_removes_its_own_socket_only(tmp_path: Path) -> None:
    path = tmp_path / "s"
    first = await serve(path=path)
    path.unlink()
    async with serve(path=path):
        await first.close()
        assert path.is_socket()
    assert not path.exists()
