"""Read a JSONPath into its tree.

What AWS accepts is Jayway's grammar without what the developer guide excludes (page "Paths"): filters by
regular expression, filters that refer to another place of the document, and operators that are words
(`subsetof`, `in`). Steps in a slice are Jayway's own gap.
"""

from __future__ import annotations

import re
from functools import lru_cache

from states_language.paths.syntax import (
    And,
    Comparison,
    CurrentPath,
    Descent,
    Exists,
    Filter,
    Function,
    Index,
    Indexes,
    Literal,
    Name,
    Names,
    Not,
    Or,
    Path,
    Root,
    Slice,
    Step,
    Test,
    Wildcard,
)

FUNCTIONS = frozenset({"length"})
"""The functions that may end a path. Evidence: that `length()` works: unverified (answers of users); that Jayway's
`sum()` does not: recorded (re:Post, "sum() function returns error about not finding path")."""

_VARIABLE = re.compile(r"[^\W\d]\w*")
_DOTTED_NAME = re.compile(r"""[^\s.\[\]()'",]+""")
_DOTTED_NAME_IN_FILTER = re.compile(r"""[^\s.\[\]()'",=!<>&|]+""")
_BARE_TEXT = re.compile(r"[A-Za-z_]\w*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_INTEGER = re.compile(r"-?\d+")
_SYMBOLIC_OPERATOR = re.compile(r"==|!=|<=|>=|<|>")
_WORD = re.compile(r"[A-Za-z]+")
_WORD_OPERATORS = frozenset({"in", "nin", "subsetof", "anyof", "noneof", "size", "empty", "contains", "type"})
_WORDS = {"true": True, "false": False, "null": None}


class PathError(ValueError):
    """A text is no JSONPath that AWS accepts: what is wrong, and at which character (from 0)."""

    def __init__(self, message: str, offset: int):
        super().__init__(message)
        self.message = message
        self.offset = offset


@lru_cache(maxsize=8192)
def parse_path(text: str) -> Path:
    """Read a path: `$…` the input, `$$…` the context object, `$name…` a variable.

    Raises `PathError`.
    """
    return _Reader(text).path()


def path_extent(text: str, start: int) -> int:
    """Return the end of the path that begins at `start` inside an intrinsic's arguments.

    A path ends before a comma, a closing parenthesis or white space that is in no bracket, quote or call.
    """
    depth = 0
    quote = ""
    position = start
    while position < len(text):
        character = text[position]
        if quote:
            if character == "\\":
                position += 1
            elif character == quote:
                quote = ""
        elif character in "'\"" and depth:
            quote = character
        elif character in "[(":
            depth += 1
        elif depth and character in "])":
            depth -= 1
        elif not depth and (character in ",)" or character.isspace()):
            break
        position += 1
    return min(position, len(text))


class _Reader:
    """A cursor over one text; each method reads one construct of the grammar."""

    def __init__(self, text: str):
        self.text = text
        self.position = 0
        self.name = _DOTTED_NAME

    def path(self) -> Path:
        self._skip_space()
        root, variable = self._root()
        steps = self._steps()
        self._skip_space()
        if self.position < len(self.text):
            raise self._fault(f"Unexpected {self._here()}: a path goes on with '.' or '['.")
        return Path(self.text, root, variable, steps)

    # The root and the steps

    def _root(self) -> tuple[Root, str | None]:
        if not self._take("$"):
            raise self._fault("A path begins with '$'.")
        if self._take("$"):
            return Root.CONTEXT, None
        if name := self._match(_VARIABLE):
            return Root.VARIABLE, name
        return Root.INPUT, None

    def _steps(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        while True:
            if self._peek() in (".", "["):
                self._refuse_after(steps[-1] if steps else None)
            start = self.position
            if self._take(".."):
                steps.append(self._descent(start))
            elif self._take(".[") or self._take("["):
                # Jayway takes a dot before a bracket, and people write it: `$.Snapshots.[0]`.
                steps.append(self._bracket(start))
            elif self._take("."):
                steps.append(self._dotted(start))
            else:
                return tuple(steps)

    def _refuse_after(self, step: Step | None) -> None:
        """Refuse a step after one that only the end of a path may be."""
        if isinstance(step, Function):
            raise self._fault("A function is the last step of a path.")
        inner = step.step if isinstance(step, Descent) else step
        if isinstance(inner, Names):
            # Evidence: recorded ("Multi properties can only be used as path leafs").
            raise self._fault("Several names stand in the last step of a path alone.", inner.offset)

    def _descent(self, start: int) -> Descent:
        step = self._bracket(start) if self._take("[") else self._dotted(start)
        if isinstance(step, Function):
            raise self._fault("'..' wants a field, '*' or a bracket after it.", start)
        return Descent(step, start)

    def _dotted(self, start: int) -> Name | Wildcard | Function:
        if self._take("*"):
            return Wildcard(start)
        name = self._match(self.name)
        if not name:
            if self.position == len(self.text):
                raise self._fault("A path does not end with '.'.")
            raise self._fault(
                f"A field's name is missing before {self._here()}; names with other characters are written ['…']."
            )
        if not self._take("("):
            return Name(name, start)
        if name not in FUNCTIONS:
            raise self._fault(
                f"'{name}()' is no function of a path; there are {', '.join(sorted(FUNCTIONS))}.", start
            )
        self._skip_space()
        if not self._take(")"):
            raise self._fault(f"'{name}()' takes no arguments.")
        return Function(name, start)

    def _bracket(self, start: int) -> Name | Names | Index | Indexes | Slice | Wildcard | Filter:
        self._skip_space()
        step: Name | Names | Index | Indexes | Slice | Wildcard | Filter
        if self._take("*"):
            step = Wildcard(start)
        elif self._take("?"):
            step = self._filter(start)
        elif self._peek() in ("'", '"'):
            step = self._names(start)
        else:
            step = self._indexes(start)
        self._skip_space()
        if not self._take("]"):
            raise self._fault(f"']' is missing before {self._here()}.")
        return step

    def _names(self, start: int) -> Name | Names:
        names = [self._string()]
        self._skip_space()
        while self._take(","):
            self._skip_space()
            if self._peek() not in ("'", '"'):
                raise self._fault("A quoted field name is missing after ','.")
            names.append(self._string())
            self._skip_space()
        return Name(names[0], start) if len(names) == 1 else Names(tuple(names), start)

    def _indexes(self, start: int) -> Index | Indexes | Slice:
        first = self._integer()
        self._skip_space()
        if self._take(":"):
            self._skip_space()
            stop = self._integer()
            self._skip_space()
            if self._peek() == ":":
                raise self._fault("A slice has a start and a stop, no step.")
            return Slice(first, stop, start)
        if first is None:
            raise self._fault("A bracket holds a quoted name, an index, a slice, '*' or a filter '?(…)'.")
        indexes = [first]
        while self._take(","):
            self._skip_space()
            following = self._integer()
            if following is None:
                raise self._fault("An index is missing after ','.")
            indexes.append(following)
            self._skip_space()
        return Index(first, start) if len(indexes) == 1 else Indexes(tuple(indexes), start)

    # Filters

    def _filter(self, start: int) -> Filter:
        self._skip_space()
        if not self._take("("):
            raise self._fault("A filter is written [?(…)].")
        outside, self.name = self.name, _DOTTED_NAME_IN_FILTER
        test = self._or()
        self.name = outside
        self._skip_space()
        if not self._take(")"):
            raise self._fault(f"')' of the filter is missing before {self._here()}.")
        return Filter(test, start)

    def _or(self) -> Test:
        tests = [self._and()]
        while self._take_after_space("||"):
            tests.append(self._and())
        return tests[0] if len(tests) == 1 else Or(tuple(tests))

    def _and(self) -> Test:
        tests = [self._not()]
        while self._take_after_space("&&"):
            tests.append(self._not())
        return tests[0] if len(tests) == 1 else And(tuple(tests))

    def _not(self) -> Test:
        if self._take_after_space("!"):
            return Not(self._not())
        if self._take_after_space("("):
            test = self._or()
            if not self._take_after_space(")"):
                raise self._fault(f"')' is missing before {self._here()}.")
            return test
        return self._comparison()

    def _comparison(self) -> Test:
        start = self.position
        left = self._operand()
        self._skip_space()
        operator = self._operator()
        if operator is None:
            if isinstance(left, Literal):
                raise self._fault("A constant alone is no test; compare it with '@.…'.", start)
            return Exists(left)
        return Comparison(left, operator, self._operand())

    def _operator(self) -> str | None:
        if self.text.startswith("=~", self.position):
            raise self._fault("Step Functions filters by no regular expression.")
        if symbol := self._match(_SYMBOLIC_OPERATOR):
            return symbol
        word = _WORD.match(self.text, self.position)
        if word and word.group().lower() in _WORD_OPERATORS:
            raise self._fault(
                f"Step Functions has no operator '{word.group()}' in filters; there are ==, !=, <, <=, > and >=."
            )
        return None

    def _operand(self) -> Literal | CurrentPath:
        self._skip_space()
        character = self._peek()
        if self._take("@"):
            return CurrentPath(self._steps())
        if character in ("'", '"'):
            return Literal(self._string())
        if character == "$":
            raise self._fault("A filter compares with '@.…' and constants; it cannot refer to another place.")
        if number := self._match(_NUMBER):
            return Literal(float(number) if re.search(r"[.eE]", number) else int(number))
        word = _WORD.match(self.text, self.position)
        if word and word.group() in _WORDS:
            self.position = word.end()
            return Literal(_WORDS[word.group()])
        if bare := self._match(_BARE_TEXT):
            # Published documents compare with text that has no quotes (`@.Name==Receipt`); at AWS unverified.
            return Literal(bare)
        raise self._fault(f"'@.…' or a constant is missing before {self._here()}.")

    # Characters

    def _string(self) -> str:
        start = self.position
        quote = self.text[start]
        self.position += 1
        characters: list[str] = []
        while self.position < len(self.text):
            character = self.text[self.position]
            self.position += 1
            if character == quote:
                return "".join(characters)
            if character == "\\" and self.position < len(self.text):
                character = self.text[self.position]
                self.position += 1
            characters.append(character)
        raise self._fault(f"The quote {quote} is not closed.", start)

    def _integer(self) -> int | None:
        digits = self._match(_INTEGER)
        return int(digits) if digits else None

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

    def _take_after_space(self, text: str) -> bool:
        self._skip_space()
        return self._take(text)

    def _skip_space(self) -> None:
        while self._peek().isspace():
            self.position += 1

    def _peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def _here(self) -> str:
        return f"'{self._peek()}'" if self.position < len(self.text) else "the end"

    def _fault(self, message: str, offset: int | None = None) -> PathError:
        return PathError(message, self.position if offset is None else offset)
