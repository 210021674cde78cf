"""Patterns of IAM (`*` any text, `?` any one character) as sets of texts.

To compare unions and complements of patterns exactly it is enough to look at one text out of each cell that the
patterns cut the texts into: those that match the same patterns are alike. `witnesses` returns such texts.
"""

from __future__ import annotations

import re
from functools import lru_cache

FRESH = "\ue000"
"""A character that no pattern names."""

MOST_STATES = 6000
"""How far the cells of wildcards that overlap are searched; beyond, the cells found so far have to do."""

_State = tuple[frozenset[int], ...]


@lru_cache(maxsize=8192)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(
        "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern),
        re.DOTALL,
    )


def matches(pattern: str, text: str) -> bool:
    """Tell whether a pattern matches a text, case and all."""
    return _expression(pattern).fullmatch(text) is not None


def is_literal(pattern: str) -> bool:
    """Tell whether a pattern matches one text only."""
    return "*" not in pattern and "?" not in pattern


def witnesses(patterns: frozenset[str]) -> list[str]:
    """Return texts such that each cell of the patterns holds one, and one text that none of them matches."""
    literals = {pattern for pattern in patterns if is_literal(pattern)}
    wild = sorted(patterns - literals)
    found = {*literals, FRESH * 3}
    found.update(_cells(wild, literals))
    return sorted(found)


def _cells(wild: list[str], literals: set[str]) -> set[str]:
    """Search the texts breadth first, and keep the first of each cell that is no literal."""
    if not wild:
        return set()
    start: _State = tuple(_closed(pattern, {0}) for pattern in wild)
    reached = {start}
    waiting: list[tuple[_State, str]] = [(start, "")]
    cells: dict[tuple[bool, ...], str] = {}
    for state, text in waiting:
        cell = tuple(len(pattern) in places for pattern, places in zip(wild, state, strict=True))
        if text and text not in literals:
            cells.setdefault(cell, text)
        if len(reached) > MOST_STATES:
            continue
        for char in sorted(_next_characters(wild, state)):
            following = tuple(
                _step(pattern, places, char) for pattern, places in zip(wild, state, strict=True)
            )
            if (
                following not in reached
            ):  # where no pattern goes on, the text still is in the cell of no pattern
                reached.add(following)
                waiting.append((following, text + char))
    # What the search did not reach, and a text of each pattern that is surely no literal.
    plain = {pattern.replace("*", FRESH).replace("?", FRESH) for pattern in wild}
    return {*cells.values(), *plain}


def _next_characters(wild: list[str], state: _State) -> set[str]:
    named = {
        pattern[place]
        for pattern, places in zip(wild, state, strict=True)
        for place in places
        if place < len(pattern)
    }
    return (named - {"*", "?"}) | {FRESH}


def _closed(pattern: str, places: set[int]) -> frozenset[int]:
    """Return the places, and those that a `*` lets be skipped to."""
    waiting = list(places)
    while waiting:
        place = waiting.pop()
        if place < len(pattern) and pattern[place] == "*" and place + 1 not in places:
            places.add(place + 1)
            waiting.append(place + 1)
    return frozenset(places)


@lru_cache(maxsize=65536)
def _step(pattern: str, places: frozenset[int], char: str) -> frozenset[int]:
    following: set[int] = set()
    for place in places:
        if place < len(pattern):
            if pattern[place] == "*":
                following.add(place)
            elif pattern[place] in ("?", char):
                following.add(place + 1)
    return _closed(pattern, following)
