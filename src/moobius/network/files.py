"""Uploads and downloads files: in pieces, completely or not at all (platform.md 2.9)."""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from loguru import logger

from moobius.errors import BadResponseException, FileInTheWay, MissingFile, TransportError
from moobius.network.http_request import ATTEMPTS, repeated
from moobius.network.replies import checked, field, summary
from moobius.network.transport import Reply, Stream, Transport, without_query
from moobius.types import MessageBody

OK = 200
BLOCK = 1024 * 1024  # bytes of a file that are hashed at a time
STALLED_AFTER = 60.0  # seconds in which an upload has not moved
DOWNLOADS = "downloads"  # where files without a name go, in the working directory
LONGEST_REFUSAL = 4096  # bytes of a page instead of a file that are read for the error
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,16}")

AskForm = Callable[[str], Awaitable[Any]]


class FileTransfer:
    """Uploads and downloads of one account.

    Args:
        transport: Carries the requests.
        ask_form: Asks the Platform where and how to upload a file with a given extension.

    Attributes:
        transport: Carries the requests; may be replaced before the first transfer.
        urls: Addresses of what was uploaded by `url_of`, by sha256 of the content.
    """

    def __init__(self, transport: Transport, ask_form: AskForm) -> None:
        self.transport = transport
        self._ask_form = ask_form
        self._flights: dict[str, asyncio.Task[str]] = {}
        self.urls: dict[str, str] = {}

    # ---- Up ----------------------------------------------------------------------------------

    async def url_of(self, path: Path) -> str:
        """Return the address of a file's content, which is uploaded only once."""
        key = await asyncio.to_thread(sha256_of, path)
        if key in self.urls:
            return self.urls[key]
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.ensure_future(self._upload_as(key, path))
            flight.add_done_callback(_mark_retrieved)
        # Shielded: one caller that gives up must not take the address away from the others.
        return await asyncio.shield(flight)

    async def _upload_as(self, key: str, path: Path) -> str:
        try:
            self.urls[key] = await self.upload(path)
            return self.urls[key]
        finally:
            del self._flights[key]

    async def upload(self, path: Path) -> str:
        """Upload a file and return its address.

        Raises:
            BadResponseException: If it is not taken.
            TransportError: If the connection breaks, or nothing moves for a while.
        """
        # Opened before anything is awaited: after that, its owner may delete the file.
        with existing_file(path).open("rb") as content:
            form = await self._ask_form(path.suffix.removeprefix("."))
            endpoint = "GET /file/upload"
            url, fields = field(form, "url", endpoint), field(form, "fields", endpoint)
            key = field(fields, "key", endpoint)
            where = f"POST {without_query(url)} (uploading {path.name})"
            checked(await self._post(url, fields, content, where), where)
        logger.debug("uploaded {} as {}", path, key)
        return str(url + key)

    async def _post(
        self, url: str, fields: Mapping[str, Any], content: IO[bytes], where: str
    ) -> Reply:
        from aiohttp import FormData

        form = FormData()
        for name, value in fields.items():
            form.add_field(name, str(value))
        form.add_field("file", content, filename="file")
        sending = asyncio.ensure_future(self.transport.request("POST", url, data=form))
        watching = asyncio.ensure_future(_stalled(content))
        try:
            await asyncio.wait({sending, watching}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                return sending.result()
            raise TransportError(f"nothing moved for {STALLED_AFTER:g} s", endpoint=where)
        finally:
            watching.cancel()
            sending.cancel()
            await asyncio.gather(sending, watching, return_exceptions=True)

    # ---- Down --------------------------------------------------------------------------------

    async def size(self, url: str, headers: Mapping[str, str] | None = None) -> int | None:
        """Return how many bytes a download would be; `None` if the server does not tell."""
        plain = {"Accept-Encoding": "identity", **(headers or {})}
        reply = await repeated(lambda: self.transport.request("HEAD", url, headers=plain))
        length = reply.headers.get("Content-Length", "")
        return int(length) if reply.status == OK and length.isdecimal() else None

    async def content(
        self, url: str, headers: Mapping[str, str] | None = None, limit: int | None = None
    ) -> bytes:
        """Download into memory."""

        async def attempt() -> bytes:
            parts: list[bytes] = []

            async def keep(chunk: bytes) -> None:
                parts.append(chunk)

            await self._receive(url, headers, limit, keep)
            return b"".join(parts)

        return await repeated(attempt, ATTEMPTS)

    async def save(
        self,
        url: str,
        target: Path,
        *,
        overwrite: bool,
        headers: Mapping[str, str] | None = None,
        limit: int | None = None,
    ) -> Path:
        """Download into a file, which is whole or absent; folders are made.

        Raises:
            FileInTheWay: If the file is there and may not be replaced.
        """
        _check_free(target, overwrite)
        target.parent.mkdir(parents=True, exist_ok=True)

        async def attempt() -> None:
            partial = target.with_name(f".{secrets.token_hex(8)}.part")
            try:
                with partial.open("xb") as file:

                    async def write(chunk: bytes) -> None:
                        await asyncio.to_thread(file.write, chunk)

                    await self._receive(url, headers, limit, write)
                _check_free(target, overwrite)
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)

        await repeated(attempt, ATTEMPTS)
        return target

    async def _receive(
        self,
        url: str,
        headers: Mapping[str, str] | None,
        limit: int | None,
        take: Callable[[bytes], Awaitable[None]],
    ) -> None:
        endpoint = f"GET {without_query(url)}"
        async with self.transport.stream(url, headers=headers) as stream:
            if stream.status != OK:
                refusal = await _refusal_in(stream)
                reason = f"HTTP status {stream.status} instead of the file: {refusal}"
                raise BadResponseException(reason, endpoint=endpoint, code=stream.status)
            size = 0
            async for chunk in stream.chunks():
                size += len(chunk)
                if limit is not None and size > limit:
                    reason = f"the file is larger than the {limit} bytes allowed"
                    raise BadResponseException(reason, endpoint=endpoint, code=OK)
                await take(chunk)


