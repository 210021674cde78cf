"""Call a task: its integration, its time limits, its events."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from states_language.interpreter.data import check_size, to_text
from states_language.interpreter.errors import (
    HEARTBEAT_TIMEOUT,
    RUNTIME,
    TIMEOUT,
    ExecutionStopped,
    StateFailure,
    TaskFailed,
)
from states_language.interpreter.history import NOT_TRUNCATED, failure_details
from states_language.interpreter.inputs import arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from states_language.document import Task
    from states_language.interpreter.branch import Branch
    from states_language.interpreter.data import View
    from states_language.interpreter.schedule import Flow

DEFAULT_TIMEOUT_SECONDS = 99_999_999
"""What `TimeoutSeconds` is by default. Evidence: documentation (page "Task workflow state")."""


@dataclass(frozen=True, slots=True)
class Took:
    """A task's result, and what its call cost in time; what a `call_task` returns where that matters.

    The call is made when the state is entered, so its effect has happened; the state hears of it `seconds` later,
    or not at all when a time limit ends it before. `seconds` may be infinite: the answer never comes.
    """

    seconds: float
    result: Any = None
    failure: TaskFailed | None = None
    """The task fails with this instead of giving a result."""
    heartbeats: tuple[float, ...] = ()
    """When the worker sent heartbeats, in seconds after the call."""
    submitted: Any = None
    """With `.sync` and `.waitForTaskToken`: the answer of the call that started the job."""
    finish: Callable[[], Any] | None = None
    """With `.sync`: waits for the job's end, once its submission stands in the history; answers as a `call_task` does."""
    cancel: Callable[[], None] | None = None
    """Called when the state is aborted while it waits: the execution is stopped, or another branch or iteration failed.

    In these three cases Step Functions tries to stop a `.sync` job. Evidence: documentation (page "Service
    integration patterns", "Run a Job"). That it does not when the state or the whole execution times out is not
    said there: unverified, and the worse case.
    """


@dataclass(frozen=True, slots=True)
class Integration:
    """What a resource's ARN says of the call, and in which events it appears."""

    prefix: str
    """Of its events: `Task`, `LambdaFunction` or `Activity`."""
    type: str
    """`resourceType` in events: `lambda`, `aws-sdk:ecs`."""
    action: str
    """`resource` in events: `invoke`, `runTask.sync`."""
    arn: str

    @property
    def label(self) -> dict[str, str]:
        """What identifies the call in the details of its events."""
        return {"resourceType": self.type, "resource": self.action} if self.prefix == "Task" else {}

    @property
    def name(self) -> str:
        """How failures name it."""
        return self.type if self.prefix == "Task" else self.arn

    @property
    def is_submitted(self) -> bool:
        """Whether the call starts a job whose end is awaited."""
        return ".sync" in self.action or self.is_callback

    @property
    def is_callback(self) -> bool:
        """Whether the task ends when somebody sends its token back."""
        return self.action.endswith(".waitForTaskToken")


@lru_cache(maxsize=1024)
def integration(arn: str) -> Integration:
    """Read a resource's ARN; one of an unknown form is a Task like others."""
    parts = arn.split(":")
    service, rest = (parts[2], parts[5:]) if len(parts) > 5 else ("", parts)
    if service == "lambda" and rest[0] == "function":
        return Integration("LambdaFunction", "lambda", "function", arn)
    if service == "states" and rest[0] == "activity":
        return Integration("Activity", "states", "activity", arn)
    return Integration("Task", ":".join(rest[:-1]) or service, rest[-1], arn)


def call(branch: Branch, state: Task, view: View, context: dict[str, Any]) -> Flow:
    """Call the state's task with its parameters and give its result, after the time that it takes.

    Fails as the task does, with `States.Timeout` at exactly its time limit, or with
    `States.DataLimitExceeded` where the parameters or the result are too large.
    """
    fields = state.fields
    target = integration(state.resource)
    if target.is_callback:
        # Before the parameters are filled, which hand the token on.
        context["Task"] = {"Token": f"task-token-{branch.run.random.getrandbits(128):032x}"}
    text = to_text(arguments(view, fields))
    check_size(text, state.name)
    timeout, heartbeat = _seconds(view, fields, "TimeoutSeconds"), _seconds(view, fields, "HeartbeatSeconds")
    _record_start(branch, target, text, timeout, heartbeat)
    started = branch.run.clock.now()
    took = _took(lambda: _call(branch, state.resource, json.loads(text), context))
    # Written down at once: a model may change what it answered with while the state still waits for it.
    result = _result_text(took.result, state)
    if target.is_submitted:
        _record_submission(branch, target, took)
    if took.finish is not None:
        took = _took(took.finish)
        result = _result_text(took.result, state)
    elapsed = branch.run.clock.now() - started
    yield from _wait(branch, target, took, elapsed, _limit(took, timeout, heartbeat))
    if took.failure is not None:
        raise _failed(branch, target, took.failure.error, took.failure.cause)
    try:
        check_size(result, target.name)
    except StateFailure as failure:
        raise _failed(branch, target, failure.error, failure.cause) from failure
    branch.record(f"{target.prefix}Succeeded", {**target.label, **_output(result)})
    return json.loads(result)


