"""Execute a document."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING, Any

from states_language.clock import VirtualClock, timestamp
from states_language.document import DocumentError, StateMachine
from states_language.interpreter.branch import Branch, Run
from states_language.interpreter.data import PAYLOAD_LIMIT, Outcome, to_text
from states_language.interpreter.errors import RUNTIME, TIMEOUT, ExecutionStopped
from states_language.interpreter.form import refuse_malformed
from states_language.interpreter.history import (
    EVENT_LIMIT,
    NOT_TRUNCATED,
    Event,
    History,
    HistoryFull,
    failure_details,
)
from states_language.interpreter.schedule import DeadlinePassed, Flow, Scheduler
from states_language.interpreter.states import run_scope, run_state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from states_language.clock import Clock
    from states_language.interpreter.branch import CallTask


class Status(StrEnum):
    """How an execution ended."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"


@dataclass(frozen=True, slots=True)
class Execution:
    """What became of an execution."""

    status: Status
    output: Any
    """The last state's output where it succeeded; else None."""
    error: str | None
    cause: str | None
    history: tuple[Event, ...]
    """The events in the names and shapes of GetExecutionHistory, each timestamp as text."""

    @property
    def visited(self) -> tuple[str, ...]:
        """The names of the states that were entered, in order, those of inner scopes too."""
        return tuple(
            event["stateEnteredEventDetails"]["name"]
            for event in self.history
            if "stateEnteredEventDetails" in event
        )


def execute(  # noqa: PLR0913 - what an execution may be told, all but two by name
    document: Mapping[str, Any] | StateMachine,
    input: Any,  # noqa: A002 - AWS's word, and the architecture's
    *,
    call_task: CallTask,
    clock: Clock | None = None,
    seed: int = 0,
    context: Mapping[str, Mapping[str, Any]] | None = None,
    observe: Callable[[Event], None] | None = None,
    stop_after: float | None = None,
) -> Execution:
    """Execute a document, as Step Functions does a standard workflow.

    `call_task(resource, parameters, context)` answers each task: it returns the result, or a `Took` that says how
    long it took, or raises `TaskFailed`. It gets copies, and what it returns is copied.
    `clock` is virtual by default; `seed` decides all that is random. The same arguments give the same history.
    `context` replaces fields of the context object's `Execution` and `StateMachine`.
    `observe` is shown every event as it happens; it, or `call_task`, may raise `ExecutionStopped`, and
    `stop_after` stops the execution that many seconds after its start: what was running is aborted.

    Before anything runs it raises `DocumentError` for a document that has not the form of one, and
    `UnsupportedDocument` for JSONata where its library is missing. It raises `ValueError` and `TypeError` for an
    input or a task's result that is no JSON, or an input that is too large. A failure of the execution itself is
    in the returned `Execution`.
    """
    machine = _read(document)
    text = _input_text(input)
    clock = clock or VirtualClock()
    limits = _Limits.of(machine, clock.now(), stop_after)
    branch = _start(text, call_task, History(clock, observe), clock, seed, context or {})

    def flow() -> Flow:
        role = branch.context["Execution"]["RoleArn"]
        branch.run.history.add(
            "ExecutionStarted", 0, {"input": text, "inputDetails": NOT_TRUNCATED, "roleArn": role}
        )
        return (yield from run_scope(branch, machine, json.loads(text)))

    return _Ending(branch, limits).of(flow())


@dataclass(frozen=True, slots=True)
class StateExecution:
    """What became of one state that was run alone."""

    execution: Execution
    """Its output, or its failure, and the events that it made."""
    next: str | None
    """The state that would follow; None at the end, and where it failed."""
    assigned: Mapping[str, Any]
    """The variables that it set."""


def execute_state(  # noqa: PLR0913 - what an execution may be told, all but three by name
    document: Mapping[str, Any] | StateMachine,
    name: str,
    input: Any,  # noqa: A002 - as in `execute`
    *,
    call_task: CallTask,
    clock: Clock | None = None,
    seed: int = 0,
    context: Mapping[str, Mapping[str, Any]] | None = None,
    variables: Mapping[str, Any] | None = None,
) -> StateExecution:
    """Run one state of a document alone, those of inner scopes too, with its retriers and catchers.

    `variables` are what earlier states have assigned; for a state inside a Map, `context` may hold `Map`.
    Raises as `execute` does, and `DocumentError` where the document has no such state.
    """
    machine = _read(document)
    state = next((state for state in machine.walk() if state.name == name), None)
    if state is None:
        names = ", ".join(state.name for state in machine.walk())
        raise DocumentError(
            f"There is no state '{name}' in the document; there are {names}.", machine.pointer
        )
    text = _input_text(input)
    clock = clock or VirtualClock()
    branch = _start(text, call_task, History(clock, None), clock, seed, context or {})
    branch.variables = dict(variables or {})
    outcomes: list[Outcome] = []

    def flow() -> Flow:
        outcome, _ = yield from run_state(branch, state, json.loads(text), text)
        outcomes.append(outcome)
        return outcome.output

    execution = _Ending(branch, _Limits(None, None)).of(flow())
    outcome = outcomes[0] if outcomes else Outcome(None, None, {})
    return StateExecution(execution, outcome.next, outcome.assigned)


