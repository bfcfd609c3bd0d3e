"""Who a login makes of a connection (platform.md 3.4, 3.5)."""

from __future__ import annotations

from moobius.local.model.accounts import check_token
from moobius.local.model.state import State
from moobius.local.passwords import digest_of
from moobius.local.wire.inbound import Request


def user_of(state: State, now: int, request: Request) -> str:
    """Return the user that a login's token belongs to.

    Raises:
        Refused: If the token is missing, unknown or expired.
    """
    token = request.frame.get("access_token")
    digest = digest_of(token) if isinstance(token, str) else ""
    return check_token(state, now, digest, "access").user_id


def service_of(state: State, now: int, request: Request) -> tuple[str, str]:
    """Return account and service of a login; the service is empty if none is named (Q40).

    Raises:
        Refused: As for a user, or if the service is not of this account.
    """
    account = user_of(state, now, request)
    service_id = named_service(request)
    if service_id:
        state.owned_service(account, service_id)
    return account, service_id


def named_service(request: Request) -> str:
    """Return the service a frame names, which decides nothing by itself (platform.md 3.2)."""
    named = request.frame.get("service_id", request.frame.get("client_id"))
    return named if isinstance(named, str) else ""
