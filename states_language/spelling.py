"""The name that was probably meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def distance(first: str, second: str, limit: int) -> int:
    """Return how many letters must change, come, go or swap with their neighbour; `limit + 1` when more."""
    if abs(len(first) - len(second)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(second) + 1))
    for place, letter in enumerate(first, 1):
        older, before, row = before, row, [place] + [0] * len(second)
        for other_place, other in enumerate(second, 1):
            cost = 0 if letter == other else 1
            best = min(row[other_place - 1] + 1, before[other_place] + 1, before[other_place - 1] + cost)
            if (
                place > 1
                and other_place > 1
                and letter == second[other_place - 2]
                and first[place - 2] == other
            ):
                best = min(best, older[other_place - 2] + 1)
            row[other_place] = best
        if min(row) > limit:
            return limit + 1
    return min(row[-1], limit + 1)


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that differs from `name` by case, or else by the fewest letters; None: none is near.

    Near is at most a third of the letters, and at most three.
    """
    names = list(candidates)
    folded = name.casefold()
    for candidate in names:
        if candidate.casefold() == folded:
            return candidate
    limit = min(3, max(1, len(name) // 3))
    best: str | None = None
    for candidate in names:
        found = distance(folded, candidate.casefold(), limit)
        if found <= limit:
            best, limit = candidate, found - 1
        if limit < 0:
            break
    return best


def differs_by_case(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that is `name` in other capitals."""
    folded = name.casefold()
    return next((entry for entry in candidates if entry.casefold() == folded and entry != name), None)


def listed(names: Iterable[str], most: int = 8) -> str:
    """Write names for people: `a, b and c`, the first ones where there are many."""
    entries = [f"'{name}'" for name in names]
    if len(entries) > most:
        return ", ".join(entries[:most]) + f" and {len(entries) - most} more"
    return " and ".join([", ".join(entries[:-1]), entries[-1]]) if len(entries) > 1 else "".join(entries)


def printable(text: str) -> str:
    """Return a text without what a terminal would obey, or XML refuse; each such character becomes a dot."""
    return "".join(letter if letter.isprintable() else "·" for letter in text)
