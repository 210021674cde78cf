"""How values of a document are written where there is little room."""

from __future__ import annotations

import json
from typing import Any

CONTEXT = 24
"""Characters that are shown before the place where two long texts part."""


def shown(value: Any, longest: int = 80) -> str:
    """Return a value on one line, cut to a length."""
    text = _line(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def shown_pair(before: Any, after: Any, longest: int = 80) -> tuple[str, str]:
    """Return two values on a line each, cut so that the place where they part is seen."""
    if before is None or after is None:
        return shown(before, longest), shown(after, longest)
    old, new = _line(before), _line(after)
    ends = (index for index, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1])
    start = next(ends, min(len(old), len(new))) - CONTEXT
    if max(len(old), len(new)) <= longest or start <= 1:
        return shown(before, longest), shown(after, longest)
    cut = ("…" + old[start:], "…" + new[start:])
    return shown(cut[0], longest), shown(cut[1], longest)


def _line(value: Any) -> str:
    if value is None:
        return "(none)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return " ".join(text.split())
