"""Read one JSON document from a stranger: bounded before it is parsed, strict while it is."""

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from validator.limits import Limits

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

ProblemKind = Literal["json", "depth", "values", "byte_order_mark"]

# One pass, no backtracking: possessive quantifiers, and a string that is never closed runs to the end
# instead of being tried again from each of its quotes (which would be quadratic).
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\(?:.|\Z)[^"\\]*+)*+(?:"|\Z)|[\[{]|[\]}]|,', re.DOTALL)
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}|\\u[dD][c-fC-F][0-9a-fA-F]{2}")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a document's bytes."""

    kind: ProblemKind
    found: str


@dataclass(frozen=True)
class Decoded:
    """A document: its value, and what was wrong with it. With problems other than a mark, no value."""

    value: Any
    problems: tuple[Problem, ...] = ()
    size: int = 0

    @property
    def sound(self) -> bool:
        """Whether there is a value to look at."""
        return all(problem.kind == "byte_order_mark" for problem in self.problems)


def decode(data: bytes, limits: Limits) -> Decoded:
    """Return the value of a JSON document, or the problems that keep it from having one. Never raises."""
    marks: tuple[Problem, ...] = ()
    if data.startswith(BYTE_ORDER_MARK):
        data = data[len(BYTE_ORDER_MARK) :]
        marks = (Problem("byte_order_mark", "the text begins with a byte-order mark"),)
    excess = _excess(data, limits)
    if excess is not None:
        return Decoded(None, (*marks, excess), len(data))
    try:
        text = data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
        if _ESCAPED_SURROGATE.search(data):
            _ensure_whole_characters(value)
    except UnicodeDecodeError as error:
        return Decoded(None, (*marks, Problem("json", f"no UTF-8 at byte {error.start}")), len(data))
    except json.JSONDecodeError as error:
        return Decoded(None, (*marks, Problem("json", f"{error.msg} at character {error.pos}")), len(data))
    except (ValueError, RecursionError) as error:
        return Decoded(None, (*marks, Problem("json", str(error))), len(data))
    return Decoded(value, marks, len(data))


def _excess(data: bytes, limits: Limits) -> Problem | None:
    """Whether the document nests too deep, or holds too many values, told without parsing it."""
    depth = containers = values = 0
    for token in _TOKEN.finditer(data):
        first = data[token.start()]
        if first in b"[{":
            depth += 1
            containers += 1
            values += 1
            if depth > limits.json_depth:
                return Problem("depth", f"nesting deeper than {limits.json_depth}")
        elif first in b"]}":
            depth -= 1
        elif first == ord(","):
            values += 1
        if containers > limits.json_containers or values > limits.json_values:
            return Problem(
                "values", f"more than {limits.json_containers} objects or {limits.json_values} values"
            )
    return None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key[:60]!r} stands twice in one object")
            seen.add(key)
    return record


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _ensure_whole_characters(value: Any) -> None:
    """Refuse lone surrogates: they are in no UTF-8 text, and break whoever writes the value again."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("an escaped lone surrogate, which stands for no character") from None
