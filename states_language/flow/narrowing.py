"""What a Choice tells about the data on each of its edges."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from states_language.flow.facts import Environment
from states_language.paths import Name, PathError, Root, parse_path
from states_language.types import (
    BOOLEAN,
    NULL,
    NUMBER,
    STRING,
    TIMESTAMP,
    Kind,
    ListType,
    MapType,
    Member,
    Presence,
    ScalarType,
    StructureType,
    Type,
    UnionType,
    Unknown,
    join,
    union,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from states_language.paths import Path

Key = str | int

TYPE_TESTS: Final[Mapping[str, ScalarType]] = {
    "IsString": STRING,
    "IsNumeric": NUMBER,
    "IsBoolean": BOOLEAN,
    "IsNull": NULL,
    "IsTimestamp": TIMESTAMP,
}
COMPARISONS: Final[Mapping[str, ScalarType]] = {
    "String": STRING,
    "Numeric": NUMBER,
    "Boolean": BOOLEAN,
    "Timestamp": TIMESTAMP,
}


def narrow(test: Any, here: Environment, *, holds: bool) -> Environment:
    """Return what is known where a Choice's test holds, or does not."""
    if not isinstance(test, dict):
        return here
    for operator, all_hold in (("And", True), ("Or", False)):
        if isinstance(test.get(operator), list):
            return _combination(test[operator], here, holds=holds, together=holds is all_hold)
    if "Not" in test:
        return narrow(test["Not"], here, holds=not holds)
    path = _path(test.get("Variable"))
    if path is None:
        return here
    return _apply(test, path, here, holds=holds)


def _combination(tests: Sequence[Any], here: Environment, *, holds: bool, together: bool) -> Environment:
    """Narrow by tests that all have the same outcome (`together`), or of which one has it."""
    if together:
        for test in tests:
            here = narrow(test, here, holds=holds)
        return here
    outcomes: list[Environment] = []
    for test in tests:
        outcomes.append(narrow(test, here, holds=holds))
        here = narrow(test, here, holds=not holds)  # the next is tried only then
    return join_environments(outcomes) if outcomes else here


def join_environments(environments: Sequence[Environment]) -> Environment:
    """Return what is known where several ways meet."""
    first = environments[0]
    for other in environments[1:]:
        first = merge(first, other)
    return first


def merge(first: Environment, second: Environment, at: str = "") -> Environment:
    """Return what is known where two ways meet, at a state."""
    if first is second:
        return first
    data = join(first.data, second.data, at)
    variables = join(first.variables, second.variables, at)
    assert isinstance(variables, StructureType)  # noqa: S101 - two structures join to one
    if data is first.data and variables is first.variables:
        return first
    return Environment(data, variables)


def _path(text: Any) -> Path | None:
    if not isinstance(text, str):
        return None
    try:
        path = parse_path(text)
    except PathError:
        return None
    return path if path.is_reference_path and path.root is not Root.CONTEXT else None


def _apply(test: dict[str, Any], path: Path, here: Environment, *, holds: bool) -> Environment:
    if isinstance(expected := test.get("IsPresent"), bool):
        if expected is holds:
            return _change(here, path, lambda kind: kind)
        return _remove(here, path)
    for operator, scalar in TYPE_TESTS.items():
        if isinstance(expected := test.get(operator), bool):
            return _change(here, path, partial(_keep if expected is holds else _drop, scalar=scalar))
    operator = next((name for name in test if name.startswith(tuple(COMPARISONS))), "")
    if not operator:
        return here
    if holds:
        scalar = next(kind for prefix, kind in COMPARISONS.items() if operator.startswith(prefix))
        return _change(here, path, partial(_keep, scalar=scalar))
    return _change(here, path, lambda kind: kind)  # to be compared, it had to be there


