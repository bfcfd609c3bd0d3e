"""The Platform's HTTP API as one object (sdk.md 1.6, platform.md 2).

Its endpoints, one method each, are in `api_accounts.py`, `api_channels.py` and `api_groups.py`;
files are here, and how they travel in `files.py`. How a request is sent, repeated and authorised
is in `http_request.py`, and what a reply means in `replies.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, overload

from moobius.errors import BadResponseException
from moobius.network.api_accounts import AccountEndpoints
from moobius.network.api_channels import ChannelEndpoints
from moobius.network.api_groups import GroupEndpoints
from moobius.network.files import FileTransfer, address_of, existing_file, target_for
from moobius.network.http_request import get_or_post
from moobius.network.replies import (
    HistoryMessage,
    ServiceEntry,
    checked,
    failed_json_analyze,
)
from moobius.network.transport import Transport
from moobius.types import DEFAULT_AVATAR, MessageBody, assert_strs
from moobius.utils import is_url, summarize_html

__all__ = [
    "BadResponseException",
    "HTTPAPIWrapper",
    "HistoryMessage",
    "ServiceEntry",
    "checked",
    "failed_json_analyze",
    "get_or_post",
    "summarize_html",
]

Headers = Mapping[str, str] | str | None
"""Headers to send along; the text `"self"` stands for the account's own."""


class HTTPAPIWrapper(AccountEndpoints, ChannelEndpoints, GroupEndpoints):
    """The Platform's HTTP API, as one account.

    Args:
        http_server_uri: Address of the API.
        email: The account's name.
        password: The account's password.
        ca_file: Certificates of the authorities to trust instead of the usual ones.
        transport: Carries the requests; one HTTP session by default.

    Attributes:
        access_token: Sent with each request; valid for a day, and renewed when it has expired.
        refresh_token: Exchanged for a new access token; valid for a month.
        filehash2URL: Addresses of what was uploaded, by sha256 of the content.
    """

    def __init__(
        self,
        http_server_uri: str = "",
        email: str = "",
        password: str = "",
        *,
        ca_file: str | None = None,
        transport: Transport | None = None,
    ) -> None:
        super().__init__(http_server_uri, email, password, ca_file=ca_file, transport=transport)
        self._files = FileTransfer(
            self._transport, lambda extension: self._get("/file/upload", extension=extension)
        )
        self.filehash2URL = self._files.urls

    def trust(self, ca_file: str) -> None:
        """Trust the authorities in this file, as with `ca_file`; before the first request only."""
        super().trust(ca_file)
        self._files.transport = self._transport

    async def upload(self, file_path: str | Path) -> str:
        """Upload a file and return its address.

        Raises:
            MissingFile: If it is not there.
            BadResponseException: If the Platform does not take it.
        """
        return await self._files.upload(existing_file(file_path))

    async def convert_to_url(self, file_path: str | Path | None) -> str:
        """Return an address for a file: URLs as they are, local files uploaded once by content.

        Args:
            file_path: A URL or a local file; nothing means the default picture.

        Raises:
            MissingFile: If it is a local file that is not there.
        """
        if not file_path:
            return DEFAULT_AVATAR
        if is_url(file_path):
            return str(file_path)
        return await self._files.url_of(existing_file(file_path))

    async def download_size(self, url: str, headers: Headers = None) -> int | None:
        """Return how many bytes a file has; `None` if its server does not tell."""
        assert_strs(url)
        return await self._files.size(url, self._chosen(headers))

    # What comes back depends on `bytes`: the content, or the path of the file.
    @overload
    async def download(
        self,
        source: str | MessageBody,
        file_path: str | Path | None = None,
        auto_dir: str | Path | None = None,
        overwrite: bool | None = None,
        *,
        bytes: Literal[True],
        headers: Headers = None,
        max_size: int | None = None,
    ) -> bytes: ...
    @overload
    async def download(
        self,
        source: str | MessageBody,
        file_path: str | Path | None = None,
        auto_dir: str | Path | None = None,
        overwrite: bool | None = None,
        bytes: bool | None = None,
        headers: Headers = None,
        max_size: int | None = None,
    ) -> Any: ...

    async def download(
        self,
        source: str | MessageBody,
        file_path: str | Path | None = None,
        auto_dir: str | Path | None = None,
        overwrite: bool | None = None,
        bytes: bool | None = None,
        headers: Headers = None,
        max_size: int | None = None,
    ) -> Any:
        """Download a file: to the disk, in pieces; or into memory.

        Args:
            source: A URL, or a message with a file.
            file_path: Where to; folders are made. A name without extension gets that of the URL.
            auto_dir: Where a name is made up when there is no `file_path`; `downloads` by default.
            overwrite: Whether a file that is there already is replaced.
            bytes: Return the content instead of writing a file.
            headers: Sent along; `"self"` for the own authorisation.
            max_size: Give up on files of more bytes than this.

        Returns:
            The absolute path of the file, with `/` between folders, or its content.

        Raises:
            FileInTheWay: If the file is there and may not be replaced; nothing is asked then.
            MissingFile: If the message has no file.
            BadResponseException: If the answer is not the file, or it is too large.
            TransportError: If it does not come, or not whole. No half file stays.
        """
        url, chosen = address_of(source), self._chosen(headers)
        if bytes:
            return await self._files.content(url, chosen, max_size)
        target = target_for(url, file_path, auto_dir)
        await self._files.save(
            url, target, overwrite=bool(overwrite), headers=chosen, limit=max_size
        )
        return target.as_posix()

    def _chosen(self, headers: Headers) -> Mapping[str, str] | None:
        if headers is None or isinstance(headers, Mapping):
            return headers
        if headers == "self":
            return self.headers
        raise TypeError(f'headers must be a dict, "self" or None, not {headers!r}')
