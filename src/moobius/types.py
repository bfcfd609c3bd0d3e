"""The names that services import: constants of the protocol, dataclasses, and helpers for both.

They are defined elsewhere: the constants in `moobius.words`, the dataclasses in `moobius.values`.
Nothing here does I/O.
"""

from __future__ import annotations

from moobius.message_forms import normalize_message as normalize_message
from moobius.message_forms import payload_as_dict as payload_as_dict
from moobius.message_forms import recv_tmp_convert as recv_tmp_convert
from moobius.tolerant import as_update_body as as_update_body
from moobius.tolerant import from_dict as from_dict
from moobius.values import *
from moobius.words import *
