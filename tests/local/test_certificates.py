"""`moobius platform cert`: what it writes, what it refuses, what its certificate is good for."""

from __future__ import annotations

import ipaddress
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import verification

from moobius.cli import main
from moobius.errors import ConfigError
from moobius.local.certificates import DAYS, make_certificate


def _names_in(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def test_the_files_are_private_and_the_authoritys_key_is_nowhere(tmp_path: Path) -> None:
    files = make_certificate(tmp_path / "new" / "tls")
    assert {file.name for file in files.key.parent.iterdir()} == {each.name for each in files}
    assert files.key.parent.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    keys = [file for file in files if "PRIVATE KEY" in file.read_text()]
    assert keys == [files.key]
    authority = x509.load_pem_x509_certificate(files.authority.read_bytes())
    key = files.key.read_bytes()
    assert load_pem_private_key(key, None).public_key() != authority.public_key()


def test_the_certificate_names_this_machine_and_whatever_was_asked_for(tmp_path: Path) -> None:
    files = make_certificate(tmp_path, ["chat.example", "192.168.1.7", "localhost"])
    certificate, authority = x509.load_pem_x509_certificates(files.certificate.read_bytes())
    names = _names_in(certificate)
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "chat.example"]
    addresses = names.get_values_for_type(x509.IPAddress)
    assert list(map(str, addresses)) == ["127.0.0.1", "::1", "192.168.1.7"]
    certificate.verify_directly_issued_by(authority)
    assert authority == x509.load_pem_x509_certificate(files.authority.read_bytes())
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert life.days == DAYS


def test_a_strict_verifier_finds_no_fault_with_it(tmp_path: Path) -> None:
    certificate, authority = x509.load_pem_x509_certificates(
        make_certificate(tmp_path).certificate.read_bytes()
    )
    policy = verification.PolicyBuilder().store(verification.Store([authority]))
    for subject in (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("::1"))):
        assert policy.build_server_verifier(subject).verify(certificate, [])
    with pytest.raises(verification.VerificationError):
        policy.build_server_verifier(x509.DNSName("chat.example")).verify(certificate, [])


def test_nothing_is_overwritten_unless_told(tmp_path: Path) -> None:
    files = make_certificate(tmp_path)
    before = files.key.read_text()
    with pytest.raises(ConfigError, match=r"server-key\.pem would be overwritten; use --force"):
        make_certificate(tmp_path)
    assert files.key.read_text() == before
    make_certificate(tmp_path, force=True)
    assert files.key.read_text() != before
    assert ssl.create_default_context(cafile=str(files.authority)).get_ca_certs()


@pytest.mark.parametrize("name", ["https://x", "x:80", "", "a b", "x/y", "é.example", "a" * 254])
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="neither a host name nor an address"):
        make_certificate(tmp_path, [name])
    assert not list(tmp_path.iterdir())


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"tls: .*; make it writable, or name another directory$"):
        make_certificate(tmp_path / "file" / "tls")
    with pytest.raises(ConfigError, match=r"file is no directory; name another directory$"):
        make_certificate(tmp_path / "file")


def test_the_command_says_what_to_do_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["platform", "cert", str(tmp_path), "--host", "chat.example"]) == 0
    said = capsys.readouterr().out
    certificate, key = tmp_path / "server.pem", tmp_path / "server-key.pem"
    assert f"moobius platform --tls-cert {certificate} --tls-key {key}" in said
    assert f'"ca_file": "{tmp_path / "ca.pem"}"' in said
    shown, _ = x509.load_pem_x509_certificates(certificate.read_bytes())
    assert "chat.example" in _names_in(shown).get_values_for_type(x509.DNSName)
    assert main(["platform", "cert", str(tmp_path)]) == 1
    assert "--force" in capsys.readouterr().err


def test_without_cryptography_it_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['cryptography'] = None\n"  # as if it were not installed
        "from moobius.cli import main\n"
        "sys.exit(main(['platform', 'cert', sys.argv[1]]))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "tls")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "pip install 'moobius[tls]'" in ended.stderr
    assert not (tmp_path / "tls").exists()
