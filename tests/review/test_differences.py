"""The differences of two JSON values: none is left out, and lists are paired by what identifies their entries."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.differences import Leaf, compare, same
from states_language.pointer import Pointer

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(0, 3), st.sampled_from(["a", "b", '{"a": 1}', '{"a": 2}'])
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["Key", "Name", "x", "Fn::Sub"]), inner, max_size=3),
    ),
    max_leaves=14,
)


def applied(before: Any, leaves: list[Leaf]) -> Any:
    """Return what stays of a value when all places of its differences are taken away."""
    return _without(copy.deepcopy(before), [leaf.before_at for leaf in leaves if leaf.before_at is not None])


def _without(value: Any, places: list[Pointer], at: Pointer = Pointer()) -> Any:  # noqa: B008  # a frozen value
    if any(at == place for place in places):
        return "taken away"
    if isinstance(value, dict):
        return {key: _without(inner, places, at / key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without(inner, places, at / index) for index, inner in enumerate(value)]
    return value


def _scalars(value: Any) -> list[str]:
    """Return the scalars of a value with the keys that lead to them, lists as multisets."""
    if isinstance(value, dict):
        return sorted(f"{key}/{text}" for key, inner in value.items() for text in [*_scalars(inner), "{}"])
    if isinstance(value, list):
        return sorted(f"*/{text}" for inner in value for text in [*_scalars(inner), "[]"])
    return [] if value == "taken away" else [repr(value)]


@given(value=values)
def test_a_value_differs_in_nothing_from_itself(value: Any) -> None:
    """The same value gives no difference."""
    assert [] == list(compare(value, copy.deepcopy(value)))


@given(before=values, after=values)
def test_there_is_a_difference_exactly_where_the_values_differ(before: Any, after: Any) -> None:
    """`nothing changed` is said of equal values, and of no others."""
    assert same(before, after) is not bool(list(compare(before, after)))


@given(before=values, after=values)
def test_what_no_difference_tells_of_is_on_both_sides(before: Any, after: Any) -> None:
    """Without the places that the differences name, both values hold the same: nothing is left out."""
    leaves = list(compare(before, after))
    strings_opened = any(isinstance(leaf.before, int) and _in_text(before, leaf.before_at) for leaf in leaves)
    if strings_opened:
        return  # the place is inside of a text, which is not taken apart here
    rest_before = _without(
        copy.deepcopy(before), [leaf.before_at for leaf in leaves if leaf.before_at is not None]
    )
    rest_after = _without(
        copy.deepcopy(after), [leaf.after_at for leaf in leaves if leaf.after_at is not None]
    )
    assert _kept(rest_before) == _kept(rest_after)


def _in_text(value: Any, at: Pointer | None) -> bool:
    for step in at.steps if at is not None else ():
        if isinstance(value, str):
            return True
        value = value[step]
    return False


def _kept(value: Any) -> list[str]:
    return [text for text in _scalars(value) if not text.endswith(("{}", "[]"))]


@given(before=values, after=values)
def test_the_way_back_has_the_same_differences_turned_around(before: Any, after: Any) -> None:
    """What is added one way is removed the other."""
    there, back = list(compare(before, after)), list(compare(after, before))
    assert sum(leaf.before_at is None for leaf in there) == sum(leaf.after_at is None for leaf in back)
    assert len(there) == len(back)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            [{"Key": "a", "Value": 1}, {"Key": "b", "Value": 2}],
            [{"Key": "b", "Value": 3}],
            ["/0", "/1/Value"],
        ),
        (["a", "b", "c"], ["a", "x", "b", "c"], ["/1"]),
        ({"Policy": '{"Effect": "Allow"}'}, {"Policy": '{"Effect": "Deny"}'}, ["/Policy/Effect"]),
        ({"Fn::Select": [0, "x"]}, {"Fn::Select": [1, "x"]}, ["/Fn::Select/0"]),
        ([{"Sid": "a", "x": 1}, {"Sid": "b", "x": 1}], [{"Sid": "b", "x": 1}, {"Sid": "a", "x": 1}], [""]),
        (True, 1, [""]),
    ],
)
def test_entries_are_paired_by_what_identifies_them(before: Any, after: Any, expected: list[str]) -> None:
    """A list is compared by keys, names and likeness; JSON inside of text is opened; a new order is told as one."""
    places = [
        str(leaf.before_at if leaf.before_at is not None else leaf.after_at)
        for leaf in compare(before, after)
    ]
    assert sorted(expected) == sorted(places)
