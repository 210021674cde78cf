"""The conditions of IAM statements, evaluated as AWS does (documentation: IAM, condition operators)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from itertools import combinations
from typing import Any

from review.template import text_of
from review.wildcards import FRESH, matches, witnesses

CONDITION_PREFIX = "template condition "
"""How a condition of the template is named as a key of a request's context."""

OWN_POLICIES = "the caller's own policies allow it"
"""The key of a request that a resource's policy need not allow, since the caller's own policies do."""

Values = tuple[str, ...] | None
"""The values of a key in a request; None where the request has no such key."""

Context = Mapping[str, Values]

_NEGATIVE = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnLike",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
}


@dataclass(frozen=True, slots=True, order=True)
class Condition:
    """One key of a condition block: all conditions of a statement must hold."""

    operator: str
    key: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        """Write it for a reader."""
        if self.key == OWN_POLICIES:
            return self.key
        if self.key.startswith(CONDITION_PREFIX):
            return f"the {self.key} {'holds' if self.values == ('true',) else 'does not hold'}"
        return f"{self.key} {self.operator} {', '.join(self.values)}"

    @property
    def _parts(self) -> tuple[str, str, bool]:
        """The quantifier (`ForAllValues`, `ForAnyValue`, empty), the operator, and whether the key may be absent."""
        quantifier, _, rest = self.operator.rpartition(":")
        return quantifier, rest.removesuffix("IfExists"), rest.endswith("IfExists")

    @property
    def is_multivalued(self) -> bool:
        """Whether it looks at a key of many values."""
        return bool(self._parts[0])

    def holds(self, context: Context) -> bool:
        """Tell whether a request meets it."""
        quantifier, operator, may_be_absent = self._parts
        given = context.get(self.key.lower())
        if operator == "Null":
            return any((value.lower() == "true") == (given is None) for value in self.values)
        positive = _NEGATIVE.get(operator)
        if given is None:
            return may_be_absent or quantifier == "ForAllValues" or (positive is not None and not quantifier)
        if positive is not None:
            tests = [not self._matches(positive, value) for value in given]
        else:
            tests = [self._matches(operator, value) for value in given]
        return all(tests) if quantifier == "ForAllValues" else any(tests)

    def _matches(self, operator: str, given: str) -> bool:
        test = _OPERATORS.get(operator)
        if test is None:
            return given == f"{operator}={','.join(self.values)}"
        return any(test(value, given) for value in self.values)

    def interesting(self) -> set[str]:
        """Return the values of the key on both sides of every boundary that it draws."""
        _, operator, _ = self._parts
        operator = _NEGATIVE.get(operator, operator)
        if operator == "Null":
            return {FRESH}
        if operator == "Bool":
            return {"true", "false"}
        if operator not in _OPERATORS:
            return {f"{operator}={','.join(self.values)}", FRESH}
        if operator.startswith("Numeric"):
            return {FRESH, *(text for value in self.values for text in _around(value))}
        if operator.startswith("Date"):
            return {FRESH, *(text for value in self.values for text in _around_date(value))}
        if operator == "IpAddress":
            return {FRESH, *(text for value in self.values for text in _around_network(value))}
        return {FRESH, *self.values}

    @property
    def patterns(self) -> frozenset[str]:
        """The patterns that it holds the key against; none where it compares otherwise."""
        operator = _NEGATIVE.get(self._parts[1], self._parts[1])
        if operator in ("StringLike", "ArnLike", "ArnEquals"):
            return frozenset(self.values)
        if operator in ("StringEquals", "StringEqualsIgnoreCase"):
            return frozenset(value.replace("*", FRESH).replace("?", FRESH) for value in self.values)
        return frozenset()


def possible_values(conditions: Iterable[Condition]) -> list[Values]:
    """Return values of one key such that each way in which the conditions can hold or fail is among them."""
    conditions = list(conditions)
    single = {value for condition in conditions for value in condition.interesting()}
    single |= set(witnesses(frozenset().union(*(condition.patterns for condition in conditions))))
    found: list[Values] = [None, *((value,) for value in sorted(single))]
    if any(condition.is_multivalued for condition in conditions):
        found += [(), *combinations(sorted(single), 2)]
    return found


def of_block(block: Any) -> tuple[Condition, ...]:
    """Read a statement's `Condition`; what has not its form is left out by nobody: it becomes a text of its own."""
    if not isinstance(block, Mapping):
        return () if block is None else (Condition("Unreadable", "condition", (text_of(block),)),)
    found = []
    for operator, keys in block.items():
        if not isinstance(keys, Mapping):
            found.append(Condition("Unreadable", str(operator), (text_of(keys),)))
            continue
        for key, values in keys.items():
            texts = (text_of(value) for value in (values if isinstance(values, list) else [values]))
            found.append(Condition(str(operator), str(key), tuple(sorted(set(texts)))))
    return tuple(sorted(found))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _instant(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _number(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _ordered(
    read: Callable[[str], float | None], compare: Callable[[float, float], bool]
) -> Callable[[str, str], bool]:
    def test(value: str, given: str) -> bool:
        left, right = read(given), read(value)
        return compare(left, right) if left is not None and right is not None else value == given

    return test


def _in_network(value: str, given: str) -> bool:
    try:
        return ip_address(given) in ip_network(value, strict=False)
    except ValueError:
        return value == given


_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "Equals": lambda given, value: given == value,
    "LessThan": lambda given, value: given < value,
    "LessThanEquals": lambda given, value: given <= value,
    "GreaterThan": lambda given, value: given > value,
    "GreaterThanEquals": lambda given, value: given >= value,
}

_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda value, given: value == given,
    "StringEqualsIgnoreCase": lambda value, given: value.lower() == given.lower(),
    "StringLike": matches,
    "ArnLike": matches,
    "ArnEquals": matches,
    "Bool": lambda value, given: value.lower() == given.lower(),
    "BinaryEquals": lambda value, given: value == given,
    "IpAddress": _in_network,
    **{f"Numeric{name}": _ordered(_number, compare) for name, compare in _COMPARISONS.items()},
    **{f"Date{name}": _ordered(_instant, compare) for name, compare in _COMPARISONS.items()},
}


def _around(value: str) -> set[str]:
    number = _number(value)
    return {value} if number is None else {str(number - 1), value, str(number + 1)}


def _around_date(value: str) -> set[str]:
    instant = _instant(value)
    return {value} if instant is None else {str(instant - 1), value, str(instant + 1)}


def _around_network(value: str) -> set[str]:
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        return {value}
    edges = [int(network[0]) - 1, int(network[0]), int(network[-1]), int(network[-1]) + 1]
    most = 2**network.max_prefixlen
    return {str(type(network[0])(edge)) for edge in edges if 0 <= edge < most}
