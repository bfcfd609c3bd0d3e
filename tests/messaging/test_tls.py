"""Messages inside TLS, with both sides' certificates checked."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from moobius.errors import ConfigError, PeerLost
from moobius.messaging import FilePolicy, connect, serve
from moobius.messaging.tls import tls_for_client, tls_for_server
from tests.support.tls import self_signed


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for `localhost`, which is its own authority, and its key."""
    _, certificate = self_signed(tmp_path)
    return certificate, certificate.with_name("key.pem")


@pytest.mark.parametrize("resume", [True, False])
async def test_everything_works_inside_it(
    files: tuple[Path, Path], tmp_path: Path, resume: bool
) -> None:
    certificate, key = files
    (tmp_path / "source").write_bytes(bytes(range(256)) * 10_000)
    (tmp_path / "working").mkdir()
    into = FilePolicy.inside(tmp_path / "working")
    server = serve(ssl=tls_for_server(certificate, key, ca_file=certificate), files=into)
    server.on_request("echo")(lambda peer, text: text)
    async with server:
        context = tls_for_client(certificate, certificate, key)
        async with connect(
            "127.0.0.1",
            server.port,
            ssl=context,
            server_hostname="localhost",
            files=into,
            resume_queue=resume,
        ) as link:
            assert await link.request("echo", "x" * 1_000_000, timeout=20.0) == "x" * 1_000_000
            (peer,) = server.links
            link.on_request("where")(lambda peer: "here")
            await peer.send_file(tmp_path / "source", "pushed")
            assert await peer.request("where", timeout=20.0) == "here"
            content = (tmp_path / "source").read_bytes()
            assert (tmp_path / "working" / "pushed").read_bytes() == content
            await link.get_file("pushed", tmp_path / "fetched", timeout=20.0)
            assert (tmp_path / "fetched").read_bytes() == content
            wire = link._wire
            assert wire is not None
            assert wire.transport.get_extra_info("cipher")[1] in {"TLSv1.2", "TLSv1.3"}


async def test_a_stranger_s_certificate_and_no_certificate_are_refused(
    files: tuple[Path, Path],
) -> None:
    certificate, key = files
    async with serve(ssl=tls_for_server(certificate, key, ca_file=certificate)) as server:
        where = ("127.0.0.1", server.port)
        with pytest.raises(ssl.SSLError):
            await connect(*where, ssl=ssl.create_default_context(), server_hostname="localhost")
        with pytest.raises(ssl.SSLError):
            await connect(*where, ssl=tls_for_client(certificate), server_hostname="elsewhere")
        # TLS 1.3 tells a client without a certificate only after its own handshake.
        link = await connect(*where, ssl=tls_for_client(certificate), server_hostname="localhost")
        await asyncio.wait_for(link.wait_closed(), 20.0)
        with pytest.raises(PeerLost):
            await link.request("echo", "x")
        reader, writer = await asyncio.open_connection(*where)
        writer.write(b"\0\x8f plain")
        assert b"{" not in await asyncio.wait_for(reader.read(), 20.0)
        writer.close()


def test_old_versions_are_refused_and_missing_files_named(files: tuple[Path, Path]) -> None:
    certificate, key = files
    for context in (tls_for_client(certificate), tls_for_server(certificate, key)):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert tls_for_client(certificate).check_hostname
    assert tls_for_client(certificate).verify_mode is ssl.CERT_REQUIRED
    assert tls_for_server(certificate, key, certificate).verify_mode is ssl.CERT_REQUIRED
    with pytest.raises(ConfigError, match="missing"):
        tls_for_client("missing")
    with pytest.raises(ConfigError, match="cannot be set up"):
        tls_for_server(key)
