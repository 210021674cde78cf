"""Read an intrinsic call, with its nested calls, paths and constants, into a frozen tree.

Grammar: developer guide, page "Intrinsic functions", and the Amazon States Language specification, appendix B.
Names and numbers of arguments are not judged here: `signatures` knows them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from states_language.paths import Path, PathError, parse_path, path_extent

if TYPE_CHECKING:
    from collections.abc import Iterator

MAXIMUM_CALLS = 10
"""A field holds at most so many intrinsic calls. Evidence: documentation (page "Intrinsic functions")."""

_NAME = re.compile(r"[A-Za-z_][\w.]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_WORDS = {"true": True, "false": False, "null": None}


class IntrinsicError(ValueError):
    """A text is no intrinsic call: what is wrong, and at which character (from 0)."""

    def __init__(self, message: str, offset: int):
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Constant:
    """A quoted string, a number, a boolean or null."""

    value: str | float | bool | None
    offset: int = field(default=0, compare=False)
    template: tuple[str, ...] = ()
    """A string's pieces between its `{}`, those that no backslash escapes; what `States.Format` fills in."""


@dataclass(frozen=True)
class Call:
    """`States.Name(arguments…)`."""

    name: str
    arguments: tuple[Argument, ...]
    offset: int = field(default=0, compare=False)
    """The first character of the call in the field's text."""
    argument_offsets: tuple[int, ...] = field(default=(), compare=False)
    """The first character of each argument."""

    def walk(self) -> Iterator[Call]:
        """Yield this call, then those inside it, in the order in which they are written."""
        yield self
        for argument in self.arguments:
            if isinstance(argument, Call):
                yield from argument.walk()

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """All the paths among the arguments, those of nested calls too."""
        return tuple(
            argument for call in self.walk() for argument in call.arguments if isinstance(argument, Path)
        )

    @cached_property
    def count(self) -> int:
        """How many calls the field holds; `MAXIMUM_CALLS` are allowed."""
        return sum(1 for _ in self.walk())


Argument = Call | Path | Constant


@lru_cache(maxsize=4096)
def parse_intrinsic(text: str) -> Call:
    """Read a field's text as one intrinsic call. Raises `IntrinsicError`, for a bad path inside it too."""
    return _Reader(text).whole()


class _Reader:
    def __init__(self, text: str):
        self.text = text
        self.position = 0

    def whole(self) -> Call:
        self._skip_space()
        call = self._call()
        self._skip_space()
        if self.position < len(self.text):
            raise self._fault(f"Unexpected {self._here()} after the call.")
        return call

    def _call(self) -> Call:
        start = self.position
        name = self._match(_NAME)
        if not name:
            raise self._fault(f"A function's name is missing before {self._here()}.")
        if not self._take("("):
            raise self._fault(f"'(' is missing after '{name}'.")
        arguments: list[Argument] = []
        offsets: list[int] = []
        self._skip_space()
        if self._take(")"):
            return Call(name, (), start)
        while True:
            self._skip_space()
            offsets.append(self.position)
            arguments.append(self._argument())
            self._skip_space()
            if self._take(")"):
                return Call(name, tuple(arguments), start, tuple(offsets))
            if not self._take(","):
                raise self._fault(f"',' or ')' is missing before {self._here()}.")

    def _argument(self) -> Argument:
        start = self.position
        character = self.text[start : start + 1]
        if character == "$":
            return self._path()
        if character == "'":
            return self._string()
        if number := self._match(_NUMBER):
            return Constant(int(number) if re.fullmatch(r"-?\d+", number) else float(number), start)
        word = _NAME.match(self.text, start)
        if word and word.group() in _WORDS:
            self.position = word.end()
            return Constant(_WORDS[word.group()], start)
        if word:
            return self._call()
        if character == '"':
            raise self._fault("A string in an intrinsic stands in single quotes.")
        raise self._fault(f"An argument is missing before {self._here()}.")

    def _path(self) -> Path:
        start = self.position
        self.position = path_extent(self.text, start)
        try:
            return parse_path(self.text[start : self.position])
        except PathError as error:
            raise IntrinsicError(error.message, start + error.offset) from error

    def _string(self) -> Constant:
        start = self.position
        self.position += 1
        pieces: list[str] = []
        characters: list[str] = []
        while self.position < len(self.text):
            character = self.text[self.position]
            if character == "'":
                self.position += 1
                pieces.append("".join(characters))
                return Constant("{}".join(pieces), start, tuple(pieces))
            if character == "\\":
                character = self.text[self.position + 1 : self.position + 2]
                if character not in ("'", "{", "}", "\\"):
                    raise self._fault(r"A backslash escapes ', {, } or \; write \\ for one backslash.")
                self.position += 1
            elif self.text.startswith("{}", self.position):
                pieces.append("".join(characters))
                characters = []
                self.position += 2
                continue
            characters.append(character)
            self.position += 1
        raise self._fault("The quote ' is not closed.", start)

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.position)
        if not found:
            return ""
        self.position = found.end()
        return found.group()

    def _take(self, text: str) -> bool:
        if not self.text.startswith(text, self.position):
            return False
        self.position += len(text)
        return True

    def _skip_space(self) -> None:
        while self.text[self.position : self.position + 1].isspace():
            self.position += 1

    def _here(self) -> str:
        return f"'{self.text[self.position]}'" if self.position < len(self.text) else "the end"

    def _fault(self, message: str, offset: int | None = None) -> IntrinsicError:
        return IntrinsicError(message, self.position if offset is None else offset)
