"""What is known of a piece of data: the types that the checker infers.

A type says what a value may be at run time. `Unknown` ends knowledge, with the reason, and silences what
hangs on it: a checker that guesses is not believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

DEEPEST: Final = 24
"""Levels of nesting that `join` compares; what lies deeper is unknown."""


MOST_SOURCES: Final = 12
"""Sources that a value's knowledge keeps."""


class Kind(StrEnum):
    """What a scalar may be."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    NULL = "null"


class Presence(StrEnum):
    """How sure it is that a member is there."""

    ALWAYS = "always"
    OPTIONAL = "optional"
    """The API, or the input's contract, may leave it out."""
    SOME_PATHS = "some-paths"
    """The document sets it on some of the paths that lead here."""


@dataclass(frozen=True, slots=True)
class Source:
    """A place in data that a document reads and does not describe: its contract may."""

    root: str
    """The pointer of what gives the data: a state, a `States.StringToJson`; empty: the execution's input."""
    steps: tuple[str, ...] = ()
    """The names below it; `*` is any item of a list."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Anything: where knowledge ended, and why."""

    reason: str = field(compare=False)
    sources: tuple[Source, ...] = ()
    """Where it may come from."""

    def below(self, step: str) -> Unknown:
        """Return what lies one step below: as unknown, and of the same source."""
        if not self.sources:
            return self
        below = (Source(source.root, (*source.steps, step)) for source in self.sources)
        return Unknown(self.reason, tuple(below))


@dataclass(frozen=True, slots=True)
class ScalarType:
    """A string, number, boolean or null; several kinds where paths meet."""

    kinds: frozenset[Kind]
    values: tuple[str, ...] = ()
    """The literals that the API knows for it; empty: any."""
    format: str = ""
    """`timestamp` for a date-time, `integer` for a whole number; empty: any."""


@dataclass(frozen=True, slots=True)
class ListType:
    """A JSON array: its items' type, and each item's where the places differ (a Parallel's results)."""

    item: Type
    items: tuple[Type, ...] = ()
    """The types of the first items, where they are known one by one."""
    minimum: int = 0
    """How many items it holds at least."""
    exact: bool = False
    """Whether it holds just `items`."""


@dataclass(frozen=True, slots=True)
class MapType:
    """A JSON object whose keys are data."""

    value: Type


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a structure, and how sure it is that it is there."""

    type: Type
    presence: Presence = Presence.ALWAYS
    merged_at: str = field(default="", compare=False)
    """The state at which a path arrives that certainly lacks the member; empty: no path is known to."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a structure comes from, in words, and what it took the place of."""

    text: str
    before: Type | None = None
    """The data that this structure replaced: what a missing member may have been a member of."""
    state: str = ""
    reason: str = ""
    """`ResultPath`, `ResultSelector`, `OutputPath` …: the field that did it."""


CONTRACT: Final = Origin("the input's contract")
"""The origin of what a contract describes."""


@dataclass(frozen=True, slots=True, eq=False)
class StructureType:
    """A JSON object whose members are known by name."""

    members: Mapping[str, Member]
    rest: Unknown | None = None
    """What other members may be; None: there are no others."""
    name: str = ""
    """What people call it: `ecs Task`, `error output`."""
    origin: Origin | None = None
    key: object = None
    """Equal keys mean equal structures: the identity of an API's shape, whose members expand lazily."""

    def __eq__(self, other: object) -> bool:
        """Compare by members; shapes of an API by identity, since they may be recursive."""
        if self is other:
            return True
        if not isinstance(other, StructureType):
            return NotImplemented
        if self.key is not None or other.key is not None:
            return self.key == other.key
        return self.rest == other.rest and flat(self.members) == flat(other.members)

    def __hash__(self) -> int:
        """Hash by the members' names, which equal structures share."""
        return hash(self.key) if self.key is not None else hash(frozenset(self.members))

    def with_member(self, name: str, member: Member) -> StructureType:
        """Return this structure with one member set."""
        return replace(self, members=Layered.of(self.members, {name: member}), key=None)

    def without(self, name: str) -> StructureType:
        """Return this structure without one member."""
        if name not in self.members:
            return self
        return replace(
            self, members={key: self.members[key] for key in self.members if key != name}, key=None
        )


