"""Settings files in the dialect of `configobj`, and the specifications they are checked against.

A specification has the structure of the file it describes; each of its values is a check, such as
`integer(min=1, default=25000)`. The specification of `<dir>/<name>.ini` is
`<dir>/spec/configspec_<name>.ini` (specification 2.7).

`configobj` comes with the extra `messaging` and is imported by whoever first needs a settings
file: messages are sent and received without it.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

from moobius.errors import ConfigError, MissingFile
from moobius.messaging.files import IncomingFile
from moobius.messaging.policy import own_place

SHIPPED = Path(__file__).parent / "spec"
"""The specifications that come with the package: of a `Client` and of a `Server`."""

# A `configobj.Section`; the library has no type hints.
Section = Any

# The library's own `ip_addr` would do, if `localhost` were an address.
DOTTED = re.compile(r"[0-9]+(\.[0-9]+){0,3}")


def library() -> ModuleType:
    """Return the module `configobj`.

    Raises:
        ConfigError: If it is not installed.
    """
    try:
        import configobj
    except ModuleNotFoundError:
        raise ConfigError(
            "settings files need the library configobj: pip install 'moobius[messaging]'"
        ) from None
    module: ModuleType = configobj
    return module


def spec_path_of(path: Path) -> Path:
    """Return where the specification of a settings file is."""
    return path.parent / "spec" / f"configspec_{path.name}"


def empty(spec: Section | None = None) -> Section:
    """Return settings without a value."""
    # Interpolation would let a value that came over the network read other settings.
    return library().ConfigObj(encoding="utf-8", interpolation=False, configspec=spec)


def read(path: Path, spec: Section | None = None) -> Section:
    """Read a settings file.

    Raises:
        OSError: If it is not there.
        SyntaxError: If it cannot be parsed.
    """
    configobj = library()
    try:
        return configobj.ConfigObj(
            str(path), encoding="utf-8", interpolation=False, configspec=spec, file_error=True
        )
    except configobj.ConfigObjError as error:
        raise type(error)(f"{path}: {error}") from None


def parse(content: bytes, spec: Section | None = None) -> Section:
    """Read what a settings file would hold.

    Raises:
        SyntaxError: If it cannot be parsed.
    """
    return library().ConfigObj(
        BytesIO(content), encoding="utf-8", interpolation=False, configspec=spec
    )


def read_spec(path: Path) -> Section:
    """Read a specification.

    Raises:
        MissingFile: If it is not there; an `OSError`.
        SyntaxError: If it cannot be parsed.
    """
    if not path.is_file():
        raise MissingFile(f"there is no specification {path}; settings cannot be checked")
    return parse_spec(path.read_text("utf-8").splitlines(), str(path))


def parse_spec(source: Sequence[str] | Mapping[str, Any], name: str = "specification") -> Section:
    """Read a specification from its lines, or from the nested texts it has been sent as."""
    configobj = library()
    try:
        return configobj.ConfigObj(
            source, encoding="utf-8", interpolation=False, list_values=False, _inspec=True
        )
    except configobj.ConfigObjError as error:
        raise type(error)(f"{name}: {error}") from None


def text_of(settings: Section) -> bytes:
    """Return what the file of these settings holds.

    Raises:
        SyntaxError: If a value is one that the dialect cannot hold.
    """
    content = BytesIO()
    settings.write(content)
    return content.getvalue()


def write(settings: Section, path: Path) -> None:
    """Write a settings file; the one that is there is replaced in one step, or not at all.

    Raises:
        OSError: If it cannot be written.
        SyntaxError: If a value is one that the dialect cannot hold.
    """
    content = text_of(settings)
    file = IncomingFile(own_place(path))
    try:
        file.write(content)
    except BaseException:
        file.discard()
        raise
    file.commit()


def check(settings: Section, *, copy_defaults: bool = False) -> list[tuple[str, str]]:
    """Check settings against their specification; values become what the checks say.

    Args:
        settings: The settings; values that are missing get their defaults.
        copy_defaults: Whether those are written to the file, too, with the comments there.

    Returns:
        (name, reason) for each faulty setting.
    """
    configobj = library()
    if errors := list(_misshapen(settings, settings.configspec)):
        return errors  # the library would stumble over them
    outcome = settings.validate(validator(), preserve_errors=True, copy=copy_defaults)
    errors = [
        (dotted(*sections, *([key] if key else [])), str(error) if error else "is missing")
        for sections, key, error in configobj.flatten_errors(settings, outcome)
    ]
    return errors + list(_none_values(settings))


def _misshapen(settings: Section, spec: Section, *path: str) -> Iterator[tuple[str, str]]:
    for key in settings.scalars:
        if key in spec.sections:
            yield dotted(*path, key), "is a section, and not a value"
    for key in settings.sections:
        if key in spec.scalars:
            yield dotted(*path, key), "is a value, and not a section"
        elif key in spec.sections:
            yield from _misshapen(settings[key], spec[key], *path, key)


def _none_values(settings: Section, *path: str) -> Iterator[tuple[str, str]]:
    """Yield an error for each `None` where a value is needed: the library accepts it everywhere."""
    for key, default in settings.default_values.items():
        if default is not None and settings.get(key, default) is None:
            yield dotted(*path, key), "is no value"
    for key in settings.sections:
        yield from _none_values(settings[key], *path, key)


def dotted(*path: str) -> str:
    """Return what a person calls a setting, as in `SERVER.port`."""
    return ".".join(path)


def validator() -> Any:
    """Return the library's checks, and the two of our own."""
    from configobj.validate import Validator

    return Validator({"ip": check_ip, "preset_param": check_preset_param})


