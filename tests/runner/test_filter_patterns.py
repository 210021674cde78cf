"""JSON patterns of CloudWatch Logs, on the examples of AWS's documentation and on our own filter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.gateway.filter_patterns import FilterPatternError, matcher

EVENT: dict[str, Any] = {
    "eventType": "UpdateTrail",
    "sourceIPAddress": "111.111.111.111",
    "arrayKey": ["value", "another value"],
    "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
    "SomeObject": None,
    "cluster.name": "c",
    "bandwidth": 75,
    "latency": 0.5,
    "isSet": True,
}
"""Evidence: documentation (page "Filter pattern syntax"), somewhat extended."""


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ('{ $.eventType = "UpdateTrail" }', True),
        ('{$.eventType="UpdateTrail"}', True),
        ("{ $.eventType = UpdateTrail }", True),
        ('{ $.eventType = "Update*" }', True),
        ('{ $.eventType = "Update?rail" }', False),
        ('{ $.eventType != "UpdateTrail" }', False),
        ('{ $.eventType != "Other" }', True),
        ('{ $.missing != "Other" }', False),
        ("{ $.sourceIPAddress != 123.123.* }", True),
        ('{ $.arrayKey[0] = "value" }', True),
        ('{ $.arrayKey[2] = "value" }', False),
        ("{ $.objectList[1].id = 2 }", True),
        ("{ $['cluster.name'] = \"c\" }", True),
        ("{ $.bandwidth > 75 }", False),
        ("{ $.bandwidth >= 75 }", True),
        ("{ $.latency < 1 }", True),
        ("{ $.latency <= 0.4 }", False),
        ("{ $.bandwidth != 75 }", False),
        ("{ $.isSet = 1 }", False),
        ("{ $.isSet IS TRUE }", True),
        ("{ $.isSet IS FALSE }", False),
        ("{ $.SomeObject IS NULL }", True),
        ("{ $.SomeOtherObject IS NULL }", False),
        ("{ $.SomeOtherObject NOT EXISTS }", True),
        ("{ $.eventType EXISTS }", True),
        ('{ $.eventType = "a" || $.bandwidth = 75 }', True),
        ('{ $.eventType = "a" && $.bandwidth = 75 }', False),
        ('{ $.bandwidth = 75 && $.isSet IS TRUE || $.eventType = "a" }', True),
        ('{ $.bandwidth = 75 && ($.isSet IS FALSE || $.eventType = "a") }', False),
    ],
)
def test_a_pattern_matches(pattern: str, expected: bool) -> None:
    """Or not."""
    assert expected is matcher(pattern)(json.dumps(EVENT))


def test_what_is_no_json_never_matches() -> None:
    """A line of text among the events."""
    assert not matcher("{ $.a NOT EXISTS }")("text")


@pytest.mark.parametrize(
    "pattern", ["", "{", "{ }", "{ $.a }", "{ a = 1 }", "{ $.a = }", "{ $.a > b }", "{ $.a = 1 } x", "{ $.a IS 1 }", "{ $.a. = 1 }", "{ $.a ~ 1 }", "{ $.a = %x% && }"]
)  # fmt: skip
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    """With the pattern in the message."""
    with pytest.raises(FilterPatternError, match="Invalid filter pattern"):
        matcher(pattern)
