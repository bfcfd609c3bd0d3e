"""What programs ask for on a control address, and what they are answered: values, no sockets.

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

MAY_BE_STILL = {
    SPELL: "; the spell may arrive still",
    STOP: "; it may stop still",
    RESTART: "; it may be started again still",
}
"""What is asked for -> what happens though there is no answer, once it has been sent."""

assert DEFAULT_LIMITS.json_content is not None
# Typed JSON becomes a JSON string: in the worst case each of its bytes is escaped.
MAX_SPELL = DEFAULT_LIMITS.json_content // 4
"""Bytes of a spell as typed JSON."""


@dataclass(frozen=True)
class ServiceInfo:
    """What other programs are told of a service.

    Attributes:
        name: What it is called.
        cls: The name of its class.
        state: As in `ServiceStatus`, or `silent` if the process that answers for it does not.
        pid: The process it runs in.
        restarts: How often in a row it was started again because it had ended.
        started_at: When it was started first, in seconds since 1970.
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
    """Return the answer that something went well."""
    return {"value": value}


def error_answer(text: str) -> dict[str, Any]:
    """Return the answer that something did not."""
    return {"error": text}


def read_answer(answer: Any) -> Any:
    """Return the value in an answer.

    Raises:
        WandError: What the answer says went wrong; or that it is none.
    """
    match answer:
        case {"value": value}:
            return value
        case {"error": str(text)}:
            raise WandError(text)
    raise WandError("the answer cannot be understood; is the other program of another version?")


def info_to_json(info: ServiceInfo) -> dict[str, Any]:
    """Return what is told of a service in JSON's types."""
    return asdict(info)


def info_from_json(said: Any) -> ServiceInfo:
    """Return what `info_to_json` returned, from a program that may know more than we do.

    Raises:
        WandError: If it is something else.
    """
    try:
        return ServiceInfo(**{each.name: said[each.name] for each in fields(ServiceInfo)})
    except (KeyError, TypeError) as error:
        raise WandError(f"the answer cannot be understood: {error!r}") from error


def nobody(name: str, living: list[str]) -> str:
    """Say that there is no such service, and who there is."""
    return f"no service {name!r} runs; running: {', '.join(living) or 'none'}"
