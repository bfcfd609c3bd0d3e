"""Whether the Platform can be reached, and lets us in; nothing is changed there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Container
from pathlib import Path
from typing import TypeVar

from moobius.config import Settings
from moobius.devtools.checkup import check_writable
from moobius.devtools.findings import ERROR, OK, WARNING, Finding, failure
from moobius.errors import BadResponseException, LoginRefused, StorageError, TransportError
from moobius.local.embedded import find
from moobius.local.options import DEFAULT_DATA
from moobius.network.http_api_wrapper import HTTPAPIWrapper
from moobius.network.replies import summary
from moobius.network.transport import HttpTransport, clean_url, open_socket

T = TypeVar("T")

PATIENCE_S = 15.0
_ADDRESS = "correct {} in the service configuration, or look at the network"


async def check_platform(settings: Settings) -> AsyncIterator[Finding]:
    """Look at the Platform of a configuration: its two addresses, then the account."""
    http_uri, ws_uri, ca_file = settings.http_server_uri, settings.ws_server_uri, settings.ca_file
    if settings.is_local:
        running = await asyncio.to_thread(find, Path.cwd())
        if running is None:
            yield _startable(Path.cwd() / DEFAULT_DATA)
            return
        http_uri, ws_uri, ca_file = running.url, running.ws_url, running.ca_file or ca_file
    found = await _http(http_uri, ca_file)
    yield found
    yield await _websocket(ws_uri, ca_file)
    if settings.is_local:
        yield Finding(OK, "account", "the local Platform gives services one")
    elif found.status != ERROR:
        async for each in _account(settings):
            yield each


def _startable(data: Path) -> Finding:
    """See whether a service could start a Platform here."""
    try:
        check_writable(data)
    except StorageError as error:
        return failure("Platform", error, f"a local one needs {data}; start services elsewhere")
    text = "the local one; it does not run now, and a service starts it by itself"
    return Finding(OK, "Platform", text)


async def _http(uri: str, ca_file: str | None) -> Finding:
    """Ask something that every Platform answers, also to somebody it does not know."""
    topic, advice = "Platform (HTTP)", _ADDRESS.format("http_server_uri")
    transport = HttpTransport(ca_file=ca_file)
    try:
        reply = await _soon(transport.request("GET", clean_url(f"{uri}/user/info")), uri)
    except Exception as error:
        return failure(topic, error, advice)
    finally:
        await transport.close()
    if reply.status >= 500:
        text = f"{uri} answers with status {reply.status}"
        return Finding(WARNING, topic, text, "it has trouble; try again later")
    if not isinstance(reply.json, dict):
        text = f"{uri} answers, but not as a Platform does: {summary(reply.text)}"
        return Finding(ERROR, topic, text, advice)
    return Finding(OK, topic, f"{uri} answers")


async def _websocket(uri: str, ca_file: str | None) -> Finding:
    async def connect() -> None:
        async with open_socket(uri, ca_file=ca_file):
            pass

    try:
        await _soon(connect(), uri)
    except Exception as error:
        return failure("Platform (WebSocket)", error, _ADDRESS.format("ws_server_uri"))
    return Finding(OK, "Platform (WebSocket)", f"{uri} accepts connections")


async def _account(settings: Settings) -> AsyncIterator[Finding]:
    """Sign in, and use the token that this gives; then look at service and channels."""
    if not (settings.email and settings.password):
        text = "email or password is missing"
        yield Finding(ERROR, "account", text, "put both into account_config, or the environment")
        return
    api = HTTPAPIWrapper(
        settings.http_server_uri, settings.email, settings.password, ca_file=settings.ca_file
    )
    try:
        await _soon(api.authenticate(), settings.http_server_uri)
        await api.fetch_user_info()
        yield Finding(OK, "account", f"{settings.email} is let in; its token is good")
        if settings.service_mode:
            yield _service(settings, await api.fetch_user_owned_services())
            yield await _channels(settings, api)
    except LoginRefused as error:
        yield failure("account", error, "correct email and password")
    except Exception as error:
        yield failure("account", error, "try again; if it stays so, ask the Platform's operator")
    finally:
        await api.close()


def _service(settings: Settings, owned: Container[str]) -> Finding:
    service_id = settings.service_id
    if not service_id:
        return Finding(OK, "service", "it has no id yet; the first start creates one")
    if service_id not in owned:
        text = f"{service_id} is not a service of {settings.email}"
        advice = "empty service_id to get a new one, or use the account that it belongs to"
        return Finding(ERROR, "service", text, advice)
    return Finding(OK, "service", f"{service_id} belongs to {settings.email}")


async def _channels(settings: Settings, api: HTTPAPIWrapper) -> Finding:
    if not settings.channels and not settings.initialize_all_bound_channels:
        advice = "put the ids of channels into `channels` of the service configuration"
        return Finding(WARNING, "channels", "none is configured: the service serves nobody", advice)
    wrong = []
    for channel_id in settings.channels:
        try:
            await api.fetch_member_ids(channel_id, settings.service_id)
        except BadResponseException as error:
            wrong.append(f"{channel_id} ({error.reason})")
    if wrong:
        text = f"these cannot be used: {', '.join(wrong)}"
        return Finding(ERROR, "channels", text, "correct `channels` of the service configuration")
    return Finding(OK, "channels", f"{len(settings.channels)} configured")


async def _soon(work: Awaitable[T], uri: str) -> T:
    try:
        return await asyncio.wait_for(work, PATIENCE_S)
    except asyncio.TimeoutError:
        raise TransportError(f"no answer within {PATIENCE_S:g} s", endpoint=uri) from None
