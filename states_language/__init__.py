"""The Amazon States Language as a language: it knows nothing of this pipeline.

`check(document, input_schema=None)` returns the diagnostics of a parsed document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from states_language.checker import check

__all__ = ["check"]


def __getattr__(name: str) -> Any:
    """Import the checker when it is first asked for: reading a document as states needs none of it."""
    if name == "check":
        from states_language.checker import check  # noqa: PLC0415

        return check
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
