"""Contexts for messages inside TLS: both sides present certificates and check the other's."""

from __future__ import annotations

import os
import ssl

from moobius.errors import ConfigError

Files = str | os.PathLike[str]


def tls_for_client(
    ca_file: Files, cert_file: Files | None = None, key_file: Files | None = None
) -> ssl.SSLContext:
    """Return the context of the side that connects; it checks the name of the server.

    Args:
        ca_file: The certificates to trust, as PEM.
        cert_file: Our own certificate; a server made by `tls_for_server` with a `ca_file` asks it.
        key_file: Its private key, if that is not in the same file.

    Raises:
        ConfigError: If one of the files cannot be read.
    """
    return _context(ssl.PROTOCOL_TLS_CLIENT, ca_file, cert_file, key_file)


def tls_for_server(
    cert_file: Files, key_file: Files | None = None, ca_file: Files | None = None
) -> ssl.SSLContext:
    """Return the context of the side that accepts.

    Args:
        cert_file: Our certificate, as PEM.
        key_file: Its private key, if that is not in the same file.
        ca_file: The certificates that clients' have to be signed by; without it anybody may
            connect, and the shared key is what tells friends.

    Raises:
        ConfigError: If one of the files cannot be read.
    """
    return _context(ssl.PROTOCOL_TLS_SERVER, ca_file, cert_file, key_file)


def _context(
    protocol: ssl._SSLMethod, ca_file: Files | None, cert_file: Files | None, key_file: Files | None
) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if ca_file is not None:
            context.load_verify_locations(os.fspath(ca_file))
            context.verify_mode = ssl.CERT_REQUIRED
        if cert_file is not None:
            context.load_cert_chain(os.fspath(cert_file), key_file and os.fspath(key_file))
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(os.fspath(f) for f in (ca_file, cert_file, key_file) if f is not None)
        raise ConfigError(f"TLS cannot be set up from {files}: {error}") from None
    return context
