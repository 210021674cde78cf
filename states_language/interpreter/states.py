"""Run a scope of states, one after the other."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from states_language.clock import timestamp
from states_language.document import (
    Choice,
    Fail,
    Map,
    Parallel,
    Pass,
    State,
    StateMachine,
    Succeed,
    Task,
    Wait,
)
from states_language.interpreter import tasks
from states_language.interpreter.choice import parse_timestamp
from states_language.interpreter.data import check_size, shortened, to_text
from states_language.interpreter.errors import (
    NO_CHOICE_MATCHED,
    RUNTIME,
    ExecutionStopped,
    StateFailure,
)
from states_language.interpreter.handling import locate, with_handlers
from states_language.interpreter.history import NOT_TRUNCATED
from states_language.interpreter.iteration import run_map
from states_language.interpreter.parallel import run_parallel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from states_language.interpreter.branch import Branch
    from states_language.interpreter.data import Outcome, View
    from states_language.interpreter.schedule import Flow

LONGEST_WAIT_SECONDS = 99_999_999
"""What `Seconds` may be. Evidence: documentation (page "Wait workflow state")."""


class Visit(NamedTuple):
    """One time that a state runs: the state, what its paths see, its context object and its entering event."""

    branch: Branch
    state: State
    view: View
    """It sees the state's raw input."""
    context: dict[str, Any]
    entered: int


def run_scope(branch: Branch, machine: StateMachine, value: Any) -> Flow:
    """Run the states of a scope from its `StartAt` to an end, and give the last one's output."""
    name = machine.start_at or ""
    text = to_text(value)
    while True:
        outcome, text = yield from run_state(branch, machine.states[name], value, text)
        if outcome.assigned:
            branch.variables = {**branch.variables, **outcome.assigned}
        if outcome.next is None:
            return outcome.output
        name, value = outcome.next, outcome.output


def run_state(branch: Branch, state: State, value: Any, text: str) -> Flow:
    """Run one state and give its outcome with the output's text."""
    run = branch.run
    entered = run.history.next_id
    try:
        details = {"name": state.name, "input": text, "inputDetails": NOT_TRUNCATED}
        branch.record(f"{state.type}StateEntered", details, "stateEnteredEventDetails")
        now = timestamp(run.clock.now())
        context: dict[str, Any] = {**branch.context, "State": {"Name": state.name, "EnteredTime": now}}
        visit = Visit(branch, state, branch.view(state.query_language, value, context), context, entered)
        if (instant := _INSTANT.get(type(state))) is not None:
            outcome: Outcome = instant(visit)
        else:
            outcome = yield from _LASTING[type(state)](visit)
        text = to_text(outcome.output)
        check_size(text, state.name)
    except StateFailure as failure:
        raise locate(failure, branch, state, entered) from failure
    except ExecutionStopped:
        run.history.close()
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


# States that take no time


def _pass(visit: Visit) -> Outcome:
    return visit.view.passed(visit.state)


def _choose(visit: Visit) -> Outcome:
    state = visit.state
    assert isinstance(state, Choice)  # noqa: S101 - by the table of handlers
    view = visit.view.entered(state.fields)
    for rule in state.rules:
        if view.rule_holds(rule):
            return view.left(state, rule.fields)._replace(next=rule.next)
    if state.default is None:
        raise StateFailure(
            NO_CHOICE_MATCHED, f"No rule of the state '{state.name}' matches, and it has no Default."
        )
    return view.left(state)._replace(next=state.default)


def _succeed(visit: Visit) -> Outcome:
    return visit.view.entered(visit.state.fields).left(visit.state)


def _fail(visit: Visit) -> Outcome:
    texts = []
    for name in ("Error", "Cause"):
        text = visit.view.field(visit.state.fields, name)
        if text is not None and not isinstance(text, str):
            raise StateFailure(RUNTIME, f"{name} must be a string, not {shortened(text)}.")
        texts.append(text)
    raise StateFailure(texts[0] or "", texts[1])


# States that take time


def _wait(visit: Visit) -> Flow:
    clock = visit.branch.run.clock
    view = visit.view.entered(visit.state.fields)
    moment = _moment(clock.now(), view, visit.state.fields)
    if moment > clock.now():
        yield moment
    return view.left(visit.state)


def _moment(now: datetime, view: View, fields: Mapping[str, Any]) -> datetime:
    """Return when a Wait state ends."""
    text = view.field(fields, "Timestamp")
    if text is not None:
        moment = parse_timestamp(text)
        if moment is None:
            # Evidence for the wording: recorded (LocalStack, test_wait_timestamp_path).
            path = fields.get("TimestampPath", "Timestamp")
            raise StateFailure(
                RUNTIME,
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time "
                f"format string: {path} == {text if isinstance(text, str) else to_text(text)}",
            )
        return moment
    seconds = view.field(fields, "Seconds")
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not 0 <= seconds <= LONGEST_WAIT_SECONDS:
        raise StateFailure(
            RUNTIME, f"Seconds must be a number from 0 to {LONGEST_WAIT_SECONDS}, not {shortened(seconds)}."
        )
    return now + timedelta(seconds=seconds)


def _work(visit: Visit, do: Callable[[View], Flow]) -> Flow:
    """Run a state that has a result, retriers and catchers: `do` gives the result, seeing the effective input."""
    branch, state, view, context, entered = visit

    def attempt(retry_count: int) -> Flow:
        context["State"]["RetryCount"] = retry_count
        result = yield from do(view.entered(state.fields))
        return view.finished(state, result)

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