def _record_submission(branch: Branch, target: Integration, took: Took) -> None:
    """Record that a job was started; an observer that stops the execution at that very event stops the job."""
    try:
        branch.record("TaskSubmitted", {**target.label, **_output(to_text(took.submitted or {}))})
    except ExecutionStopped:
        if took.cancel is not None:
            took.cancel()
        raise


def _call(branch: Branch, resource: str, parameters: Any, context: dict[str, Any]) -> Any:
    copy = {**context, "State": dict(context["State"])}
    return branch.run.call_task(resource, parameters, copy)


def _took(ask: Callable[[], Any]) -> Took:
    try:
        answer = ask()
    except TaskFailed as failure:
        return Took(failure.seconds, failure=failure)
    return answer if isinstance(answer, Took) else Took(0, answer)


def _result_text(result: Any, state: Task) -> str:
    try:
        return to_text(result)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"The result of {state.resource} in the state '{state.name}' is no JSON: {error}"
        ) from error


@dataclass(frozen=True, slots=True)
class _Limit:
    seconds: float
    aliases: tuple[str, ...] = ()


def _limit(took: Took, timeout: float | None, heartbeat: float | None) -> _Limit:
    """Return the time limit that the call would meet first."""
    limit = _Limit(DEFAULT_TIMEOUT_SECONDS if timeout is None else timeout)
    if heartbeat is None:
        return limit
    last = 0.0
    for beat in (*sorted(took.heartbeats), took.seconds):
        if beat - last > heartbeat:
            silence = last + heartbeat
            # The events say States.Timeout (recorded: timeouts/test_heartbeats.snapshot.json); handlers know it
            # as States.HeartbeatTimeout too (documentation).
            return _Limit(silence, (HEARTBEAT_TIMEOUT,)) if silence < limit.seconds else limit
        last = beat
    return limit


def _wait(branch: Branch, target: Integration, took: Took, elapsed: timedelta, limit: _Limit) -> Flow:
    """Let the rest of the call's time pass. What the clock itself has moved on during the call is `elapsed`."""
    clock = branch.run.clock
    total = took.seconds + elapsed.total_seconds()
    is_late = total > limit.seconds
    moment = clock.now() - elapsed + timedelta(seconds=limit.seconds if is_late else total)
    if moment > clock.now():
        try:
            yield moment
        except GeneratorExit:
            if took.cancel is not None and not branch.run.scheduler.abandons:
                took.cancel()
            raise
    if is_late:
        details = {**target.label, **failure_details(TIMEOUT, None)}
        branch.record(f"{target.prefix}TimedOut", details)
        raise StateFailure(TIMEOUT, aliases=limit.aliases)


def _failed(branch: Branch, target: Integration, error: str, cause: str | None) -> StateFailure:
    kind = "TimedOut" if error == TIMEOUT else "Failed"
    branch.record(f"{target.prefix}{kind}", {**target.label, **failure_details(error, cause)})
    return StateFailure(error, cause)


def _record_start(
    branch: Branch, target: Integration, text: str, timeout: float | None, heartbeat: float | None
) -> None:
    if target.prefix == "Task":
        details: dict[str, Any] = {**target.label, "region": branch.run.region, "parameters": text}
    else:
        details = {"resource": target.arn, "input": text, "inputDetails": NOT_TRUNCATED}
    if timeout is not None:
        details["timeoutInSeconds"] = timeout
    if heartbeat is not None:
        details["heartbeatInSeconds"] = heartbeat
    branch.record(f"{target.prefix}Scheduled", details)
    branch.record(f"{target.prefix}Started", target.label or None)


def _output(text: str) -> dict[str, Any]:
    return {"output": text, "outputDetails": NOT_TRUNCATED}


def _seconds(view: View, fields: Mapping[str, Any], name: str) -> float | None:
    value = view.field(fields, name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise StateFailure(RUNTIME, f"{name} must be a positive integer, not {to_text(value)}.")
    return value
