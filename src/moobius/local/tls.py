"""`https://` and `wss://`: the certificate a Platform shows, and whom its own clients trust."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path

from moobius.errors import ConfigError

# What each file has to hold, as PEM writes it, and what to call it.
CONTENTS = {
    "--tls-cert": ("-----BEGIN CERTIFICATE-----", "a certificate in PEM form"),
    "--tls-key": ("PRIVATE KEY-----", "a private key in PEM form"),
}
MAKE_ONE = "`moobius platform cert DIR` makes both"


def server_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Return the context of a server with this certificate; None without one.

    Args:
        certificate: The certificate, followed by those that vouch for it, as PEM.
        key: Its private key, not encrypted, as PEM.

    Raises:
        ConfigError: If one is missing or cannot be used; names the file.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        here, missing = ("--tls-key", "--tls-cert") if key else ("--tls-cert", "--tls-key")
        raise ConfigError(f"{here} needs {missing} too; {MAKE_ONE}")
    for option, file in (("--tls-cert", certificate), ("--tls-key", key)):
        _check(option, file)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)

    def no_password() -> str:
        raise ConfigError(f"--tls-key {key} is encrypted; give a key without a passphrase")

    try:
        context.load_cert_chain(certificate, key, password=no_password)
    except ssl.SSLError as error:
        raise ConfigError(
            f"--tls-cert {certificate} and --tls-key {key} cannot be used together: "
            f"{_why(error)}; {MAKE_ONE}"
        ) from error
    return context


def authority_in(certificate: Path | None, key: Path | None) -> str:
    """Return the file that makes programs trust a server, if its own certificate file does.

    It does when an authority that vouches for itself is in it, as `moobius platform cert` writes
    it, and when the certificate vouches for itself. Otherwise the usual authorities have to know
    the certificate, and the answer is empty.

    Args:
        certificate: As for `server_context`; so is `key`.
        key: Its private key.

    Raises:
        ConfigError: As `server_context` does.
    """
    server = server_context(certificate, key)
    if server is None or certificate is None:
        return ""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False  # its name is not the question
    client.load_verify_locations(certificate)
    return str(certificate.resolve()) if _agree(client, server) else ""


def _agree(client: ssl.SSLContext, server: ssl.SSLContext) -> bool:
    """Return whether a client trusts a server: they shake hands in memory."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(down, up)
    answering = server.wrap_bio(up, down, server_side=True)
    try:
        for end in (asking, answering):
            with contextlib.suppress(ssl.SSLWantReadError):  # the word of the other
                end.do_handshake()
        asking.do_handshake()
    except ssl.SSLError:
        return False
    return True


def _check(option: str, file: Path) -> None:
    mark, what = CONTENTS[option]
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(f"{option} {file}: {error.strerror}; {MAKE_ONE}") from error
    if mark not in text:
        raise ConfigError(f"{option} {file} does not hold {what}; {MAKE_ONE}")


def _why(error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key is that of another certificate"
    return f"{error.reason or error}".replace("_", " ").lower()
