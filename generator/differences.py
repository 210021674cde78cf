"""What changed between two versions of a generated file, in a few words for the terminal."""

from __future__ import annotations

import json
from difflib import ndiff
from typing import TYPE_CHECKING, Any

from states_language.pointer import ROOT, Pointer

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 6
"""How many changes of a file are told."""
LONGEST = 60
"""How many characters of a value are shown."""


def summary(before: str | None, after: str) -> list[str]:
    """Return a line for each change, the first few of them; for JSON by place, for other text by count."""
    if before is None:
        return ["new"]
    try:
        changes = list(_changes(json.loads(before), json.loads(after), ROOT))
    except (ValueError, RecursionError):
        lines = list(ndiff(before.splitlines(), after.splitlines()))
        added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
        return [f"{added} lines added, {removed} removed"]
    if not changes:
        return ["the order or the form only"]
    more = [f"and {len(changes) - MOST} more"] if len(changes) > MOST else []
    return [*changes[:MOST], *more]


def _changes(before: Any, after: Any, pointer: Pointer) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            if key not in after:
                yield f"{pointer / key} removed"
            elif key not in before:
                yield f"{pointer / key} added"
            else:
                yield from _changes(before[key], after[key], pointer / key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _changes(old, new, pointer / index)
    elif json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True):  # to Python, 1 equals True
        yield f"{pointer}: {_short(before)} → {_short(after)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
