"""What a Platform counts and measures; `metrics.py` writes it as text for Prometheus."""

from __future__ import annotations

import mmap
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from moobius._version import __version__
from moobius.local.engine import Engine
from moobius.local.hub import Hub
from moobius.local.metrics import Counter, Gauge, Histogram, Metric, exposition
from moobius.local.wire.inbound import TYPES

M = TypeVar("M", Counter, Histogram)

STATM = Path("/proc/self/statm")  # where there is one
STARTED = time.time()


class Meters:
    """The numbers that add up while a Platform runs."""

    def __init__(self) -> None:
        self._metrics: list[Metric] = []
        self._received = self._new(
            Counter("moobius_frames_received_total", "Frames from clients, by type.", "type")
        )
        self._received_bytes = self._new(
            Counter("moobius_frames_received_bytes_total", "Bytes of the frames from clients.")
        )
        self._refused = self._new(
            Counter("moobius_frames_refused_total", "Frames answered with status false.", "type")
        )
        self._sent = self._new(
            Counter("moobius_frames_sent_total", "Frames to clients, by type.", "type")
        )
        self._sent_bytes = self._new(
            Counter("moobius_frames_sent_bytes_total", "Bytes of the frames to clients.")
        )
        self._requests = self._new(
            Counter("moobius_http_requests_total", "HTTP requests.", "method", "route", "status")
        )
        self._request_seconds = self._new(
            Histogram("moobius_http_request_duration_seconds", "How long they took.", "route")
        )
        self._response_bytes = self._new(
            Counter("moobius_http_response_bytes_total", "Bytes of the bodies of HTTP replies.")
        )
        self._events = self._new(
            Counter("moobius_store_events_total", "Events that the store has kept.")
        )
        self._batch_seconds = self._new(
            Histogram("moobius_store_batch_duration_seconds", "How long keeping a batch took.")
        )

    def _new(self, metric: M) -> M:
        self._metrics.append(metric)
        return metric

    def frame_in(self, kind: str, size: int) -> None:
        """Count a frame from a client."""
        self._received.add(_known(kind))
        self._received_bytes.add(by=size)

    def frame_refused(self, kind: str) -> None:
        """Count a frame that was not carried out."""
        self._refused.add(_known(kind))

    def frame_out(self, kind: str, size: int) -> None:
        """Count a frame to a client."""
        self._sent.add(kind)
        self._sent_bytes.add(by=size)

    def request(self, method: str, route: str, status: int, seconds: float, size: int) -> None:
        """Count an HTTP request."""
        self._requests.add(method, route, str(status))
        self._request_seconds.observe(seconds, route)
        self._response_bytes.add(by=size)

    def batch(self, events: int, seconds: float) -> None:
        """Count a batch that the store has kept."""
        self._events.add(by=events)
        self._batch_seconds.observe(seconds)

    def text(self, now: Iterable[Metric]) -> str:
        """Return all of them, after those that say how things are now."""
        return exposition([*now, *self._metrics])


def gauges(engine: Engine, hub: Hub) -> list[Metric]:
    """Return what says how things are now."""
    found: list[Metric] = [
        Gauge("moobius_info", "The version that runs.", 1, version=__version__),
        Gauge("moobius_connections", "Open WebSockets.", len(hub)),
        Gauge("moobius_users_connected", "Users with a WebSocket.", hub.users),
        Gauge("moobius_services_connected", "Services with a WebSocket.", hub.services),
        Gauge("moobius_commands_pending", "Commands decided, not yet kept.", engine.pending),
        Gauge("process_start_time_seconds", "When it started, since the epoch.", STARTED),
    ]
    if STATM.exists():
        resident = int(STATM.read_text().split()[1]) * mmap.PAGESIZE
        found.append(Gauge("process_resident_memory_bytes", "Memory it occupies.", resident))
    return found


def _known(kind: str) -> str:
    # A client chooses the type it sends; a label for each would fill the memory.
    return kind if kind in TYPES else "unknown"