@dataclass(frozen=True, slots=True)
class UnionType:
    """One of several kinds of value: at most one structure, map, list and scalar; unknown beside a structure."""

    options: tuple[Type, ...]
    merged_at: str = field(default="", compare=False)
    """The state at which the paths that bring them meet."""


Type = StructureType | ListType | MapType | ScalarType | UnionType | Unknown


class Layered(Mapping[str, Member]):
    """A mapping that shares what it was made from, so that a long chain of states stays linear in memory."""

    __slots__ = ("base", "depth", "size", "top")
    _FLATTEN: Final = 24

    def __init__(self, base: Mapping[str, Member], top: dict[str, Member], depth: int):
        self.base = base
        self.top = top
        self.depth = depth
        self.size = len(base) + sum(name not in base for name in top)

    @classmethod
    def of(cls, base: Mapping[str, Member], top: dict[str, Member]) -> Mapping[str, Member]:
        """Return `base` overlaid with `top`; small or deep ones are flattened."""
        depth = base.depth + 1 if isinstance(base, Layered) else 1
        if depth > cls._FLATTEN or len(base) <= 2 * cls._FLATTEN:
            return {**flat(base), **top}
        return cls(base, top, depth)

    def __getitem__(self, name: str) -> Member:
        layer: Mapping[str, Member] = self
        while isinstance(layer, Layered):
            if name in layer.top:
                return layer.top[name]
            layer = layer.base
        return layer[name]

    def __iter__(self) -> Iterator[str]:
        return iter(flat(self))

    def __len__(self) -> int:
        return self.size


def scalar(*kinds: Kind, values: Iterable[str] = (), form: str = "") -> ScalarType:
    """Return a scalar type of these kinds."""
    return ScalarType(frozenset(kinds), tuple(values), form)


STRING: Final = scalar(Kind.STRING)
NUMBER: Final = scalar(Kind.NUMBER)
INTEGER: Final = scalar(Kind.NUMBER, form="integer")
BOOLEAN: Final = scalar(Kind.BOOLEAN)
NULL: Final = scalar(Kind.NULL)
TIMESTAMP: Final = scalar(Kind.STRING, form="timestamp")


def structure(
    members: Mapping[str, Type], name: str = "", *, rest: Unknown | None = None, origin: Origin | None = None
) -> StructureType:
    """Return a structure whose members are all there."""
    return StructureType({key: Member(value) for key, value in members.items()}, rest, name, origin)


def of_value(value: Any) -> Type:
    """Return the type of a JSON value that is known."""
    if isinstance(value, str):
        return STRING
    if isinstance(value, bool):
        return BOOLEAN
    if value is None:
        return NULL
    if isinstance(value, int | float):
        return INTEGER if isinstance(value, int) else NUMBER
    if isinstance(value, Mapping):
        return structure({key: of_value(entry) for key, entry in value.items()})
    if isinstance(value, list):
        return list_of([of_value(entry) for entry in value])
    return Unknown(f"a value of the type {type(value).__name__}")


def list_of(items: list[Type]) -> ListType:
    """Return the type of a list whose items are known one by one."""
    joined: Type = Unknown("the list is empty")
    for position, item in enumerate(items):
        joined = item if position == 0 else join(joined, item)
    return ListType(joined, tuple(items), len(items), exact=True)


def options(kind: Type) -> tuple[Type, ...]:
    """Return the alternatives of a union, or the type itself."""
    return kind.options if isinstance(kind, UnionType) else (kind,)


def union(kinds: Iterable[Type], at: str = "") -> Type:
    """Return the type of a value that is one of `kinds`."""
    result: Type | None = None
    for kind in kinds:
        result = kind if result is None else join(result, kind, at)
    return Unknown("there is no value") if result is None else result


