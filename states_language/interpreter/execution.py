"""Execute a document."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING, Any

from states_language.clock import VirtualClock, timestamp
from states_language.document import DocumentError, Map, StateMachine
from states_language.interpreter.branch import Branch, Run
from states_language.interpreter.data import PAYLOAD_LIMIT, to_text
from states_language.interpreter.errors import RUNTIME, TIMEOUT, ExecutionStopped
from states_language.interpreter.history import (
    EVENT_LIMIT,
    NOT_TRUNCATED,
    Event,
    History,
    HistoryFull,
    failure_details,
)
from states_language.interpreter.schedule import DeadlinePassed, Flow, Scheduler
from states_language.interpreter.states import run_scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from states_language.clock import Clock
    from states_language.interpreter.branch import CallTask
    from states_language.interpreter.schedule import Job


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


class UnsupportedDocument(DocumentError):  # noqa: N818 - it is the document that is unsupported
    """The document asks for something that the interpreter does not do."""


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

    Raises `DocumentError` for a document that CreateStateMachine would refuse, when the fault is reached;
    `UnsupportedDocument` for JSONata; `ValueError` and `TypeError` for an input or a task's result that is no
    JSON, or an input that is too large. A failure of the execution itself is in the returned `Execution`.
    """
    machine = document if isinstance(document, StateMachine) else StateMachine.of(document)
    _refuse_unsupported(machine)
    text = to_text(input)
    if len(text.encode()) > PAYLOAD_LIMIT:
        raise ValueError(f"The input has {len(text.encode())} bytes; at most {PAYLOAD_LIMIT} are allowed.")
    clock = clock or VirtualClock()
    start = clock.now()
    whole_context = _context(json.loads(text), start, context or {})
    history = History(clock, observe)
    run = Run(
        clock,
        call_task,
        history,
        Scheduler(clock),
        Random(seed),  # noqa: S311 - reproducible on purpose
        _region(whole_context["Execution"]["Id"]),
    )
    branch = Branch(run, whole_context)
    limits = _Limits.of(machine, start, stop_after)
    return _Ending(branch, limits).of(_main(branch, machine, text))


def _main(branch: Branch, machine: StateMachine, text: str) -> Flow:
    history = branch.run.history
    role = branch.context["Execution"]["RoleArn"]
    history.add("ExecutionStarted", 0, {"input": text, "inputDetails": NOT_TRUNCATED, "roleArn": role})
    return (yield from run_scope(branch, machine, json.loads(text)))


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
        job: Job | None = None
        try:
            job = scheduler.start(flow)
            scheduler.run(job, self._limits.first)
        except DeadlinePassed:
            self._close(job)
            if self._limits.is_stop_first:
                return self._end(Status.ABORTED, "ExecutionAborted", None, None)
            # That the error is named: unverified; the event has no details in recorded histories.
            return self._end(Status.TIMED_OUT, "ExecutionTimedOut", TIMEOUT, None)
        except ExecutionStopped as stop:
            self._close(job)
            return self._end(Status.ABORTED, "ExecutionAborted", stop.error, stop.cause)
        except HistoryFull:
            self._close(job)
            cause = f"The execution reached the maximum number of history events ({EVENT_LIMIT})."
            return self._end(Status.FAILED, "ExecutionFailed", RUNTIME, cause)
        self._branch.run.history.close()
        if job.failure is not None:
            return self._end(Status.FAILED, "ExecutionFailed", job.failure.error, job.failure.cause)
        details = {"output": to_text(job.value), "outputDetails": NOT_TRUNCATED}
        self._branch.record("ExecutionSucceeded", details)
        return Execution(Status.SUCCEEDED, job.value, None, None, tuple(self._branch.run.history.events))

    def _close(self, job: Job | None) -> None:
        self._branch.run.history.close()
        if job is not None:
            self._branch.run.scheduler.cancel(job)

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
    return {"Execution": execution, "StateMachine": machine}


def _region(arn: str) -> str:
    parts = arn.split(":")
    return parts[3] if len(parts) > 3 else ""


def _refuse_unsupported(machine: StateMachine) -> None:
    for state in machine.walk():
        if state.query_language != "JSONPath":
            raise UnsupportedDocument(
                f"The state '{state.name}' is written in {state.query_language}; only JSONPath can be executed here.",
                state.pointer,
            )
        if isinstance(state, Map) and state.processor is None:
            raise DocumentError(f"The Map state '{state.name}' has no ItemProcessor.", state.pointer)
