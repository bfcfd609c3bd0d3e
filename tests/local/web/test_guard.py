"""`Host` and `Origin`, checked on requests and on the upgrade."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from moobius.errors import ConfigError
from moobius.local import LocalPlatform, PlatformOptions
from moobius.local.web.guard import Guard, Site
from tests.support.wire import Wire, wire_to

LOCAL = Guard(PlatformOptions())
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
    assert LOCAL.origin_allowed("http://192.168.1.7:8484", ours)
    assert not LOCAL.origin_allowed("http://192.168.1.7:80", ours)
    assert not LOCAL.origin_allowed("https://192.168.1.7:8484", ours)
    assert not LOCAL.origin_allowed("http://[", ours)
    assert not LOCAL.origin_allowed("app://localhost", ours)
    assert LOCAL.origin_allowed("https://chat.example", Site("https", "chat.example", 443))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("https://chat.example/", "https://chat.example"),
        ("https://Chat.Example", "https://chat.example"),
        ("https://chat.example:443", "https://chat.example"),
        ("HTTP://chat.example:80", "http://chat.example"),
        ("http://[2001:DB8::7]:81", "http://[2001:db8::7]:81"),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example"),
        ("app://abc", "app://abc"),
    ],
)
def test_an_origin_may_be_typed_in_other_ways_than_browsers_say_it(typed: str, said: str) -> None:
    guard = Guard(PlatformOptions(allow_origins=(typed,)))
    assert guard.origin_allowed(said, Site("http", "127.0.0.1", 8484))
    assert not guard.origin_allowed(f"{said}1", Site("http", "127.0.0.1", 8484))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("Chat.Example", "chat.example"),
        ("chat.example:8484", "chat.example"),
        ("192.168.1.7", "192.168.1.7:80"),
        ("2001:db8::7", "[2001:db8::7]:8484"),
        ("[2001:DB8::7]:8484", "[2001:db8::7]"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
    ],
)
async def test_so_may_a_host(typed: str, said: str) -> None:
    options = PlatformOptions(allow_hosts=(typed,))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        for host, status in ((said, 200), ("other.example", 403)):
            async with wire.session.get(wire.url + "/healthz", headers={"Host": host}) as response:
                assert response.status == status


@pytest.mark.parametrize(
    "wrong",
    [
        *({"allow_hosts": (text,)} for text in ("", "https://x", "x/y", "*.x", "a b", "x:port")),
        *({"allow_origins": (text,)} for text in ("", "null", "*", "x", "https://x/y", "file://")),
        *({"allow_origins": (text,)} for text in ("https://*.x", "https://x?y", "https://e@x")),
        *({"public_url": text} for text in ("x", "ftp://x", "https://", "https://x?y", "http://[")),
    ],
)
async def test_what_could_never_match_is_refused_at_the_start(wrong: dict[str, Any]) -> None:
    option = f"--{next(iter(wrong)).rstrip('s').replace('_', '-')}"
    with pytest.raises(ConfigError, match=f"^{option} .* is no (host|origin|address); give"):
        await LocalPlatform(PlatformOptions(**wrong)).start()


async def test_a_public_address_is_where_uploads_are_and_whose_pages_are_welcome() -> None:
    options = PlatformOptions(public_url="https://Chat.example/moobius/")
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.sign_up("ada")
        form = await ada.get("/file/upload", extension="png")
        assert form["url"].startswith("https://Chat.example/moobius/files/")
        # As a proxy passes it on that ends TLS and keeps the name.
        headers = {"Host": "chat.example", "Origin": "https://chat.example"}
        async with wire.session.get(wire.url + "/healthz", headers=headers) as response:
            assert response.status == 200
        socket = await wire.socket("/", headers=headers)
        await socket.good(type="heartbeat", body={})
