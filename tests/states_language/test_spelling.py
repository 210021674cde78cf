"""The name that was probably meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states_language.spelling import differs_by_case, distance, listed, nearest

WORDS = st.text("abcXY", max_size=8)


@given(WORDS, WORDS)
def test_a_distance_is_the_same_both_ways(first: str, second: str) -> None:
    """How far two words are apart does not depend on which comes first, and is 0 for the same word only."""
    assert distance(first, second, 9) == distance(second, first, 9)
    assert (first == second) == (distance(first, second, 9) == 0)


@given(WORDS, WORDS, st.integers(0, 8))
def test_a_limit_only_cuts_off(first: str, second: str, limit: int) -> None:
    """Under a limit the distance is the same, or one more than the limit."""
    assert min(distance(first, second, 9), limit + 1) == distance(first, second, limit)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("taskarn", "TaskArn"),
        ("TaskAnr", "TaskArn"),
        ("TaksArn", "TaskArn"),
        ("TaskArns", "TaskArn"),
        ("Name", None),
        ("", None),
    ],
)
def test_the_nearest_name_is_near(name: str, expected: str | None) -> None:
    """Another case, a swap, a letter more or less are near; another word is not."""
    assert expected == nearest(name, ["TaskArn", "ClusterArn", "Containers"])


def test_case_alone_is_told_apart() -> None:
    """The same name is no other case of itself."""
    assert [None, "Aa"] == [differs_by_case("Aa", ["Aa"]), differs_by_case("aa", ["Aa"])]


@pytest.mark.parametrize(
    ("names", "expected"),
    [([], ""), (["a"], "'a'"), (["a", "b", "c"], "'a', 'b' and 'c'"), (list("abcdefghij"), "'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h' and 2 more")],
)  # fmt: skip
def test_names_are_listed_for_people(names: list[str], expected: str) -> None:
    """A few names are written out, many are counted."""
    assert expected == listed(names)
