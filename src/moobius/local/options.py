"""The options and limits of a Platform: frozen values, and the arguments of its command line."""

from __future__ import annotations

import argparse
import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from moobius.local.fault_plan import FaultPlan

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
KIB = 1024
MIB = 1024 * KIB

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8484
DEFAULT_DATA = Path(".moobius")

ALL_FEATURES = ("deduplicate", "inline_recipients")
"""A repeated `request_id` is done once; recipients may be a list of ids (platform.md Q36)."""

LOG_LEVELS = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR")
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""What stands for all addresses of this machine -> the one of them by which it reaches itself."""


@dataclass(frozen=True)
class Limits:
    """How much is too much; the unit is in the name or the comment (platform.md 3.13)."""

    frame_bytes: int = 128 * KIB  # a larger message closes the socket with 1009
    frame_cap_bytes: int = 4 * MIB  # read and thrown away up to here before closing
    outbox_frames: int = 4096  # waiting for a slow reader before it is cut off
    outbox_bytes: int = 16 * MIB
    body_bytes: int = MIB  # of an HTTP request that is not an upload
    file_bytes: int = 256 * MIB
    pending_frames: int = 1024  # decided but not yet in the journal, before readers wait
    pending_bytes: int = 4 * MIB  # of the frames that asked for them; the same
    idle_seconds: float = 600.0
    connection_seconds: float = 0.0  # then a socket is closed with 1001; 0 never, 7200 as hosted
    connections_per_account: int = 256  # windows and programs; more is one that forgets to close
    strangers: int = 1024  # connections that have not logged in, of everybody together
    stranger_bytes: int = 512 * KIB  # of unfinished frames of a socket that has not logged in
    arriving_bytes: int = 256 * MIB  # of unfinished frames of everybody together
    header_bytes: int = 8 * KIB  # of the first line of an HTTP request, and of each header
    keep_alive_seconds: float = 75.0  # that an HTTP connection may wait for its next request
    bad_login_seconds: float = 1.0  # before a refused login is answered
    bad_logins: int = 5  # in a row, then the socket is closed with 1008
    reply_bytes: int = 16 * MIB  # of a list that was asked for
    reply_seconds: float = 20.0  # that a client may take nothing of a large reply
    large_replies_per_account: int = 2  # at a time; further ones wait
    large_replies: int = 16  # of everybody together; the same
    upload_seconds: float = 3600.0  # how long an upload form is good for
    stalled_seconds: float = 60.0  # for a request's body, or the next piece of an upload
    name_chars: int = 256  # of names of people, agents, channels and groups, and of addresses
    text_chars: int = 16 * KIB  # of descriptions, avatars, and any other text of a request
    groups_per_account: int = 100_000  # kept on purpose: these are valid for ever
    member_lists_per_channel: int = 10_000  # then the oldest that nobody sees are forgotten
    channels_per_account: int = 10_000  # created by it
    services_per_account: int = 1000
    agents_per_service: int = 100_000
    text_bytes_per_account: int = 32 * MIB  # written of its channels, services and agents
    logins_per_account: int = 1000  # then the oldest ends
    tokens_per_login: int = 16  # access tokens, then the oldest ends
    code_ms: int = 15 * 60_000  # how long a confirmation code is good for
    free_attempts: int = 5  # wrong passwords in a row, for one account, before it has to wait
    longest_wait_ms: int = 60_000  # waits double from 1 s up to this
    recent_requests: int = 4096  # remembered per identity, so that a repeat is not done twice
    request_id_chars: int = 128  # of a request that is to be remembered
    history_bytes: int = 8 * MIB  # of a page of a history: 32 of the largest messages
    coalesce_ms: int = 500  # older clients' requests for one view that make up one refresh
    access_token_ms: int = 24 * HOUR_MS
    refresh_token_ms: int = 30 * DAY_MS


@dataclass(frozen=True)
class PlatformOptions:
    """How a Platform runs.

    Attributes:
        host: Where to listen; anything but loopback opens it to the network.
        port: On which port; 0 takes any that is free.
        data: Where to keep everything; None keeps it in memory.
        developer: Offer ready-made people and `/local/` to programs on this machine. Has no
            effect unless `host` is a loopback address and there is no `public_url`.
        allow_hosts: Further names by which clients may address this Platform.
        allow_origins: Further origins (`https://chat.example`) whose pages may use it.
        public_url: The address by which others reach this Platform, through a proxy; what is
            uploaded has it too. Its host and its pages are allowed.
        confirm_sign_up: Accounts need a code before they can be used. The code is in the log: a
            Platform on this machine sends no mail.
        tls_cert: A certificate, as PEM, with which to speak `https://` and `wss://` only.
        tls_key: Its private key, as PEM.
        features: What the answer to a login announces beyond 1.8.0 (`ALL_FEATURES`); with none
            of them, clients behave as they do towards the hosted Platform.
        metrics: Let everybody who may reach this Platform read `/metrics`, not only programs on
            this machine.
        faults: What goes wrong on purpose from the start.
        seed: A file of people and channels that are added where they are missing.
        limits: How much is too much.
    """

    host: str = DEFAULT_HOST
    port: int = 0
    data: Path | None = None
    developer: bool = True
    allow_hosts: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()
    public_url: str = ""
    confirm_sign_up: bool = False
    tls_cert: Path | None = None
    tls_key: Path | None = None
    features: tuple[str, ...] = ALL_FEATURES
    metrics: bool = False
    faults: FaultPlan | None = None
    seed: Path | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def developer_mode(self) -> bool:
        """Whether developer mode is in effect."""
        return self.developer and is_loopback(self.host) and not self.public_url

    @property
    def scheme(self) -> str:
        """`https` or `http`."""
        return "https" if self.tls_cert is not None else "http"


def is_loopback(host: str) -> bool:
    """Return whether a host name or address means this machine only."""
    if host.lower() == "localhost":
        return True
    address = ip_literal(host)
    return address is not None and address.is_loopback


def ip_literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address a host consists of, or None if it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def netloc(host: str, port: int) -> str:
    """Return `host:port` as a URL has it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `moobius platform` to a parser."""
    add = parser.add_argument
    add("--host", default=DEFAULT_HOST, help="where to listen (default: %(default)s)")
    add(
        "--port",
        type=port_number,
        default=DEFAULT_PORT,
        help="on which port; 0 takes any that is free (default: %(default)s)",
    )
    add(
        "--data",
        type=directory,
        default=DEFAULT_DATA,
        metavar="DIR",
        help="where to keep everything (default: %(default)s)",
    )
    add("--ephemeral", action="store_true", help="keep everything in memory, forget it at the end")
    add("--seed", type=Path, metavar="FILE", help="people and channels to add where missing (JSON)")
    add("--no-developer", action="store_true", help="no ready-made people, no /local/ endpoints")
    add("--allow-host", action="append", default=[], metavar="NAME", help="a further host name")
    add("--allow-origin", action="append", default=[], metavar="URL", help="a further origin")
    add("--public-url", default="", metavar="URL", help="where others reach it, through a proxy")
    add(
        "--confirm-sign-up",
        action="store_true",
        help="accounts need a confirmation code first; it is in the log",
    )
    add("--tls-cert", type=Path, metavar="FILE", help="certificate (PEM): speak https and wss")
    add("--tls-key", type=Path, metavar="FILE", help="the private key of that certificate (PEM)")
    add("--metrics", action="store_true", help="let others than this machine read /metrics")
    add("--faults", metavar="SPEC", help="things go wrong on purpose, as in cut=0.01,seed=7")
    add(
        "--log-level",
        type=str.upper,
        choices=LOG_LEVELS,
        default="INFO",
        help="how much to say on standard error (default: %(default)s); DEBUG tells every frame",
    )
    add("-v", "--verbose", action="store_const", const="DEBUG", dest="log_level", help="say all")
    add("--embedded", action="store_true", help=argparse.SUPPRESS)


def options_from(arguments: argparse.Namespace) -> PlatformOptions:
    """Return the options that parsed arguments mean."""
    return PlatformOptions(
        host=arguments.host,
        port=arguments.port,
        data=None if arguments.ephemeral else arguments.data,
        developer=not arguments.no_developer,
        allow_hosts=tuple(arguments.allow_host),
        allow_origins=tuple(arguments.allow_origin),
        public_url=arguments.public_url,
        confirm_sign_up=arguments.confirm_sign_up,
        tls_cert=arguments.tls_cert,
        tls_key=arguments.tls_key,
        metrics=arguments.metrics,
        seed=arguments.seed,
        faults=FaultPlan.read(arguments.faults) if arguments.faults else None,
    )


def port_number(text: str) -> int:
    """Read a port, for argparse."""
    if text.isdecimal() and int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number from 0 to 65535")


def directory(text: str) -> Path:
    """Read the path of a directory, for argparse; an empty one would be the working directory."""
    if text:
        return Path(text)
    raise argparse.ArgumentTypeError("it is empty; name a directory (. is the one you are in)")
