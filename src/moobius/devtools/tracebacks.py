"""Shows an error of the user's program as if that had been run by itself."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import TracebackType

_US = str(Path(__file__).parent)
_IMPORTERS = ("<frozen importlib", str(Path(importlib.__file__).parent))


def show_without_us(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print a traceback as Python does, without what led to the user's program.

    For `sys.excepthook`. An error that never got there is shown whole.
    """
    theirs = _after_us(trace) or trace
    sys.__excepthook__(kind, error.with_traceback(theirs), theirs)


def _after_us(trace: TracebackType | None) -> TracebackType | None:
    each = theirs = trace
    while each is not None:
        if _file_of(each).startswith(_US):
            theirs = each.tb_next
        each = each.tb_next
    while theirs is not None and _file_of(theirs).startswith(_IMPORTERS):
        theirs = theirs.tb_next
    return theirs


def _file_of(trace: TracebackType) -> str:
    return trace.tb_frame.f_code.co_filename
