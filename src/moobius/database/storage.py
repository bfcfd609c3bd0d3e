"""The import path of versions 1.3 to 1.8 for storage: a face."""

from moobius.database.cached_dict import CachedDict
from moobius.database.engines import get_engine, register_engine
from moobius.database.magical_storage import MoobiusStorage

__all__ = ["CachedDict", "MoobiusStorage", "get_engine", "register_engine"]
