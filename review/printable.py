"""Text that may be a stranger's, made harmless for the terminal that shows it."""

from __future__ import annotations

import re

from states_language.spelling import printable

__all__ = ["log_line", "printable"]

_STEERING = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
"""What terminals obey: control sequences (colours, the cursor), commands to the terminal's window, single escapes."""


def log_line(text: str) -> str:
    """Return a line of a log on one line: its colours are dropped, its tabs are spaces, the rest is made harmless."""
    return printable(_STEERING.sub("", text.rstrip("\r\n")).expandtabs(4))
