"""The names of older versions, as tables, which are registered with `moobius.core.older_names`."""

from __future__ import annotations

from moobius.core import older_names
from moobius.legacy.attributes import ATTRIBUTES

older_names.ATTRIBUTES.update(ATTRIBUTES)
