"""Checking a change of the settings that a peer has sent, before anything is changed (2.6).

If anything is wrong with it, the settings and their file stay as they were: a client that cannot
read its own file any more could never connect again.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from moobius.errors import ValidationError
from moobius.messaging import ini, settings
from moobius.messaging.config_manager import ConfigManager
from moobius.messaging.ini import Section


def changed(config: ConfigManager, received: Mapping[str, Any], mode: str) -> ConfigManager:
    """Return settings with a change, ready to be written; the ones there are stay as they are.

    Args:
        config: The settings there are.
        received: What the peer has sent, annotated or plain. Settings that are for this side to say
            (`settings.LOCAL`) are left out.
        mode: `modify` keeps what is not named, `rewrite` puts it back to its default.

    Raises:
        ValueError: If a setting is refused, or there is no such mode.
        SyntaxError: If a value is one that the file cannot hold.
    """
    if mode not in BEGINNINGS:
        raise ValueError(f"there is no mode {mode!r:.60}; there are {', '.join(BEGINNINGS)}")
    changes = ConfigManager()
    changes.load_from_dict(settings.without_local(received))
    result = BEGINNINGS[mode](config)
    result.merge(changes)
    if errors := _new_short_addresses(config.config, result.config) or _misread(result.config):
        raise ValidationError(result.config, errors)
    return result


def _as_it_is(config: ConfigManager) -> ConfigManager:
    return copy.deepcopy(config)


def _from_the_beginning(config: ConfigManager) -> ConfigManager:
    """Return settings that are all at their defaults, but for those no peer may change."""
    fresh = ini.empty(config.config.configspec)
    fresh.filename = config.config.filename
    kept = ini.duplicate(config.config)
    for key in list(kept):
        if key not in settings.LOCAL:
            del kept[key]
    ini.overlay(fresh, kept)
    return ConfigManager(fresh)


# Mode of a change -> what the change is put over.
BEGINNINGS: Mapping[str, Callable[[ConfigManager], ConfigManager]] = {
    "modify": _as_it_is,
    "rewrite": _from_the_beginning,
}


def _new_short_addresses(before: Section, after: Section) -> list[tuple[str, str]]:
    """Return what is wrong with new addresses: over the network only whole ones are taken (2.7)."""
    old, new = _values(before), _values(after)
    checks = _values(after.configspec)
    addresses = [path for path in new if str(checks.get(path, "")).startswith("ip")]
    return [
        (ini.dotted(*path), f'the address "{new[path]}" has not four parts.')
        for path in addresses
        if new[path] not in (old.get(path), "localhost") and str(new[path]).count(".") != 3
    ]


def _misread(result: Section) -> list[tuple[str, str]]:
    """Return what would be refused, or be another value, when the file is read again."""
    again = ini.parse(ini.text_of(result), result.configspec)
    if errors := ini.check(again):
        return errors
    written, read = _values(result), _values(again)
    return [
        (ini.dotted(*path), "the settings file cannot hold this value.")
        for path in {**written, **read}
        if _as_text(written.get(path)) != _as_text(read.get(path))
    ]


def _values(section: Section) -> dict[tuple[str, ...], Any]:
    found = {}
    for path in ini.options(section):
        *folders, option = path
        inner = section
        for folder in folders:
            inner = inner[folder]
        found[path] = inner[option]
    return found


def _as_text(value: object) -> str | list[str]:
    """Return a value as it reads in a file: there, what no specification names is text."""
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else str(value)
