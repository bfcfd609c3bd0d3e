"""Two hosts on a network of their own, where the system lets us make them: network namespaces."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


def ip(*words: str) -> None:
    """Run the system's `ip`."""
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)


def can_make_hosts() -> bool:
    """Tell whether this system has namespaces, and we may make them."""
    if shutil.which("ip") is None:
        return False
    try:
        with two_hosts():
            return True
    except (subprocess.SubprocessError, OSError):
        return False


@contextmanager
def two_hosts() -> Iterator[tuple[list[str], list[str]]]:
    """Make two hosts that reach each other; yield the words that run a command on each.

    Their addresses are 10.77.0.1 and 10.77.0.2.
    """
    tag = secrets.token_hex(3)
    names = [f"moobius-{tag}-{end}" for end in "ab"]
    links = [f"mb{tag}{end}" for end in "ab"]
    try:
        for name in names:
            ip("netns", "add", name)
        ip("link", "add", links[0], "type", "veth", "peer", "name", links[1])
        for number, (name, link) in enumerate(zip(names, links, strict=True), start=1):
            ip("link", "set", link, "netns", name)
            ip("-n", name, "address", "add", f"10.77.0.{number}/24", "dev", link)
            ip("-n", name, "link", "set", link, "up")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "route", "add", "default", "dev", link)
        yield ["ip", "netns", "exec", names[0]], ["ip", "netns", "exec", names[1]]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
