"""An ASL document as frozen states.

The shape is read tolerantly: what a document leaves out or writes wrong is absent here, and it is the
checker's work to say so. `StateMachine.of` therefore refuses only what is no state machine at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, ClassVar

from states_language.pointer import ROOT, Pointer

LARGEST_NUMBER = 2**53
"""Beyond it, JSON numbers are not exact (RFC 8259, section 6); no count or time of ASL comes near."""


class DocumentError(Exception):
    """The document cannot be read as a state machine at all; the message is for the person who wrote it."""

    def __init__(
        self, message: str, pointer: Pointer = ROOT, line: int | None = None, column: int | None = None
    ):
        super().__init__(message)
        self.message = message
        self.pointer = pointer
        self.line = line
        self.column = column


class TransitionKind(StrEnum):
    """Why an execution goes from one state to another."""

    NEXT = "next"
    CATCH = "catch"
    CHOICE = "choice"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Transition:
    """One edge of the state graph: where it leads and the place that says so (`…/Next`, `…/Default`)."""

    kind: TransitionKind
    target: str
    pointer: Pointer


@dataclass(frozen=True, slots=True)
class Catcher:
    """One entry of `Catch`."""

    errors: tuple[str, ...]
    next: str | None
    result_path: str | None
    """Where the error output goes: a reference path, `$` by default, None where the document says null."""
    fields: Mapping[str, Any]
    pointer: Pointer


@dataclass(frozen=True, slots=True)
class Retrier:
    """One entry of `Retry`; intervals in seconds, with ASL's defaults filled in."""

    errors: tuple[str, ...]
    interval_seconds: float
    max_attempts: int
    backoff_rate: float
    max_delay_seconds: float | None
    full_jitter: bool
    fields: Mapping[str, Any]
    pointer: Pointer

    def longest_wait(self) -> float:
        """Return the seconds that all its waits take together when no jitter shortens them; infinity if uncountable.

        A document may ask for 99,999,999 attempts, so the waits are a geometric series up to the limit, not a loop.
        """
        first, rate, limit = self.interval_seconds, float(self.backoff_rate), self.max_delay_seconds
        if limit is not None and first >= limit:
            return self.max_attempts * limit
        try:
            growing = self.max_attempts
            if limit is not None and rate > 1 and first > 0:
                growing = min(growing, math.ceil(math.log(limit / first, rate)))
            grown = first * (growing if rate == 1 else (rate**growing - 1) / (rate - 1))
        except OverflowError:
            return math.inf
        return grown + (self.max_attempts - growing) * (limit or 0)


@dataclass(frozen=True)
class State:
    """What all states have: a name, a place, and the fields as they are written."""

    type: ClassVar[str]
    name: str
    pointer: Pointer
    fields: Mapping[str, Any] = field(repr=False)
    query_language: str = "JSONPath"

    @property
    def next(self) -> str | None:
        """The state that follows without an error or a choice."""
        return _text(self.fields.get("Next"))

    @property
    def is_terminal(self) -> bool:
        """Whether an execution (of this scope) may end here."""
        return self.fields.get("End") is True or isinstance(self, Succeed | Fail)

    @cached_property
    def catchers(self) -> tuple[Catcher, ...]:
        """The entries of `Catch` that have the form of one."""
        return tuple(
            Catcher(
                errors=_texts(entry.get("ErrorEquals")),
                next=_text(entry.get("Next")),
                result_path=_result_path(entry),
                fields=entry,
                pointer=pointer,
            )
            for entry, pointer in _objects(self.fields.get("Catch"), self.pointer / "Catch")
        )

    @cached_property
    def retriers(self) -> tuple[Retrier, ...]:
        """The entries of `Retry` that have the form of one."""
        return tuple(
            Retrier(
                errors=_texts(entry.get("ErrorEquals")),
                interval_seconds=_number(entry.get("IntervalSeconds"), 1),
                max_attempts=int(_number(entry.get("MaxAttempts"), 3)),
                backoff_rate=_number(entry.get("BackoffRate"), 2.0),
                max_delay_seconds=_number(entry["MaxDelaySeconds"], 0)
                if "MaxDelaySeconds" in entry
                else None,
                full_jitter=entry.get("JitterStrategy") == "FULL",
                fields=entry,
                pointer=pointer,
            )
            for entry, pointer in _objects(self.fields.get("Retry"), self.pointer / "Retry")
        )

    @property
    def scopes(self) -> tuple[StateMachine, ...]:
        """The state machines inside this state: a Parallel's branches, a Map's processor."""
        return ()

    def transitions(self) -> Iterator[Transition]:
        """Yield the edges that leave this state, in the order in which the document writes them."""
        if (target := self.next) is not None:
            yield Transition(TransitionKind.NEXT, target, self.pointer / "Next")
        for catcher in self.catchers:
            if catcher.next is not None:
                yield Transition(TransitionKind.CATCH, catcher.next, catcher.pointer / "Next")


