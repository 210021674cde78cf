"""Write types for people: what an author wants to know when writing a path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from states_language.types import (
    ListType,
    MapType,
    Presence,
    ScalarType,
    StructureType,
    Type,
    UnionType,
    Unknown,
    describe,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARKS = {Presence.ALWAYS: "", Presence.OPTIONAL: "?", Presence.SOME_PATHS: " (on some paths)"}


def tree(path: str, kind: Type, depth: int) -> Iterator[str]:
    """Yield lines that write a type as paths: `$.Tasks[0].TaskArn?  string`."""
    if isinstance(kind, ListType) and kind.exact and kind.items and depth > 0:
        yield f"{path}  list of {len(kind.items)}"
        for place, item in enumerate(kind.items):
            yield from tree(f"{path}[{place}]", item, depth - 1)
        return
    yield f"{path}  {_word(kind)}"
    if depth <= 0:
        return
    if isinstance(kind, StructureType):
        for name, member in kind.members.items():
            yield from tree(f"{path}{_step(name)}{_MARKS[member.presence]}", member.type, depth - 1)
        if kind.rest is not None:
            yield f"{path}.…  {describe(kind.rest)}"
    elif isinstance(kind, ListType):
        yield from tree(f"{path}[*]", kind.item, depth - 1)
    elif isinstance(kind, MapType):
        yield from tree(f"{path}.<key>", kind.value, depth - 1)
    elif isinstance(kind, UnionType):
        for option in kind.options:
            if not isinstance(option, ScalarType | Unknown):
                yield from tree(path, option, depth - 1)


def _word(kind: Type) -> str:
    if isinstance(kind, ScalarType) and kind.values:
        values = " | ".join(kind.values[:6]) + (" | …" if len(kind.values) > 6 else "")
        return f"{describe(kind)}: {values}"
    if isinstance(kind, ScalarType) and kind.format:
        return f"{describe(kind)} ({kind.format})"
    if isinstance(kind, StructureType):
        return f"object ({kind.name})" if kind.name else "object"
    return describe(kind)


def _step(name: str) -> str:
    return f".{name}" if name.replace("_", "a").replace("-", "a").isalnum() else f"['{name}']"
