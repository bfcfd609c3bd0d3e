"""The life of a service from start to stop, in the order of sdk.md 3.4.

What is opened is closed in the reverse order, on success, error and cancellation alike. The one
way to stop a service is to cancel its `start()`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger

from moobius.core.contain import contain, finish_within, in_full
from moobius.core.dispatch import Dispatch
from moobius.core.handover import KEEP_SECONDS, as_held, change_places, holder
from moobius.core.spells.listening import StopListening, count_direct_gets
from moobius.database.magical_storage import MagicalStorage
from moobius.database.storage_check import check_containers
from moobius.errors import ConfigError, LoginRefused
from moobius.network.backoff import backoff

if TYPE_CHECKING:
    from moobius.core.sdk import Moobius
    from moobius.local.embedded import Provision, RunningPlatform

NEW_SERVICE_PATIENCE = 10.0  # seconds until a new service is known to all of the Platform
ON_STOP_S = 3.0
"""Seconds that `on_stop` gets at least, also if callbacks have used up `stop_timeout`."""


async def run(service: Moobius) -> None:
    """Live: prepare, serve until cancelled, clean up."""
    async with AsyncExitStack() as stack:
        platform = None
        if service.settings.is_local:
            platform = await _use_local_platform(service, stack)
        _check_account(service)
        stack.push_async_callback(service.http_api.close)
        await service.authenticate()
        if service.service_mode and not service.client_id:
            await service.create_new_service()
        dispatch = Dispatch(service, service.settings.order, service.settings.max_running_callbacks)
        service._dispatch = dispatch
        stack.push_async_callback(service.ws_client.close)
        await service.ws_client.connect()
        stack.push_async_callback(in_full, _close_storages, service)
        if service.service_mode:
            await _set_up_channels(service)
        else:
            await _join_channels(service)
        _start_scheduler(service, stack)
        stop_time = _StopTime(service._stop_timeout)
        stack.push_async_callback(_call_on_stop, service, stop_time)
        await service.on_start()
        dispatch.open()
        count_direct_gets(service)
        listening = asyncio.create_task(
            contain("listen_loop", service.listen_loop), name="moobius spells"
        )
        stack.push_async_callback(_finish, service, dispatch, listening, stop_time)
        if platform is not None:
            await _change_places(service, platform, stack)
        logger.info(
            "{} is ready: {} channel{} on {}",
            type(service).__name__,
            len(service.channels),
            "" if len(service.channels) == 1 else "s",
            service.http_api.http_server_uri,
        )
        if service._when_ready is not None:
            service._when_ready()
        await service.ws_client.receive()


async def log_in(service: Moobius) -> None:
    """Log in on a new connection, with a new token if this one is not valid any more.

    A service that was created a moment ago may not be known to all of the Platform yet: its login
    is repeated for `NEW_SERVICE_PATIENCE`.

    Raises:
        LoginRefused: If the Platform still refuses it.
    """
    login = service.send_service_login if service.service_mode else service.send_user_login
    renewed, delays = False, backoff()
    while True:
        try:
            await login()
            return
        except LoginRefused as refused:
            if not renewed and "access_token" in refused.reason:
                renewed = True
                await service.http_api.renew()
            elif time.monotonic() < service._new_until:
                await asyncio.sleep(next(delays))
            else:
                raise


async def check_in(service: Moobius) -> None:
    """Call `on_channel_checkin` for every channel; one that fails does not stop the others."""
    for channel_id in list(service.channels):
        await contain("on_channel_checkin", service.on_channel_checkin, channel_id)


async def _use_local_platform(service: Moobius, stack: AsyncExitStack) -> RunningPlatform:
    """Find or start the local Platform, and point the service at it (architecture 4.6)."""
    from moobius.local.embedded import find_or_start, provision

    project = Path.cwd()

    def find() -> RunningPlatform:
        if service._ensure_platform is not None:  # the wand's, which also stops it
            service._ensure_platform()
        return find_or_start(project, announce=announce)

    # In a thread, which goes on when we are cancelled: what it starts must be stopped all the same.
    starting = asyncio.ensure_future(asyncio.to_thread(find))
    stack.push_async_callback(_close_platform, starting)
    platform = await asyncio.shield(starting)
    settings = service.settings
    name = type(service).__name__
    # Without an account, a service uses the developer's; a user-mode client gets one of its own.
    email = settings.email or ("" if service.service_mode else f"{name.lower()}@local")
    grant = await asyncio.to_thread(
        provision,
        platform,
        project=project.name,
        service=name if service.service_mode else None,
        email=email,
        password=settings.password or (platform.developer_key if email else ""),
    )
    _point_at(service, platform, grant)
    return platform


def _point_at(service: Moobius, platform: RunningPlatform, grant: Provision) -> None:
    """Let a service use a Platform's addresses, and the account and channels it was granted."""
    settings = service.settings
    channels = settings.channels or tuple(grant.channels)
    service.settings = replace(
        settings,
        email=grant.email,
        password=grant.password,
        http_server_uri=platform.url,
        ws_server_uri=platform.ws_url,
        channels=channels,
    )
    service.config["service_config"]["channels"] = list(channels)
    service.http_api.http_server_uri = platform.url
    service.http_api.username, service.http_api.password = grant.email, grant.password
    service.ws_client.ws_server_uri = as_held(platform.ws_url)
    if platform.ca_file and not settings.ca_file:
        service.http_api.trust(platform.ca_file)
        service.ws_client.trust(platform.ca_file)
    if service.service_mode and not service.client_id:
        service.client_id = grant.service_id


