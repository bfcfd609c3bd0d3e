"""The command line's options and what they mean."""

from __future__ import annotations

import argparse
import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from moobius.errors import ConfigError
from moobius.local import Limits, PlatformOptions
from moobius.local.fault_plan import FaultPlan
from moobius.local.options import add_arguments, is_loopback, netloc, options_from
from tests.support.patience import PATIENCE


def _parse(*arguments: str) -> PlatformOptions:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return options_from(parser.parse_args(arguments))


def test_the_defaults_are_safe() -> None:
    options = _parse()
    assert (options.host, options.port, options.data) == ("127.0.0.1", 8484, Path(".moobius"))
    assert options.developer_mode


def test_every_option_arrives() -> None:
    options = _parse(
        *("--host", "0.0.0.0", "--port", "0", "--ephemeral", "--no-developer"),
        *("--allow-host", "a", "--allow-host", "b", "--allow-origin", "https://c"),
        *("--public-url", "https://c"),
        *("--tls-cert", "cert.pem", "--tls-key", "key.pem", "--metrics", "--faults", "refuse=1"),
    )
    assert options == PlatformOptions(
        host="0.0.0.0",
        data=None,
        developer=False,
        allow_hosts=("a", "b"),
        allow_origins=("https://c",),
        public_url="https://c",
        tls_cert=Path("cert.pem"),
        tls_key=Path("key.pem"),
        metrics=True,
        faults=FaultPlan(refuse=1.0),
    )


def test_an_empty_data_directory_is_not_the_working_directory(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        _parse("--data", "")
    assert "argument --data: it is empty; name a directory" in capsys.readouterr().err
    assert _parse("--data", ".").data == Path()


def test_developer_mode_is_for_loopback_only() -> None:
    assert PlatformOptions(host="::1").developer_mode
    assert not PlatformOptions(host="192.168.1.7").developer_mode
    assert not PlatformOptions(host="0.0.0.0").developer_mode
    assert not PlatformOptions(public_url="https://chat.example").developer_mode


@pytest.mark.parametrize("port", ["-1", "65536", "x", ""])
def test_a_port_is_a_port(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _parse("--port", port)
    assert "number from 0 to 65535" in capsys.readouterr().err or port == "-1"


def test_loopback_and_netloc() -> None:
    hosts = ("localhost", "127.0.0.2", "::1", "localhost.example", "10.0.0.1", "")
    assert [is_loopback(each) for each in hosts] == [True, True, True, False, False, False]
    assert (netloc("::1", 1), netloc("a", 2)) == ("[::1]:1", "a:2")


def test_importing_the_package_does_not_load_the_server() -> None:
    code = (
        "import sys, moobius.local, moobius.local.options, moobius.local.embedded\n"
        "assert 'moobius.local.platform' not in sys.modules\n"
        "assert 'aiohttp.web' not in sys.modules\n"
        "moobius.local.LocalPlatform\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE)


def test_every_limit_is_in_the_documentation_with_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "local-platform.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", page, re.MULTILINE))
    assert rows == {each.name: str(each.default) for each in dataclasses.fields(Limits)}


def test_every_fault_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "local-platform.md").read_text("utf-8")
    _, _, table = page.partition("| Fault |")
    named = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert named == [each.name for each in dataclasses.fields(FaultPlan) if each.name != "seed"]


def test_faults_are_read_and_wrong_ones_named() -> None:
    assert _parse("--faults", "cut=0.5,seed=7").faults == FaultPlan(cut=0.5, seed=7)
    with pytest.raises(ConfigError, match="no fault 'cot'"):
        _parse("--faults", "cot=1")