def is_open(kind: Type) -> bool:
    """Tell whether nothing at all is known of a value."""
    return isinstance(kind, Unknown) or (
        isinstance(kind, StructureType) and kind.rest is not None and not kind.members
    )


def join(first: Type, second: Type, at: str = "", depth: int = 0) -> Type:
    """Return the type of a value that is of one type or the other: what is known where two paths meet.

    `at` is the state where they meet. A member that only one side has is there on some paths only.
    """
    if first is second:
        return first
    if depth > DEEPEST:
        return Unknown("nested deeper than the checker follows")
    if isinstance(first, UnionType) or isinstance(second, UnionType):
        return _join_options(options(first), options(second), at, depth)
    if isinstance(first, Unknown) or isinstance(second, Unknown):
        return _join_unknown(first, second, at)
    if isinstance(first, ScalarType) and isinstance(second, ScalarType):
        return _join_scalars(first, second)
    if isinstance(first, StructureType) and isinstance(second, StructureType):
        return _join_structures(first, second, at, depth)
    if isinstance(first, ListType) and isinstance(second, ListType):
        return _join_lists(first, second, at, depth)
    if isinstance(first, MapType) and isinstance(second, MapType):
        return MapType(join(first.value, second.value, at, depth + 1))
    if isinstance(first, MapType | StructureType) and isinstance(second, MapType | StructureType):
        known = first if isinstance(first, StructureType) else second
        return _join_unknown(Unknown("a map, whose keys are data"), known, at)
    return UnionType((first, second), at)


def _join_unknown(first: Type, second: Type, at: str) -> Type:
    """Join with what is not known: only a structure is kept beside it, since a path may fail there."""
    if isinstance(first, Unknown) and isinstance(second, Unknown):
        if not second.sources or first.sources == second.sources:
            return first
        return Unknown(first.reason, tuple(dict.fromkeys((*first.sources, *second.sources)))[:MOST_SOURCES])
    unknown, known = (first, second) if isinstance(first, Unknown) else (second, first)
    if isinstance(known, StructureType) and known.rest is None:
        return UnionType((unknown, known), at)
    return unknown


def _join_options(first: tuple[Type, ...], second: tuple[Type, ...], at: str, depth: int) -> Type:
    merged = list(first)
    for kind in second:
        for position, other in enumerate(merged):
            both = join(other, kind, at, depth + 1)
            if not isinstance(both, UnionType):
                merged[position] = both
                break
        else:
            merged.append(kind)
    if any(isinstance(kind, Unknown) for kind in merged):
        unknown = next(kind for kind in merged if isinstance(kind, Unknown))
        known = next((kind for kind in merged if isinstance(kind, StructureType)), None)
        return unknown if known is None else _join_unknown(unknown, known, at)
    return merged[0] if len(merged) == 1 else UnionType(tuple(merged), at)


def _join_scalars(first: ScalarType, second: ScalarType) -> ScalarType:
    if first == second:
        return first
    values = tuple(dict.fromkeys((*first.values, *second.values))) if first.values and second.values else ()
    return ScalarType(
        first.kinds | second.kinds, values, first.format if first.format == second.format else ""
    )


def _join_lists(first: ListType, second: ListType, at: str, depth: int) -> ListType:
    minimum = min(first.minimum, second.minimum)
    for empty, other in ((first, second), (second, first)):
        if empty.exact and not empty.items:  # says nothing of the items
            return ListType(other.item)
    items = tuple(join(one, two, at, depth + 1) for one, two in zip(first.items, second.items, strict=False))
    exact = first.exact and second.exact and len(first.items) == len(second.items)
    return ListType(join(first.item, second.item, at, depth + 1), items, minimum, exact)


