"""Permission sets against an evaluator that tries every request."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.conditions import Condition, of_block, possible_values
from review.permission_sets import ANYTHING, Patterns, PermissionSet, Statement, gained
from review.wildcards import matches, witnesses

ACTIONS = ["s:a", "s:ab", "s:b", "t:a", "t:b"]
ACTION_PATTERNS = ["*", "s:*", "s:a*", "s:a", "s:ab", "t:?", "*:b", "s:b", "t:a", "t:b"]
RESOURCES = ["x", "x/1", "x/2", "y"]
RESOURCE_PATTERNS = ["*", "x*", "x/*", "x", "x/1", "x/2", "y", "?"]
TEAMS = [None, ("red",), ("blue",), ("green",)]

patterns_of_actions = st.builds(
    Patterns, st.frozensets(st.sampled_from(ACTION_PATTERNS), min_size=1, max_size=3), st.booleans()
)
patterns_of_resources = st.builds(
    Patterns, st.frozensets(st.sampled_from(RESOURCE_PATTERNS), min_size=1, max_size=3), st.booleans()
)
conditions = st.builds(
    Condition,
    st.sampled_from(
        ["StringEquals", "StringNotEquals", "StringEqualsIfExists", "StringLike", "ForAnyValue:StringEquals"]
    ),
    st.just("team"),
    st.sampled_from([("red",), ("blue",), ("blue", "red"), ("*e*",)]),
)
statements = st.builds(
    Statement,
    st.booleans(),
    patterns_of_actions,
    patterns_of_resources,
    st.just(ANYTHING),
    st.one_of(st.just(()), st.tuples(conditions)),
)
layers = st.lists(statements, max_size=4).map(tuple)
sets = st.one_of(
    layers.map(lambda layer: PermissionSet((layer,))),
    st.tuples(layers, layers).map(PermissionSet),
)


def allows(permissions: PermissionSet, action: str, resource: str, team: tuple[str, ...] | None) -> bool:
    """Evaluate one request as AWS documents it: an explicit Deny, then an Allow in every layer."""

    def speaks(statement: Statement) -> bool:
        return (
            any(fnmatchcase(action, each) for each in statement.actions.patterns)
            is not statement.actions.is_complement
            and any(fnmatchcase(resource, each) for each in statement.resources.patterns)
            is not statement.resources.is_complement
            and all(condition.holds({"team": team}) for condition in statement.conditions)
        )

    if any(not each.allows and speaks(each) for layer in permissions.layers for each in layer):
        return False
    return all(any(each.allows and speaks(each) for each in layer) for layer in permissions.layers)


@given(before=sets, after=sets)
def test_a_set_that_allows_more_by_trying_is_told_as_wider(
    before: PermissionSet, after: PermissionSet
) -> None:
    """Where one request is allowed after and not before, the comparison gains something."""
    tried = any(
        allows(after, *request) and not allows(before, *request)
        for request in product(ACTIONS, RESOURCES, TEAMS)
    )
    if tried:
        assert gained(before, after).rows


@given(before=sets, after=sets)
def test_what_is_told_as_wider_is_allowed_now_and_was_not(
    before: PermissionSet, after: PermissionSet
) -> None:
    """A gain is never imagined: among the requests that the patterns cut out, one is allowed after and not before."""
    if not gained(before, after).rows:
        return
    both = [*before.statements, *after.statements]
    actions = witnesses(frozenset().union(*(each.actions.patterns for each in both)))
    resources = witnesses(frozenset().union(*(each.resources.patterns for each in both)))
    teams = [*TEAMS, *possible_values(condition for each in both for condition in each.conditions)]
    assert any(
        allows(after, *request) and not allows(before, *request)
        for request in product(actions, resources, teams)
    )


@given(permissions=sets, more=statements)
def test_another_allow_never_narrows_and_another_deny_never_widens(
    permissions: PermissionSet, more: Statement
) -> None:
    """Monotony: what is added to a layer moves the set in one direction only."""
    extended = PermissionSet(((*permissions.layers[0], more), *permissions.layers[1:]))
    if more.allows:
        assert () == gained(extended, permissions).rows
    else:
        assert () == gained(permissions, extended).rows


@given(permissions=sets, data=st.data())
def test_the_order_and_the_splitting_of_statements_mean_nothing(
    permissions: PermissionSet, data: st.DataObject
) -> None:
    """Reordered statements, and a statement split by its actions, allow the same."""
    layer = data.draw(st.permutations(permissions.layers[0]))
    split = [
        Statement(
            each.allows, Patterns(frozenset({action})), each.resources, each.principals, each.conditions
        )
        if not each.actions.is_complement
        else each
        for each in layer
        for action in (sorted(each.actions.patterns) if not each.actions.is_complement else [""])
    ]
    other = PermissionSet((tuple(split), *permissions.layers[1:]))
    assert () == gained(permissions, other).rows
    assert () == gained(other, permissions).rows


@given(
    patterns=st.frozensets(st.text("ab*?", max_size=5), max_size=5),
    text=st.text("ab", min_size=1, max_size=6),
)
def test_each_text_has_a_witness_that_matches_the_same_patterns(patterns: frozenset[str], text: str) -> None:
    """The witnesses leave no cell out."""
    wanted = {pattern for pattern in patterns if matches(pattern, text)}
    assert any(
        wanted == {pattern for pattern in patterns if matches(pattern, found)}
        for found in witnesses(patterns)
    )


@pytest.mark.parametrize(
    ("operator", "values", "given_values", "expected"),
    [
        ("StringEquals", ["a"], ("a",), True),
        ("StringEquals", ["a"], None, False),
        ("StringNotEquals", ["a"], None, True),
        ("StringEqualsIfExists", ["a"], None, True),
        ("StringLike", ["a*"], ("abc",), True),
        ("ArnLike", ["arn:aws:sqs:*:1:q"], ("arn:aws:sqs:eu-west-1:1:q",), True),
        ("Null", ["true"], None, True),
        ("Null", ["false"], None, False),
        ("Bool", ["true"], ("false",), False),
        ("NumericLessThan", ["10"], ("9",), True),
        ("NumericLessThan", ["10"], ("10",), False),
        ("DateLessThan", ["2026-01-01T00:00:00Z"], ("2025-12-31T23:59:59Z",), True),
        ("IpAddress", ["10.0.0.0/8"], ("10.9.9.9",), True),
        ("NotIpAddress", ["10.0.0.0/8"], ("10.9.9.9",), False),
        ("ForAllValues:StringEquals", ["a"], ("a", "b"), False),
        ("ForAllValues:StringEquals", ["a"], None, True),
        ("ForAnyValue:StringEquals", ["a"], ("a", "b"), True),
    ],
)
def test_a_condition_holds_as_documented(
    operator: str, values: list[str], given_values: tuple[str, ...] | None, expected: bool
) -> None:
    """Each operator decides as the page on IAM's condition operators says."""
    (condition,) = of_block({operator: {"key": values}})
    assert expected is condition.holds({"key": given_values})


@pytest.mark.parametrize(
    ("operator", "wide", "narrow"),
    [
        ("NumericLessThan", "20", "10"),
        ("DateLessThan", "2027-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("IpAddress", "10.0.0.0/8", "10.1.0.0/16"),
        ("StringLike", "a*", "ab*"),
    ],
)
def test_a_condition_on_a_smaller_range_is_narrower(operator: str, wide: str, narrow: str) -> None:
    """Ranges, networks and patterns are compared by what they hold, not by how they are written."""
    sets_of = [
        PermissionSet(((Statement(True, ANYTHING, conditions=of_block({operator: {"key": value}})),),))
        for value in (wide, narrow)
    ]
    assert () == gained(sets_of[0], sets_of[1]).rows
    assert gained(sets_of[1], sets_of[0]).rows
