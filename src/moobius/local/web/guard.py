"""Who may talk to us: `Host` and `Origin` checked by name, against rebinding and foreign pages.

A page on another site can make a browser send requests to this machine. What it cannot do is
choose the `Host` of our loopback address or hide its own `Origin`; so both have to be ours.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

from moobius.local.options import PlatformOptions, ip_literal, is_loopback

CORS_METHODS = "GET, HEAD, POST, OPTIONS"
CORS_HEADERS = "Authorization, Auth-Origin, Content-Type"

OF_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


class Site(NamedTuple):
    """Scheme, host and port: what browsers call an origin."""

    scheme: str
    host: str
    port: int | None


def objection(request: web.Request, options: PlatformOptions) -> str | None:
    """Return what is wrong with the request's `Host` or `Origin`; None if nothing is."""
    ours = _parse(f"{request.scheme}://{request.host}")
    if ours is None or not _host_allowed(ours.host, options):
        return f"Host {request.host!r} is not served here; allow it with --allow-host"
    origin = request.headers.get("Origin")
    if origin is not None and not origin_allowed(origin, ours, options):
        return f"Origin {origin!r} may not use this Platform; allow it with --allow-origin"
    return None


def origin_allowed(origin: str, ours: Site, options: PlatformOptions) -> bool:
    """Return whether a page of this origin may talk to us; `null` may not."""
    if origin in options.allow_origins:
        return True
    page = _parse(origin)
    return page is not None and (is_loopback(page.host) or page == ours)


def is_from_here(request: web.Request) -> bool:
    """Return whether a program on this machine asks, and not as a proxy for somebody else."""
    ours = _parse(f"{request.scheme}://{request.host}")
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


def _host_allowed(host: str, options: PlatformOptions) -> bool:
    if is_loopback(host) or host == options.host.lower() or host in options.allow_hosts:
        return True
    # A name can be made to point here by whoever owns it; an address cannot.
    return not is_loopback(options.host) and ip_literal(host) is not None


def _parse(url: str) -> Site | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return None
    return Site(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80))