def _join_structures(first: StructureType, second: StructureType, at: str, depth: int) -> StructureType:
    if first.key is not None and first.key == second.key:
        return first
    if first.members is second.members and first.rest is second.rest:
        return first
    ours, theirs = flat(first.members), flat(second.members)
    some_paths = Presence.SOME_PATHS
    changed = [
        name
        for name, member in theirs.items()
        # The first two comparisons only spare the call, where thousands of paths meet.
        if (known := ours.get(name)) is not member
        and (known is None or known.type is not member.type or known.presence is not some_paths)
        and not _covers(known, member)
    ]
    gone = [name for name in ours.keys() - theirs.keys() if ours[name].presence is not Presence.SOME_PATHS]
    if not changed and not gone and first.rest == second.rest:
        return first
    members = dict(ours)
    for name in changed:
        one, two = ours.get(name), theirs[name]
        if one is None:
            members[name] = _lacking(two, at if first.rest is None else "")
        else:
            kind = _remembered(one.type, join(one.type, two.type, at, depth + 1), two.type)
            members[name] = Member(kind, weaker(one.presence, two.presence), one.merged_at or two.merged_at)
    for name in gone:
        members[name] = _lacking(ours[name], at if second.rest is None else "")
    rest = first.rest or second.rest
    if first.rest is not None and second.rest is not None:
        both = join(first.rest, second.rest)
        rest = both if isinstance(both, Unknown) else rest
    name = first.name if first.name == second.name else ""
    return StructureType(members, rest, name, first.origin if first.origin == second.origin else None)


_ABSORBED: Final[dict[tuple[int, int], tuple[Type, Type]]] = {}
"""Pairs of types, by identity, of which joining the second to the first changes nothing; their bounded memory
keeps many paths that meet at one state from being compared anew each time."""
_MOST_ABSORBED: Final = 50_000


def _remembered(known: Type, joined: Type, other: Type) -> Type:
    """Return what a join gave: the type that was known where nothing changed, which is remembered."""
    kept = known if joined == known else joined
    if len(_ABSORBED) >= _MOST_ABSORBED:
        _ABSORBED.clear()
    _ABSORBED[id(kept), id(other)] = (kept, other)  # holding both keeps their identities theirs
    return kept


def forget() -> None:
    """Let go of what joining remembered; to be called when a document has been followed."""
    _ABSORBED.clear()


def _covers(known: Member | None, other: Member) -> bool:
    """Tell whether joining `other` to what is known changes nothing."""
    return known is other or (
        known is not None
        and (known.type is other.type or (id(known.type), id(other.type)) in _ABSORBED)
        and (known.presence is other.presence or known.presence is Presence.SOME_PATHS)
    )


def _lacking(member: Member, at: str) -> Member:
    """Return a member of one path only."""
    if member.presence is Presence.SOME_PATHS and (member.merged_at or not at):
        return member
    return Member(member.type, Presence.SOME_PATHS, member.merged_at or at)


def flat(members: Mapping[str, Member]) -> dict[str, Member]:
    """Return members as one dictionary, which is not to be changed."""
    if isinstance(members, dict):
        return members
    if isinstance(members, Layered):
        layers: list[dict[str, Member]] = []
        base: Mapping[str, Member] = members
        while isinstance(base, Layered):
            layers.append(base.top)
            base = base.base
        merged = dict(base)
        for layer in reversed(layers):
            merged.update(layer)
        return merged
    return dict(members)


def weaker(first: Presence, second: Presence) -> Presence:
    """Return the presence that promises less."""
    for presence in (Presence.SOME_PATHS, Presence.OPTIONAL):
        if presence in (first, second):
            return presence
    return Presence.ALWAYS


def describe(kind: Type, depth: int = 0) -> str:
    """Say in a few words what a value of this type is."""
    if isinstance(kind, Unknown):
        return f"anything ({kind.reason})" if depth == 0 else "anything"
    if isinstance(kind, ScalarType):
        return " or ".join(sorted(entry.value for entry in kind.kinds))
    if isinstance(kind, ListType):
        return f"list of {describe(kind.item, depth + 1)}"
    if isinstance(kind, MapType):
        return f"map of {describe(kind.value, depth + 1)}"
    if isinstance(kind, UnionType):
        return " or ".join(describe(option, depth + 1) for option in kind.options)
    return kind.name or "object"