# The kinds of states add no fields, and are frozen as `State` is: making each a dataclass of its own would double the
# time that this module takes to import.


class Task(State):
    """Calls an integration, or an activity."""

    type: ClassVar[str] = "Task"

    @property
    def resource(self) -> str:
        """The integration's ARN as it is written; empty where it is missing."""
        return _text(self.fields.get("Resource")) or ""

    @property
    def parameters_key(self) -> str:
        """`Parameters` in JSONPath, `Arguments` in JSONata."""
        return "Arguments" if self.query_language == "JSONata" else "Parameters"

    @property
    def parameters(self) -> Any:
        """The payload template of the call, or None."""
        return self.fields.get(self.parameters_key)


class Pass(State):
    """Reshapes the data."""

    type: ClassVar[str] = "Pass"


@dataclass(frozen=True, slots=True)
class ChoiceRule:
    """One entry of `Choices`."""

    fields: Mapping[str, Any]
    next: str | None
    pointer: Pointer


class Choice(State):
    """Chooses the next state by the data."""

    type: ClassVar[str] = "Choice"

    @cached_property
    def rules(self) -> tuple[ChoiceRule, ...]:
        """The entries of `Choices`, in the order in which they are tried."""
        return tuple(
            ChoiceRule(entry, _text(entry.get("Next")), pointer)
            for entry, pointer in _objects(self.fields.get("Choices"), self.pointer / "Choices")
        )

    @property
    def default(self) -> str | None:
        """The state that follows when no rule holds; without one the execution fails (`States.NoChoiceMatched`)."""
        return _text(self.fields.get("Default"))

    def transitions(self) -> Iterator[Transition]:
        """Yield an edge for each rule, then the default."""
        for rule in self.rules:
            if rule.next is not None:
                yield Transition(TransitionKind.CHOICE, rule.next, rule.pointer / "Next")
        if (default := self.default) is not None:
            yield Transition(TransitionKind.DEFAULT, default, self.pointer / "Default")


class Wait(State):
    """Waits for a time."""

    type: ClassVar[str] = "Wait"


class Parallel(State):
    """Runs its branches at once; the result is the list of theirs."""

    type: ClassVar[str] = "Parallel"

    @cached_property
    def branches(self) -> tuple[StateMachine, ...]:
        """The branches that have the form of a state machine."""
        return tuple(
            StateMachine.of(entry, pointer, self.query_language)
            for entry, pointer in _objects(self.fields.get("Branches"), self.pointer / "Branches")
            if isinstance(entry.get("States"), Mapping)
        )

    @property
    def scopes(self) -> tuple[StateMachine, ...]:
        """Its branches."""
        return self.branches


