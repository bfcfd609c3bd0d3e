"""Endpoints 36 to 39: upload forms, uploads and downloads (platform.md 2.9).

A form is a key and a one-time signature, so an upload needs no login and a stranger cannot
fill the disk. A file is written under another name first: under its key it is whole or absent.
"""

from __future__ import annotations

import asyncio
import mimetypes
import re
import secrets
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from aiohttp import BodyPartReader, web

from moobius.local.model.refusal import Code, Refused, malformed, not_permitted
from moobius.local.options import Limits

PREFIX = "/files/"
PARTIAL = ".upload-"
CHUNK = 256 * 1024
LONGEST_EXTENSION = 80
LONGEST_FIELD = 4096
UNSAFE = re.compile(r"""[\x00-\x1f\x7f/\\?#%"<>|:*]""")

# What a browser would run as a page of ours, were it not made a download.
ACTIVE = re.compile(r"html|svg|xml|javascript|ecmascript|pdf|flash")


@dataclass(frozen=True)
class _Form:
    signature: str
    expires: float


class Files:
    """The files of one Platform, in one directory."""

    def __init__(self, directory: Path, limits: Limits, new_id: Callable[[], str]) -> None:
        self._directory = directory
        self._limits = limits
        self._new_id = new_id
        self._forms: dict[str, _Form] = {}
        for leftover in directory.glob(f"{PARTIAL}*"):  # a Platform was killed while it took it
            leftover.unlink()

    def form(self, origin: str, extension: str) -> dict[str, Any]:
        """Return where and how to upload one file (endpoint 36)."""
        now = time.monotonic()
        self._forms = {key: form for key, form in self._forms.items() if form.expires > now}
        key = f"{self._new_id()}{_suffix(extension)}"
        form = _Form(secrets.token_urlsafe(24), now + self._limits.upload_seconds)
        self._forms[key] = form
        return {"url": origin + PREFIX, "fields": {"key": key, "signature": form.signature}}

    async def upload(self, request: web.Request) -> web.Response:
        """Take a form with its file (endpoint 37); 204 without a body when it is stored."""
        if not request.content_type.startswith("multipart/"):
            raise malformed("upload with multipart/form-data: the fields, then the part `file`")
        fields: dict[str, str] = {}
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader):
                raise malformed("nested multipart parts are not taken")
            if part.name == "file":
                await self._store(self._claim(fields), part)
                return web.Response(status=204)
            fields[part.name or ""] = await _small_text(part)
        raise malformed("the part `file` is missing")

    def _claim(self, fields: dict[str, str]) -> str:
        key = fields.get("key", "")
        form = self._forms.get(key)
        given = fields.get("signature", "").encode()
        if form is None or not secrets.compare_digest(given, form.signature.encode()):
            raise not_permitted("key or signature is not that of an open upload form")
        del self._forms[key]
        return key

    async def _store(self, key: str, part: BodyPartReader) -> None:
        loop, size = asyncio.get_running_loop(), 0
        file = await loop.run_in_executor(None, self._open)
        partial = Path(file.name)
        try:
            with file:
                while chunk := await part.read_chunk(CHUNK):
                    size += len(chunk)
                    if size > self._limits.file_bytes:
                        raise malformed(f"a file may have {self._limits.file_bytes} bytes")
                    await loop.run_in_executor(None, file.write, chunk)
            await loop.run_in_executor(None, partial.replace, self._directory / key)
        except BaseException:
            await loop.run_in_executor(None, partial.unlink, True)
            raise

    def _open(self) -> IO[bytes]:
        return tempfile.NamedTemporaryFile(dir=self._directory, prefix=PARTIAL, delete=False)

    def download(self, key: str) -> web.StreamResponse:
        """Return a file, to anybody (endpoints 38 and 39)."""
        path = self._directory / key
        if UNSAFE.search(key) or key.startswith(".") or not path.is_file():
            raise Refused(Code.UNKNOWN_PATH, "File not found")
        kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
        headers = {
            "Content-Type": kind,
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "public, max-age=31536000, immutable",
        }
        if ACTIVE.search(kind):
            headers["Content-Disposition"] = "attachment"
        return web.FileResponse(path, headers=headers)


async def _small_text(part: BodyPartReader) -> str:
    """Return a text field of the form; one that does not stay small is none of ours."""
    data = b""
    while chunk := await part.read_chunk():
        data += chunk
        if len(data) > LONGEST_FIELD:
            raise malformed(f"a field of the form may have {LONGEST_FIELD} bytes")
    return data.decode("utf-8", "replace")


def _suffix(extension: str) -> str:
    """Return what follows the id in a key: whatever the client says, made harmless."""
    cleaned = UNSAFE.sub("_", extension.strip().lstrip("."))
    while len(cleaned.encode("utf-8", "replace")) > LONGEST_EXTENSION:
        cleaned = cleaned[1:]  # the end tells the type
    return f".{cleaned}" if cleaned else ""
