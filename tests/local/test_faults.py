"""Misfortunes on purpose reach whom they are meant for, and nobody else."""

from __future__ import annotations

from moobius.local import LocalPlatform
from tests.local.conftest import Room


async def test_cut_connections_are_gone_and_new_ones_work(
    platform: LocalPlatform, room: Room
) -> None:
    platform.cut_connections()
    assert await room.ada_socket.closed() == 1006
    assert await room.bound.closed() == 1006
    again = await room.ada.user_socket()
    await again.good(type="heartbeat", body={})
