"""Find where each value of a JSON text stands; done only when something is to be reported."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from states_language.pointer import Pointer

if TYPE_CHECKING:
    from states_language.pointer import Step


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A key that an object has twice."""

    pointer: Pointer
    key: str
    offset: int


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value stands in a text: offsets of its key (-1 where it has none) and of the value itself."""

    key: int
    value: int
    is_block: bool = False
    """Whether it is a YAML block (`|`), whose lines follow below."""


_TOKEN: Final = re.compile(r'[ \t\r\n]*(?:([{}\[\],:])|("(?:[^"\\]|\\.)*")|([^\s{}\[\],:"]+))', re.DOTALL)


def scan_json(text: str) -> tuple[dict[tuple[Step, ...], Spot], list[Duplicate]]:
    """Return where each value of a JSON text stands, and the keys that stand twice; the text is valid."""
    spots: dict[tuple[Step, ...], Spot] = {}
    duplicates: list[Duplicate] = []
    path: list[Step] = []
    kinds: list[str] = []
    key_at = -1
    expects_key = False
    for token in _TOKEN.finditer(text):
        mark, string, _ = token.groups()
        at = token.start(token.lastindex or 0)
        if mark == ":":
            expects_key = False
        elif mark == ",":
            if kinds[-1] == "[":
                path[-1] += 1  # type: ignore[operator]
            else:
                expects_key = True
        elif mark in ("}", "]"):
            kinds.pop()
            path.pop()
            expects_key = False
        elif expects_key and string is not None:
            path[-1] = json.loads(string)
            key_at = at
            if tuple(path) in spots:
                duplicates.append(Duplicate(Pointer(tuple(path)), str(path[-1]), at))
        else:
            in_object = bool(kinds) and kinds[-1] == "{"
            spots[tuple(path)] = Spot(key_at if in_object else -1, at)
            if mark in ("{", "["):
                kinds.append(mark)
                path.append("" if mark == "{" else 0)
                expects_key = mark == "{"
    return spots, duplicates
