"""The Amazon States Language as a language: it knows nothing of this pipeline.

`check(document, input_schema=None)` returns the diagnostics of a parsed document;
`execute(document, input, call_task=…)` executes it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from states_language.checker import check
    from states_language.interpreter import execute

__all__ = ["check", "execute"]

_OFFERED = {"check": "states_language.checker", "execute": "states_language.interpreter"}


def __getattr__(name: str) -> Any:
    """Import the checker or the interpreter when it is first asked for: reading a document needs neither."""
    if name not in _OFFERED:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_OFFERED[name]), name)