async def _change_places(
    service: Moobius, platform: RunningPlatform, stack: AsyncExitStack
) -> None:
    """Under `moobius dev`, take over from the process before, and later hand over to the next."""
    from moobius.local.embedded import end_hold, hold

    name = holder()
    if not name or not service.service_mode:
        return

    def ask(resume: bool) -> None:
        if resume or holder():
            hold(platform, name, service.own_id, seconds=KEEP_SECONDS, resume=resume)
        else:  # `moobius dev` has ended, so there will be no next process
            end_hold(platform, name)

    await change_places(service.ws_client, ask, stack)


async def _close_storages(service: Moobius) -> None:
    """Store what could not be stored before, and close files and connections."""
    for storage in list(service.channels.values()):
        if isinstance(storage, MagicalStorage):
            await contain("closing storage", MagicalStorage.aclose, storage)


async def _close_platform(starting: asyncio.Future[RunningPlatform]) -> None:
    await asyncio.wait({starting})
    if not starting.cancelled() and starting.exception() is None:
        await asyncio.to_thread(starting.result().close)


def announce(line: str) -> None:
    """Print the address of the embedded Platform, for people to click."""
    with contextlib.suppress(OSError):  # nobody reads it, or a disk is full: the service can run
        print(line, flush=True)  # noqa: T201 - which does nothing where there is no standard output


def _check_account(service: Moobius) -> None:
    for key in ("email", "password"):
        if not getattr(service.settings, key):
            raise ConfigError(
                f"{key} is missing: put it into account_config (or the flat configuration), or "
                f'set MOOBIUS_{key.upper()}; "http_server_uri": "local" needs no account'
            )


async def _set_up_channels(service: Moobius) -> None:
    for channel_id in await service.true_channel_list():
        service.channels[channel_id] = None
    await service.before_channel_init()
    check_containers(service.db_config or ())  # no channel could have its storage
    for channel_id in list(service.channels):
        await contain("on_channel_init", service.on_channel_init, channel_id)


async def _join_channels(service: Moobius) -> None:
    service.client_id = (await service.http_api.fetch_user_info()).user_id
    service.channels.update(dict.fromkeys(service.settings.channels))
    await service.user_join_service_channels()


def _start_scheduler(service: Moobius, stack: AsyncExitStack) -> None:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

    # A job that is late (a laptop that slept) still runs, once.
    scheduler = AsyncIOScheduler(job_defaults={"misfire_grace_time": None, "coalesce": True})
    jobs: list[tuple[str, Callable[[], Any], float]] = [
        ("token refresh", service.refresh_authentication, service.refresh_interval),
        ("sign-in", service.authenticate, service.authenticate_interval),
        ("heartbeat", service.send_heartbeat, service.heartbeat_interval),
    ]
    if service.service_mode and service.checkin_interval > 0:
        jobs.append(("check-in", lambda: check_in(service), service.checkin_interval))
    for name, work, seconds in jobs:
        scheduler.add_job(_job(name, work), "interval", seconds=seconds, name=name)
    service.scheduler = scheduler
    scheduler.start()
    stack.callback(scheduler.shutdown, wait=False)


def _job(name: str, work: Callable[[], Any]) -> Callable[[], Any]:
    """Make a job whose failure is one log line: the next run may succeed."""

    async def job() -> None:
        await contain(name, work)

    return job


class _StopTime:
    """What is left of `stop_timeout`, which begins with the first call of `left`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: float | None = None

    def left(self, at_least: float = 0.0) -> float:
        """Return the seconds that are left, or `at_least`, if that is not above the whole time."""
        now = time.monotonic()
        if self._until is None:
            self._until = now + self._seconds
        return max(self._until - now, min(at_least, self._seconds))


async def _finish(
    service: Moobius, dispatch: Dispatch, listening: asyncio.Task[None], stop_time: _StopTime
) -> None:
    """Let running callbacks and spells end, for a bounded time."""
    seconds = stop_time.left()
    await asyncio.gather(_stop_listening(service, listening, seconds), dispatch.drain(seconds))


async def _stop_listening(service: Moobius, listening: asyncio.Task[None], seconds: float) -> None:
    # The loop waits in a thread, which only an object on the queue can wake.
    service.queue.put(StopListening())
    try:
        await finish_within([listening], seconds)
    finally:
        service.queue.cancel_join_thread()


async def _call_on_stop(service: Moobius, stop_time: _StopTime) -> None:
    seconds = stop_time.left(ON_STOP_S)
    task = asyncio.create_task(contain("on_stop", service.on_stop), name="on_stop")
    if not await finish_within([task], seconds):
        logger.warning("on_stop did not finish within {:g} s and is cancelled", seconds)
