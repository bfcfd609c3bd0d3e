"""The Platform's HTTP API: one method an endpoint, and one way to send a request (sdk.md 1.6).

How a request travels is the transport's business. What a reply means is decided in `checked`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, overload

import aiohttp
from loguru import logger

from moobius.errors import (
    BadResponseException,
    LoginRefused,
    MissingFile,
    TransportError,
    Unauthorized,
)
from moobius.network.backoff import backoff
from moobius.network.transport import HttpTransport, Reply, Transport
from moobius.types import (
    DEFAULT_AVATAR,
    Character,
    Characters,
    Group,
    UserInfo,
    assert_strs,
    limit_len,
    to_char_id_list,
)

SUCCESS = 10000
UNAUTHORIZED = 10005
UPLOADED = 204

GET_ATTEMPTS = 3  # asking twice does no harm; doing twice might
_URL_SCHEMES = ("http://", "https://", "ftp://", "ftps://")


class HTTPAPIWrapper:
    """The Platform's HTTP API, as one account.

    Args:
        http_server_uri: Address of the API.
        email: The account's name.
        password: The account's password.
        transport: Carries the requests; one HTTP session by default.

    Attributes:
        access_token: Proves who we are, for a day; renewed when it has expired.
        refresh_token: Buys a new access token, for a month.
        filehash2URL: Addresses of what was uploaded, by sha256 of the content.
    """

    def __init__(
        self,
        http_server_uri: str = "",
        email: str = "",
        password: str = "",
        *,
        transport: Transport | None = None,
    ) -> None:
        self.http_server_uri = http_server_uri
        self.username = email
        self.password = password
        self.access_token = ""
        self.refresh_token = ""
        self.filehash2URL: dict[str, str] = {}
        self._transport: Transport = transport or HttpTransport()
        self._renewing: asyncio.Task[Any] | None = None

    def __str__(self) -> str:
        return (
            f"moobius.HTTPAPIWrapper(http_server_uri={self.http_server_uri}, "
            f"username={self.username}, password=***, access_token=***, refresh_token=***)"
        )

    __repr__ = __str__

    @property
    def headers(self) -> dict[str, str]:
        """What tells the Platform who asks."""
        return {"Auth-Origin": "cognito", "Authorization": f"Bearer {self.access_token}"}

    async def close(self) -> None:
        """Close the HTTP session."""
        await self._transport.close()

    # ---- Sending a request ----------------------------------------------------------------

    async def _get(self, path: str, **params: str) -> Any:
        """Ask, up to three times if no answer comes; return the reply's `data`."""
        delays = backoff()
        for attempt in range(GET_ATTEMPTS):
            try:
                return await self._request("GET", path, params=params)
            except TransportError:
                if attempt == GET_ATTEMPTS - 1:
                    raise
                await asyncio.sleep(next(delays))
        raise AssertionError("unreachable")

    async def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Do something, once; return the reply's `data`."""
        return await self._request("POST", path, json=dict(body))

    async def _request(self, method: str, path: str, **kwargs: Any) -> Any:
        """Send an authorised request; when the token has expired, renew it and ask once more."""
        used = self.access_token
        try:
            return await self._send(method, path, headers=self.headers, **kwargs)
        except Unauthorized:
            if path.startswith("/auth/") or not self.password:
                raise
            if used == self.access_token:
                await self._renew_once()
            return await self._send(method, path, headers=self.headers, **kwargs)

    async def _send(self, method: str, path: str, **kwargs: Any) -> Any:
        endpoint = f"{method} {path}"
        logger.debug("> {}", endpoint)
        reply = await self._transport.request(method, self.http_server_uri + path, **kwargs)
        return checked(reply, endpoint)

    async def _renew_once(self) -> None:
        """Renew the tokens; requests that fail together share one renewal."""
        if self._renewing is None:
            self._renewing = asyncio.ensure_future(self.renew())
            self._renewing.add_done_callback(lambda _: setattr(self, "_renewing", None))
        await asyncio.shield(self._renewing)

    # ---- The account ----------------------------------------------------------------------

    async def authenticate(self) -> tuple[str, str]:
        """Sign in and keep the tokens; return (access token, refresh token).

        Raises:
            LoginRefused: If the Platform knows no such account, or another password.
        """
        endpoint = "POST /auth/sign_in"
        try:
            data = await self._send(
                "POST", "/auth/sign_in", json={"username": self.username, "password": self.password}
            )
        except BadResponseException as error:
            raise LoginRefused(
                f"cannot sign in at {self.http_server_uri} as {self.username!r}: {error.reason} "
                "(check email and password in the account configuration, "
                "or MOOBIUS_EMAIL and MOOBIUS_PASSWORD)",
                endpoint=endpoint,
            ) from None
        result = _field(data, "AuthenticationResult", endpoint)
        self.access_token = _field(result, "AccessToken", endpoint)
        self.refresh_token = _field(result, "RefreshToken", endpoint)
        return self.access_token, self.refresh_token

    async def refresh(self) -> str:
        """Exchange the refresh token for a new access token, keep and return it."""
        endpoint = "POST /auth/refresh"
        data = await self._send(
            "POST",
            "/auth/refresh",
            json={"username": self.username, "refresh_token": self.refresh_token},
        )
        result = _field(data, "AuthenticationResult", endpoint)
        self.access_token = _field(result, "AccessToken", endpoint)
        return self.access_token

    async def renew(self) -> str:
        """Get a new access token by whatever works: the refresh token, else the password."""
        if self.refresh_token:
            try:
                return await self.refresh()
            except BadResponseException as error:
                logger.debug("refreshing failed ({}), signing in again", error.reason)
        await self.authenticate()
        return self.access_token

    async def sign_out(self) -> None:
        """End the tokens' validity."""
        await self._post("/auth/sign_out", {"access_token": self.access_token})

    async def fetch_user_info(self) -> UserInfo:
        """Return the own account."""
        data = await self._get("/user/info")
        context = data.get("context") or {}
        return UserInfo(
            avatar=context.get("avatar") or "",
            description=context.get("description") or "",
            name=context.get("name") or "",
            email=data.get("email") or "",
            email_verified=data.get("email_verified") or "",
            user_id=data.get("user_id") or data.get("sub") or "",
            system_context=data.get("system_context"),
        )

    # ---- Characters -----------------------------------------------------------------------

    # A str is an Iterable too; the first overload wins, as it does at run time.
    @overload
    async def fetch_character_profile(  # type: ignore[overload-overlap]
        self, character: str | Character
    ) -> Character: ...
    @overload
    async def fetch_character_profile(self, character: Characters) -> list[Character]: ...

    async def fetch_character_profile(self, character: Characters) -> Character | list[Character]:
        """Return the profile of one character, or those of a list, in its order.

        Raises:
            BadResponseException: If one of them does not exist.
        """
        ids = to_char_id_list(character)
        if not ids:
            return []
        found = await self._profiles(ids)
        if missing := [character_id for character_id in ids if character_id not in found]:
            raise BadResponseException(
                f"no such character: {', '.join(missing)}",
                endpoint="POST /character/fetch_profile",
                code=SUCCESS,
            )
        profiles = [found[character_id] for character_id in ids]
        return profiles[0] if isinstance(character, (str, Character)) else profiles

    async def known_characters(self, ids: list[str]) -> list[Character]:
        """Return the profiles of those ids that exist, in their order."""
        found = await self._profiles(ids) if ids else {}
        return [found[character_id] for character_id in ids if character_id in found]

    async def _profiles(self, ids: list[str]) -> dict[str, Character]:
        data = await self._post("/character/fetch_profile", {"character_list": ids})
        return {profile["character_id"]: _character(profile) for profile in data}

    async def fetch_member_ids(
        self, channel_id: str, service_id: str, raise_empty_list_err: bool = False
    ) -> list[str]:
        """Return the ids of a channel's members, as a new list, in the order they joined.

        Raises:
            BadResponseException: If it is empty and `raise_empty_list_err` is set.
        """
        assert_strs(channel_id)
        data = await self._get(
            "/channel/character_list", channel_id=channel_id, service_id=service_id or ""
        )
        endpoint = "GET /channel/character_list"
        ids = list(_field(data, "character_list", endpoint))
        if raise_empty_list_err and not ids:
            raise BadResponseException(
                "the channel has no members", endpoint=endpoint, code=SUCCESS
            )
        return ids

    async def fetch_agents(self, service_id: str) -> list[Character]:
        """Return the agents of a service."""
        data = await self._get("/service/character/list", service_id=service_id)
        return [_character(profile) for profile in data]

    async def create_agent(
        self, service_id: str, name: str, avatar: str, description: str
    ) -> Character:
        """Create an agent; `avatar` is a URL."""
        context = {"name": name, "avatar": avatar, "description": description}
        data = await self._post(
            "/service/character/create", {"service_id": service_id, "context": context}
        )
        return _character(data)

    async def update_agent(
        self, service_id: str, character: str | Character, avatar: str, description: str, name: str
    ) -> Any:
        """Change what an agent looks like; its id stays."""
        [character_id] = to_char_id_list(character)
        return await self._post(
            "/service/character/update",
            {
                "service_id": service_id,
                "character_id": character_id,
                "context": {"avatar": avatar, "description": description, "name": name},
            },
        )

    # ---- Services and channels -----------------------------------------------------------

    async def create_service(self, description: str) -> str:
        """Create a service of this account and return its id."""
        data = await self._post("/service/create", {"description": description})
        return str(_field(data, "service_id", "POST /service/create"))

    async def fetch_service_id_list(self) -> list[dict[str, Any]]:
        """Return the account's services, each with `service_id` and `channel_ids`."""
        return list(await self._get("/service/list"))

    async def bind_service_to_channel(self, service_id: str, channel_id: str) -> bool:
        """Bind, and tell whether it worked; a refusal is logged, not raised."""
        try:
            await self._post("/service/bind", {"channel_id": channel_id, "service_id": service_id})
        except BadResponseException as error:
            logger.warning("channel {} not bound: {}", channel_id, error.reason)
            return False
        return True

    async def unbind_service_from_channel(self, service_id: str, channel_id: str) -> None:
        """End a binding.

        Raises:
            BadResponseException: If the two are not bound.
        """
        await self._post("/service/unbind", {"channel_id": channel_id, "service_id": service_id})

    async def create_channel(self, channel_name: str, channel_desc: str) -> str:
        """Create a channel and return its id; the account becomes its first member."""
        data = await self._post(
            "/channel/create",
            {"channel_name": channel_name, "context": {"channel_description": channel_desc}},
        )
        return str(_field(data, "channel_id", "POST /channel/create"))

    async def update_channel(self, channel_id: str, channel_name: str, channel_desc: str) -> None:
        """Rename a channel and describe it anew."""
        body = {
            "channel_id": channel_id,
            "channel_name": channel_name,
            "context": {"channel_description": channel_desc},
        }
        await self._post("/channel/update", body)

    async def fetch_channel_list(self) -> list[str]:
        """Return the ids of the channels the account is a member of."""
        return _channel_ids(await self._get("/channel/list"))

    async def fetch_popular_channels(self) -> list[str]:
        """Return the ids of the busiest channels."""
        return _channel_ids(await self._get("/channel/popular"))

    # ---- Groups -------------------------------------------------------------------------

    async def create_service_group(self, characters: Characters) -> Group:
        """Store a list of characters, for frames that go down."""
        ids = to_char_id_list(characters)
        data = await self._post("/service/group/create", {"group_id": "", "characters": ids})
        assert_strs(data)
        return Group(group_id=data, character_ids=ids)

    async def create_channel_group(
        self, channel_id: str, group_name: str, characters: Characters
    ) -> Group:
        """Store a list of characters under a name, for messages that go up in a channel."""
        ids = to_char_id_list(characters)
        data = await self._post(
            "/user/group/create",
            {"channel_id": channel_id, "group_name": group_name, "characters": ids},
        )
        return Group(_field(data, "group_id", "POST /user/group/create"), ids)

    async def character_ids_of_service_group(self, group_id: str) -> list[str]:
        """Return who is in a service group; nobody if it is unknown."""
        return _members(await self._get("/service/group", group_id=group_id)) or []

    async def character_ids_of_channel_group(
        self, sender_id: str, channel_id: str, group_id: str
    ) -> list[str]:
        """Return who is in a channel group; nobody if it is unknown."""
        return await self.group_members(sender_id, channel_id, group_id) or []

    async def group_members(
        self, sender_id: str, channel_id: str, group_id: str
    ) -> list[str] | None:
        """Return who is in a group of any kind; `None` if the Platform does not know it."""
        return _members(
            await self._get(
                "/user/group", group_id=group_id, channel_id=channel_id, user_id=sender_id
            )
        )

    async def fetch_channel_group_list(
        self, channel_id: str, service_id: str
    ) -> list[dict[str, Any]]:
        """Return the account's own groups in a channel."""
        return list(
            await self._get("/user/group/list", channel_id=channel_id, service_id=service_id)
        )

    # ---- Files --------------------------------------------------------------------------

    async def upload(self, file_path: str | Path) -> str:
        """Upload a file and return its address.

        Raises:
            MissingFile: If it is not there.
            BadResponseException: If the Platform does not take it.
        """
        path = existing_file(file_path)
        data = await self._get("/file/upload", extension=path.suffix.removeprefix("."))
        url, fields = data["url"], data["fields"]
        with path.open("rb") as content:
            form = aiohttp.FormData()
            for name, value in fields.items():
                form.add_field(name, value)
            form.add_field("file", content, filename=path.name)
            reply = await self._transport.request("POST", url, data=form)
        if reply.status != UPLOADED:
            checked(reply, f"POST {url} (uploading {path.name})")
        return str(url + fields["key"])

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
        path = existing_file(file_path)
        key = await asyncio.to_thread(_sha256, path)
        if key not in self.filehash2URL:
            self.filehash2URL[key] = await self.upload(path)
        return self.filehash2URL[key]


