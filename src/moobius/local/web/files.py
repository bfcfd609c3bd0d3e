"""Endpoints 36 to 39: upload forms, uploads and downloads (platform.md 2.9).

A form is a key and a signature, so an upload needs no login and a stranger cannot fill the disk.
A file is written under another name first: under its key it is whole or absent.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from loguru import logger

from moobius.local.model.refusal import Code, Refused, malformed, not_permitted
from moobius.local.options import Limits
from moobius.local.web.envelope import HttpRefused
from moobius.local.web.forms import Forms
from moobius.local.web.names import content_disposition, content_type, is_key, name_of, suffix_of

PREFIX = "/files/"
PARTIAL = ".upload-"
NAME = ".name-"  # beside a file that has one: what it is called
CHUNK = 256 * 1024
LONGEST_FIELD = 4096
MOST_FIELDS = 100

# What aiohttp raises for a body that is no form.
NO_FORM = (
    *(ValueError, LookupError, RuntimeError, AssertionError),
    *(HttpProcessingError, web.RequestPayloadError),
)


T = TypeVar("T")


class Files:
    """The files of one Platform, in one directory."""

    def __init__(self, directory: Path, limits: Limits, new_id: Callable[[], str]) -> None:
        self._directory = directory
        self._limits = limits
        self._new_id = new_id
        self._forms = Forms(limits.upload_seconds, time.monotonic)
        self._uploading: set[str] = set()
        for leftover in directory.glob(f"{PARTIAL}*"):  # a Platform was killed while it took it
            leftover.unlink()

    def form(self, origin: str, extension: str) -> dict[str, Any]:
        """Return where and how to upload one file (endpoint 36)."""
        fields = self._forms.sign(f"{self._new_id()}{suffix_of(extension)}")
        return {"url": origin + PREFIX, "fields": fields}

    async def upload(self, request: web.Request) -> web.Response:
        """Take a form with its file (endpoint 37); 204 without a body when it is stored.

        Raises:
            HttpRefused: With a status that says so, as the storage of a hosted Platform has it:
                clients look at the status here, and not for an envelope.
        """
        try:
            return await self._checked(request)
        except HttpRefused:
            raise
        except Refused as refusal:
            status = 403 if refusal.code == Code.NOT_PERMITTED else 400
            raise HttpRefused(status, refusal.code, refusal.message) from refusal

    async def _checked(self, request: web.Request) -> web.Response:
        if not request.content_type.startswith("multipart/"):
            raise malformed("upload with multipart/form-data: the fields, then the part `file`")
        if (request.content_length or 0) > self._limits.file_bytes + MOST_FIELDS * LONGEST_FIELD:
            raise self._too_large()
        return await self._receive(await self._read_in_time(request.multipart()))

    async def _receive(self, form: MultipartReader) -> web.Response:
        fields: dict[str, str] = {}
        for _ in range(MOST_FIELDS + 1):  # the fields, then the file
            part = await self._read_in_time(form.next())
            if part is None:
                raise malformed("the part `file` is missing")
            if not isinstance(part, BodyPartReader):
                raise malformed("nested multipart parts are not taken")
            if part.name == "file":
                with self._claimed(fields) as key:
                    await self._store(key, part)
                return web.Response(status=204)
            fields[part.name or ""] = await self._small_text(part)
        raise malformed(f"a form may have {MOST_FIELDS} fields")

    async def _read_in_time(self, reading: Awaitable[T]) -> T:
        """Return what is read of a request.

        Raises:
            HttpRefused: If it does not arrive in time.
            Refused: If the request is no proper form.
        """
        try:
            return await asyncio.wait_for(reading, self._limits.stalled_seconds)
        except asyncio.TimeoutError:
            text = f"nothing arrived for {self._limits.stalled_seconds:g} s"
            raise HttpRefused(408, Code.MALFORMED, text) from None
        except NO_FORM as error:
            raise malformed(f"the body is no whole multipart/form-data: {error}") from error

    async def _small_text(self, part: BodyPartReader) -> str:
        """Return a text field of the form; one that does not stay small is none of ours."""
        data = b""
        while chunk := await self._read_in_time(part.read_chunk()):
            data += chunk
            if len(data) > LONGEST_FIELD:
                raise malformed(f"a field of the form may have {LONGEST_FIELD} bytes")
        return data.decode("utf-8", "replace")

    @contextmanager
    def _claimed(self, fields: dict[str, str]) -> Iterator[str]:
        """Keep a form's key to one upload, and to one that succeeds."""
        key = self._forms.check(fields)
        if key in self._uploading or (self._directory / key).exists():
            raise not_permitted("this upload form has been used; ask for another one")
        self._uploading.add(key)
        try:
            yield key
        finally:
            self._uploading.remove(key)

    async def _store(self, key: str, part: BodyPartReader) -> None:
        in_thread = partial(asyncio.get_running_loop().run_in_executor, None)
        try:
            file = await in_thread(self._open)
            try:
                with file:
                    await self._copy(part, file)
                    await in_thread(_flush, file)
                await in_thread(self._place, Path(file.name), key, name_of(part.filename))
            except BaseException:
                _discard(file)  # at once: this may be the end of the loop
                raise
        except ConnectionError:
            raise  # the client has gone, and so has what it sent
        except OSError as error:
            logger.error("cannot store the upload {}: {}", key, error)
            text = f"the Platform cannot store the file: {error.strerror or error}"
            raise HttpRefused(507, Code.INTERNAL, text) from error

    async def _copy(self, part: BodyPartReader, file: IO[bytes]) -> None:
        loop, size = asyncio.get_running_loop(), 0
        while chunk := await self._read_in_time(part.read_chunk(CHUNK)):
            size += len(chunk)
            if size > self._limits.file_bytes:
                raise self._too_large()
            await loop.run_in_executor(None, file.write, chunk)
        if not part.at_eof():  # the body is over, and the boundary after the file never came
            raise malformed("the file is not whole: the form ends in the middle of it")

    def _open(self) -> IO[bytes]:
        return tempfile.NamedTemporaryFile(dir=self._directory, prefix=PARTIAL, delete=False)

    def _place(self, whole: Path, key: str, name: str) -> None:
        if name:  # first, so that no file is ever without the name it has
            (self._directory / f"{NAME}{key}").write_text(name, encoding="utf-8")
        whole.replace(self._directory / key)
        _sync(self._directory)

    def _too_large(self) -> HttpRefused:
        text = f"a file may have at most {self._limits.file_bytes} bytes"
        return HttpRefused(413, Code.MALFORMED, text)

    def download(self, key: str) -> web.StreamResponse:
        """Return a file, to anybody (endpoints 38 and 39)."""
        path = self._directory / key
        if not is_key(key) or not path.is_file():
            raise Refused(Code.UNKNOWN_PATH, "File not found")
        try:
            name = (self._directory / f"{NAME}{key}").read_text(encoding="utf-8")
        except FileNotFoundError:
            name = ""
        headers = {
            "Content-Type": content_type(key),
            "Content-Disposition": content_disposition(key, name),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "public, max-age=31536000, immutable",
        }
        return web.FileResponse(path, headers=headers)


def is_upload(name: str) -> bool:
    """Return whether a file of the directory was uploaded, rather than stands beside one."""
    return not name.startswith((PARTIAL, NAME))


def _discard(file: IO[bytes]) -> None:
    Path(file.name).unlink(missing_ok=True)


def _flush(file: IO[bytes]) -> None:
    # The journal needs no such care: it can lose its newest lines to a power failure, but not be
    # left half written. A file could, and nobody would know.
    file.flush()
    os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    """Make sure that the names in a directory outlive a power failure, where that can be asked."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
