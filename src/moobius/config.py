"""Files, environment and arguments become one checked `Settings` value (sdk.md 2).

The constructor of `Moobius` takes a configuration in every shape it ever had: nested (four parts,
each an object or the name of a file) or flat (all keys in one object). `load_config` brings them
into the nested shape, and reads what the SDK itself needs into `Settings`.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import dacite
from loguru import logger

from moobius.config_entries import check_entries
from moobius.config_files import Origin, locate, read_json
from moobius.errors import ConfigError
from moobius.types import IGNORE, INCLUDE, UNBIND
from moobius.utils import mask_url

Source = Mapping[str, Any] | Iterable[Any] | str | Path | None
"""A part of the configuration: the thing itself, or the name of a JSON file."""

LOCAL = "local"
HOSTED_HTTP = "https://api.moobius.ai/"
HOSTED_WS = "wss://ws.moobius.ai/"

ORDERS = ("arrival", "member", "channel")
_PARTS = ("account_config", "service_config", "db_config", "log_config")

# Environment variable -> the setting it replaces. Secrets then need not stand in a file.
ENVIRONMENT = {
    "MOOBIUS_EMAIL": ("account_config", "email"),
    "MOOBIUS_PASSWORD": ("account_config", "password"),
    "MOOBIUS_HTTP_SERVER_URI": ("service_config", "http_server_uri"),
    "MOOBIUS_WS_SERVER_URI": ("service_config", "ws_server_uri"),
    "MOOBIUS_SERVICE_ID": ("service_config", "service_id"),
}


@dataclass(frozen=True)
class Settings:
    """Who this client is, where its Platform lives, and how it behaves."""

    email: str = ""
    password: str = field(default="", repr=False)

    http_server_uri: str = ""
    """Address of the HTTP API, or `"local"`."""
    ws_server_uri: str = ""
    service_id: str = ""
    """Empty to be given one; its id is then written back."""
    channels: tuple[str, ...] = ()
    others: str = INCLUDE
    """What to do with channels that belong to another service: include, ignore or unbind."""
    service_mode: bool = True
    checkin_interval: float = 3600.0
    """Seconds between two check-ins of a channel; 0 or less switches them off."""
    no_warn_cannot_save_service_id: bool = False
    initialize_all_bound_channels: bool = False
    """Also serve channels that are bound to this service but not in `channels`."""
    ca_file: str | None = None
    """Certificate authorities to trust instead of the system's, as a PEM file."""

    order: str = "arrival"
    """Callbacks overlap (`arrival`), or run one at a time per `member` or per `channel`."""
    max_running_callbacks: int = 1000
    """Above this many the socket is not read; the Platform then waits with us."""
    group_cache_seconds: float = 300.0
    """How long the members of an inbound group are believed; 0 switches the cache off."""
    resend_unacknowledged: bool = True
    """Send messages without an answer again after a reconnect, also to a Platform that does not
    say that it recognises repeats."""

    log_level: str = "INFO"
    terminal_log_level: str = ""
    """As `log_level`, when empty."""
    log_file: str | None = None
    error_log_file: str | None = None
    """Without one, errors stand in `log_file` only."""
    error_log_level: str = "WARNING"
    log_retention: str | dict[str, Any] | None = None
    """Rotation and retention as loguru knows them; a string is the retention alone."""
    log_frames: str = "full"
    """`full` logs received frames at INFO; `summary` keeps their contents out of INFO."""

    @property
    def is_local(self) -> bool:
        """Tell whether the local Platform is meant (architecture: the embedded default)."""
        return self.http_server_uri.strip().rstrip("/").lower() == LOCAL


class ConfigDict(dict[str, Any]):
    """The nested configuration, which also answers for the flat keys of older services."""

    def __missing__(self, key: str) -> Any:
        for part in ("service_config", "account_config", "log_config"):
            if key in dict.get(self, part, {}):
                return self[part][key]
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        try:
            self[key]  # type: ignore[index]
        except KeyError:
            return False
        return True

    def get(self, key: str, default: Any = None) -> Any:
        """Return a part, or the value of a flat key, or the default."""
        try:
            return self[key]
        except KeyError:
            return default

    def __repr__(self) -> str:
        return repr(mask_passwords(self))

    __str__ = __repr__


@dataclass(frozen=True)
class Configuration:
    """What `load_config` found: the user's view, the checked view, and where to write back."""

    nested: ConfigDict
    settings: Settings
    service_origin: Origin | None
    origins: Mapping[str, Origin | None] = field(default_factory=dict)
    """Part -> the file it was read from."""