# ---- Names -------------------------------------------------------------------------------------


def existing_file(name: str | Path) -> Path:
    """Return the path of a local file.

    Raises:
        MissingFile: If it is not there.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        raise MissingFile(
            f"file not found: {path.absolute()} (relative names start at the working directory)"
        )
    return path


def address_of(source: str | MessageBody) -> str:
    """Return where a file is: the address itself, or that in a message.

    Raises:
        TypeError: If it is neither.
        MissingFile: If the message has no file, or there is no address.
    """
    if isinstance(source, MessageBody):
        path = source.content.path if source.content else None
        if not path:
            raise MissingFile("this message has no file to download: its content.path is empty")
        return path
    if not isinstance(source, str):
        raise TypeError(f"expected a URL or a MessageBody to download, not {source!r}")
    if not source:
        raise MissingFile("no URL to download from")
    return source


def target_for(url: str, file_path: str | Path | None, auto_dir: str | Path | None) -> Path:
    """Return where a download goes, as an absolute path.

    Args:
        url: Lends its extension to a name without one.
        file_path: The wanted name; one is made up in `auto_dir` without it.
        auto_dir: A folder; `downloads` in the working directory by default.
    """
    if file_path:
        target = Path(file_path).expanduser()
    else:
        name = f"{datetime.now():%Y%m%d_%H%M%S_%f}_{random.randrange(10_000):04}"
        target = Path(auto_dir or DOWNLOADS).expanduser() / name
    if not target.suffix:
        target = target.with_name(target.name + extension_of(url))
    return target.absolute()


def extension_of(url: str) -> str:
    """Return the extension of what an address names, with its dot; nothing if there is none."""
    suffix = PurePosixPath(unquote(urlsplit(url).path)).suffix
    return suffix if _EXTENSION.fullmatch(suffix) else ""


def sha256_of(path: Path) -> str:
    """Return the hash of a file's content; this blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while block := content.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _check_free(target: Path, overwrite: bool) -> None:
    if target.is_dir():
        raise FileInTheWay(f"{target} is a folder; give the name of a file in it")
    if target.exists() and not overwrite:
        raise FileInTheWay(f"{target} is there already; pass overwrite=True to replace it")


# ---- Watching ----------------------------------------------------------------------------------


async def _stalled(content: IO[bytes]) -> None:
    """Return when nothing has been read for a while from a file that is being sent."""
    position, before = _position(content), None
    while position != before:
        await asyncio.sleep(STALLED_AFTER)
        position, before = _position(content), position


def _position(content: IO[bytes]) -> int:
    try:
        return content.tell()
    except ValueError:  # closed, which is done when all of it is on its way
        return -1


async def _refusal_in(stream: Stream) -> str:
    """Return a short form of a reply that is not the file, for the error."""
    text = b""
    async for chunk in stream.chunks():
        text += chunk
        if len(text) > LONGEST_REFUSAL:
            break
    return summary(text[:LONGEST_REFUSAL].decode("utf-8", "replace"))


def _mark_retrieved(flight: asyncio.Task[str]) -> None:
    """Read the outcome, so that asyncio does not complain when all who waited have given up."""
    if not flight.cancelled():
        flight.exception()
