"""How a value of a document is written where there is little room."""

from __future__ import annotations

import json
from typing import Any


def shown(value: Any, longest: int = 80) -> str:
    """Return a value on one line, cut to a length."""
    if value is None:
        return "(none)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"
