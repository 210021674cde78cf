"""The lattice of types: what is known where paths meet."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from states_language.types import (
    BOOLEAN,
    NULL,
    NUMBER,
    STRING,
    Layered,
    ListType,
    MapType,
    Member,
    Presence,
    StructureType,
    Type,
    Unknown,
    describe,
    flat,
    join,
    of_value,
    structure,
)

SCALARS = st.sampled_from([STRING, NUMBER, BOOLEAN, NULL])
TYPES: st.SearchStrategy[Type] = st.recursive(
    SCALARS | st.just(Unknown("unknown")),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(structure),
        inner.map(ListType),
        inner.map(MapType),
    ),
    max_leaves=8,
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=10,
)


@given(TYPES)
def test_joining_a_type_with_itself_changes_nothing(kind: Type) -> None:
    """Two paths that bring the same lose no knowledge."""
    assert kind == join(kind, kind)


@given(TYPES, TYPES)
def test_joining_twice_is_joining_once(first: Type, second: Type) -> None:
    """A path that was taken into account changes nothing when it comes again: loops end."""
    once = join(first, second)
    assert once == join(once, second)


@given(TYPES, TYPES)
def test_what_one_path_lacks_is_not_promised(first: Type, second: Type) -> None:
    """A member that one of two structures lacks is never `ALWAYS` in their join."""
    both = join(first, second)
    if isinstance(first, StructureType) and isinstance(second, StructureType):
        assert isinstance(both, StructureType)
        promised = {name for name, member in both.members.items() if member.presence is Presence.ALWAYS}
        assert promised <= set(first.members) & set(second.members)


@given(VALUES)
def test_a_value_of_a_list_of_itself_has_its_type(value: Any) -> None:
    """The type of a known value is total, and prints."""
    assert describe(of_value(value))
    assert of_value(value) == of_value(value)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), SCALARS), max_size=120))
def test_layers_are_a_dictionary(entries: list[tuple[str, Type]]) -> None:
    """A chain of overlays reads, iterates and flattens as the dictionary that it stands for."""
    base = {f"base{number}": Member(STRING) for number in range(60)}
    plain = dict(base)
    layered: Any = base
    for name, kind in entries:
        plain[name] = Member(kind)
        layered = Layered.of(layered, {name: Member(kind)})
    assert plain == flat(layered)
    assert plain == {name: layered[name] for name in layered}
    assert len(plain) == len(layered)
