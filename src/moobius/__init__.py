"""Make a group chat into an application: a Python program decides what each member sees.

Subclass `Moobius`, override `on_...` callbacks, call `send_...` verbs, and run the class with
`MoobiusWand`. State that survives restarts lives in `MoobiusStorage`.
"""

from moobius import types
from moobius._version import __version__
from moobius.core.sdk import Moobius
from moobius.core.storage import MoobiusStorage
from moobius.core.wand import MoobiusWand
from moobius.errors import MoobiusError

__all__ = ["Moobius", "MoobiusError", "MoobiusStorage", "MoobiusWand", "__version__", "types"]
