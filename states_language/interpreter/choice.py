"""The comparisons of a Choice state.

A comparison of unlike kinds does not hold; a variable or a compared path that leads nowhere ends the execution
with `States.Runtime`, save under `IsPresent`. Evidence: documentation (page "Choice workflow state"), and
histories recorded from AWS (LocalStack, `choice_operators/*.snapshot.json`).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from states_language.interpreter.errors import RUNTIME, StateFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

_RELATIONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")


def parse_timestamp(text: Any) -> datetime | None:
    """Read a timestamp of RFC 3339 with capital T and Z, as ASL demands; None for anything else."""
    if not isinstance(text, str) or not _TIMESTAMP.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "String": _string,
    "Numeric": _number,
    "Boolean": _boolean,
    "Timestamp": parse_timestamp,
}

_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "IsNull": lambda value: value is None,
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsNumeric": lambda value: _number(value) is not None,
    "IsString": lambda value: isinstance(value, str),
    "IsTimestamp": lambda value: parse_timestamp(value) is not None,
}

Follow = Callable[[str, str], Any]
Comparison = tuple[Callable[[Any], Any], Callable[[Any, Any], bool]]

COMPARISONS: Mapping[str, Comparison] = {
    f"{kind}{relation}": (read, holds)
    for kind, read in _READERS.items()
    for relation, holds in _RELATIONS.items()
    if kind != "Boolean" or relation == "Equals"
}
"""Each operator that compares: how it reads a value of its kind (None for another kind), and its relation."""

OPERATORS = (
    frozenset(COMPARISONS)
    | {f"{name}Path" for name in COMPARISONS}
    | set(_KINDS)
    | {"IsPresent", "StringMatches"}
)
"""All names of data-test operators."""


def holds(rule: Mapping[str, Any], follow: Follow) -> bool:
    """Tell whether a choice rule, or a rule inside one, holds; `follow(path, field)` gives what a path leads to.

    `And` and `Or` stop at the first rule that decides. Fails with `States.Runtime` where a path leads nowhere.
    """
    if "And" in rule:
        return all(holds(inner, follow) for inner in rule["And"])
    if "Or" in rule:
        return any(holds(inner, follow) for inner in rule["Or"])
    if "Not" in rule:
        return not holds(rule["Not"], follow)
    name = next(name for name in rule if name in OPERATORS)
    return _compare(name, rule[name], rule["Variable"], follow)


def _compare(name: str, operand: Any, variable: str, follow: Follow) -> bool:
    if name == "IsPresent":
        return _is_present(variable, follow) is bool(operand)
    value = _look_up(variable, follow)
    if name in _KINDS:
        return _KINDS[name](value) is bool(operand)
    if name == "StringMatches":
        return (
            isinstance(value, str) and isinstance(operand, str) and bool(_pattern(operand).fullmatch(value))
        )
    if name.endswith("Path"):
        operand = _look_up(operand, follow)
        name = name[: -len("Path")]
    read, relation = COMPARISONS[name]
    left, right = read(value), read(operand)
    return left is not None and right is not None and relation(left, right)


def _look_up(path: str, follow: Follow) -> Any:
    try:
        return follow(path, "Variable")
    except StateFailure as failure:
        # Evidence for the wording: recorded (quoted from AWS in many reports).
        raise StateFailure(
            RUNTIME, f"Invalid path '{path}': The choice state's condition path references an invalid value."
        ) from failure


def _is_present(path: str, follow: Follow) -> bool:
    try:
        follow(path, "Variable")
    except StateFailure:
        return False
    return True


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    r"""Read a pattern of `StringMatches`: `*` is any text, `\*` an asterisk, `\\` a backslash."""
    parts: list[str] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\" and text[position + 1 : position + 2] in ("*", "\\"):
            position += 1
            parts.append(re.escape(text[position]))
        elif character == "*":
            parts.append(".*")
        else:
            parts.append(re.escape(character))
        position += 1
    return re.compile("".join(parts), re.DOTALL)