def _read(document: Mapping[str, Any] | StateMachine) -> StateMachine:
    machine = document if isinstance(document, StateMachine) else StateMachine.of(document)
    refuse_malformed(machine)
    return machine


def _input_text(value: Any) -> str:
    text = to_text(value)
    size = len(text.encode())
    if size > PAYLOAD_LIMIT:
        raise ValueError(f"The input has {size} bytes; at most {PAYLOAD_LIMIT} are allowed.")
    return text


def _start(  # noqa: PLR0913, PLR0917 - what `execute` was told
    text: str,
    call_task: CallTask,
    history: History,
    clock: Clock,
    seed: int,
    context: Mapping[str, Mapping[str, Any]],
) -> Branch:
    whole_context = _context(json.loads(text), clock.now(), context)
    random = Random(seed)  # noqa: S311 - reproducible on purpose
    region = _region(whole_context["Execution"]["Id"])
    return Branch(Run(clock, call_task, history, Scheduler(clock), random, region), whole_context)


@dataclass(frozen=True, slots=True)
class _Limits:
    """When an execution that still runs is ended from outside."""

    timeout: datetime | None
    stop: datetime | None

    @classmethod
    def of(cls, machine: StateMachine, start: datetime, stop_after: float | None) -> _Limits:
        seconds = machine.fields.get("TimeoutSeconds")
        limited = isinstance(seconds, int) and not isinstance(seconds, bool)
        return cls(
            start + timedelta(seconds=seconds) if limited else None,  # type: ignore[arg-type]
            None if stop_after is None else start + timedelta(seconds=stop_after),
        )

    @property
    def first(self) -> datetime | None:
        return min((moment for moment in (self.timeout, self.stop) if moment is not None), default=None)

    @property
    def is_stop_first(self) -> bool:
        return self.stop is not None and self.stop == self.first


class _Ending:
    """Runs the main flow and writes the event that ends the execution."""

    def __init__(self, branch: Branch, limits: _Limits):
        self._branch = branch
        self._limits = limits

    def of(self, flow: Flow) -> Execution:
        scheduler = self._branch.run.scheduler
        try:
            job = scheduler.start(flow)
            scheduler.run(job, self._limits.first)
        except DeadlinePassed:
            scheduler.abandons = not self._limits.is_stop_first
            self._close()
            if self._limits.is_stop_first:
                return self._end(Status.ABORTED, "ExecutionAborted", None, None)
            # That the error is named: unverified; the event has no details in recorded histories.
            return self._end(Status.TIMED_OUT, "ExecutionTimedOut", TIMEOUT, None)
        except ExecutionStopped as stop:
            self._close()
            return self._end(Status.ABORTED, "ExecutionAborted", stop.error, stop.cause)
        except HistoryFull:
            self._close()
            cause = f"The execution reached the maximum number of history events ({EVENT_LIMIT})."
            return self._end(Status.FAILED, "ExecutionFailed", RUNTIME, cause)
        except BaseException:
            # An interrupt, or a fault of the caller's: what runs is cancelled, so that nothing is left behind.
            self._close()
            raise
        self._branch.run.history.close()
        if job.failure is not None:
            return self._end(Status.FAILED, "ExecutionFailed", job.failure.error or None, job.failure.cause)
        details = {"output": to_text(job.value), "outputDetails": NOT_TRUNCATED}
        self._branch.record("ExecutionSucceeded", details)
        return Execution(Status.SUCCEEDED, job.value, None, None, tuple(self._branch.run.history.events))

    def _close(self) -> None:
        self._branch.run.history.close()
        self._branch.run.scheduler.cancel_all()

    def _end(self, status: Status, kind: str, error: str | None, cause: str | None) -> Execution:
        history = self._branch.run.history
        self._branch.record(kind, failure_details(error, cause))
        return Execution(status, None, error, cause, tuple(history.events))


def _context(input_value: Any, start: datetime, given: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the context object without a state, with what was given in place of the defaults.

    Fields: documentation (page "Accessing execution data from the Context object") and recorded histories.
    """
    machine = {
        "Id": "arn:aws:states:us-east-1:123456789012:stateMachine:StateMachine",
        "Name": "StateMachine",
    }
    machine.update(given.get("StateMachine", {}))
    execution = {
        "Id": "",
        "Input": input_value,
        "Name": "execution",
        "RoleArn": "arn:aws:iam::123456789012:role/StateMachineRole",
        "StartTime": timestamp(start),
        "RedriveCount": 0,
        **given.get("Execution", {}),
    }
    if not execution["Id"]:
        execution["Id"] = f"{machine['Id'].replace(':stateMachine:', ':execution:')}:{execution['Name']}"
    return {**given, "Execution": execution, "StateMachine": machine}


def _region(arn: str) -> str:
    parts = arn.split(":")
    return parts[3] if len(parts) > 3 else ""
