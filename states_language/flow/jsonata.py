"""JSONata, as far as it is followed: literals, and plain paths into `$states` and variables.

Everything else is unknown, never an error: the checker does not evaluate JSONata.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from states_language.flow.resolution import Gap, Obstacle, Resolution
from states_language.paths import Index, Name, Path, Root
from states_language.types import (
    BOOLEAN,
    NULL,
    NUMBER,
    STRING,
    ListType,
    MapType,
    Member,
    Presence,
    ScalarType,
    StructureType,
    Type,
    UnionType,
    Unknown,
    union,
)

if TYPE_CHECKING:
    from states_language.paths import Step

_EXPRESSION: Final = re.compile(r"\{%(.*)%\}", re.DOTALL)
_REFERENCE: Final = re.compile(r"\$([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\.`[^`]*`|\[-?\d+\])*)")
_STEP: Final = re.compile(r"\.([A-Za-z_]\w*)|\.`([^`]*)`|\[(-?\d+)\]")
_STRING: Final = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""", re.DOTALL)
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_BOUND: Final = re.compile(r"\$\w+\s*:=|function\s*\([^)]*\)|λ\s*\([^)]*\)|[@#]\s*\$\w+")
_NAMES: Final = re.compile(r"\$(\w+)")
_WORDS: Final = {"true": BOOLEAN, "false": BOOLEAN, "null": NULL}


@dataclass(frozen=True)
class Reference:
    """A plain path: the whole expression is a variable and the names below it."""

    path: Path
    offset: int
    """Where it begins in the field's text."""


def is_expression(value: Any) -> bool:
    """Tell whether a field's value is a JSONata expression."""
    return isinstance(value, str) and value.startswith("{%") and value.endswith("%}")


@lru_cache(maxsize=4096)
def read(text: str) -> Reference | Type:
    """Read an expression `{% … %}`: a plain path, the type of a literal, or unknown."""
    match = _EXPRESSION.fullmatch(text)
    if match is None:
        return Unknown("a JSONata expression")
    body = match[1].strip()
    if found := _REFERENCE.fullmatch(body):
        return Reference(_path(body, found), text.index(body, 2) if body else 2)
    if _STRING.fullmatch(body):
        return STRING
    if _NUMBER.fullmatch(body):
        return NUMBER
    return _WORDS.get(body, Unknown("a JSONata expression"))


@lru_cache(maxsize=4096)
def references_in(text: str) -> tuple[Reference, ...]:
    """Return the plain paths inside a larger expression, but for the variables that it binds itself."""
    match = _EXPRESSION.fullmatch(text)
    if match is None:
        return ()
    body = _STRING.sub(lambda found: " " * len(found[0]), match[1])
    bound = {name for found in _BOUND.finditer(body) for name in _NAMES.findall(found[0])}
    return tuple(
        Reference(_path(found[0], found), 2 + found.start())
        for found in _REFERENCE.finditer(body)
        if found[1] not in bound and body[found.end() : found.end() + 1] not in ("(", "[", "{", "^", "@", "#")
    )


def _path(text: str, found: re.Match[str]) -> Path:
    start = found.end(1)
    steps: list[Step] = [
        Index(int(step[3]), start + step.start())
        if step[3]
        else Name(step[1] or step[2] or "", start + step.start())
        for step in _STEP.finditer(found[2])
    ]
    return Path(text, Root.VARIABLE, found[1], tuple(steps))


def follow_reference(reference: Reference, variables: StructureType) -> Resolution:
    """Follow a plain path as JSONata does: a name maps over a list, an index leaves a single value as it is."""
    path = reference.path
    member = variables.members.get(path.variable or "")
    if member is None:
        if variables.rest is not None:
            return Resolution(variables.rest)
        gap = Gap(Obstacle.MISSING, -1, Name(path.variable or ""), variables)
        return Resolution(Unknown("the variable is not set"), (gap,))
    gaps: list[Gap] = []
    if member.presence is Presence.SOME_PATHS:
        gaps.append(
            Gap(Obstacle.SOME_PATHS, -1, Name(path.variable or ""), variables, merged_at=member.merged_at)
        )
    kind = member.type
    for position, step in enumerate(path.steps):
        found = _step(kind, step, position, gaps)
        if found is None:
            return Resolution(Unknown("the path does not resolve"), tuple(gaps))
        kind = found
    return Resolution(kind, tuple(gaps))


def _step(kind: Type, step: Step, position: int, gaps: list[Gap]) -> Type | None:
    if isinstance(step, Index):
        return kind.item if isinstance(kind, ListType) and not kind.items else _indexed(kind, step.index)
    assert isinstance(step, Name)  # noqa: S101 - `_path` makes names and indexes only
    if isinstance(kind, UnionType):
        return _union(kind, step, position, gaps)
    if isinstance(kind, ListType):
        inner = _step(kind.item, step, position, gaps)
        return None if inner is None else Unknown("a JSONata sequence")
    if isinstance(kind, Unknown):
        return kind.below(step.name)
    if isinstance(kind, MapType):
        return kind.value
    if isinstance(kind, ScalarType):
        gaps.append(Gap(Obstacle.SCALAR, position, step, kind, offset=step.offset))
        return None
    return _member(kind, step, position, gaps)


def _indexed(kind: Type, index: int) -> Type:
    if not isinstance(kind, ListType):
        return kind
    return kind.items[index] if -len(kind.items) <= index < len(kind.items) else kind.item


def _member(kind: StructureType, step: Name, position: int, gaps: list[Gap]) -> Type | None:
    member = kind.members.get(step.name)
    if member is None:
        obstacle = Obstacle.MISSING if kind.rest is None else Obstacle.OPEN
        gaps.append(Gap(obstacle, position, step, kind, offset=step.offset))
        return None if kind.rest is None else kind.rest.below(step.name)
    if member.presence is not Presence.ALWAYS:
        soft = Obstacle.OPTIONAL if member.presence is Presence.OPTIONAL else Obstacle.SOME_PATHS
        gaps.append(Gap(soft, position, step, kind, offset=step.offset, merged_at=member.merged_at))
    return member.type


def _union(kind: UnionType, step: Name, position: int, gaps: list[Gap]) -> Type | None:
    found: list[Type] = []
    failures: list[Gap] = []
    for option in kind.options:
        inner: list[Gap] = []
        result = _step(option, step, position, inner)
        if result is None:
            failures += inner
        else:
            found.append(result)
            gaps += inner
    if not found:
        gaps.append(failures[0])
        return None
    if failures:
        obstacle, parent = Obstacle.SOME_PATHS, failures[0].parent
        gaps.append(Gap(obstacle, position, step, parent, offset=step.offset, merged_at=kind.merged_at))
    return union(found, kind.merged_at)


def with_states(variables: StructureType, states: dict[str, Type]) -> StructureType:
    """Return the variables with `$states` among them."""
    kind = StructureType({name: Member(entry) for name, entry in states.items()}, name="$states")
    return variables.with_member("states", Member(kind))
