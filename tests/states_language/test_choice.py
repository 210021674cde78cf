"""The operators of Choice on values of every kind."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states_language.interpreter.choice import OPERATORS, Follow, holds
from states_language.interpreter.errors import RUNTIME, StateFailure
from states_language.interpreter.jsonpath import PathView


def follow(value: Any) -> Follow:
    """See a value as `$`."""
    return PathView(value, {}, {}, Random(0)).path  # noqa: S311 - nothing here is secret


def decide(operator: str, value: Any, operand: Any) -> bool:
    """Apply an operator to a value and an operand."""
    return holds({"Variable": "$.value", operator: operand}, follow({"value": value, "other": 5}))


@pytest.mark.parametrize(
    ("operator", "operand", "holding", "failing"),
    [
        ("StringEquals", "b", ["b"], ["a", "", None, 1, True, ["b"]]),
        ("StringLessThan", "b", ["a", "B", ""], ["b", "c", None, 1]),
        ("StringGreaterThan", "b", ["c", "ba"], ["b", "a", None, 1]),
        ("StringLessThanEquals", "b", ["a", "b"], ["c", 1]),
        ("StringGreaterThanEquals", "b", ["b", "c"], ["a", 1]),
        ("StringMatches", "log-*.txt", ["log-.txt", "log-a/b\nc.txt"], ["log-1.txt2", "xlog-.txt", 1, None]),
        ("StringMatches", r"a\*b", ["a*b"], ["axb", r"a\*b"]),
        ("StringMatches", "a\\\\*", ["a\\", "a\\x"], ["a", "ax"]),
        ("StringMatches", "a.c", ["a.c"], ["abc"]),
        ("NumericEquals", 2, [2, 2.0], [1, "2", True, None, [2]]),
        ("NumericLessThan", 2, [1, -1.5], [2, 3, "1", False]),
        ("NumericGreaterThan", 0, [1, 0.1], [0, -1, True]),
        ("NumericLessThanEquals", 2, [1, 2], [3, "2"]),
        ("NumericGreaterThanEquals", 2, [2, 3], [1, "2"]),
        ("BooleanEquals", True, [True], [False, 1, "true", None]),
        ("BooleanEquals", False, [False], [True, 0, "", None]),
        (
            "TimestampEquals",
            "2026-01-01T00:00:00Z",
            ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00.000Z"],
            ["2026-01-01T00:00:01Z", "2026-01-01", "x", 1, None],
        ),
        (
            "TimestampLessThan",
            "2026-01-01T00:00:00Z",
            ["2025-12-31T23:59:59.999Z"],
            ["2026-01-01T00:00:00Z", 1],
        ),
        (
            "TimestampGreaterThanEquals",
            "2026-01-01T00:00:00Z",
            ["2026-01-01T00:00:00Z"],
            ["2025-01-01T00:00:00Z"],
        ),
        ("NumericEqualsPath", "$.other", [5], [4, "5"]),
        ("StringEqualsPath", "$.other", [], ["5", 5]),
        ("IsNull", True, [None], [0, "", False, [], {}]),
        ("IsBoolean", True, [True, False], [None, 0, "true"]),
        ("IsNumeric", True, [0, 1.5, -1], [True, "1", None, []]),
        ("IsString", True, ["", "a"], [1, None, []]),
        (
            "IsTimestamp",
            True,
            ["2026-01-01T00:00:00Z", "2012-10-09T19:00:55+02:00"],
            ["2023-02-24", "2012-10-09T19:00:55", 1],
        ),
        ("IsPresent", True, [None, 0, "x"], []),
    ],
)
def test_an_operator_holds_for_values_of_its_kind_alone(
    operator: str, operand: Any, holding: list[Any], failing: list[Any]
) -> None:
    """Evidence: documentation (Choice workflow state), and recorded (choice_operators/*.snapshot.json)."""
    assert holding == [value for value in holding if decide(operator, value, operand)]
    assert [] == [value for value in failing if decide(operator, value, operand)]


@pytest.mark.parametrize("operator", sorted(OPERATORS - {"IsPresent"}))
def test_a_missing_variable_is_a_runtime_error(operator: str) -> None:
    """Only IsPresent may look where nothing is."""
    with pytest.raises(StateFailure) as caught:
        holds({"Variable": "$.missing", operator: "$.missing"}, follow({}))
    assert RUNTIME == caught.value.error


def test_the_operators_are_those_of_the_documentation() -> None:
    """39 names: five relations of three kinds and BooleanEquals, each with Path; StringMatches; six Is…."""
    relations = ["Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"]
    comparing = [
        f"{kind}{relation}"
        for kind, relation in itertools.product(["String", "Numeric", "Timestamp"], relations)
    ]
    comparing.append("BooleanEquals")
    kinds = {f"Is{kind}" for kind in ("Null", "Present", "Numeric", "String", "Boolean", "Timestamp")}
    assert {*comparing, *(f"{name}Path" for name in comparing), "StringMatches"} | kinds == OPERATORS


values = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.floats(-2, 2)
    | st.sampled_from(["", "a", "2026-01-01T00:00:00Z"])
)


@given(values, values, st.sampled_from(["String", "Numeric", "Timestamp"]))
def test_relations_exclude_each_other(left: Any, right: Any, kind: str) -> None:
    """Of less, equal and greater exactly one holds, or none where a value is of another kind."""
    held = [name for name in ("LessThan", "Equals", "GreaterThan") if decide(f"{kind}{name}", left, right)]
    assert len(held) <= 1
    if held:
        assert decide(f"{kind}LessThanEquals", left, right) is (held != ["GreaterThan"])
        assert decide(f"{kind}GreaterThanEquals", left, right) is (held != ["LessThan"])


@given(values)
def test_not_is_the_opposite(value: Any) -> None:
    """A rule and its negation never agree."""
    rule = {"Variable": "$.value", "IsString": True}
    seen = follow({"value": value})
    assert holds(rule, seen) is not holds({"Not": rule}, seen)
