"""Sends HTTP requests as an account: repeats them if that is safe, and renews the token.

The endpoints themselves are in `http_api_wrapper.py`, what a reply means is in `replies.py`, and
how the bytes travel in `transport.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from loguru import logger

from moobius.errors import (
    BadResponseException,
    ConfigError,
    LoginRefused,
    TransportError,
    Unauthorized,
)
from moobius.network.backoff import backoff
from moobius.network.replies import checked, envelope_of, field
from moobius.network.transport import HttpTransport, Reply, Transport, clean_url, without_query

T = TypeVar("T")

ATTEMPTS = 3  # for requests that can safely be repeated; all others are sent once
# Codes of errors that may go away: too many requests, servers that are down or restarting.
PASSING = frozenset({429, 500, 502, 503, 504, 10500})
# Of 1.8.0: plain, certifi's bundle, not verified (refused), the system's bundle.
STRATEGIES = (0, 1, 3)


async def repeated(attempt: Callable[[], Awaitable[T]], attempts: int = ATTEMPTS) -> T:
    """Do something that can safely be repeated until it works, a few times at most."""
    delays = backoff()
    for left in range(attempts - 1, 0, -1):
        try:
            return await attempt()
        except (TransportError, BadResponseException) as error:
            if isinstance(error, BadResponseException) and error.code not in PASSING:
                raise
            delay = next(delays)
            logger.debug("{}; {} more attempts, the next in {:.1f} s", error, left, delay)
            await asyncio.sleep(delay)
    return await attempt()


async def get_or_post(
    url: str,
    is_post: bool,
    requests_kwargs: Mapping[str, Any] | None = None,
    raise_json_decode_errors: bool = True,
    aio_strategy: int = 1,
) -> dict[str, Any]:
    """Send one request outside any account and return the JSON object that comes back.

    Args:
        url: The whole address.
        is_post: POST instead of GET.
        requests_kwargs: Any of `json`, `params`, `headers` and `data`.
        raise_json_decode_errors: When false, a reply that is no JSON object is returned as
            `{"blob": text, "code": HTTP status}`.
        aio_strategy: 0, 1 or 3, which are the same: certificates are verified.

    Raises:
        TransportError: If no reply came.
        BadResponseException: If the reply is no JSON object.
    """
    checked_strategy(aio_strategy)
    transport = HttpTransport()
    try:
        method = "POST" if is_post else "GET"
        reply = await transport.request(method, clean_url(url), **dict(requests_kwargs or {}))
    finally:
        await transport.close()
    return envelope_of(reply, raise_json_decode_errors)


def checked_strategy(value: object) -> int:
    """Return a value for `aio_strategy`; the one that turned verification off is refused.

    Raises:
        ConfigError: If it is that, or none at all.
    """
    if value in STRATEGIES and isinstance(value, int):
        return value
    reason = "certificates are always verified; to trust your own authority set `ca_file` in the "
    reason += "service configuration" if value == 2 else "service configuration, and this to 1"
    raise ConfigError(f"aio_strategy cannot be {value!r}: {reason}")


class Requester:
    """Sends requests to the Platform as one account.

    Args:
        http_server_uri: Address of the API.
        email: The account's name.
        password: The account's password.
        ca_file: Certificates of the authorities to trust instead of the usual ones.
        transport: Carries the requests; one HTTP session by default.

    Attributes:
        access_token: Sent with each request; valid for a day, and renewed when it has expired.
        refresh_token: Exchanged for a new access token; valid for a month.
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
        self.http_server_uri = http_server_uri
        self.username = email
        self.password = password
        self.access_token = ""
        self.refresh_token = ""
        self._transport: Transport = transport or HttpTransport(ca_file=ca_file)
        self._renewing: asyncio.Task[Any] | None = None
        self._aio_strategy = 1

    def __str__(self) -> str:
        return (
            f"moobius.HTTPAPIWrapper(http_server_uri={self.http_server_uri}, "
            f"username={self.username}, password=***, access_token=***, refresh_token=***)"
        )

    __repr__ = __str__

    @property
    def headers(self) -> dict[str, str]:
        """The headers that identify the account."""
        return {"Auth-Origin": "cognito", "Authorization": f"Bearer {self.access_token}"}

    @property
    def aio_strategy(self) -> int:
        """How older versions chose certificates: 0, 1 or 3, and all mean the same now."""
        return self._aio_strategy

    @aio_strategy.setter
    def aio_strategy(self, value: int) -> None:
        self._aio_strategy = checked_strategy(value)

    def trust(self, ca_file: str) -> None:
        """Trust the authorities in this file, as with `ca_file`; before the first request only."""
        self._transport = HttpTransport(ca_file=ca_file)

    async def close(self) -> None:
        """Close the HTTP session."""
        await self._transport.close()

    # ---- Any request -------------------------------------------------------------------------

    async def checked_get(
        self,
        url: str,
        the_request: Mapping[str, Any] | None,
        requests_kwargs: Mapping[str, Any] | None = None,
        good_message: str | None = None,
        bad_message: str = "This HTTPs GET request failed",
        raise_errors: bool = True,
    ) -> dict[str, Any]:
        """Send any GET request and return the whole reply.

        Args:
            url: A path of the API, or a whole address.
            the_request: Sent as JSON body when given.
            requests_kwargs: Further `params` and `headers`. Without `headers` the own ones are
                sent, if it is the Platform that is asked.
            good_message: Logged when all went well.
            bad_message: What the error begins with.
            raise_errors: When false, a reply that says no is logged and returned.

        Raises:
            BadResponseException: If the reply says no, or is no JSON object.
        """
        return await self._checked_get_or_post(
            url, the_request, False, requests_kwargs, good_message, bad_message, raise_errors
        )

    async def checked_post(
        self,
        url: str,
        the_request: Mapping[str, Any] | None,
        requests_kwargs: Mapping[str, Any] | None = None,
        good_message: str | None = None,
        bad_message: str = "This HTTPs POST request failed",
        raise_errors: bool = True,
    ) -> dict[str, Any]:
        """Send any POST request and return the whole reply; see `checked_get`."""
        return await self._checked_get_or_post(
            url, the_request, True, requests_kwargs, good_message, bad_message, raise_errors
        )

    async def _checked_get_or_post(
        self,
        url: str,
        the_request: Mapping[str, Any] | None,
        is_post: bool,
        requests_kwargs: Mapping[str, Any] | None = None,
        good_message: str | None = None,
        bad_message: str = "This HTTPs GET or POST request failed",
        raise_errors: bool = True,
    ) -> dict[str, Any]:
        if the_request is not None and not isinstance(the_request, Mapping):
            raise TypeError(f"the_request must be None or a dict, not {the_request!r}")
        method, url = "POST" if is_post else "GET", self._address(url)
        endpoint = f"{method} {without_query(url)}"
        options = dict(requests_kwargs or {})
        if the_request is not None:
            options["json"] = dict(the_request)
        last: list[Reply] = []

        async def attempt() -> None:
            last[:] = [await self._transport.request(method, url, **options)]
            checked(last[0], f"{bad_message}: {endpoint}")

        async def attempts() -> None:
            await repeated(attempt, 1 if is_post else ATTEMPTS)

        ours = "headers" not in options and url.startswith(self._address("/"))
        try:
            await (self._authorised(options, attempts) if ours else attempts())
            logger.debug("{}: {}", endpoint, good_message or "good")
        except BadResponseException as error:
            if raise_errors:
                raise
            logger.error("{}", error)
        return envelope_of(last[0], raise_errors)

    def _address(self, path: str) -> str:
        return clean_url(self.http_server_uri + path if path.startswith("/") else path)

    async def _get(self, path: str, **params: str) -> Any:
        """Send a GET request, a few times if it fails; return the `data` of the reply."""
        return await self._request("GET", path, attempts=ATTEMPTS, params=params)

    async def _post(self, path: str, body: Mapping[str, Any], *, attempts: int = 1) -> Any:
        """Send a POST request, up to `attempts` times; return the `data` of the reply."""
        return await self._request("POST", path, attempts=attempts, json=dict(body))

    async def _request(self, method: str, path: str, *, attempts: int, **options: Any) -> Any:
        return await self._authorised(
            options, lambda: self._send(method, path, attempts=attempts, **options)
        )

    async def _authorised(self, options: dict[str, Any], attempt: Callable[[], Awaitable[T]]) -> T:
        """Call `attempt` with our headers; if the token has expired, renew it and call it again."""
        used, options["headers"] = self.access_token, self.headers
        try:
            return await attempt()
        except Unauthorized:
            if not (self.password or self.refresh_token):
                raise
            if used == self.access_token:
                await self._renew_once()
            options["headers"] = self.headers
            return await attempt()

    async def _send(self, method: str, path: str, *, attempts: int = 1, **options: Any) -> Any:
        endpoint = f"{method} {path}"

        async def attempt() -> Any:
            logger.debug("> {}", endpoint)
            reply = await self._transport.request(method, self._address(path), **options)
            return checked(reply, endpoint)

        return await repeated(attempt, attempts)

    # ---- The tokens --------------------------------------------------------------------------

    async def authenticate(self) -> tuple[str, str]:
        """Sign in and keep the tokens; return (access token, refresh token).

        Raises:
            LoginRefused: If the Platform knows no such account, or another password.
        """
        endpoint = "POST /auth/sign_in"
        body = {"username": self.username, "password": self.password}
        try:
            data = await self._send("POST", "/auth/sign_in", json=body)
        except BadResponseException as error:
            if error.code in PASSING:
                raise
            raise LoginRefused(
                f"cannot sign in at {self.http_server_uri} as {self.username!r}: {error.reason} "
                "(check email and password in the account configuration, "
                "or MOOBIUS_EMAIL and MOOBIUS_PASSWORD)",
                endpoint=endpoint,
            ) from None
        result = field(data, "AuthenticationResult", endpoint)
        access = field(result, "AccessToken", endpoint)
        refresh = field(result, "RefreshToken", endpoint)
        self.access_token, self.refresh_token = access, refresh
        return access, refresh

    async def refresh(self) -> str:
        """Exchange the refresh token for a new access token, keep and return it."""
        endpoint = "POST /auth/refresh"
        body = {"username": self.username, "refresh_token": self.refresh_token}
        data = await self._send("POST", "/auth/refresh", json=body)
        result = field(data, "AuthenticationResult", endpoint)
        self.access_token = field(result, "AccessToken", endpoint)
        return self.access_token

    async def renew(self) -> str:
        """Get a new access token, with the refresh token or else the password, and return it."""
        if self.refresh_token:
            try:
                return await self.refresh()
            except BadResponseException as error:
                if not self.password:
                    raise
                logger.debug("refreshing failed ({}), signing in again", error.reason)
        await self.authenticate()
        return self.access_token

    async def _renew_once(self) -> None:
        """Renew the tokens; requests that fail together share one renewal."""
        if self._renewing is None:
            self._renewing = asyncio.ensure_future(self.renew())
            self._renewing.add_done_callback(self._renewed)
        await asyncio.shield(self._renewing)

    def _renewed(self, renewing: asyncio.Task[Any]) -> None:
        self._renewing = None
        if not renewing.cancelled():
            renewing.exception()  # or asyncio would log that it was never retrieved
