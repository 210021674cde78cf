"""The tree of a JSONPath: a root, then steps; every node is frozen, and prints as a path is written.

Each step knows the `offset` of its first character in the path's text, so that a finding can point at it;
the offset plays no part in comparing steps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

_PLAIN_NAME = re.compile(r"[^\W\d][\w-]*")


class Root(StrEnum):
    """What a path begins in."""

    INPUT = "input"
    """`$`: the state's effective input, or its raw result in `ResultSelector`."""
    CONTEXT = "context"
    """`$$`: the context object."""
    VARIABLE = "variable"
    """`$name`: a variable that an earlier state assigned."""


def _offset() -> int:
    return field(default=0, compare=False, repr=False)


def _name(name: str) -> str:
    if _PLAIN_NAME.fullmatch(name):
        return f".{name}"
    return f"[{_quoted(name)}]"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


@dataclass(frozen=True, slots=True)
class Name:
    """`.name` or `['name']`: the value of one field."""

    name: str
    offset: int = _offset()

    def __str__(self) -> str:
        return _name(self.name)


@dataclass(frozen=True, slots=True)
class Names:
    """`['a', 'b']`, always the last step: an object of those of the fields that exist."""

    names: tuple[str, ...]
    offset: int = _offset()

    def __str__(self) -> str:
        return f"[{', '.join(map(_quoted, self.names))}]"


@dataclass(frozen=True, slots=True)
class Index:
    """`[0]`: one element; a negative index counts from the end."""

    index: int
    offset: int = _offset()

    def __str__(self) -> str:
        return f"[{self.index}]"


@dataclass(frozen=True, slots=True)
class Indexes:
    """`[0, 2]`: several elements, those that exist, in the order that is written."""

    indexes: tuple[int, ...]
    offset: int = _offset()

    def __str__(self) -> str:
        return f"[{', '.join(map(str, self.indexes))}]"


@dataclass(frozen=True, slots=True)
class Slice:
    """`[1:3]`: the elements from `start` up to, without, `stop`; a negative one counts from the end."""

    start: int | None
    stop: int | None
    offset: int = _offset()

    def __str__(self) -> str:
        return f"[{'' if self.start is None else self.start}:{'' if self.stop is None else self.stop}]"


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`*` or `[*]`: each element of an array, each value of an object."""

    offset: int = _offset()

    def __str__(self) -> str:
        return "[*]"


@dataclass(frozen=True, slots=True)
class Filter:
    """`[?(…)]`: the elements of an array that pass the test; of an object, the object itself if it passes."""

    test: Test
    offset: int = _offset()

    def __str__(self) -> str:
        return f"[?({self.test})]"


@dataclass(frozen=True, slots=True)
class Descent:
    """`..step`: the step applied to the value and to everything inside it, outer before inner."""

    step: Name | Names | Index | Indexes | Slice | Wildcard | Filter
    offset: int = _offset()

    def __str__(self) -> str:
        text = str(self.step)
        return f".{text}" if text.startswith(".") else f"..{text}"


@dataclass(frozen=True, slots=True)
class Function:
    """`.length()` and its like, always the last step."""

    name: str
    offset: int = _offset()

    def __str__(self) -> str:
        return f".{self.name}()"


Step = Name | Names | Index | Indexes | Slice | Wildcard | Filter | Descent | Function


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant in a filter: a string, a number, a boolean or null."""

    value: str | float | bool | None

    def __str__(self) -> str:
        if isinstance(self.value, str):
            return _quoted(self.value)
        return "null" if self.value is None else str(self.value).lower()


@dataclass(frozen=True, slots=True)
class CurrentPath:
    """`@.a.b` in a filter: a path from the element that is tested."""

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return "@" + "".join(map(str, self.steps))


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left operator right`, the operator one of `==`, `!=`, `<`, `<=`, `>`, `>=`."""

    left: Literal | CurrentPath
    operator: str
    right: Literal | CurrentPath

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right}"


@dataclass(frozen=True, slots=True)
class Exists:
    """`@.a` alone: the path leads somewhere, be it to null."""

    path: CurrentPath

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class Not:
    """`!test`."""

    test: Test

    def __str__(self) -> str:
        return f"!({self.test})"


@dataclass(frozen=True, slots=True)
class And:
    """`test && test`."""

    tests: tuple[Test, ...]

    def __str__(self) -> str:
        return " && ".join(f"({test})" if isinstance(test, Or) else str(test) for test in self.tests)


@dataclass(frozen=True, slots=True)
class Or:
    """`test || test`."""

    tests: tuple[Test, ...]

    def __str__(self) -> str:
        return " || ".join(map(str, self.tests))


Test = Comparison | Exists | Not | And | Or


@dataclass(frozen=True)
class Path:
    """A parsed JSONPath."""

    text: str = field(compare=False)
    """As it was written."""
    root: Root
    variable: str | None
    """The variable's name where the root is one."""
    steps: tuple[Step, ...]

    @cached_property
    def is_definite(self) -> bool:
        """Whether the path means one value; otherwise it gives a list, empty when nothing matches."""
        return all(isinstance(step, Name | Names | Index | Function) for step in self.steps)

    @cached_property
    def is_reference_path(self) -> bool:
        """Whether the path names one node by fields and indexes alone, as `ResultPath` must."""
        return all(isinstance(step, Name | Index) for step in self.steps)

    @cached_property
    def keys(self) -> tuple[str | int, ...] | None:
        """The fields and indexes of a reference path; None for any other path."""
        if not self.is_reference_path:
            return None
        return tuple(step.name if isinstance(step, Name) else step.index for step in self.steps)  # type: ignore[union-attr]

    def prefix(self, length: int) -> str:
        """Write the path's first `length` steps: how far something was followed."""
        root = {Root.INPUT: "$", Root.CONTEXT: "$$", Root.VARIABLE: f"${self.variable}"}[self.root]
        return root + "".join(map(str, self.steps[:length]))

    def __str__(self) -> str:
        return self.prefix(len(self.steps))
