"""What a client may create and change: characters, channels, groups, files, the account."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loguru import logger

from moobius.core.client import Client
from moobius.core.modes import service_only
from moobius.errors import LoginRefused
from moobius.types import Character, Characters, Group, MessageBody


class Managing(Client):
    """The verbs of `Moobius` that change things on the Platform (sdk.md 1.2.5 and 1.2.6)."""

    @service_only
    async def create_agent(
        self, name: str, avatar: str | Path | None = None, description: str = "No description"
    ) -> Character:
        """Create a character that is no account.

        It outlives the program: look among `fetch_agents()` for the one of last time.

        Args:
            name: What it is called.
            avatar: A local picture (uploaded once) or a URL; without one the default picture.
            description: What others read about it.

        Raises:
            MissingFile: If the picture is not there.
        """
        url = await self.http_api.convert_to_url(avatar)
        return await self.http_api.create_agent(self.own_id, name, url, description)

    @service_only
    async def update_agent(
        self, character: str | Character, avatar: str | Path, description: str, name: str
    ) -> Any:
        """Change what an agent looks like; its id stays."""
        url = await self.http_api.convert_to_url(avatar)
        return await self.http_api.update_agent(self.own_id, character, url, description, name)

    @service_only
    async def bind_service_to_channel(self, channel_id: str) -> bool:
        """Bind this service to a channel, and tell whether it worked."""
        return await self.http_api.bind_service_to_channel(self.own_id, channel_id)

    @service_only
    async def unbind_service_from_channel(self, channel_id: str) -> None:
        """End this service's binding to a channel."""
        await self.http_api.unbind_service_from_channel(self.own_id, channel_id)

    async def create_channel(self, channel_name: str, channel_desc: str, bind: bool = True) -> str:
        """Create a channel and return its id.

        With `bind` it is bound to this service and becomes a key of `channels`; call
        `on_channel_init` to set it up.
        """
        channel_id = await self.http_api.create_channel(channel_name, channel_desc)
        if bind and self.service_mode:
            # Known before it is bound: its first event may come at once.
            self.channels.setdefault(channel_id, None)
            if not await self.bind_service_to_channel(channel_id):
                del self.channels[channel_id]
        return channel_id

    async def update_channel(self, channel_id: str, channel_name: str, channel_desc: str) -> None:
        """Change the name and the description of a channel."""
        await self.http_api.update_channel(channel_id, channel_name, channel_desc)

    async def create_channel_group(
        self, channel_id: str, group_name: str, characters: Characters
    ) -> Group:
        """Store a list of characters under a name; the id is `.group_id` of what is returned."""
        return await self.http_api.create_channel_group(channel_id, group_name, characters)

    async def create_service_group(self, characters: Characters) -> Group:
        """Store a list of characters; the id is `.group_id` of what is returned."""
        return await self.http_api.create_service_group(characters)

    async def update_current_user(self, avatar: str | Path, description: str, name: str) -> Any:
        """Change what the own account looks like; `avatar` is a local picture or a URL."""
        url = await self.http_api.convert_to_url(avatar)
        return await self.http_api.update_current_user(url, description, name)

    async def upload(self, file_path: str | Path) -> str:
        """Upload a file and return its URL.

        Raises:
            MissingFile: If it is not there.
            BadResponseException: If the Platform does not take it.
        """
        return await self.http_api.upload(file_path)

    async def download(
        self,
        source: str | MessageBody,
        file_path: str | Path | None = None,
        auto_dir: str | Path | None = None,
        overwrite: bool = True,
        bytes: bool = False,
        headers: Mapping[str, str] | str | None = None,
        max_size: int | None = None,
    ) -> Any:
        """Download a file.

        Args:
            source: A URL, or a message with a file.
            file_path: Where to; folders are made. Without one a name is made up in `auto_dir`.
            auto_dir: Where made-up names go; `./downloads` by default.
            overwrite: Whether an existing file is replaced.
            bytes: Return the content instead of writing a file.
            headers: Sent along; `"self"` for the own authorisation.
            max_size: Refuse what is longer, in bytes; members may send anything.

        Returns:
            The absolute path of the file, or its content.

        Raises:
            FileInTheWay: If the file is there and may not be replaced.
            BadResponseException: If the answer is not the file.
        """
        return await self.http_api.download(
            source,
            file_path,
            auto_dir,
            overwrite=overwrite,
            bytes=bytes,
            headers=headers,
            max_size=max_size,
        )

    async def sign_up(self) -> None:
        """Ask for a new account with the configured email and password, and sign in to it.

        A Platform that sends a code by mail first wants that code:
        `http_api.sign_up_with_code(code)`.
        """
        await self.http_api.request_sign_up_code()
        try:
            await self.authenticate()
        except LoginRefused as refused:
            if "UNCONFIRMED" not in refused.reason:
                raise
            logger.info("a code has been sent to {}", self.http_api.username)

    async def authenticate(self) -> tuple[str, str]:
        """Sign in and return (access token, refresh token)."""
        return await self.http_api.authenticate()

    async def refresh_authentication(self) -> str:
        """Renew the access token and return it."""
        return await self.http_api.renew()

    async def sign_out(self) -> None:
        """End the validity of the tokens."""
        await self.http_api.sign_out()
