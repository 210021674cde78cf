"""A text that was parsed, and the place of every value in it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from states_language.sources.scan import Duplicate, Spot, scan_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from states_language.pointer import Pointer, Step


@dataclass(frozen=True)
class Parsed:
    """A text, and the value that it holds."""

    file: str
    text: str
    value: Any
    is_yaml: bool
    yaml_spots: Mapping[tuple[Step, ...], Spot] | None = None
    has_duplicates: bool = False

    @cached_property
    def spots(self) -> Mapping[tuple[Step, ...], Spot]:
        """The places of all values, by the steps of their pointers."""
        return self.yaml_spots if self.yaml_spots is not None else self._scanned[0]

    @cached_property
    def duplicates(self) -> list[Duplicate]:
        """The keys that stand twice in one object."""
        return self._scanned[1] if self.has_duplicates else []

    @cached_property
    def _scanned(self) -> tuple[dict[tuple[Step, ...], Spot], list[Duplicate]]:
        return scan_json(self.text)

    @cached_property
    def _lines(self) -> list[int]:
        """The offset at which each line begins."""
        lengths = (len(line) + 1 for line in self.text.split("\n"))
        return [0, *accumulate(lengths)]

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset."""
        line = bisect_right(self._lines, max(offset, 0)) - 1
        return line + 1, offset - self._lines[line] + 1

    def line(self, number: int) -> str:
        """Return a line's text, without its end."""
        if not 0 < number < len(self._lines):
            return ""
        return self.text[self._lines[number - 1] : self._lines[number]].rstrip("\r\n")

    def spot(self, pointer: Pointer) -> Spot:
        """Return where a value stands, or the nearest value that holds it."""
        steps = pointer.steps
        while steps:
            found = self.spots.get(steps)
            if found is not None:
                return found
            steps = steps[:-1]
        return self.spots.get((), Spot(-1, 0))

    def locate(self, pointer: Pointer, offset: int = 0, *, at_key: bool = False) -> tuple[int, int]:
        """Return line and column of a value, of its key, or of a character in a string."""
        spot = self.spot(pointer)
        if at_key and spot.key >= 0:
            return self.place(spot.key)
        if offset and spot.is_block:
            return self._in_block(spot, pointer, offset)
        return self.place(spot.value + (self.width(spot, offset) if offset else 0))

    def width(self, spot: Spot, offset: int) -> int:
        """Return how many characters of the file write the first `offset` characters of a string."""
        opening = self.text[spot.value : spot.value + 1]
        if opening == '"':
            at, seen = spot.value + 1, 0
            while seen < offset and at < len(self.text) and self.text[at] != '"':
                escape = self.text[at] == "\\"
                at += 6 if escape and self.text[at + 1 : at + 2] == "u" else 2 if escape else 1
                seen += 1
            return at - spot.value
        return offset + (1 if opening == "'" else 0)

    def _in_block(self, spot: Spot, pointer: Pointer, offset: int) -> tuple[int, int]:
        value: Any = self.value
        for step in pointer.steps:
            value = value[step]
        before = value[:offset] if isinstance(value, str) else ""
        first = self.place(spot.value)[0] + 1
        line = first + before.count("\n")
        text = self.line(line)
        indent = len(self.line(first)) - len(self.line(first).lstrip())
        column = offset - (before.rfind("\n") + 1)
        return line, min(indent + column, max(len(text) - 1, 0)) + 1