def checked(reply: Reply, endpoint: str) -> Any:
    """Return the `data` of a good reply.

    Raises:
        Unauthorized: If the access token is not valid (any more).
        BadResponseException: If the reply says no in another way, or is not an envelope.
    """
    envelope = reply.json
    if not isinstance(envelope, dict) or "code" not in envelope:
        text = limit_len(" ".join(reply.text.split()), 200) or "an empty reply"
        raise BadResponseException(
            f"HTTP status {reply.status}, and not the Platform's format: {text}",
            endpoint=endpoint,
            code=reply.status,
        )
    code = envelope["code"]
    if code in (SUCCESS, UPLOADED):
        return envelope.get("data")
    reason = str(envelope.get("message") or envelope.get("msg") or "no reason given")
    error = Unauthorized if code == UNAUTHORIZED else BadResponseException
    raise error(reason, endpoint=endpoint, code=code)


def is_url(path: str | Path) -> bool:
    """Tell whether this is an address rather than a local file."""
    return isinstance(path, str) and path.strip().lower().startswith(_URL_SCHEMES)


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


def _field(data: Any, name: str, endpoint: str) -> Any:
    if not isinstance(data, dict) or name not in data:
        raise BadResponseException(f"the reply lacks {name!r}", endpoint=endpoint, code=SUCCESS)
    return data[name]


def _character(profile: Mapping[str, Any]) -> Character:
    context = dict(profile.get("character_context") or {})
    return Character(
        character_id=profile["character_id"],
        name=context.get("name") or "",
        avatar=context.get("avatar"),
        description=context.get("description"),
        character_context=context,
    )


def _members(data: Any) -> list[str] | None:
    # An unknown group is answered with an empty container (platform.md 2.8).
    return list(data["characters"]) if data else None


def _channel_ids(data: Any) -> list[str]:
    return [item if isinstance(item, str) else item["channel_id"] for item in data or []]


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while block := content.read(1024 * 1024):
            digest.update(block)
    return digest.hexdigest()
