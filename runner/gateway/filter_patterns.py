"""CloudWatch Logs' filter patterns for JSON: `{ $.type = "FailStateEntered" && $.details.name = "PipelineFailed" }`.

Known are comparisons of a selector with a text (which may hold `*`) or a number, IS TRUE, IS FALSE, IS NULL, EXISTS and
NOT EXISTS, joined by `&&` and `||`, in parentheses. Patterns in square brackets, and regular expressions, are not.
Evidence: documentation (page "Filter pattern syntax for metric filters, subscription filters, and filter log events").
"""

from __future__ import annotations

import json
import operator
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Matches = Callable[[Any], bool]

TOKEN = re.compile(r'\s*(&&|\|\||[(){}]|!=|>=|<=|=|>|<|"(?:[^"\\]|\\.)*"|[^\s(){}=!<>&|"]+)')
ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
PART = re.compile(r"\.([\w$@-]+)|\[(\d+)\]|\['([^']*)'\]")
MISSING = object()


class FilterPatternError(Exception):
    """The pattern is none, or has something that is not known here."""


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return what tells whether a message fits a JSON pattern. Raises `FilterPatternError`."""
    matches = _Parser(pattern).whole()

    def fits(message: str) -> bool:
        try:
            return matches(json.loads(message))
        except ValueError:
            return False

    return fits


class _Parser:
    def __init__(self, pattern: str):
        self._pattern = pattern
        self._tokens: list[str] = []
        position = 0
        text = pattern.rstrip()
        while position < len(text):
            found = TOKEN.match(text, position)
            if found is None:
                raise self._error(text[position:])
            self._tokens.append(found[1])
            position = found.end()
        self._at = 0

    def whole(self) -> Matches:
        self._take("{")
        found = self._either()
        self._take("}")
        if self._at != len(self._tokens):
            raise self._error(self._peek())
        return found

    def _either(self) -> Matches:
        found = [self._all()]
        while self._peek() == "||":
            self._take("||")
            found.append(self._all())
        return lambda value: any(each(value) for each in found)

    def _all(self) -> Matches:
        found = [self._term()]
        while self._peek() == "&&":
            self._take("&&")
            found.append(self._term())
        return lambda value: all(each(value) for each in found)

    def _term(self) -> Matches:
        if self._peek() == "(":
            self._take("(")
            found = self._either()
            self._take(")")
            return found
        select = self._selector(self._next())
        word = self._next()
        if word == "EXISTS":
            return lambda value: select(value) is not MISSING
        if word == "NOT":
            self._take("EXISTS")
            return lambda value: select(value) is MISSING
        if word == "IS":
            wanted = {"TRUE": True, "FALSE": False, "NULL": None}.get(self._next(), MISSING)
            if wanted is MISSING:
                raise self._error(self._tokens[self._at - 1])
            return lambda value: select(value) is wanted
        return _comparison(select, word, self._next(), self._error(word))

    def _selector(self, text: str) -> Callable[[Any], Any]:
        parts = PART.findall(text[1:])
        if not text.startswith("$") or "".join(found[0] for found in PART.finditer(text[1:])) != text[1:]:
            raise self._error(text)

        def select(value: Any) -> Any:
            for name, index, quoted in parts:
                try:
                    value = value[int(index)] if index else value[name or quoted]
                except (KeyError, IndexError, TypeError):
                    return MISSING
            return value

        return select

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _take(self, token: str) -> None:
        if self._next() != token:
            raise self._error(self._tokens[self._at - 1] if self._at <= len(self._tokens) else "its end")

    def _error(self, at: str) -> FilterPatternError:
        return FilterPatternError(f"Invalid filter pattern {self._pattern!r}, at {at!r}")


def _comparison(select: Callable[[Any], Any], sign: str, text: str, error: FilterPatternError) -> Matches:
    if NUMBER.fullmatch(text):
        number = float(text)
        compare = {"=": operator.eq, "!=": operator.ne, **ORDERS}.get(sign)
        if compare is None:
            raise error

        def fits(value: Any) -> bool:
            found = select(value)
            is_number = isinstance(found, int | float) and not isinstance(found, bool)
            return compare(found, number) if is_number else sign == "=" and str(found) == text

        return fits
    if sign not in {"=", "!="} or not text or text in {"}", "{", "(", ")"}:
        raise error
    wanted = json.loads(text) if text.startswith('"') else text
    # Only `*` is a wildcard here.
    glob = re.sub(r"([\[\]?])", r"[\1]", wanted)

    def is_like(value: Any) -> bool:
        found = select(value)
        return isinstance(found, str) and fnmatchcase(found, glob)

    return is_like if sign == "=" else lambda value: select(value) is not MISSING and not is_like(value)