def load_config(
    config: Source = None,
    account_config: Source = None,
    service_config: Source = None,
    db_config: Source = None,
    log_config: Source = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Configuration:
    """Bring a configuration of any shape into one checked value.

    A specific argument overrides the same part of `config`, key by key; single settings in
    `overrides` override both, and the environment everything.

    Raises:
        ConfigError: If a file is not JSON, or a setting has a wrong type or value.
        MissingFile: If a named file is not there.
    """
    nested, origins = _read_parts(config)
    specific = {
        "account_config": account_config,
        "service_config": service_config,
        "db_config": db_config,
        "log_config": log_config,
    }
    for part, source in specific.items():
        if source is not None:
            value, origin = _read(source, part)
            nested[part] = value if part == "db_config" else {**nested[part], **value}
            origins[part] = origin or origins[part]
    for part, values in _split_flat(overrides or {}).items():
        nested[part] |= values
    for variable, (part, key) in ENVIRONMENT.items():
        if environ.get(variable):
            nested[part][key] = environ[variable]
    service_origin = origins["service_config"]
    settings = _check(_flatten(nested))
    if settings.ca_file:
        folder = service_origin.path.parent if service_origin else None
        settings = replace(settings, ca_file=str(locate(settings.ca_file, folder, what="ca_file")))
    parts = ConfigDict({part: nested[part] for part in _PARTS})
    return Configuration(parts, settings, service_origin, origins)


def _read_parts(config: Source) -> tuple[dict[str, Any], dict[str, Origin | None]]:
    """Return the four parts of a whole configuration, nested or flat, and the file of each."""
    whole, origin = _read(config, "config")
    is_flat = not whole.keys() & set(_PARTS)
    # Settings that stand beside the parts of a nested configuration count, after the parts' own.
    beside = _split_flat({key: value for key, value in whole.items() if key not in _PARTS})
    folder = origin.path.parent if origin else None
    parts: dict[str, Any] = {}
    origins: dict[str, Origin | None] = {}
    for part in _PARTS:
        value, part_origin = _read(None if is_flat else whole.get(part), part, folder)
        if part_origin is None and origin is not None:
            part_origin = Origin(origin.path, () if is_flat else (part,))
        parts[part] = value if part == "db_config" else {**beside[part], **value}
        origins[part] = part_origin
    return parts, origins


def mask_passwords(value: Any) -> Any:
    """Return a copy in which every password is shown as asterisks."""
    if isinstance(value, Mapping):
        return {
            key: "****" if "password" in str(key).lower() and item else mask_passwords(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [mask_passwords(item) for item in value]
    return mask_url(value) if isinstance(value, str) else value


def _read(source: Source, part: str, folder: Path | None = None) -> tuple[Any, Origin | None]:
    """Return a part of the configuration as an object (a list for db_config) and its file."""
    origin = None
    if isinstance(source, (str, Path)) and str(source):
        origin = Origin(locate(source, folder))
        source = read_json(origin.path)
    if part == "db_config":
        return _as_db_config(source, origin), origin
    if not source:
        return {}, origin
    if not isinstance(source, Mapping):
        where = f" ({origin.path})" if origin else ""
        raise ConfigError(
            f"{part}{where} must be an object or the name of a JSON file, "
            f"not {type(source).__name__}"
        )
    return dict(source), origin


def _as_db_config(source: Any, origin: Origin | None) -> list[dict[str, Any]]:
    if not source:
        return []
    elements = [source] if isinstance(source, Mapping) else list(source)
    if not all(isinstance(element, Mapping) for element in elements):
        raise ConfigError("db_config must be a list of objects, each with implementation and name")
    check_entries(elements, origin.path if origin else "db_config")
    return [dict(element) for element in elements]


_ACCOUNT_KEYS = {"email", "password"}
_LOG_KEYS = {f.name for f in fields(Settings) if "log_" in f.name}
_TYPES = {f.name: str(f.type) for f in fields(Settings)}
_NUMBERS = [name for name, annotation in _TYPES.items() if annotation in ("int", "float")]
_KNOWN_KEYS = set(_TYPES)


def _split_flat(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Sort the keys of a flat configuration of 0.0.1 or 1.3 into the parts they belong to."""
    nested: dict[str, Any] = {part: {} for part in _PARTS if part != "db_config"}
    for key, value in flat.items():
        nested[home_of(key)][key] = value
    return nested


def _flatten(nested: Mapping[str, Any]) -> dict[str, Any]:
    """Return all settings in one; of two places for one setting, the part it belongs to wins."""
    names = ("log_config", "account_config", "service_config")
    given = [(name, key, nested[name][key]) for name in names for key in nested[name]]
    at_home = [(key, value) for name, key, value in given if home_of(key) == name]
    # An empty value at home is a template's, and no reason to ignore the other place.
    return {
        **{key: value for _, key, value in given},
        **{key: value for key, value in at_home if value not in (None, "")},
    }


def home_of(key: str) -> str:
    """Return the part of the configuration that a setting belongs to."""
    if key in _ACCOUNT_KEYS:
        return "account_config"
    return "log_config" if key in _LOG_KEYS else "service_config"


def _check(values: Mapping[str, Any]) -> Settings:
    """Read what the SDK needs; keys of the user's own are left alone.

    Raises:
        ConfigError: If a setting has the wrong type or value; it is named.
    """
    words = (*sorted(_KNOWN_KEYS), *_PARTS)
    for key in values.keys() - _KNOWN_KEYS:
        if close := difflib.get_close_matches(str(key), words, n=1, cutoff=0.8):
            logger.warning(
                "configuration: {!r} is not a setting; did you mean {!r}?", key, close[0]
            )
    data = _tidied(
        {key: value for key, value in values.items() if key in _KNOWN_KEYS and value is not None}
    )
    try:
        settings = dacite.from_dict(Settings, data)
    except dacite.WrongTypeError as error:
        name = str(error.field_path)
        # The error of dacite itself shows the value, which may be a password.
        value = "****" if name == "password" else repr(error.value)
        raise ConfigError(f"{name} must be of type {_TYPES[name]}, not {value}") from None
    if settings.max_running_callbacks < 1:
        raise ConfigError(
            f"max_running_callbacks must be at least 1, not {settings.max_running_callbacks}"
        )
    _check_choice("others", settings.others, (INCLUDE, IGNORE, UNBIND))
    _check_choice("order", settings.order, ORDERS)
    _check_choice("log_frames", settings.log_frames, ("full", "summary"))
    for name in ("log_level", "terminal_log_level", "error_log_level"):
        _check_level(name, getattr(settings, name))
    return _with_both_addresses(settings)


def _tidied(data: dict[str, Any]) -> dict[str, Any]:
    """Bring settings as people write them into the form of `Settings`, where that is plain."""
    channels = data.get("channels", ())
    if isinstance(channels, (str, Iterable)):
        channels = [channels] if isinstance(channels, str) else list(channels)
    if not isinstance(channels, list) or not all(isinstance(c, str) for c in channels):
        raise ConfigError(f"channels must be a list of channel ids, not {channels!r}")
    # Repeated and empty ids come from templates.
    data["channels"] = tuple(dict.fromkeys(c.strip() for c in channels if c.strip()))
    for number in _NUMBERS:
        if isinstance(data.get(number), bool):  # which Python takes for a number
            raise ConfigError(f"{number} must be a number, not {data[number]}")
        if isinstance(data.get(number), int) and _TYPES[number] == "float":
            data[number] = float(data[number])
    for name in ("log_file", "error_log_file", "ca_file"):
        if isinstance(data.get(name), os.PathLike):
            data[name] = os.fspath(data[name])
    for word in ("others", "order"):
        if isinstance(data.get(word), str):
            data[word] = data[word].strip().lower()
    if not data.get("http_server_uri") and not data.get("ws_server_uri"):
        # Nobody can sign in at the hosted Platform without an account.
        data["http_server_uri"] = HOSTED_HTTP if data.get("email") else LOCAL
    return data


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


def _check_level(name: str, level: str) -> None:
    try:
        logger.level(level.upper() or "INFO")
    except ValueError:
        raise ConfigError(
            f"{name} must be a level of loguru, such as DEBUG, INFO or WARNING, not {level!r}"
        ) from None


def _with_both_addresses(settings: Settings) -> Settings:
    """Derive a missing WebSocket address from the HTTP address, which is often the same host."""
    if settings.is_local:
        return settings
    for name, schemes in (
        ("http_server_uri", ("http://", "https://")),
        ("ws_server_uri", ("ws://", "wss://")),
    ):
        value = getattr(settings, name)
        if value and not value.startswith(schemes):
            raise ConfigError(
                f"{name} must begin with {' or '.join(schemes)}, not {value!r}; "
                'for the Platform on this machine, let http_server_uri be "local"'
            )
    if not settings.http_server_uri:
        raise ConfigError('http_server_uri is missing beside ws_server_uri; "local" is a choice')
    if not settings.ws_server_uri:
        hosted = settings.http_server_uri.rstrip("/") == HOSTED_HTTP.rstrip("/")
        address = HOSTED_WS if hosted else "ws" + settings.http_server_uri.removeprefix("http")
        return replace(settings, ws_server_uri=address)
    return settings
