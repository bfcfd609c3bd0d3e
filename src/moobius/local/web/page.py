"""The browser page: static files from `moobius/local/page`, and nothing else."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

PAGE = Path(__file__).parent.parent / "page"

# Said here and not guessed: some machines' tables make modules `text/plain`, and browsers then
# refuse to run them.
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
}

POLICY = (
    "default-src 'self'; img-src * data: blob:; media-src * blob:; style-src 'self'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
)


# What a path asks for is looked up here and never on the disk, so that no path leads out of the
# page, and none is too long for the file system.
FILES = {
    file.relative_to(PAGE).as_posix(): file for file in PAGE.rglob("*") if file.suffix in TYPES
}


def page_file(path: str) -> Path | None:
    """Return the file of the page that a path names, or None."""
    # The page names its files `/page/...`, so that they never stand in the way of an endpoint.
    return FILES.get(path.removeprefix("/page/").lstrip("/") or "index.html")


def serve_page_file(file: Path) -> web.Response:
    """Return a file of the page as it is now: it is small, and edited while the Platform runs."""
    return web.Response(
        body=file.read_bytes(),
        content_type=TYPES[file.suffix],
        charset="utf-8" if file.suffix in {".html", ".js", ".mjs", ".css", ".json"} else None,
        headers={
            "Cache-Control": "no-cache",
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        },
    )
