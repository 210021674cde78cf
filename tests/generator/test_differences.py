"""What changed, in a few words: by place for JSON, by count for other text."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.differences import LONGEST, MOST, summary

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ({"a": 1}, {"a": 2}, ["/a: 1 → 2"]),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, ['/a/b: "x" → "y"']),
        ({"a": 1}, {"a": 1, "b": 2}, ["/b added"]),
        ({"a": 1, "b": 2}, {"a": 1}, ["/b removed"]),
        ({"a": [1, 2]}, {"a": [1, 3]}, ["/a/1: 2 → 3"]),
        ({"a": [1]}, {"a": [1, 2]}, ["/a: [1] → [1, 2]"]),
        ({"a": 1}, {"a": {"b": 1}}, ['/a: 1 → {"b": 1}']),
        ({"a/b": 1}, {"a/b": 2}, ["/a~1b: 1 → 2"]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, ["the order or the form only"]),
        ({"a": "ü"}, {"a": "ö"}, ['/a: "ü" → "ö"']),
        (1, True, [": 1 → true"]),
        ({"a": 0}, {"a": False}, ["/a: 0 → false"]),
    ],
)
def test_json_is_compared_by_place(before: Any, after: Any, lines: list[str]) -> None:
    """Each change is a line: the place, and what stood there and stands there now."""
    assert summary(json.dumps(before), json.dumps(after)) == lines


def test_a_file_that_was_not_there_is_new() -> None:
    """There is nothing to compare with."""
    assert summary(None, "{}") == ["new"]


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("a\nb\n", "a\nc\nd\n", "2 lines added, 1 removed"),
        ("<<<<<<< HEAD\n{}", "{}", "0 lines added, 1 removed"),
        ("# Title\n", "# Title\nmore\n", "1 lines added, 0 removed"),
    ],
)
def test_other_text_is_compared_by_lines(before: str, after: str, line: str) -> None:
    """Markdown, or JSON that was broken by hand, is counted."""
    assert summary(before, after) == [line]


def test_json_that_is_nested_too_deeply_is_compared_by_lines() -> None:
    """What stood there may be anything."""
    assert ["1 lines added, 1 removed"] == summary("[" * 100_000, "[]")


def test_only_the_first_changes_are_told() -> None:
    """The terminal is not the review: after a few lines only the rest's number is told."""
    before, after = ({str(key): value for key in range(10)} for value in (1, 2))
    lines = summary(json.dumps(before), json.dumps(after))
    assert lines == [*(f"/{key}: 1 → 2" for key in range(MOST)), "and 4 more"]


def test_long_values_are_cut() -> None:
    """A value is shown by its beginning."""
    (line,) = summary('"a"', json.dumps("x" * 200))
    assert line == f': "a" → "{"x" * (LONGEST - 2)}…'


@given(JSON, JSON)
def test_every_change_is_told_and_nothing_else(before: Any, after: Any) -> None:
    """Equal documents have no place that changed; different ones have at least one."""
    lines = summary(json.dumps(before), json.dumps(after))
    equal = json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)
    assert (lines == ["the order or the form only"]) == equal
    assert 1 <= len(lines) <= MOST + 1
