"""Counts HTTP requests and logs them: a line at DEBUG for each, also for unreadable ones.

    http method=GET path=/user/info status=200 ms=1.3 bytes=210 account=...

The path stands there without its query, in which a careless client may have put a token.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import HttpProcessingError
from loguru import logger

from moobius.local.log_lines import key_values
from moobius.local.meters import Meters

METHODS = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE")

UNREADABLE = (HttpProcessingError, web.RequestPayloadError)

_lazy = logger.opt(lazy=True)


def request_log(
    meters: Meters,
    route_of: Callable[[web.BaseRequest, int], str],
    account_of: Callable[[web.BaseRequest], str],
) -> type[AbstractAccessLogger]:
    """Return the class with which the server notes each request when its reply is sent.

    Args:
        meters: Where requests are counted.
        route_of: Returns which of our few routes a request with this status took.
        account_of: Returns the account whose token a request carries, or an empty text.
    """

    class RequestLog(AbstractAccessLogger):
        def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
            method = request.method if request.method in METHODS else "OTHER"
            size = response.content_length or 0
            route = route_of(request, response.status)
            meters.request(method, route, response.status, time, size)
            fields = {
                "method": method,
                "path": request.path,
                "status": response.status,
                "ms": round(1000 * time, 1),
                "bytes": size,
            }
            _lazy.debug("http {}", lambda: key_values({**fields, "account": account_of(request)}))

    return RequestLog


def server_log() -> logging.Logger:
    """Return where the server says what goes wrong with a connection: our log.

    Junk on the port is the sender's mistake. It is a line at DEBUG, not a traceback.
    """
    found = logging.getLogger("moobius.local.http")
    found.propagate = False
    found.setLevel(logging.INFO)
    if not found.handlers:
        found.addHandler(_ToOurLog())
    return found


class _ToOurLog(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, UNREADABLE):
            # Only its class: its text quotes the request, and a token may be in that.
            logger.debug("a request could not be read: {}", type(error).__name__)
        else:
            logger.opt(exception=error).log(record.levelname, "{}", record.getMessage())
