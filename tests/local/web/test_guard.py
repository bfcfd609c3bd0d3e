"""`Host` and `Origin`, checked on requests and on the upgrade."""

from __future__ import annotations

import aiohttp
import pytest

from moobius.local import LocalPlatform, PlatformOptions
from moobius.local.web.guard import Site, origin_allowed
from tests.support.wire import Wire, wire_to

LOCAL = PlatformOptions()
FOREIGN_HOSTS = ["evil.example", "127.0.0.1.evil.example", "192.168.1.7", "localhost@evil", ""]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
async def test_a_foreign_host_is_403_on_requests_and_upgrades(wire: Wire, host: str) -> None:
    headers = {"Host": host}
    async with wire.session.get(wire.url + "/healthz", headers=headers) as response:
        assert response.status == 403
        assert (await response.json())["code"] == 10003
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await wire.session.ws_connect(wire.url + "/", headers=headers)
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "origin", ["null", "https://evil.example", "file://", "http://localhost.x"]
)
async def test_a_foreign_origin_is_403_on_requests_and_upgrades(wire: Wire, origin: str) -> None:
    headers = {"Origin": origin}
    async with wire.session.get(wire.url + "/healthz", headers=headers) as response:
        assert response.status == 403
        assert "Access-Control-Allow-Origin" not in response.headers
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await wire.session.ws_connect(wire.url + "/ws", headers=headers)
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "origin", ["http://localhost:5173", "http://127.0.0.1:1", "http://[::1]:9"]
)
async def test_a_loopback_page_may_read_and_is_told_so(wire: Wire, origin: str) -> None:
    headers = {"Origin": origin}
    async with wire.session.options(wire.url + "/user/info", headers=headers) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == origin
        assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
    socket = await wire.socket("/", headers=headers)
    await socket.good(type="heartbeat", body={})


async def test_names_can_be_added() -> None:
    options = PlatformOptions(allow_hosts=("chat.example",), allow_origins=("https://app.example",))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        headers = {"Host": "chat.example:8484", "Origin": "https://app.example"}
        async with wire.session.get(wire.url + "/healthz", headers=headers) as response:
            assert response.status == 200


def test_an_origin_is_ours_by_scheme_host_and_port() -> None:
    ours = Site("http", "192.168.1.7", 8484)
    assert origin_allowed("http://192.168.1.7:8484", ours, LOCAL)
    assert not origin_allowed("http://192.168.1.7:80", ours, LOCAL)
    assert not origin_allowed("https://192.168.1.7:8484", ours, LOCAL)
    assert not origin_allowed("http://[", ours, LOCAL)
    assert origin_allowed("https://chat.example", Site("https", "chat.example", 443), LOCAL)
