"""Whom we trust: the one context for `https://` and `wss://`."""

from __future__ import annotations

import functools
import os
import ssl
from pathlib import Path

from moobius.errors import ConfigError


def tls_context(ca_file: str | None = None) -> ssl.SSLContext:
    """Return the context for `https://` and `wss://`, which verifies certificates, always.

    Args:
        ca_file: Certificates of the authorities to trust, as PEM. Without it the file that
            `SSL_CERT_FILE` in the environment names, else the system's, else certifi's.

    Raises:
        ConfigError: If there is no such file, or no certificate in it.
    """
    chosen, name = ca_file or os.environ.get("SSL_CERT_FILE"), "ca_file"
    if not chosen:
        return _usual_context()
    try:
        if not ca_file:
            name = "SSL_CERT_FILE"
        path = Path(chosen).expanduser()
        return _context_of(path, path.stat().st_mtime_ns)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{name} {chosen}: no certificates can be read there: {error}") from None


# Reading a bundle takes as long as many requests, so a context serves all connections.
@functools.lru_cache(maxsize=8)
def _context_of(bundle: Path, changed_at: int) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=bundle)


@functools.lru_cache(maxsize=1)
def _usual_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        import certifi

        context.load_verify_locations(certifi.where())
    return context
