"""The Platform over `https` and `wss`: the same, and only for those who may trust it."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import ipaddress
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from moobius.errors import ConfigError
from moobius.local import LocalPlatform, PlatformOptions, discovery
from moobius.local.certificates import Files, make_certificate
from moobius.local.tls import authority_in
from tests.support.clients import Echo
from tests.support.patience import PATIENCE
from tests.support.room import room_on, running
from tests.support.tls import self_signed
from tests.support.wire import wire_to


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """An authority, a certificate, a key."""
    return make_certificate(tmp_path / "tls")


@pytest.fixture
async def platform(files: Files) -> AsyncIterator[LocalPlatform]:
    """A Platform that speaks TLS."""
    options = PlatformOptions(tls_cert=files.certificate, tls_key=files.key)
    async with LocalPlatform(options) as platform:
        yield platform


async def test_every_address_follows_the_scheme(platform: LocalPlatform) -> None:
    assert platform.url == f"https://127.0.0.1:{platform.port}"
    assert platform.ws_url == f"wss://127.0.0.1:{platform.port}/"
    async with wire_to(platform.url, platform.ca_file) as wire:
        ada = await wire.sign_up("ada")
        await (await ada.user_socket()).good(type="heartbeat", body={})
        form = await ada.get("/file/upload", extension="txt")
        assert form["url"].startswith(platform.url + "/")
        data = aiohttp.FormData({**form["fields"]})
        data.add_field("file", b"tea", filename="a.txt")
        async with wire.session.post(form["url"], data=data) as reply:
            assert reply.status == 204
        async with wire.session.get(form["url"] + form["fields"]["key"]) as reply:
            assert await reply.read() == b"tea"
        async with wire.session.get(platform.url + "/") as page:
            assert page.status == 200


async def test_who_does_not_trust_it_does_not_get_in(platform: LocalPlatform) -> None:
    async with wire_to(platform.url) as wire:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await wire.socket()


async def test_plain_http_on_its_port_gets_nothing_and_does_no_harm(
    platform: LocalPlatform, log: list[str]
) -> None:
    async with wire_to(platform.url.replace("https", "http")) as plain:
        with pytest.raises(aiohttp.ClientError):
            await plain.call("GET", "/healthz")
    async with wire_to(platform.url, platform.ca_file) as wire:
        assert (await wire.call("GET", "/healthz"))["code"] == 10000
    assert "Traceback" not in "".join(log)


async def test_a_page_of_the_same_host_has_to_be_https_too(platform: LocalPlatform) -> None:
    async with wire_to(platform.url, platform.ca_file) as wire:
        options = PlatformOptions(
            host="0.0.0.0", tls_cert=platform.options.tls_cert, tls_key=platform.options.tls_key
        )
        async with LocalPlatform(options) as open_to_all:
            for scheme, status in (("https", 200), ("http", 403)):
                headers = {"Host": "10.1.1.1:1", "Origin": f"{scheme}://10.1.1.1:1"}
                url = open_to_all.url + "/healthz"
                async with wire.session.get(url, headers=headers) as reply:
                    assert reply.status == status


async def test_our_own_sdk_runs_over_it(platform: LocalPlatform) -> None:
    async with room_on(platform) as room:
        async with running(Echo(config=room.config(ca_file=platform.ca_file))):
            await room.say("ada", "tea?", "bob")
            heard = await room.sockets["bob"].next()
            assert heard["body"]["content"] == {"text": "tea?"}


async def test_programs_of_the_same_user_find_it_and_trust_it(
    platform: LocalPlatform, in_folder: Path
) -> None:
    connection = discovery.Connection(
        *(platform.url, platform.ws_url, os.getpid()),
        *(platform.developer_key, platform.instance, platform.ca_file),
    )
    discovery.write(discovery.user_file("one"), connection)
    async with running(Echo()) as service:
        assert service.http_api.http_server_uri == platform.url
        assert service.ws_client.ws_server_uri == platform.ws_url
        assert await service.fetch_bound_channels()
    untrusted = dataclasses.replace(connection, ca_file="")
    discovery.write(discovery.user_file("one"), untrusted)
    assert await asyncio.to_thread(discovery.find_live, discovery.user_file("one")) is None


async def test_cutting_works_there_too(platform: LocalPlatform) -> None:
    trust = ssl.create_default_context(cafile=platform.ca_file)
    async with connect(platform.ws_url, ssl=trust) as socket:
        platform.cut_connections()
        with pytest.raises(ConnectionClosedError) as cut:
            await asyncio.wait_for(socket.recv(), PATIENCE)
        assert cut.value.rcvd is None, "not a word"


@pytest.mark.parametrize(
    ("cert", "key", "wrong"),
    [
        ("server.pem", None, "--tls-cert needs --tls-key too"),
        (None, "server-key.pem", "--tls-key needs --tls-cert too"),
        ("absent.pem", "server-key.pem", r"--tls-cert .*absent\.pem: No such file"),
        ("server.pem", "absent.pem", r"--tls-key .*absent\.pem: No such file"),
        ("server.pem", "ca.pem", r"--tls-key .*ca\.pem does not hold a private key"),
        ("server-key.pem", "server-key.pem", r"server-key\.pem does not hold a certificate"),
        ("ca.pem", "server-key.pem", r"ca\.pem and .*the key is that of another certificate"),
        ("broken.pem", "server-key.pem", r"--tls-cert .*broken\.pem"),
        ("server.pem", "locked.pem", r"--tls-key .*locked\.pem is encrypted"),
    ],
)
def test_a_wrong_file_is_named(files: Files, cert: str | None, key: str | None, wrong: str) -> None:
    folder = files.key.parent
    (folder / "broken.pem").write_text(files.certificate.read_text()[:300])
    secret = serialization.load_pem_private_key(files.key.read_bytes(), None)
    (folder / "locked.pem").write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x"),
        )
    )
    options = PlatformOptions(
        tls_cert=folder / cert if cert else None, tls_key=folder / key if key else None
    )
    with pytest.raises(ConfigError, match=wrong):
        asyncio.run(LocalPlatform(options).start())


def test_a_certificate_file_vouches_for_itself_or_it_does_not(files: Files, tmp_path: Path) -> None:
    assert authority_in(files.certificate, files.key) == str(files.certificate)
    _, own = self_signed(tmp_path)
    assert authority_in(own, tmp_path / "key.pem") == str(own)
    leaf = tmp_path / "leaf.pem"
    leaf.write_text(files.certificate.read_text().partition("-----END CERTIFICATE-----\n")[0])
    leaf.write_text(leaf.read_text() + "-----END CERTIFICATE-----\n")
    assert authority_in(leaf, files.key) == ""
    assert authority_in(None, None) == ""


def _no_authority(folder: Path) -> PlatformOptions:
    """Make a certificate that vouches for itself and may vouch for no other."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    own = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(own, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "own.pem").write_bytes(certificate.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "own-key.pem").write_bytes(secret)
    return PlatformOptions(tls_cert=folder / "own.pem", tls_key=folder / "own-key.pem")


async def test_programs_find_one_whose_certificate_is_no_authority(tmp_path: Path) -> None:
    async with LocalPlatform(_no_authority(tmp_path)) as platform:
        assert platform.ca_file == str(tmp_path / "own.pem")
        answered = asyncio.to_thread(discovery.answering, platform.url, platform.ca_file)
        assert await answered == platform.instance


async def test_a_self_signed_certificate_serves_as_well(tmp_path: Path) -> None:
    _, own = self_signed(tmp_path)
    options = PlatformOptions(tls_cert=own, tls_key=tmp_path / "key.pem")
    async with LocalPlatform(options) as platform, wire_to(platform.url, str(own)) as wire:
        replies = [wire.call("GET", "/local/info") for _ in range(3)]
        assert all(reply["code"] == 10000 for reply in await asyncio.gather(*replies))