def _keep(kind: Type, scalar: ScalarType) -> Type:
    if isinstance(kind, ScalarType):
        if kind.kinds == scalar.kinds:
            return kind
        common = kind.kinds & scalar.kinds
        return replace(kind, kinds=common) if common else scalar
    if isinstance(kind, UnionType):
        fitting = (option for option in kind.options if isinstance(option, ScalarType | Unknown))
        return union(_keep(option, scalar) for option in fitting)
    return scalar


def _drop(kind: Type, scalar: ScalarType) -> Type:
    if scalar is not NULL:
        return kind
    if isinstance(kind, ScalarType) and kind.kinds - {Kind.NULL}:
        return replace(kind, kinds=kind.kinds - {Kind.NULL})
    if isinstance(kind, UnionType):
        return union(
            _drop(option, scalar)
            for option in kind.options
            if not (isinstance(option, ScalarType) and option.kinds == {Kind.NULL})
        )
    return kind


def _keys(path: Path) -> tuple[Key, ...]:
    return tuple(step.name if isinstance(step, Name) else step.index for step in path.steps)  # type: ignore[union-attr]


def _change(here: Environment, path: Path, change: Callable[[Type], Type]) -> Environment:
    """Return the environment in which the path is present, and its value changed."""
    keys = _keys(path)
    if path.root is Root.VARIABLE:
        variables = _present(here.variables, (path.variable or "", *keys), change)
        return replace(here, variables=variables) if isinstance(variables, StructureType) else here
    data = _present(here.data, keys, change)
    return here if data is here.data else replace(here, data=data)


def _present(kind: Type, keys: tuple[Key, ...], change: Callable[[Type], Type]) -> Type:
    if not keys:
        return change(kind)
    key, rest = keys[0], keys[1:]
    if isinstance(kind, StructureType) and isinstance(key, str):
        member = kind.members.get(key)
        if member is not None:
            inner = _present(member.type, rest, change)
            if inner is member.type and member.presence is Presence.ALWAYS:
                return kind
            return kind.with_member(key, Member(inner))
        if kind.rest is not None:
            return kind.with_member(key, Member(_present(kind.rest.below(key), rest, change)))
        return kind
    if isinstance(kind, Unknown) and isinstance(key, str):
        # What lies below an unknown value stays unknown, but this much of it is there.
        return StructureType({key: Member(_present(kind.below(key), rest, change))}, kind)
    if isinstance(kind, MapType) and isinstance(key, str):
        inner = _present(kind.value, rest, change)
        return (
            StructureType({key: Member(inner)}, Unknown("a map's other keys")) if inner is not kind else kind
        )
    if isinstance(kind, ListType) and isinstance(key, int) and key >= 0:
        return _item_present(kind, key, rest, change)
    if isinstance(kind, UnionType):
        fitting = StructureType | MapType if isinstance(key, str) else ListType
        return union(_present(option, keys, change) for option in kind.options if isinstance(option, fitting))
    return kind


def _item_present(kind: ListType, index: int, rest: tuple[Key, ...], change: Callable[[Type], Type]) -> Type:
    if kind.exact and index >= len(kind.items):
        return kind
    items = [kind.items[place] if place < len(kind.items) else kind.item for place in range(index + 1)]
    items[index] = _present(items[index], rest, change)
    items += kind.items[index + 1 :]
    return replace(kind, items=tuple(items), minimum=max(kind.minimum, index + 1))


def _remove(here: Environment, path: Path) -> Environment:
    keys = _keys(path)
    if path.root is Root.VARIABLE:
        return here
    data = _absent(here.data, keys)
    return here if data is here.data else replace(here, data=data)


def _absent(kind: Type, keys: tuple[Key, ...]) -> Type:
    """Return the data in which a path leads nowhere; only the last step is taken away, and only a member."""
    if not keys or not isinstance(kind, StructureType) or not isinstance(keys[0], str):
        return kind
    key = keys[0]
    member = kind.members.get(key)
    if len(keys) == 1:
        return kind.without(key) if member is not None else kind
    if member is None or member.presence is not Presence.ALWAYS:
        return kind
    inner = _absent(member.type, keys[1:])
    return kind if inner is member.type else kind.with_member(key, Member(inner))
