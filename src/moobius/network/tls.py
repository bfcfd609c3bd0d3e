"""The TLS context for `https://` and `wss://`: which certificate authorities are trusted."""

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
            `SSL_CERT_FILE` in the environment names, else the system's, else certifi's if that
            is installed.

    Raises:
        ConfigError: If there is no such file, or no certificate in it, or nothing to trust.
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
    if not context.cert_store_stats()["x509_ca"] and not _has_folder_of_authorities():
        context.load_verify_locations(_bundle_of_certifi())
    return context


def _has_folder_of_authorities() -> bool:
    """Tell whether the system has a folder of them, which OpenSSL reads when it needs one."""
    folder = ssl.get_default_verify_paths().capath
    return folder is not None and any(Path(folder).iterdir())


def _bundle_of_certifi() -> str:
    try:
        import certifi
    except ImportError:
        raise ConfigError(
            "this system has no certificate authorities, so no server can be trusted: install "
            "them (apt-get install ca-certificates), or pip install 'moobius[certifi]', or name "
            "a file with ca_file"
        ) from None
    return certifi.where()
