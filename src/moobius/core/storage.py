"""Storage under the import path of version 0.0.1 and of the documents; see `moobius.database`."""

from moobius.database.cached_dict import CachedDict
from moobius.database.magical_storage import MoobiusStorage

__all__ = ["CachedDict", "MoobiusStorage"]
