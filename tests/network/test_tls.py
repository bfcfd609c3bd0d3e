"""Certificates are verified, always, against the authorities that were chosen."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from moobius.errors import ConfigError, TransportError
from moobius.network.http_api_wrapper import HTTPAPIWrapper
from moobius.network.tls import tls_context
from moobius.network.transport import open_socket
from tests.support.tls import self_signed
from tests.support.web import envelope, web_server


def test_certificates_are_always_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    context = tls_context()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.cert_store_stats()["x509_ca"] > 0


NO_AUTHORITIES = """
import sys
if {hide}:
    sys.modules["certifi"] = None
from moobius.errors import ConfigError
from moobius.network.tls import tls_context
try:
    print(tls_context().cert_store_stats()["x509_ca"] > 0)
except ConfigError as error:
    print(error)
"""


def on_a_system_without_authorities(folder: Path, *, hide_certifi: bool) -> str:
    """Return what `tls_context` comes to in a process that finds none."""
    nothing = {"SSL_CERT_FILE": "", "SSL_CERT_DIR": str(folder)}  # as OpenSSL reads them
    return subprocess.run(
        [sys.executable, "-c", NO_AUTHORITIES.format(hide=hide_certifi)],
        env={**os.environ, **nothing},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_where_the_system_has_no_authorities_certifi_does(tmp_path: Path) -> None:
    assert on_a_system_without_authorities(tmp_path, hide_certifi=False) == "True"


def test_without_both_the_error_names_every_remedy(tmp_path: Path) -> None:
    said = on_a_system_without_authorities(tmp_path, hide_certifi=True)
    for remedy in ("apt-get install ca-certificates", "moobius[certifi]", "ca_file"):
        assert remedy in said


def test_a_folder_of_authorities_will_do(tmp_path: Path) -> None:
    # OpenSSL reads such a folder only when it meets a certificate, so none are counted before.
    (tmp_path / "0a1b2c3d.0").write_text("a certificate, named by its hash")
    assert on_a_system_without_authorities(tmp_path, hide_certifi=True) == "False"


def test_ca_file_comes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, certificate = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "not there.pem"))
    context = tls_context(str(certificate))
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.cert_store_stats()["x509"] == 1  # instead of the usual ones
    with pytest.raises(ConfigError, match=r"SSL_CERT_FILE .*not there\.pem"):
        tls_context()


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_wrong_ca_file_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "mine.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=r"ca_file .*mine\.pem"):
        tls_context(str(file))


@pytest.mark.defect("D51")
def test_certificates_are_read_once_until_they_change(tmp_path: Path) -> None:
    _, certificate = self_signed(tmp_path)
    first = tls_context(str(certificate))
    assert tls_context(str(certificate)) is first
    certificate.write_text("no certificate any more")
    with pytest.raises(ConfigError):
        tls_context(str(certificate))


@pytest.mark.parametrize("by", ["ca_file", "environment"])
async def test_https_works_with_the_right_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    server, certificate = self_signed(tmp_path)
    if by == "environment":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with web_server(envelope(["CH"]), tls=server) as script:
        ca_file = str(certificate) if by == "ca_file" else None
        api = HTTPAPIWrapper(script.url, ca_file=ca_file)
        assert await api.fetch_channel_list() == ["CH"]
        await api.close()


async def test_https_without_the_right_authority_says_so(tmp_path: Path) -> None:
    server, _ = self_signed(tmp_path)
    async with web_server(envelope([]), tls=server) as script:
        api = HTTPAPIWrapper(script.url)
        with pytest.raises(TransportError, match=r"certificate is not trusted.*ca_file"):
            await api.fetch_channel_list()
        await api.close()
        assert script.asked == []


async def test_wss_works_with_the_right_authority_only(tmp_path: Path) -> None:
    server, certificate = self_signed(tmp_path)

    async def echo(connection: ServerConnection) -> None:
        async for text in connection:
            await connection.send(text)

    async with serve(echo, "127.0.0.1", 0, ssl=server) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        uri = f"wss://127.0.0.1:{port}/"
        async with open_socket(uri, ca_file=str(certificate)) as connection:
            await connection.send("tea?")
            assert await connection.receive() == "tea?"
        with pytest.raises(TransportError, match="certificate"):
            async with open_socket(uri):
                pass
