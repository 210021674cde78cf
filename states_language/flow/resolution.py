"""Follow a path through types: what it finds, and what may keep it from finding it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from states_language.paths import (
    And,
    Comparison,
    CurrentPath,
    Descent,
    Exists,
    Filter,
    Function,
    Index,
    Indexes,
    Name,
    Names,
    Not,
    Path,
    Slice,
    Step,
    Test,
    Wildcard,
)
from states_language.types import (
    INTEGER,
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
    options,
    union,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WIDEST_SEARCH: Final = 400
"""Types that `..name` looks into before the answer is unknown."""


class Obstacle(StrEnum):
    """What keeps a path from resolving; the first group for certain, the second perhaps."""

    MISSING = "missing"
    """The structure has no such member."""
    SCALAR = "scalar"
    """A step into a string, number, boolean or null."""
    NOT_AN_OBJECT = "not-an-object"
    """A name where a list stands."""
    NOT_A_LIST = "not-a-list"
    """An index where an object stands."""
    OUT_OF_RANGE = "out-of-range"
    """An index beyond a list whose length is known."""

    OPTIONAL = "optional"
    """The API, or the input's contract, may leave the member out."""
    SOME_PATHS = "some-paths"
    """The document sets it on some paths only, or one of several kinds of value has it."""
    MAY_BE_SHORT = "may-be-short"
    """The list may have no such item."""
    MAP_KEY = "map-key"
    """The map may have no such key."""
    OPEN = "open"
    """Only the execution's input can have brought it."""

    @property
    def is_certain(self) -> bool:
        """Whether the path cannot resolve at all."""
        return self in _CERTAIN


_CERTAIN: Final = frozenset(
    {Obstacle.MISSING, Obstacle.SCALAR, Obstacle.NOT_AN_OBJECT, Obstacle.NOT_A_LIST, Obstacle.OUT_OF_RANGE}
)