def check_ip(value: object) -> str:
    """Accept `localhost`, or an IPv4 address in digits and dots (short forms too).

    Raises:
        ValidateError: The library's own, for anything else.
    """
    from configobj.validate import VdtTypeError, VdtValueError

    if not isinstance(value, str):
        raise VdtTypeError(value)
    text = value.strip()
    if text == "localhost":
        return text
    try:
        if DOTTED.fullmatch(text):
            socket.inet_aton(text)
            return text
    except OSError:
        pass  # 300.1.1.1 looks like an address
    raise VdtValueError(value)


def check_preset_param(value: object) -> list[bool | int]:
    """Accept a list of a boolean and an integer that is not negative.

    Raises:
        ValidateError: The library's own, for anything else.
    """
    from configobj.validate import VdtTypeError, is_boolean, is_integer

    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise VdtTypeError(value)
    return [is_boolean(value[0]), is_integer(value[1], 0)]


def overlay(target: Section, values: Section) -> None:
    """Replace settings of `target` with those of `values`, and their comments, except defaults."""
    for key in values.scalars:
        if key in values.defaults:
            continue
        value = values[key]
        if key in target.sections:  # else the library goes on to take it for one
            del target[key]
        target[key] = list(value) if isinstance(value, list) else value
        _copy_comments(target, values, key)
    for key in values.sections:
        if key not in target.sections:
            target.pop(key, None)
            target[key] = {}
            _copy_comments(target, values, key)
        overlay(target[key], values[key])


def _copy_comments(target: Section, values: Section, key: str) -> None:
    if lines := values.comments.get(key):
        target.comments[key] = list(lines)
    if line := values.inline_comments.get(key):
        target.inline_comments[key] = line


def duplicate(settings: Section) -> Section:
    """Return a copy that shares nothing but the specification."""
    copy = empty(settings.configspec)
    copy.filename = settings.filename
    copy.initial_comment = list(settings.initial_comment)
    copy.final_comment = list(settings.final_comment)
    overlay(copy, settings)
    return copy


def options(section: Section, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield the path of every setting: its sections and its own name."""
    for key in section.scalars:
        yield *path, key
    for key in section.sections:
        yield from options(section[key], *path, key)
