"""The import path of version 0.0.1 for storage, and the one its documents name: a face."""

from moobius.database.cached_dict import CachedDict
from moobius.database.magical_storage import MoobiusStorage

__all__ = ["CachedDict", "MoobiusStorage"]