@dataclass(frozen=True, slots=True)
class Gap:
    """One obstacle on a path: at which step, and in what it was looked for."""

    obstacle: Obstacle
    position: int
    """The step's place in the path; -1: the variable itself."""
    step: Step | None
    parent: Type
    in_filter: bool = False
    offset: int = 0
    """Of the step's first character, in the text of the path."""
    merged_at: str = ""
    """The state at which a path arrives on which it certainly fails; empty: none is known."""

    @property
    def name(self) -> str:
        """The member that was looked for; the step as it is written where it is no name."""
        step = self.step.step if isinstance(self.step, Descent) else self.step
        return step.name if isinstance(step, Name) else str(step)


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a path finds."""

    type: Type
    gaps: tuple[Gap, ...] = ()

    @property
    def failure(self) -> Gap | None:
        """The obstacle for which the path never resolves; None: it may."""
        return next((gap for gap in self.gaps if gap.obstacle.is_certain), None)


_PASSED_OVER: Final = frozenset(
    {Obstacle.OPTIONAL, Obstacle.MAP_KEY, Obstacle.MAY_BE_SHORT, Obstacle.SOME_PATHS}
)


class _Follower:
    """Follows one path; collects the gaps on its way."""

    def __init__(self, *, in_filter: bool = False) -> None:
        self.gaps: list[Gap] = []
        self.many = False
        self.in_filter = in_filter

    def follow(self, kind: Type, steps: tuple[Step, ...]) -> Type:
        for position, step in enumerate(steps):
            found = self._step(kind, step, position)
            if found is None:
                return Unknown("the path does not resolve")
            kind = found
        return ListType(kind) if self.many and not (steps and isinstance(steps[-1], Function)) else kind

    def _step(self, kind: Type, step: Step, position: int) -> Type | None:
        """Return what the step finds; None after a certain failure, which is then among the gaps."""
        if isinstance(kind, UnionType):
            return self._union(kind, step, position)
        match step:
            case Name(name):
                return self._name(kind, name, step, position)
            case Index(index):
                return self._index(kind, index, step, position)
            case Names(names):
                return self._names(kind, names, step, position)
            case Wildcard():
                self.many = True
                return self._children(kind, step, position)
            case Slice() | Indexes():
                self.many = True
                return self._items(kind, step, position)
            case Filter(test):
                self.many = True
                return self._filter(kind, test, step, position)
            case Descent(inner):
                self.many = True
                return self._descent(kind, inner, step, position)
            case Function(name):
                return STRING if name == "keys" else INTEGER

    def _gap(self, obstacle: Obstacle, step: Step, position: int, parent: Type, merged_at: str = "") -> None:
        if self.many and obstacle in _PASSED_OVER:
            return  # after a step that finds many, what lacks the next one is passed over
        self.gaps.append(Gap(obstacle, position, step, parent, self.in_filter, step.offset, merged_at))

    def _union(self, kind: UnionType, step: Step, position: int) -> Type | None:
        """Take the options that the step fits; that others do not fit makes it uncertain."""
        found: list[Type] = []
        failures: list[Gap] = []
        kept: list[Gap] = []
        for option in kind.options:
            inner = _Follower(in_filter=self.in_filter)
            inner.many = self.many
            result = inner._step(option, step, position)
            if result is None:
                failures += inner.gaps
            else:
                self.many = self.many or inner.many
                found.append(result)
                kept += inner.gaps
        if not found:
            structured = [gap for gap in failures if isinstance(gap.parent, StructureType)]
            self.gaps.append((structured or failures)[0])
            return None
        self.gaps += kept
        if failures:
            self._gap(Obstacle.SOME_PATHS, step, position, failures[0].parent, kind.merged_at)
        return union(found, kind.merged_at)

    def _name(self, kind: Type, name: str, step: Step, position: int) -> Type | None:
        if isinstance(kind, Unknown):
            return kind.below(name)
        if isinstance(kind, StructureType):
            return self._member(kind, name, step, position)
        if isinstance(kind, MapType):
            self._gap(Obstacle.MAP_KEY, step, position, kind)
            return kind.value
        self._gap(
            Obstacle.SCALAR if isinstance(kind, ScalarType) else Obstacle.NOT_AN_OBJECT, step, position, kind
        )
        return None

    def _member(self, kind: StructureType, name: str, step: Step, position: int) -> Type | None:
        member = kind.members.get(name)
        if member is not None:
            if member.presence is Presence.OPTIONAL:
                self._gap(Obstacle.OPTIONAL, step, position, kind)
            elif member.presence is Presence.SOME_PATHS:
                self._gap(Obstacle.SOME_PATHS, step, position, kind, member.merged_at)
            return member.type
        if kind.rest is not None:
            self._gap(Obstacle.OPEN, step, position, kind)
            return kind.rest.below(name)
        self._gap(Obstacle.MISSING, step, position, kind)
        return None

    def _index(self, kind: Type, index: int, step: Step, position: int) -> Type | None:
        if isinstance(kind, Unknown):
            return kind.below("*")
        if isinstance(kind, StructureType) and kind.rest is not None and not kind.members:
            return kind.rest.below("*")  # an input of which nothing is known may as well be a list
        if not isinstance(kind, ListType):
            obstacle = Obstacle.SCALAR if isinstance(kind, ScalarType) else Obstacle.NOT_A_LIST
            self._gap(obstacle, step, position, kind)
            return None
        if kind.exact:
            if not -len(kind.items) <= index < len(kind.items):
                self._gap(Obstacle.OUT_OF_RANGE, step, position, kind)
                return None
            return kind.items[index]
        if (index + 1 if index >= 0 else -index) > kind.minimum:
            self._gap(Obstacle.MAY_BE_SHORT, step, position, kind)
        return kind.items[index] if 0 <= index < len(kind.items) else kind.item

    def _names(self, kind: Type, names: tuple[str, ...], step: Step, position: int) -> Type | None:
        if not isinstance(kind, StructureType):
            return Unknown("several members of what is not known by name")
        found: dict[str, Member] = {}
        for name in names:
            inner = _Follower()
            member = inner._member(kind, name, step, position)
            if member is not None:
                found[name] = Member(member, Presence.OPTIONAL)
        return StructureType(found)

    def _children(self, kind: Type, step: Step, position: int) -> Type | None:
        if isinstance(kind, StructureType):
            values = [member.type for member in kind.members.values()]
            return kind.rest or union(values)
        if isinstance(kind, MapType):
            return kind.value
        return self._items(kind, step, position)

    def _items(self, kind: Type, step: Step, position: int) -> Type | None:
        if isinstance(kind, ListType):
            return kind.item
        if isinstance(kind, Unknown):
            return kind.below("*")
        if isinstance(kind, StructureType) and kind.rest is not None and not kind.members:
            return kind.rest.below("*")
        obstacle = Obstacle.SCALAR if isinstance(kind, ScalarType) else Obstacle.NOT_A_LIST
        self._gap(obstacle, step, position, kind)
        return None

    def _filter(self, kind: Type, test: Test, step: Step, position: int) -> Type | None:
        item = kind if isinstance(kind, StructureType | MapType) else self._items(kind, step, position)
        if item is None:
            return None
        for operand in _operands(test):
            inner = _Follower(in_filter=True)
            inner.follow(item, operand.steps)
            failure = next((gap for gap in inner.gaps if gap.obstacle.is_certain), None)
            if failure is not None:
                self.gaps.append(failure)
                return None
        return item

    def _descent(self, kind: Type, inner: Step, step: Step, position: int) -> Type | None:
        if not isinstance(inner, Name):
            return Unknown("'..' finds what is not followed")
        found: list[Type] = []
        for inside, complete in _everything(kind):
            if not complete or isinstance(inside, Unknown):
                return Unknown("'..' looks into what is not known")
            if isinstance(inside, MapType):
                return Unknown("'..' looks into a map, whose keys are data")
            if isinstance(inside, StructureType):
                if inside.rest is not None:
                    return inside.rest.below(inner.name)
                if inner.name in inside.members:
                    found.append(inside.members[inner.name].type)
        if not found:
            self._gap(Obstacle.MISSING, step, position, kind)
            return None
        return union(found)


def _operands(test: Test) -> Iterator[CurrentPath]:
    match test:
        case Comparison(left, _, right):
            yield from (operand for operand in (left, right) if isinstance(operand, CurrentPath))
        case Exists(path):
            yield path
        case Not(inner):
            yield from _operands(inner)
        case And(tests):
            yield from (path for inner in tests for path in _operands(inner))
        case _:
            yield from (path for inner in test.tests for path in _operands(inner))


def _everything(kind: Type) -> Iterator[tuple[Type, bool]]:
    """Yield a type and all inside it, each API shape once; False beside the last when there was too much."""
    queue = [kind]
    seen: set[object] = set()
    count = 0
    while queue:
        here = queue.pop()
        if isinstance(here, StructureType) and here.key is not None:
            if here.key in seen:
                continue
            seen.add(here.key)
        count += 1
        yield here, count < WIDEST_SEARCH
        queue.extend(_inside(here))


def _inside(kind: Type) -> Iterable[Type]:
    if isinstance(kind, StructureType):
        return [member.type for member in kind.members.values()]
    if isinstance(kind, ListType):
        return [*kind.items, kind.item] if kind.items else [kind.item]
    return kind.options if isinstance(kind, UnionType) else ()


def follow(kind: Type, steps: tuple[Step, ...]) -> Resolution:
    """Follow steps from a type."""
    follower = _Follower()
    found = follower.follow(kind, steps)
    return Resolution(found, tuple(follower.gaps))


def follow_variable(variables: StructureType, path: Path) -> Resolution:
    """Follow a path that begins in a variable."""
    name = path.variable or ""
    member = variables.members.get(name)
    if member is None:
        if variables.rest is not None:
            return Resolution(variables.rest)
        return Resolution(
            Unknown("the variable is not set"), (Gap(Obstacle.MISSING, -1, Name(name), variables),)
        )
    found = follow(member.type, path.steps)
    if member.presence is Presence.SOME_PATHS:
        gap = Gap(Obstacle.SOME_PATHS, -1, Name(name), variables, merged_at=member.merged_at)
        return Resolution(found.type, (gap, *found.gaps))
    return found


def put(kind: Type, keys: tuple[str | int, ...], value: Type) -> Type:
    """Return the type of data in which a value was set at a reference path, as `ResultPath` sets it."""
    if not keys:
        return value
    first, rest = keys[0], keys[1:]
    if isinstance(first, int):
        return Unknown("a list was changed at one place")
    if isinstance(kind, StructureType):
        inner = kind.members.get(first)
        if inner is not None:
            return kind.with_member(first, Member(put(inner.type, rest, value)))
        below: Type = kind.rest.below(first) if kind.rest is not None else StructureType({})
        return kind.with_member(first, Member(put(_opened(below), rest, value)))
    if isinstance(kind, Unknown):
        return StructureType({first: Member(put(_opened(kind.below(first)), rest, value))}, kind)
    if isinstance(kind, MapType):
        rest_of_map = Unknown("a map's other keys")
        return StructureType({first: Member(put(StructureType({}), rest, value))}, rest_of_map)
    if isinstance(kind, UnionType):
        objects = [
            option for option in options(kind) if isinstance(option, StructureType | MapType | Unknown)
        ]
        placed = (put(option, keys, value) for option in objects)
        return union(placed, kind.merged_at) if objects else Unknown("no object")
    return StructureType({first: Member(put(StructureType({}), rest, value))})


def _opened(kind: Type) -> Type:
    return StructureType({}, kind) if isinstance(kind, Unknown) else kind
