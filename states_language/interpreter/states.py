"""Run a scope of states, one after the other."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from states_language.clock import timestamp
from states_language.document import (
    Choice,
    DocumentError,
    Fail,
    Map,
    Parallel,
    Pass,
    State,
    StateMachine,
    Succeed,
    Task,
    UnknownState,
    Wait,
)
from states_language.interpreter import tasks
from states_language.interpreter.choice import holds, parse_timestamp
from states_language.interpreter.data import View, check_size, place_result, select, to_text
from states_language.interpreter.errors import (
    NO_CHOICE_MATCHED,
    RUNTIME,
    ExecutionStopped,
    StateFailure,
)
from states_language.interpreter.handling import Outcome, locate, with_handlers
from states_language.interpreter.history import NOT_TRUNCATED
from states_language.interpreter.iteration import run_map
from states_language.interpreter.parallel import run_parallel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from states_language.interpreter.branch import Branch
    from states_language.interpreter.schedule import Flow

LONGEST_WAIT_SECONDS = 99_999_999
"""What `Seconds` may be. Evidence: documentation (page "Wait workflow state")."""


class Visit(NamedTuple):
    """One time that a state runs: the state, what its paths see, its context object and its entering event."""

    branch: Branch
    state: State
    view: View
    """`$` is the state's raw input."""
    context: dict[str, Any]
    entered: int


def run_scope(branch: Branch, machine: StateMachine, value: Any) -> Flow:
    """Run the states of a scope from its `StartAt` to an end, and give the last one's output."""
    name = machine.start_at
    text = to_text(value)
    while True:
        state = machine.states.get(name or "")
        if state is None:
            raise DocumentError(f"There is no state '{name}' here.", machine.pointer)
        outcome, text = yield from _run_state(branch, state, value, text)
        if outcome.assigned:
            branch.variables = {**branch.variables, **outcome.assigned}
        if outcome.next is None:
            return outcome.output
        name, value = outcome.next, outcome.output


def _run_state(branch: Branch, state: State, value: Any, text: str) -> Flow:
    """Run one state and give its outcome with the output's text."""
    if isinstance(state, UnknownState):
        raise DocumentError(f"The state '{state.name}' has no Type that is known.", state.pointer)
    details = {"name": state.name, "input": text, "inputDetails": NOT_TRUNCATED}
    entered = branch.record(f"{state.type}StateEntered", details, "stateEnteredEventDetails")
    now = timestamp(branch.run.clock.now())
    context: dict[str, Any] = {**branch.context, "State": {"Name": state.name, "EnteredTime": now}}
    visit = Visit(branch, state, branch.view(value, context), context, entered)
    try:
        if (instant := _INSTANT.get(type(state))) is not None:
            outcome: Outcome = instant(visit)
        else:
            outcome = yield from _LASTING[type(state)](visit)
        text = to_text(outcome.output)
        check_size(text, state.name)
    except StateFailure as failure:
        raise locate(failure, state, entered) from failure
    except ExecutionStopped:
        branch.run.history.close()
        branch.record_abort(f"{state.type}StateAborted")
        raise
    except GeneratorExit:
        branch.record_abort(f"{state.type}StateAborted")
        raise
    details = {"name": state.name, "output": text, "outputDetails": NOT_TRUNCATED}
    if outcome.assigned:
        details["assignedVariables"] = {name: to_text(item) for name, item in outcome.assigned.items()}
        details["assignedVariablesDetails"] = NOT_TRUNCATED
    branch.record(f"{state.type}StateExited", details, "stateExitedEventDetails")
    return outcome, text


def _leave(state: State, view: View, raw_output: Any, assigned: dict[str, Any]) -> Outcome:
    """Apply `OutputPath` and go to `Next`."""
    if "OutputPath" in state.fields:
        check_size(to_text(raw_output), state.name)
        raw_output = select(view.seeing(raw_output), state.fields, "OutputPath")
    return Outcome(raw_output, state.next, assigned)


