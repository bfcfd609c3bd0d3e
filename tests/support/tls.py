"""A server with a certificate that nobody has reason to trust; the key is for tests alone."""

from __future__ import annotations

import ssl
from pathlib import Path

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUCKWzty8hd5HJhJ30pr0GklPAYmEwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMDEyMzY1NVoYDzIxMjYxMDI3
MTIzNjU1WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARUU6/ePinvIebWaHRme0ac/f/tnl8ntRw+90cjrHYSiPQOW7SPS+7Z
NjA+7m211GRBqVFVMRLsOhPVxS7UAFD0o28wbTAdBgNVHQ4EFgQUw5IZcS2Bk7be
/VOC6toiVdr77bwwHwYDVR0jBBgwFoAUw5IZcS2Bk7be/VOC6toiVdr77bwwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAJ0O2dkbkKEzL8QMboPuq4f/1gUJAZxjTQszld3PLWMmAiAI
orCAPd3ijPXEzopn0I+rqpkpgBdywDHegtrrDTlkCg==
-----END CERTIFICATE-----
"""
KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpdQq5JV9Zyd9nva2
54Ke+l9OCQOvpLIr4Z9EBy0ekl2hRANCAARUU6/ePinvIebWaHRme0ac/f/tnl8n
tRw+90cjrHYSiPQOW7SPS+7ZNjA+7m211GRBqVFVMRLsOhPVxS7UAFD0
-----END PRIVATE KEY-----
"""


def self_signed(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return a server's context for `localhost`, and the file that would make clients trust it."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_text(CERTIFICATE)
    key.write_text(KEY)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context, certificate
