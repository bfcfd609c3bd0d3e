"""`moobius platform cert DIR`: an authority of one's own, and a certificate for this machine.

The authority's private key is never written: it signs one certificate and is forgotten. So
whoever trusts `ca.pem` trusts this one server, and nothing that anybody could sign later.
"""

from __future__ import annotations

import argparse
import datetime
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from moobius.errors import ConfigError
from moobius.local.data import make_private
from moobius.local.options import ip_literal
from moobius.private_files import write_private

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

ALWAYS = ("localhost", "127.0.0.1", "::1")
DAYS = 825  # the longest that every system accepts, of authorities that people added themselves
BACKDATED = datetime.timedelta(hours=1)  # for machines whose clocks are behind
LONGEST_NAME = 253  # of a host, by DNS


class Files(NamedTuple):
    """Where the parts are."""

    authority: Path
    certificate: Path
    key: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `moobius platform cert` to a parser."""
    add = parser.add_argument
    add("directory", type=Path, metavar="DIR", help="where to put the files")
    add(
        "--host",
        action="append",
        default=[],
        dest="names",
        metavar="NAME",
        help=f"a further name or address, besides {', '.join(ALWAYS)}",
    )
    add("--force", action="store_true", help="replace files that are there already")


def main(arguments: argparse.Namespace) -> int:
    """Do what `moobius platform cert` was told, and say what to do next."""
    files = make_certificate(arguments.directory, arguments.names, force=arguments.force)
    print(_what_next(files), flush=True)  # noqa: T201 - speaks to its user
    return 0


def make_certificate(directory: Path, names: Sequence[str] = (), *, force: bool = False) -> Files:
    """Write `ca.pem`, `server.pem` and `server-key.pem`, readable by this user only.

    Args:
        directory: Where; made if it is not there.
        names: Host names and addresses besides `localhost`, `127.0.0.1` and `::1`.
        force: Replace what is there.

    Returns:
        Where the files are. `server.pem` ends with the authority's certificate.

    Raises:
        ConfigError: If files are there already, a name is none, the directory cannot be written,
            or the extra `tls` is not installed.
    """
    files = Files(*(directory / name for name in ("ca.pem", "server.pem", "server-key.pem")))
    there = [str(file) for file in files if file.exists()]
    if there and not force:
        raise ConfigError(
            f"{', '.join(there)} would be overwritten; use --force to make new ones, which those "
            "who trust the old ones will have to be told of, or choose another directory"
        )
    wanted = tuple(dict.fromkeys([*ALWAYS, *names]))
    for name in wanted:
        _check_name(name)
    texts = _make(wanted)
    make_private(directory, "name another directory")
    try:
        for file, text in zip(files, texts, strict=True):
            write_private(file, text)
    except OSError as error:
        raise ConfigError(f"cannot write to {directory}: {error.strerror or error}") from error
    return files


def _check_name(name: str) -> None:
    labels = name.removeprefix("*.").split(".")
    fine = all(label.replace("-", "").isalnum() and label.isascii() for label in labels)
    if ip_literal(name) is None and not (fine and len(name) <= LONGEST_NAME):
        raise ConfigError(
            f"--host {name!r} is neither a host name nor an address; without port and scheme, "
            "as in --host chat.example or --host 192.168.1.7"
        )


def _make(names: Sequence[str]) -> tuple[str, str, str]:
    """Return authority, certificate with authority, and key, as PEM."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as error:
        raise ConfigError(
            "making certificates needs the library cryptography: pip install 'moobius[tls]'"
        ) from error
    authority_key = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    authority = _authority(authority_key)
    certificate = _certificate(names, key, authority, authority_key)
    pem = serialization.Encoding.PEM
    above, own = (each.public_bytes(pem).decode() for each in (authority, certificate))
    secret = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return above, own + above, secret


def _authority(key: EllipticCurvePrivateKey) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    # A name of its own for each: two of one name in a store would be taken for each other.
    name = _name(f"Moobius local authority {os.urandom(4).hex()}")
    return (
        _builder(name, name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _certificate(
    names: Sequence[str],
    key: EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: EllipticCurvePrivateKey,
) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
    return (
        _builder(_name("Moobius Platform"), authority.subject, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(above, critical=False)
        .add_extension(purpose, critical=False)
        .add_extension(alternatives, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    from cryptography import x509

    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + datetime.timedelta(days=DAYS) - BACKDATED)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(name: str) -> x509.GeneralName:
    from cryptography import x509

    address = ip_literal(name)
    return x509.DNSName(name) if address is None else x509.IPAddress(ipaddress.ip_address(address))


def _what_next(files: Files) -> str:
    return (
        f"Wrote {files.authority}, {files.certificate} and {files.key}, good for {DAYS} days.\n"
        "\n"
        "Run the Platform with them:\n"
        f"    moobius platform --tls-cert {files.certificate} --tls-key {files.key}\n"
        "\n"
        'Services on this machine that use the Platform "local" find it and trust it by\n'
        "themselves. Tell others whom to trust, in the service configuration:\n"
        f'    "ca_file": "{files.authority.resolve()}"\n'
        "and browsers by importing that file as an authority. Its own key was thrown away:\n"
        "nobody can sign anything else with it."
    )
