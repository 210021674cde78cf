"""Read files and texts as JSON or YAML."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from states_language.sources.errors import DEEPEST, LARGEST_FILE, SourceError
from states_language.sources.parsed import Parsed

if TYPE_CHECKING:
    from pathlib import Path

HALF = re.compile(r"\\ud[89ab]..(?!\\ud[c-f])|(?<!\\ud[89ab]..)\\ud[c-f]..", re.IGNORECASE)
"""What may be half a character: JSON writes those past U+FFFF as two of these."""


def read_text(path: Path) -> str:
    """Return the text of a file. Raises `SourceError`."""
    name = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)  # a device may have no end
    except OSError as error:
        raise SourceError(f"The file cannot be read: {error.strerror or error}.", name) from error
    if len(data) > LARGEST_FILE:
        raise SourceError(f"The file is too large: at most {LARGEST_FILE:,} bytes are read.", name)
    return decode(data, name)


def decode(data: bytes, name: str) -> str:
    """Return the text of a file. Raises `SourceError` where it is no text in UTF-8."""
    if b"\0" in data[:8192]:
        raise SourceError("The file is binary, no JSON or YAML.", name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceError(f"The file is no UTF-8 (byte {error.start}).", name, line, 1) from error
    if not text.strip():
        raise SourceError("The file is empty.", name)
    return text


def parse(text: str, name: str) -> Parsed:
    """Parse JSON or YAML, by the file's name, or else by its first character. Raises `SourceError`."""
    suffix = name.rpartition(".")[2].lower()
    if suffix in ("yaml", "yml") or (
        suffix not in ("json", "asl") and not text.lstrip().startswith(("{", "["))
    ):
        from states_language.sources.yaml_text import parse_yaml  # noqa: PLC0415 - only YAML files need it

        return parse_yaml(text, name)
    return parse_json(text, name)


def parse_json(text: str, name: str) -> Parsed:
    """Parse JSON. Raises `SourceError`."""
    duplicated = False

    def pairs(entries: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal duplicated
        found = dict(entries)
        duplicated = duplicated or len(found) != len(entries)
        return found

    def constant(word: str) -> Any:
        raise SourceError(f"'{word}' is no JSON.", name, *_place_of(text, word))

    def number(digits: str) -> float:
        found = float(digits)
        if math.isinf(found):
            raise SourceError(f"The number {digits} is too large.", name, *_place_of(text, digits))
        return found

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant, parse_float=number)
    except json.JSONDecodeError as error:
        raise SourceError(f"This is no JSON: {error.msg}.", name, error.lineno, error.colno) from error
    except RecursionError as error:
        raise SourceError("The JSON is nested too deeply.", name) from error
    except ValueError as error:  # an integer of thousands of digits
        raise SourceError("The JSON has a number of thousands of digits.", name) from error
    if _depth(value) > DEEPEST:
        raise SourceError(f"The JSON is nested more than {DEEPEST} levels deep.", name)
    if HALF.search(text):
        _refuse_halves(value, text, name)
    return Parsed(name, text, value, is_yaml=False, has_duplicates=duplicated)


def _refuse_halves(value: Any, text: str, name: str) -> None:
    """Refuse what no file and no terminal can take. Raises `SourceError`."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = f"\\u{ord(error.object[error.start]):04x}"
        starts = (found.start() for found in HALF.finditer(text) if found[0].lower() == half)
        place = _place(text, next(starts, 0))
        raise SourceError(
            f"'{half}' is half a character; the other half is missing.", name, *place
        ) from error


def _place_of(text: str, word: str) -> tuple[int, int]:
    return _place(text, text.find(word))


def _place(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _depth(value: Any) -> int:
    """Return the levels of nesting, one more than `DEEPEST` at the most."""
    level = [value]
    depth = 0
    while level and depth <= DEEPEST:
        depth += 1
        level = [
            inner
            for entry in level
            if isinstance(entry, dict | list)
            for inner in (entry.values() if isinstance(entry, dict) else entry)
            if isinstance(inner, dict | list)
        ]
    return depth
