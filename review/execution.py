"""What happened in an execution, read from its history: from AWS (`get-execution-history`) or from a run here."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from review.execution_ends import ENDS
from review.model import ReviewError
from states_language.document import StateMachine
from states_language.sources import read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

FAILED = re.compile(r"(?:Failed|TimedOut)$|^ExecutionAborted$")
"""Types of events that say that a call, or the execution, failed."""


@dataclass(slots=True)
class Visit:
    """One time that a state was entered."""

    name: str
    type: str
    entered_at: float
    """Seconds since the execution started."""
    input: str
    came_from: str = ""
    left_at: float | None = None
    output: str | None = None
    errors: list[str] = field(default_factory=list)
    """Of each attempt that failed: error and cause."""
    calls: int = 0

    @property
    def fate(self) -> str:
        """What became of it: succeeded, retried (then succeeded), caught, failed, or stopped before it ended."""
        if self.type == "Fail":
            return "failed"
        if self.left_at is None:
            return "failed" if self.errors else "stopped"
        if not self.errors:
            return "succeeded"
        return "retried" if self.calls > len(self.errors) else "caught"


@dataclass(frozen=True, slots=True)
class Told:
    """An execution, as its history tells it."""

    status: str
    started: str
    seconds: float
    input: str
    output: str | None
    error: str
    cause: str
    visits: tuple[Visit, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The states that were entered, each once, in the order of their first visits."""
        return tuple(dict.fromkeys(visit.name for visit in self.visits))

    def fate(self, name: str) -> str:
        """Return what became of a state at its last visit; `retried` where an earlier one failed."""
        visits = [visit for visit in self.visits if visit.name == name]
        last = visits[-1].fate
        return "retried" if last == "succeeded" and any(visit.errors for visit in visits) else last


def read(path: Path) -> list[Mapping[str, Any]]:
    """Return the events of a history file. Raises `ReviewError` where it holds none."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ReviewError(f"{path}: is no JSON ({error}).") from error
    for key in ("events", "history"):
        if isinstance(value, dict) and key in value:
            value = value[key]
    is_history = (
        isinstance(value, list)
        and value
        and all(isinstance(each, dict) and "type" in each and "id" in each for each in value)
    )
    if not is_history:
        raise ReviewError(
            f"{path}: is no execution history: it holds no list of events. "
            "`aws stepfunctions get-execution-history --execution-arn ARN --include-execution-data` writes one."
        )
    return sorted(value, key=lambda event: int(event["id"]))


def tell(events: Iterable[Mapping[str, Any]]) -> Told:
    """Return what a history tells; an execution that still runs has the status RUNNING."""
    events = list(events)
    reader = _Reader({int(event["id"]): event for event in events}, _moment(events[0]))
    for event in events:
        reader.take(event)
    return _told(events, tuple(reader.entered.values()), reader.start)


@dataclass
class _Reader:
    """Follows the events; each names the one that it follows."""

    by_id: Mapping[int, Mapping[str, Any]]
    start: float
    entered: dict[int, Visit] = field(default_factory=dict)
    """The visits by the events that entered them."""
    left: dict[int, Visit] = field(default_factory=dict)
    """The visits by the events that left them."""

    def take(self, event: Mapping[str, Any]) -> None:
        """Take the next event."""
        kind, number = str(event["type"]), int(event["id"])
        if kind.endswith("StateEntered"):
            details = event.get("stateEnteredEventDetails") or {}
            # Right behind the exit of a state; behind anything else a branch or an iteration begins.
            before = self.left.get(int(event.get("previousEventId", 0)))
            self.entered[number] = Visit(
                str(details.get("name", "?")),
                kind.removesuffix("StateEntered"),
                _moment(event) - self.start,
                str(details.get("input", "")),
                before.name if before else "",
            )
        elif kind.endswith("StateExited"):
            self._leave(event)
        elif not kind.startswith("Execution") and (visit := self._enclosing(event)) is not None:
            if kind.endswith("Scheduled"):
                visit.calls += 1
            elif FAILED.search(kind):
                visit.errors.append(_error(event))

    def _leave(self, event: Mapping[str, Any]) -> None:
        details = event.get("stateExitedEventDetails") or {}
        for number in self._back(event):
            visit = self.entered.get(number)
            if visit is not None and visit.name == details.get("name") and visit.left_at is None:
                visit.left_at = _moment(event) - self.start
                visit.output = details.get("output")
                self.left[int(event["id"])] = visit
                return

    def _enclosing(self, event: Mapping[str, Any]) -> Visit | None:
        """Return the visit during which an event happened."""
        return next((self.entered[number] for number in self._back(event) if number in self.entered), None)

    def _back(self, event: Mapping[str, Any]) -> Iterator[int]:
        """Yield the numbers of the events that an event follows, the latest first."""
        number = int(event.get("previousEventId", 0))
        while number in self.by_id:
            yield number
            following = int(self.by_id[number].get("previousEventId", 0))
            number = following if following < number else 0


def _told(events: list[Mapping[str, Any]], visits: tuple[Visit, ...], start: float) -> Told:
    first, last = events[0], events[-1]
    status = ENDS.get(str(last["type"]), "RUNNING")
    details = _details(last) if status != "RUNNING" else {}
    return Told(
        status,
        str(first.get("timestamp", "")),
        _moment(last) - start,
        str(_details(first).get("input", "")),
        details.get("output"),
        str(details.get("error") or ""),
        str(details.get("cause") or ""),
        visits,
    )


def _details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(
        (value for key, value in event.items() if key.endswith("EventDetails") and isinstance(value, dict)),
        {},
    )


def _error(event: Mapping[str, Any]) -> str:
    details = _details(event)
    name = str(details.get("error") or event["type"])
    return f"{name}: {details['cause']}" if details.get("cause") else name


def _moment(event: Mapping[str, Any]) -> float:
    value = event.get("timestamp", 0)
    if isinstance(value, int | float):
        return float(value)
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError as error:
        raise ReviewError(f"event {event['id']}: its timestamp '{value}' cannot be read.") from error


def taken(machine: StateMachine, told: Told) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """Return the fates of the states, and the edges that were taken, by the pointers of the states."""
    states = {state.name: state for state in machine.walk()}
    fates = {str(states[name].pointer): told.fate(name) for name in told.names if name in states}
    edges = {
        (str(states[visit.came_from].pointer), str(states[visit.name].pointer))
        for visit in told.visits
        if visit.came_from in states and visit.name in states
    }
    return fates, edges


def executed(definition: Path | None, folder: Path, names: tuple[str, ...]) -> StateMachine | None:
    """Return the document that was executed: the one that is named, or the one in a folder that has all its states."""
    for path in [definition] if definition else sorted(folder.glob("*.asl.json")):
        for found in read_file(path):
            machine = StateMachine.of(found.value)
            if definition or {*names} <= {state.name for state in machine.walk()}:
                return machine
    return None
