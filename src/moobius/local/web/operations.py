"""Endpoints for the operator of a Platform: `/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web

from moobius.local.engine import Engine
from moobius.local.hub import Hub
from moobius.local.meters import Meters, gauges
from moobius.local.metrics import CONTENT_TYPE
from moobius.local.model.refusal import Code, not_permitted
from moobius.local.options import PlatformOptions
from moobius.local.web import guard
from moobius.local.web.envelope import HttpRefused, failure, success


class Operations:
    """Answers them from the state of the running parts."""

    def __init__(self, engine: Engine, hub: Hub, meters: Meters, options: PlatformOptions) -> None:
        self._engine = engine
        self._hub = hub
        self.meters = meters
        self._options = options
        self.routes: Mapping[str, Callable[[web.Request], web.Response]] = {
            "/healthz": self.health,
            "/readyz": self.readiness,
            "/metrics": self.metrics,
        }

    def health(self, request: web.Request) -> web.Response:
        """`GET /healthz`: 200, which shows that the process is alive."""
        return success({"status": "ok"})

    def readiness(self, request: web.Request) -> web.Response:
        """`GET /readyz`: 200 if it takes commands, 503 if its store has failed."""
        if self._engine.failed:
            why = "The store has failed; restart the Platform, its log says why"
            return failure(HttpRefused(503, Code.INTERNAL, why))
        return success({"status": "ready"})

    def metrics(self, request: web.Request) -> web.Response:
        """`GET /metrics`, for programs on this machine unless it is open to all."""
        if not (self._options.metrics or guard.is_from_here(request)):
            raise not_permitted("/metrics is for programs on this machine; open it with --metrics")
        text = self.meters.text(gauges(self._engine, self._hub))
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})
