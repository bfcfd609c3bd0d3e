"""Every older spelling, in one room: tables of names, which plug into seams that core offers."""

from __future__ import annotations

from moobius.core import older_names
from moobius.legacy.attributes import ATTRIBUTES

older_names.ATTRIBUTES.update(ATTRIBUTES)
