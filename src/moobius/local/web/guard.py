"""Checks `Host` and `Origin`: against DNS rebinding, and against the pages of other sites.

A page on another site can make a browser send requests to this machine. But the browser tells the
name by which it asked for us (`Host`) and the site of the page (`Origin`); so both have to be ours.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

from moobius.errors import ConfigError
from moobius.local.options import PlatformOptions, ip_literal, is_loopback

CORS_METHODS = "GET, HEAD, POST, OPTIONS"
CORS_HEADERS = "Authorization, Auth-Origin, Content-Type"

OF_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")

PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


class Site(NamedTuple):
    """Scheme, host and port: what browsers call an origin."""

    scheme: str
    host: str
    port: int | None


class Guard:
    """Knows which hosts and origins the options allow.

    Raises:
        ConfigError: If something to be allowed is no host, or no origin.
    """

    def __init__(self, options: PlatformOptions) -> None:
        self._is_open = not is_loopback(options.host)
        self._hosts = {options.host.lower(), *map(_named_host, options.allow_hosts)}
        self._origins = {*map(_named_origin, options.allow_origins)}
        self.public_url = options.public_url.rstrip("/")
        if self.public_url:
            public = _public_site(self.public_url)
            self._hosts.add(public.host)
            self._origins.add(public)

    def objection(self, request: web.Request) -> str | None:
        """Return what is wrong with the request's `Host` or `Origin`; None if nothing is."""
        ours = _site_of(request)
        if ours is None or not self._host_allowed(ours.host):
            return f"Host {request.host!r} is not served here; allow it with --allow-host"
        origin = request.headers.get("Origin")
        if origin is not None and not self.origin_allowed(origin, ours):
            return f"Origin {origin!r} may not use this Platform; allow it with --allow-origin"
        return None

    def origin_allowed(self, origin: str, ours: Site) -> bool:
        """Return whether a page of this origin may talk to us; `null` may not."""
        page = _parse(origin)
        if page is None:
            return False
        is_web = page.scheme in PORTS
        return page in self._origins or (is_web and (is_loopback(page.host) or page == ours))

    def address_of(self, request: web.Request) -> str:
        """Return the URL, without a path of ours, by which the client reaches us."""
        return self.public_url or f"{request.scheme}://{request.host}"

    def _host_allowed(self, host: str) -> bool:
        if is_loopback(host) or host in self._hosts:
            return True
        # A name can be made to point here by whoever owns it; an address cannot.
        return self._is_open and ip_literal(host) is not None


def is_from_here(request: web.Request) -> bool:
    """Return whether a program on this machine asks, and not as a proxy for somebody else.

    A proxy on this machine that neither keeps the `Host` nor adds a header cannot be told from a
    program; whoever runs one says so with `--public-url`.
    """
    ours = _site_of(request)
    return (
        ours is not None
        and is_loopback(ours.host)
        and is_loopback(request.remote or "")
        and not any(header in request.headers for header in OF_PROXIES)
    )


def cors_headers(request: web.Request) -> dict[str, str]:
    """Return the headers that let the page of a request, checked already, read the reply."""
    origin = request.headers.get("Origin")
    if origin is None:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": CORS_METHODS,
        "Access-Control-Allow-Headers": CORS_HEADERS,
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


def _named_host(text: str) -> str:
    """Return the host that `--allow-host` names; a port makes no difference."""
    address = ip_literal(text)
    site = _named_site(f"http://[{text}]" if address and address.version == 6 else f"http://{text}")
    if site is None:
        raise ConfigError(f"--allow-host {text!r} is no host; give a name such as chat.example")
    return site.host


def _named_origin(text: str) -> Site:
    """Return the origin that `--allow-origin` names."""
    site = _named_site(text.removesuffix("/"))
    if site is None:
        raise ConfigError(
            f"--allow-origin {text!r} is no origin; give scheme and host, as in "
            "https://chat.example, without a path"
        )
    return site


def _public_site(url: str) -> Site:
    site = _named_site(url, with_path=True)
    if site is None or site.scheme not in PORTS:
        raise ConfigError(
            f"--public-url {url!r} is no address; give one such as https://chat.example"
        )
    return site


def _named_site(url: str, *, with_path: bool = False) -> Site | None:
    """Return a site that somebody typed as browsers say it; None if there can be none."""
    site = _parse(url)
    if site is None:
        return None
    try:
        host = site.host if ":" in site.host else site.host.encode("idna").decode()
    except UnicodeError:
        return None
    parts = urlsplit(url)
    more = parts.query or parts.fragment or (parts.path and not with_path)
    is_name = HOST.fullmatch(host) or ip_literal(host)
    return site._replace(host=host) if is_name and not more else None


def _site_of(request: web.Request) -> Site | None:
    return _parse(f"{request.scheme}://{request.host}")


def _parse(url: str) -> Site | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.scheme or not parts.hostname or "@" in parts.netloc:
        return None
    return Site(parts.scheme, parts.hostname, port or PORTS.get(parts.scheme))