class Map(State):
    """Runs its processor for each item."""

    type: ClassVar[str] = "Map"

    @property
    def processor_key(self) -> str:
        """`ItemProcessor`, or the older `Iterator` where the document has that one."""
        return (
            "Iterator"
            if "ItemProcessor" not in self.fields and "Iterator" in self.fields
            else "ItemProcessor"
        )

    @cached_property
    def processor(self) -> StateMachine | None:
        """The state machine that runs for each item."""
        entry = self.fields.get(self.processor_key)
        if not isinstance(entry, Mapping) or not isinstance(entry.get("States"), Mapping):
            return None
        return StateMachine.of(entry, self.pointer / self.processor_key, self.query_language)

    @property
    def is_distributed(self) -> bool:
        """Whether each item is an execution of its own."""
        entry = self.fields.get(self.processor_key)
        settings = entry.get("ProcessorConfig") if isinstance(entry, Mapping) else None
        return isinstance(settings, Mapping) and settings.get("Mode") == "DISTRIBUTED"

    @property
    def scopes(self) -> tuple[StateMachine, ...]:
        """Its processor."""
        return () if self.processor is None else (self.processor,)


class Succeed(State):
    """Ends the execution well."""

    type: ClassVar[str] = "Succeed"


class Fail(State):
    """Ends the execution with an error."""

    type: ClassVar[str] = "Fail"


class UnknownState(State):
    """A state whose `Type` is missing or is none of ASL's."""

    type: ClassVar[str] = "Unknown"


STATE_TYPES: Mapping[str, type[State]] = {
    kind.type: kind for kind in (Task, Pass, Choice, Wait, Parallel, Map, Succeed, Fail)
}


@dataclass(frozen=True)
class StateMachine:
    """A scope of states: the document itself, a Parallel's branch, a Map's processor."""

    start_at: str | None
    states: Mapping[str, State]
    pointer: Pointer
    fields: Mapping[str, Any] = field(repr=False)
    query_language: str = "JSONPath"

    @classmethod
    def of(cls, document: Any, pointer: Pointer = ROOT, query_language: str = "JSONPath") -> StateMachine:
        """Read a state machine from parsed JSON.

        Raises `DocumentError` where the document is no object or has no object `States`.
        """
        if not isinstance(document, Mapping):
            raise DocumentError("A state machine is a JSON object.", pointer)
        entries = document.get("States")
        if not isinstance(entries, Mapping):
            raise DocumentError("A state machine has an object 'States'.", pointer)
        language = _text(document.get("QueryLanguage")) or query_language
        place = pointer / "States"
        states = {
            name: STATE_TYPES.get(_text(entry.get("Type")) or "", UnknownState)(
                name=name,
                pointer=place / name,
                fields=entry,
                query_language=_text(entry.get("QueryLanguage")) or language,
            )
            for name, entry in entries.items()
            if isinstance(entry, Mapping)
        }
        return cls(_text(document.get("StartAt")), states, pointer, document, language)

    def only(self, names: Iterable[str]) -> StateMachine:
        """Return the scope with some of its states; edges to the others lead nowhere then."""
        wanted = {*names}
        kept = {name: state for name, state in self.states.items() if name in wanted}
        return replace(self, states=kept)

    def walk(self) -> Iterator[State]:
        """Yield every state, those of inner scopes too, in the order of the document."""
        for state in self.states.values():
            yield state
            for scope in state.scopes:
                yield from scope.walk()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(entry for entry in value if isinstance(entry, str)) if isinstance(value, list) else ()


def _number(value: Any, default: float) -> float:
    """Return a number as it is written, or the default; 1e999 is JSON, but parses to no number one can count with."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > LARGEST_NUMBER:
        return default
    return value if value == value else default  # noqa: PLR0124  # NaN, which Python's parser takes, equals nothing


def _objects(value: Any, pointer: Pointer) -> Iterator[tuple[Mapping[str, Any], Pointer]]:
    for index, entry in enumerate(value if isinstance(value, list) else ()):
        if isinstance(entry, Mapping):
            yield entry, pointer / index


def _result_path(entry: Mapping[str, Any]) -> str | None:
    value = entry.get("ResultPath", "$")
    return value if isinstance(value, str) else None
