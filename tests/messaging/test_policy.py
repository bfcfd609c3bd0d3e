"""Which paths a peer may read and write."""

from __future__ import annotations

from pathlib import Path

import pytest

from moobius.errors import FileRefused
from moobius.messaging import Link
from moobius.messaging.policy import PROGRAM_SUFFIXES, FilePolicy, checked_path


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A base directory with a folder, a hidden one, a secret beside it and links."""
    base = tmp_path / "base"
    for folder in ("config", ".hidden"):
        (base / folder).mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    (base / "inside").symlink_to(base / "config")
    (base / "escape").symlink_to(tmp_path / "outside")
    (base / "circle").symlink_to(base / "circle")
    return base


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("animation.csv", "animation.csv"),
        ("config/client.ini", "config/client.ini"),
        ("config/../temp.params", "temp.params"),
        ("inside/client.ini", "config/client.ini"),
        ("./a", "a"),
        ("dir\\sub\\a.txt", "dir\\sub\\a.txt"),
        (".profile", ".profile"),
        ("missing/a", "missing/a"),
    ],
)
def test_what_stays_inside_is_allowed(base: Path, path: str, there: str) -> None:
    policy = FilePolicy.inside(base)
    assert policy.to_write(path).path == base / there
    assert policy.to_read(path).path == base / there
    assert policy.to_write(str(base / path)).path == base / there


@pytest.mark.parametrize(
    "path",
    [
        *("", "a\0b", ".", "..", "../outside/secret", "config/../../outside/secret"),
        *("escape/secret", "escape/../base2/x", "/etc/passwd", "\ud800"),
        *("C:\\x", "c:x", "//server/share", "\\\\server\\share"),
        *(None, 3, 9999, True, ["a"], {"a": 1}, b"a", 1.5),
    ],
)
def test_what_leads_out_or_is_no_path_is_refused(base: Path, path: object) -> None:
    policy = FilePolicy.inside(base)
    for rule in (policy.to_read, policy.to_write):
        with pytest.raises(FileRefused):
            rule(path)


def test_a_name_that_only_begins_like_the_directory_is_outside(base: Path) -> None:
    (base.parent / "base2").mkdir()
    with pytest.raises(FileRefused, match="leads out"):
        FilePolicy.inside(base).to_read("../base2/x")


@pytest.mark.parametrize("suffix", sorted(PROGRAM_SUFFIXES))
def test_programs_are_read_and_not_written(base: Path, suffix: str) -> None:
    policy = FilePolicy.inside(base)
    for name in (f"a{suffix}", f"a.b{suffix.upper()}", suffix):
        assert policy.to_read(name)
        with pytest.raises(FileRefused, match="may not be written"):
            policy.to_write(name)


def test_a_link_does_not_hide_the_suffix_of_what_it_leads_to(base: Path) -> None:
    (base / "main.py").write_text("")
    (base / "harmless.txt").symlink_to(base / "main.py")
    with pytest.raises(FileRefused, match="no files that end"):
        FilePolicy.inside(base).to_write("harmless.txt")


def test_hidden_directories_are_not_written(base: Path) -> None:
    policy = FilePolicy.inside(base)
    assert policy.to_read(".hidden/x")
    for path in (".hidden/x", "config/.git/hooks/x"):
        with pytest.raises(FileRefused, match="hidden"):
            policy.to_write(path)


def test_a_base_that_lies_in_a_hidden_directory_is_as_good_as_any(base: Path) -> None:
    assert FilePolicy.inside(base / ".hidden").to_write("x").path == base / ".hidden" / "x"


def test_directories_for_reading_and_writing_are_apart(base: Path) -> None:
    outside = base.parent / "outside"
    policy = FilePolicy.inside(base, read_dirs=[outside], write_dirs=["config"])
    assert policy.to_read("../outside/secret").path == outside / "secret"
    assert policy.to_write("config/a").path == base / "config" / "a"
    for rule, path in ((policy.to_read, "config/a"), (policy.to_write, "a")):
        with pytest.raises(FileRefused, match="leads out"):
            rule(path)


def test_the_default_is_the_working_directory_when_it_is_made(in_folder: Path) -> None:
    policy = FilePolicy.inside()
    assert policy.to_write("a").path == in_folder / "a"
    with pytest.raises(FileRefused):
        policy.to_write("../a")


def test_an_unbounded_policy_has_to_be_asked_for_by_name(base: Path) -> None:
    policy = FilePolicy.unbounded(base)
    assert policy.to_write("../outside/x.py").path == base.parent / "outside" / "x.py"
    assert policy.to_write(".hidden/x").path == base / ".hidden" / "x"
    with pytest.raises(FileRefused):
        policy.to_write(3)


def test_a_refusal_says_why_and_quotes_only_so_much() -> None:
    with pytest.raises(FileRefused) as refused:
        checked_path("C:" + "x" * 10_000)
    assert len(str(refused.value)) < 300


def test_protected_files_are_no_peers(base: Path) -> None:
    policy = FilePolicy.inside(base, protected=["config/secret"])
    for rule in (policy.to_read, policy.to_write):
        for path in ("config/secret", "inside/secret", str(base / "config" / "secret")):
            with pytest.raises(FileRefused, match="kept from peers"):
                rule(path)
        rule("config/other")
    policy = FilePolicy.inside(base, protected=["config"])
    for path in ("config/secret", "config/other", "config/x/y", "config"):
        with pytest.raises(FileRefused, match="kept from peers"):
            policy.to_write(path)
    assert policy.to_write("configured")


@pytest.mark.parametrize("name", ["circle", "a\0b"])
def test_what_our_own_program_names_leads_somewhere_or_is_refused(base: Path, name: str) -> None:
    link = Link(files=FilePolicy.inside(base))
    link.connection_made("client", 0.0)
    with pytest.raises(FileRefused):
        link.send_file(base / name, "x")