def _assign(view: View, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Evaluate `Assign`, all of it with the variables as they were."""
    template = fields.get("Assign")
    return view.fill(template) if template else {}


# States that take no time


def _pass(visit: Visit) -> Outcome:
    fields, view = visit.state.fields, visit.view
    result = select(view, fields, "InputPath")
    if "Parameters" in fields:
        result = view.seeing(result).fill(fields["Parameters"])
    if "Result" in fields:
        result = fields["Result"]
    assigned = _assign(view.seeing(result), fields)
    output = place_result(view.value, result, fields.get("ResultPath", "$"))
    return _leave(visit.state, view, output, assigned)


def _choose(visit: Visit) -> Outcome:
    state, fields = visit.state, visit.state.fields
    assert isinstance(state, Choice)  # noqa: S101 - by the table of handlers
    view = visit.view.seeing(select(visit.view, fields, "InputPath"))
    for rule in state.rules:
        if holds(rule.fields, view):
            return _leave(state, view, view.value, _assign(view, rule.fields))._replace(next=rule.next)
    if state.default is None:
        raise StateFailure(
            NO_CHOICE_MATCHED, f"No rule of the state '{state.name}' matches, and it has no Default."
        )
    return _leave(state, view, view.value, _assign(view, fields))._replace(next=state.default)


def _succeed(visit: Visit) -> Outcome:
    view = visit.view
    return _leave(visit.state, view, select(view, visit.state.fields, "InputPath"), {})


def _fail(visit: Visit) -> Outcome:
    fields, view = visit.state.fields, visit.view
    texts = []
    for name in ("Error", "Cause"):
        text = (
            view.expression(fields[f"{name}Path"], f"{name}Path")
            if f"{name}Path" in fields
            else fields.get(name)
        )
        if text is not None and not isinstance(text, str):
            raise StateFailure(RUNTIME, f"{name}Path must give a string, not {to_text(text)}.")
        texts.append(text)
    raise StateFailure(texts[0] or "", texts[1])


# States that take time


def _wait(visit: Visit) -> Flow:
    fields = visit.state.fields
    view = visit.view.seeing(select(visit.view, fields, "InputPath"))
    moment = _moment(visit.branch.run.clock.now(), view, fields)
    if moment > visit.branch.run.clock.now():
        yield moment
    return _leave(visit.state, view, view.value, _assign(view, fields))


def _moment(now: datetime, view: View, fields: Mapping[str, Any]) -> datetime:
    """Return when a Wait state ends."""
    kind = next(
        (name for name in ("Seconds", "SecondsPath", "Timestamp", "TimestampPath") if name in fields),
        "Seconds",
    )
    value = view.path(fields[kind], kind) if kind.endswith("Path") else fields.get(kind)
    if kind.startswith("Timestamp"):
        moment = parse_timestamp(value)
        if moment is None:
            raise StateFailure(
                RUNTIME, f"{kind} must give a timestamp such as 2026-01-01T00:00:00Z, not {to_text(value)}."
            )
        return moment
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or not 0 <= value <= LONGEST_WAIT_SECONDS
    ):
        raise StateFailure(
            RUNTIME, f"{kind} must give seconds from 0 to {LONGEST_WAIT_SECONDS}, not {to_text(value)}."
        )
    return now + timedelta(seconds=value)


def _work(visit: Visit, do: Callable[[View], Flow]) -> Flow:
    """Run a state that has a result, retriers and catchers: `do` gives the result, seeing the effective input."""
    branch, state, view, context, entered = visit
    fields = state.fields

    def attempt(retry_count: int) -> Flow:
        context["State"]["RetryCount"] = retry_count
        effective = view.seeing(select(view, fields, "InputPath"))
        result = yield from do(effective)
        # Assign sees the raw result, before ResultSelector (evidence: emulator).
        assigned = _assign(view.seeing(result), fields)
        if "ResultSelector" in fields:
            result = view.seeing(result).fill(fields["ResultSelector"])
        output = place_result(view.value, result, fields.get("ResultPath", "$"))
        return _leave(state, view, output, assigned)

    return with_handlers(branch, state, view, entered, attempt)


def _task(visit: Visit) -> Flow:
    state = visit.state
    assert isinstance(state, Task)  # noqa: S101 - by the table of handlers
    return _work(visit, lambda view: tasks.call(visit.branch, state, view, visit.context))


def _parallel(visit: Visit) -> Flow:
    state = visit.state
    assert isinstance(state, Parallel)  # noqa: S101 - by the table of handlers
    return _work(visit, lambda view: run_parallel(visit.branch, state, view, run_scope))


def _map(visit: Visit) -> Flow:
    state = visit.state
    assert isinstance(state, Map)  # noqa: S101 - by the table of handlers
    return _work(visit, lambda view: run_map(visit.branch, state, view, run_scope))


_INSTANT: Mapping[type[State], Callable[[Visit], Outcome]] = {
    Pass: _pass,
    Choice: _choose,
    Succeed: _succeed,
    Fail: _fail,
}
_LASTING: Mapping[type[State], Callable[[Visit], Flow]] = {
    Wait: _wait,
    Task: _task,
    Parallel: _parallel,
    Map: _map,
}
