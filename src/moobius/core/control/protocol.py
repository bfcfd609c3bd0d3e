"""The requests and answers at a control address, as values; no sockets.

An answer is `{"value": ...}`, or `{"error": "..."}` with a sentence for a person. A spell travels
as typed JSON, in which registered dataclasses keep their type and nothing can name code to run.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from moobius.errors import UnstorableError, WandError
from moobius.messaging.limits import DEFAULT_LIMITS
from moobius.typed_json import dump_typed, load_typed

PING = "ping"
SERVICES = "services"
STATUS = "status"
SPELL = "spell"
STOP = "stop"
RESTART = "restart"

PENDING_EFFECTS = {
    SPELL: "; the spell may arrive still",
    STOP: "; it may stop still",
    RESTART: "; it may be started again still",
}
"""Request -> what to add to the error when it was sent and no answer came."""

assert DEFAULT_LIMITS.json_content is not None
# Typed JSON becomes a JSON string: in the worst case each of its bytes is escaped.
MAX_SPELL = DEFAULT_LIMITS.json_content // 4
"""The longest spell, in bytes of typed JSON."""


@dataclass(frozen=True)
class ServiceInfo:
    """What other programs can know of a service.

    Attributes:
        name: What it is called.
        cls: The name of its class.
        state: As in `ServiceStatus`, or `silent` if the process that answers for it does not.
        pid: The process it runs in.
        restarts: How often in a row it was restarted because it had ended.
        started_at: When it was first started, in seconds since 1970.
        project: The directory it was started in.
        log_file: Where its log goes.
    """

    name: str
    cls: str
    state: str
    pid: int | None
    restarts: int
    started_at: float
    project: str
    log_file: str


def pack_spell(spell: Any) -> str:
    """Return a spell as it travels.

    Raises:
        WandError: If JSON cannot hold it, or it is too long.
    """
    try:
        text = dump_typed(spell, indent=None)
    except UnstorableError as error:
        raise WandError(f"this spell cannot travel: {error}") from error
    size = len(text.encode())
    if size > MAX_SPELL:
        raise WandError(
            f"this spell has {size:,} bytes where {MAX_SPELL:,} may travel; "
            "put it into a file, and send the path"
        )
    return text


def unpack_spell(text: Any) -> Any:
    """Return the spell that `pack_spell` packed.

    Raises:
        WandError: If it is none, or of a type that is not registered here.
    """
    try:
        return load_typed(text)
    except (UnstorableError, ValueError, TypeError, AttributeError) as error:
        raise WandError(f"this spell cannot be read: {error}") from error


def value_answer(value: Any) -> dict[str, Any]:
    """Return the answer to a request that succeeded."""
    return {"value": value}


def error_answer(text: str) -> dict[str, Any]:
    """Return the answer to a request that failed."""
    return {"error": text}


def read_answer(answer: Any) -> Any:
    """Return the value in an answer.

    Raises:
        WandError: With the error in the answer; or if it is not an answer at all.
    """
    match answer:
        case {"value": value}:
            return value
        case {"error": str(text)}:
            raise WandError(text)
    raise WandError("the answer cannot be understood; is the other program of another version?")


def info_to_json(info: ServiceInfo) -> dict[str, Any]:
    """Return a description of a service in JSON's types."""
    return asdict(info)


def info_from_json(data: Any) -> ServiceInfo:
    """Read what `info_to_json` returned; a newer program may have sent further keys.

    Raises:
        WandError: If a key is missing, or it is no object.
    """
    try:
        return ServiceInfo(**{each.name: data[each.name] for each in fields(ServiceInfo)})
    except (KeyError, TypeError) as error:
        raise WandError(f"the answer cannot be understood: {error!r}") from error


def no_service(name: str, running: list[str]) -> str:
    """Return the error text for a name that no service has; it lists those that run."""
    return f"no service {name!r} runs; running: {', '.join(running) or 'none'}"
