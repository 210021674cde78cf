"""What every query language does for a state, and the size that data may have."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from states_language.interpreter.errors import DATA_LIMIT_EXCEEDED, StateFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from states_language.document import Catcher, ChoiceRule, State

PAYLOAD_LIMIT = 256 * 1024
"""Bytes of UTF-8 that a state's input, output or result may have. Evidence: documentation (quotas)."""

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def to_text(value: Any) -> str:
    """Write a value as compact JSON. Raises `TypeError` or `ValueError` for what is no JSON."""
    return _encode(value)


def shortened(value: Any) -> str:
    """Write a value as JSON for a message, its end left out where it is long."""
    text = to_text(value)
    return text if len(text) <= 1_000 else f"{text[:1_000]}…"


def check_size(text: str, name: str) -> None:
    """Fail with `States.DataLimitExceeded` where a payload is too large; `name` is the state or integration."""
    if len(text) * 4 > PAYLOAD_LIMIT and len(text.encode()) > PAYLOAD_LIMIT:
        raise StateFailure(
            DATA_LIMIT_EXCEEDED,
            # Evidence for the wording: recorded (LocalStack, error_handling/test_states_errors.snapshot.json).
            f"The state/task '{name}' returned a result with a size exceeding "
            "the maximum number of bytes service limit.",
        )


class Outcome(NamedTuple):
    """What a state gives: its output, the state that follows (None at the end), and the variables it sets."""

    output: Any
    next: str | None
    assigned: dict[str, Any]


class View(ABC):
    """What the expressions of one state see, and what they make of its data: one class for each query language."""

    parameters: ClassVar[str]
    """The field that holds the payload template of a call."""

    value: Any
    """The state's effective input."""
    context: Any
    """The context object."""

    @abstractmethod
    def entered(self, fields: Mapping[str, Any]) -> View:
        """Return the view of the state's effective input; this one sees the raw input."""

    @abstractmethod
    def within(self, context: Any) -> View:
        """Return the view with another context object."""

    @abstractmethod
    def fill(self, template: Any, field: str = "") -> Any:
        """Fill a payload template; `field` is where it stands."""

    @abstractmethod
    def field(self, fields: Mapping[str, Any], name: str) -> Any:
        """Return the value of a field that may be computed; None where the state has none."""

    @abstractmethod
    def items(self, fields: Mapping[str, Any]) -> Any:
        """Return what a Map state iterates over."""

    @abstractmethod
    def rule_holds(self, rule: ChoiceRule) -> bool:
        """Tell whether a rule of a Choice state holds."""

    @abstractmethod
    def passed(self, state: State) -> Outcome:
        """Return what a Pass state gives; this view sees the raw input."""

    @abstractmethod
    def left(self, state: State, rule: Mapping[str, Any] | None = None) -> Outcome:
        """Return what a state without a result gives, by its own fields or those of a choice rule."""

    @abstractmethod
    def finished(self, state: State, result: Any) -> Outcome:
        """Return what a state with a result gives; this view sees the raw input."""

    @abstractmethod
    def caught(self, catcher: Catcher, error_output: dict[str, str]) -> Outcome:
        """Return what a catcher hands on; this view sees the raw input."""
