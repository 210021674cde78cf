"""Executions as their callers see them: stopping, time, seeds, histories, and what is refused."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.loaders
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from states_language.clock import EPOCH, VirtualClock
from states_language.document import DocumentError, StateMachine
from states_language.interpreter import (
    Event,
    ExecutionStopped,
    Status,
    TaskFailed,
    Took,
    UnsupportedDocument,
    execute,
    execute_state,
    jsonata,
)

LAMBDA = "arn:aws:states:::lambda:invoke"


def machine(**states: dict[str, Any]) -> dict[str, Any]:
    """Build a document of states, in order, each leading to the next."""
    names = list(states)
    for name, following in zip(names, [*names[1:], None], strict=True):
        if states[name]["Type"] not in ("Choice", "Succeed", "Fail"):
            states[name] |= {"End": True} if following is None else {"Next": following}
    return {"StartAt": names[0], "States": states}


def task(**fields: Any) -> dict[str, Any]:
    """Build a task state."""
    return {"Type": "Task", "Resource": LAMBDA, **fields}


def echo(_resource: str, parameters: Any, _context: dict[str, Any]) -> Any:
    """Answer with the parameters."""
    return parameters


THREE = machine(One=task(), Two={"Type": "Wait", "Seconds": 10}, Three=task())


@pytest.mark.parametrize("stopped_at", ["One", "Two", "Three"])
def test_an_observer_stops_the_execution_in_any_state(stopped_at: str) -> None:
    """Raising ExecutionStopped aborts the state that runs, as StopExecution does."""

    def observe(event: Event) -> None:
        if event.get("stateEnteredEventDetails", {}).get("name") == stopped_at:
            raise ExecutionStopped("Stopped", "by the test")

    execution = execute(THREE, {}, call_task=echo, observe=observe)
    assert (Status.ABORTED, "Stopped", "by the test") == (execution.status, execution.error, execution.cause)
    assert stopped_at == execution.visited[-1]
    kind = THREE["States"][stopped_at]["Type"]
    assert [f"{kind}StateAborted", "ExecutionAborted"] == [event["type"] for event in execution.history[-2:]]


def test_an_execution_can_be_stopped_at_every_event() -> None:
    """However far it came, it ends as ABORTED, with its history up to there."""
    whole = execute(THREE, {}, call_task=echo).history
    for position in range(1, len(whole)):

        def observe(event: Event, last: int = position) -> None:
            if event["id"] == last:
                raise ExecutionStopped

        execution = execute(THREE, {}, call_task=echo, observe=observe)
        assert Status.ABORTED == execution.status
        assert whole[:position] == execution.history[:position]


def test_wherever_it_is_stopped_no_job_is_left() -> None:
    """Every call has been answered, or is cancelled, at whichever event the execution is stopped."""
    branches = [
        machine(Long=task()),
        machine(Wait={"Type": "Wait", "Seconds": 1}, Later=task()),
        machine(Soon={"Type": "Wait", "Seconds": 3}, Bad={"Type": "Fail", "Error": "E"}),
    ]
    items = {"Type": "Map", "ItemProcessor": machine(Item=task(TimeoutSeconds=60))}
    both = {
        "Type": "Parallel",
        "Branches": branches,
        "Catch": [{"ErrorEquals": ["E"], "Next": "Each", "ResultPath": None}],
    }
    document = machine(Both=both, Each=items)
    called: list[str] = []
    cancelled: list[str] = []

    def call(_resource: str, _parameters: Any, context: dict[str, Any]) -> Took:
        called.append(context["State"]["Name"])
        return Took(100, cancel=lambda: cancelled.append(called[-1]))

    whole = execute(document, [1, 2, 3], call_task=call).history
    for position in range(1, len(whole) + 1):
        called.clear()
        cancelled.clear()

        def observe(event: Event, last: int = position) -> None:
            if event["id"] == last:
                raise ExecutionStopped

        history = execute(document, [1, 2, 3], call_task=call, observe=observe).history
        answered = sum(event["type"] in {"TaskSucceeded", "TaskTimedOut"} for event in history)
        assert len(called) == answered + len(cancelled)


def test_stop_after_stops_at_that_time() -> None:
    """The clock stands at the moment of the stop, and a state that waits is aborted."""
    clock = VirtualClock()
    execution = execute(THREE, {}, call_task=echo, clock=clock, stop_after=4)
    assert Status.ABORTED == execution.status
    assert EPOCH + timedelta(seconds=4) == clock.now()
    assert ["WaitStateAborted", "ExecutionAborted"] == [event["type"] for event in execution.history[-2:]]


def test_a_task_can_stop_the_execution() -> None:
    """What StopExecution does while a call is on its way."""

    def call(*_: Any) -> Any:
        raise ExecutionStopped(cause="meanwhile")

    execution = execute(THREE, {}, call_task=call)
    assert (Status.ABORTED, "meanwhile") == (execution.status, execution.cause)


def cancelling(cancelled: list[str]) -> Any:
    """Answer each call after 100 seconds, and note which are cancelled."""

    def call(_resource: str, _parameters: Any, context: dict[str, Any]) -> Took:
        name = context["State"]["Name"]
        return Took(100, cancel=lambda: cancelled.append(name))

    return call


def test_a_job_that_runs_when_the_execution_is_stopped_is_cancelled() -> None:
    """Step Functions tries to stop a `.sync` job then."""
    cancelled: list[str] = []
    execute(machine(Build=task()), {}, call_task=cancelling(cancelled), stop_after=5)
    assert ["Build"] == cancelled


def test_a_job_is_waited_for_once_its_submission_is_recorded() -> None:
    """Who watches sees what was submitted while the job runs; its end may be a result or a failure."""
    seen: list[str] = []

    def call(*_: Any) -> Took:
        return Took(0, submitted={"Id": 1}, finish=finish)

    def finish() -> Any:
        assert "TaskSubmitted" == seen[-1]
        if len(seen) > 10:
            raise TaskFailed("E", "why")
        return {"Id": 1, "Done": True}

    document = machine(First=task(Resource=LAMBDA + ".sync"), Second=task(Resource=LAMBDA + ".sync"))
    execution = execute(document, {}, call_task=call, observe=lambda event: seen.append(event["type"]))
    submitted = [event["taskSubmittedEventDetails"]["output"] for event in execution.history if event["type"] == "TaskSubmitted"]  # fmt: skip
    exited = next(event for event in execution.history if event["type"] == "TaskStateExited")
    assert ['{"Id":1}'] * 2 == submitted
    assert '{"Id":1,"Done":true}' == exited["stateExitedEventDetails"]["output"]
    assert ("E", "why") == (execution.error, execution.cause)


def test_a_job_whose_submission_stops_the_execution_is_cancelled() -> None:
    """Nobody waits for it any more."""
    cancelled: list[str] = []

    def observe(event: Event) -> None:
        if event["type"] == "TaskSubmitted":
            raise ExecutionStopped

    document = machine(Build=task(Resource=LAMBDA + ".sync"))
    execution = execute(document, {}, call_task=cancelling(cancelled), observe=observe)
    assert (Status.ABORTED, ["Build"]) == (execution.status, cancelled)


def test_a_job_that_runs_when_another_branch_fails_is_cancelled() -> None:
    """And then."""
    branches = [
        machine(Build=task()),
        machine(Soon={"Type": "Wait", "Seconds": 1}, Bad={"Type": "Fail", "Error": "E"}),
    ]
    cancelled: list[str] = []
    execution = execute(
        machine(Both={"Type": "Parallel", "Branches": branches}), {}, call_task=cancelling(cancelled)
    )
    assert (["Build"], "E") == (cancelled, execution.error)


def test_a_job_whose_state_times_out_runs_on() -> None:
    """Step Functions does not stop a job when its state times out."""
    cancelled: list[str] = []
    execution = execute(machine(Build=task(TimeoutSeconds=5)), {}, call_task=cancelling(cancelled))
    assert ([], "States.Timeout") == (cancelled, execution.error)


def test_a_job_runs_on_when_the_whole_execution_times_out() -> None:
    """The documentation names no cancelling in this case; the worse one is assumed."""
    cancelled: list[str] = []
    document = machine(Build=task()) | {"TimeoutSeconds": 5}
    execution = execute(document, {}, call_task=cancelling(cancelled))
    assert ([], Status.TIMED_OUT) == (cancelled, execution.status)


def test_a_call_that_timed_out_has_taken_effect() -> None:
    """The answer is lost, the effect is not: it was called, at its time."""
    clock = VirtualClock()
    called: list[datetime] = []

    def call(*_: Any) -> Took:
        called.append(clock.now())
        return Took(60, "done")

    document = machine(Wait={"Type": "Wait", "Seconds": 3}, Call=task(TimeoutSeconds=10))
    execution = execute(document, {}, call_task=call, clock=clock)
    assert ("States.Timeout", [EPOCH + timedelta(seconds=3)]) == (execution.error, called)
    assert EPOCH + timedelta(seconds=13) == clock.now()


def test_a_task_may_move_the_clock_itself() -> None:
    """As a real call does on the system's clock; its time counts against the limit."""
    clock = VirtualClock()

    def call(*_: Any) -> str:
        clock.advance(4)
        return "done"

    short = execute(machine(Call=task(TimeoutSeconds=3)), {}, call_task=call, clock=clock)
    long = execute(machine(Call=task(TimeoutSeconds=4)), {}, call_task=call, clock=clock)
    assert ("States.Timeout", "done") == (short.error, long.output)
    assert EPOCH + timedelta(seconds=8) == clock.now()


def test_results_and_parameters_are_copies() -> None:
    """A model that changes its own data afterwards, or what it was given, changes nothing in the execution."""
    state = {"status": "RUNNING"}

    def call(_resource: str, parameters: Any, context: dict[str, Any]) -> Any:
        if context["State"]["Name"] == "Two":
            state["status"] = "STOPPED"
            parameters["changed"] = True
        return state

    document = machine(One=task(ResultPath="$.one"), Two=task(ResultPath="$.two"))
    execution = execute(document, {"a": 1}, call_task=call)
    assert {"a": 1, "one": {"status": "RUNNING"}, "two": {"status": "STOPPED"}} == execution.output


def test_an_answer_is_what_it_was_when_the_call_was_made() -> None:
    """A model may go on changing what it answered with while the state still waits for it."""
    state = {"status": "PENDING"}

    def call(_resource: str, _parameters: Any, context: dict[str, Any]) -> Any:
        if context["State"]["Name"] == "Later":
            state["status"] = "RUNNING"
        return Took(10, state)

    branches = [machine(Early=task()), machine(Wait={"Type": "Wait", "Seconds": 1}, Later=task())]
    execution = execute(machine(Both={"Type": "Parallel", "Branches": branches}), {}, call_task=call)
    assert [{"status": "PENDING"}, {"status": "RUNNING"}] == execution.output


def test_an_interrupt_cancels_what_runs_and_goes_on() -> None:
    """Ctrl-C leaves no job behind."""
    cancelled: list[str] = []

    def call(_resource: str, _parameters: Any, context: dict[str, Any]) -> Any:
        if context["State"]["Name"] == "Interrupted":
            raise KeyboardInterrupt
        return Took(100, cancel=lambda: cancelled.append("Build"))

    branches = [machine(Build=task()), machine(Wait={"Type": "Wait", "Seconds": 1}, Interrupted=task())]
    with pytest.raises(KeyboardInterrupt):
        execute(machine(Both={"Type": "Parallel", "Branches": branches}), {}, call_task=call)
    assert ["Build"] == cancelled


def test_the_context_of_a_call_is_its_own() -> None:
    """A caller may keep it: another attempt does not change it."""
    contexts: list[dict[str, Any]] = []

    def call(_resource: str, _parameters: Any, context: dict[str, Any]) -> Any:
        contexts.append(context)
        raise TaskFailed("E")

    execute(machine(One=task(Retry=[{"ErrorEquals": ["E"], "MaxAttempts": 2}])), {}, call_task=call)
    assert [0, 1, 2] == [context["State"]["RetryCount"] for context in contexts]


def test_jitter_lies_between_nothing_and_the_delay_and_follows_the_seed() -> None:
    """Full jitter shortens a delay by chance; the same seed chooses the same."""
    document = machine(
        Call=task(
            Retry=[{"ErrorEquals": ["E"], "IntervalSeconds": 100, "JitterStrategy": "FULL", "MaxAttempts": 1}]
        )
    )

    def passed(seed: int) -> float:
        clock = VirtualClock()
        execute(document, {}, call_task=failing, clock=clock, seed=seed)
        return (clock.now() - EPOCH).total_seconds()

    delays = [passed(seed) for seed in range(20)]
    assert delays == [passed(seed) for seed in range(20)]
    assert 0 <= min(delays) < 50 < max(delays) <= 100


def failing(*_: Any) -> Any:
    """Fail every call."""
    raise TaskFailed("E", "always")


def test_an_endless_loop_ends_at_the_limit_of_the_history() -> None:
    """A history has at most 25,000 events (quotas)."""
    document = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A"}}}
    execution = execute(document, {}, call_task=echo)
    assert (Status.FAILED, 25_000) == (execution.status, len(execution.history))


def test_the_time_of_an_event_is_the_clocks() -> None:
    """Timestamps are text with milliseconds, in UTC."""
    clock = VirtualClock(datetime(2026, 11, 22, 12, 30, 0, 500_000, UTC))
    history = execute(machine(Wait={"Type": "Wait", "Seconds": 2}), {}, call_task=echo, clock=clock).history
    assert ("2026-11-22T12:30:00.500Z", "2026-11-22T12:30:02.500Z") == (
        history[0]["timestamp"],
        history[-1]["timestamp"],
    )


def test_the_region_of_an_event_is_the_executions() -> None:
    """TaskScheduled names the region of the execution's ARN."""
    context = {"StateMachine": {"Id": "arn:aws:states:eu-west-1:1:stateMachine:m"}}
    history = execute(machine(One=task()), {}, call_task=echo, context=context).history
    assert "eu-west-1" == history[2]["taskScheduledEventDetails"]["region"]


@pytest.mark.parametrize(
    ("resource", "kinds", "label"),
    [
        (
            LAMBDA,
            ["TaskScheduled", "TaskStarted", "TaskSucceeded"],
            {"resourceType": "lambda", "resource": "invoke"},
        ),
        (
            "arn:${Partition}:states:::aws-sdk:ecs:runTask",
            ["TaskScheduled", "TaskStarted", "TaskSucceeded"],
            {"resourceType": "aws-sdk:ecs", "resource": "runTask"},
        ),
        (
            "arn:aws:states:::codebuild:startBuild.sync",
            ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"],
            {"resourceType": "codebuild", "resource": "startBuild.sync"},
        ),
        (
            "arn:aws:lambda:us-east-1:1:function:f",
            ["LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionSucceeded"],
            {"resource": "arn:aws:lambda:us-east-1:1:function:f"},
        ),
        (
            "arn:aws:states:us-east-1:1:activity:a",
            ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"],
            {"resource": "arn:aws:states:us-east-1:1:activity:a"},
        ),
    ],
)
def test_the_events_of_a_task_follow_its_resource(
    resource: str, kinds: list[str], label: dict[str, str]
) -> None:
    """Evidence: recorded (LocalStack, timeouts/test_timeouts.snapshot.json and others)."""
    document = machine(One={"Type": "Task", "Resource": resource})
    history = execute(document, {}, call_task=echo).history
    assert kinds == [event["type"] for event in history[2:-2]]
    details = next(value for key, value in history[2].items() if key.endswith("Details"))
    assert label == {key: details.get(key) for key in label}


def test_jsonata_is_refused_before_anything_runs_where_its_library_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the state that asks for it, and what to install."""
    monkeypatch.setattr(jsonata, "is_available", lambda: False)
    document = machine(One=task(), Two={"Type": "Pass", "QueryLanguage": "JSONata"})
    with pytest.raises(UnsupportedDocument, match="'Two' is written in JSONata, which needs") as caught:
        execute(document, {}, call_task=failing)
    assert "/States/Two" == str(caught.value.pointer)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"StartAt": "B", "States": {"A": {"Type": "Succeed"}}}, "there is no state 'B'"),
        ({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}, "there is no state 'B'"),
        ({"StartAt": "A", "States": {"A": {"Type": "Nap"}}}, "'A' has no Type that is known"),
        ({"StartAt": "A", "States": {"A": {"Type": "Map", "End": True}}}, "'A' has no ItemProcessor"),
        ({"StartAt": "A", "States": {"A": {"Type": "Pass"}}}, "'A' has neither Next nor End"),
        (
            {"StartAt": "A", "States": {"A": {"Type": "Pass", "InputPath": 1, "End": True}}},
            "'InputPath' must hold a text or null",
        ),
        (
            {"StartAt": "A", "States": {"A": task(Catch=[{"ErrorEquals": ["E"]}], End=True)}},
            "A catcher has no Next",
        ),
        (
            {"StartAt": "A", "States": {"A": {"Type": "Choice", "Choices": [{"Next": "A"}]}}},
            "a Variable and one operator",
        ),
        (
            {"StartAt": "A", "States": {"A": {"Type": "Choice", "Choices": [{"And": [], "Next": "A"}]}}},
            "an array of rules",
        ),
        (
            {"StartAt": "A", "States": {"A": {"Type": "Choice", "Choices": [{"Not": 1, "Next": "A"}]}}},
            "rule is an object",
        ),
        (
            {
                "StartAt": "A",
                "States": {
                    "A": {
                        "Type": "Choice",
                        "Choices": [{"Variable": "$", "StringEqualsPath": 1, "Next": "A"}],
                    }
                },
            },
            "'StringEqualsPath' must hold a path",
        ),
        ({}, "has an object 'States'"),
    ],
)
def test_a_document_that_step_functions_would_refuse_is_an_error(
    document: dict[str, Any], message: str
) -> None:
    """It is no failure of the execution: such a document never runs."""
    with pytest.raises(DocumentError, match=message):
        execute(document, {}, call_task=echo)


def test_a_result_that_is_no_json_is_told_with_its_state() -> None:
    """The fault is the model's, not the document's."""
    with pytest.raises(TypeError, match="in the state 'One' is no JSON"):
        execute(machine(One=task()), {}, call_task=lambda *_: datetime.now(UTC))


def test_an_input_that_is_too_large_is_refused() -> None:
    """StartExecution takes 256 KiB."""
    with pytest.raises(ValueError, match="262147 bytes"):
        execute(machine(One=task()), "x" * (256 * 1024 + 1), call_task=echo)


# One state alone


def test_a_state_runs_alone_and_tells_what_follows() -> None:
    """Its output is the next state's input; nothing else of the document runs."""
    document = machine(
        One=task(Parameters={"x.$": "$x"}, ResultPath="$.r", Assign={"y.$": "$.x"}), Two={"Type": "Fail"}
    )
    found = execute_state(document, "One", {"a": 1}, call_task=echo, variables={"x": 5})
    assert ({"a": 1, "r": {"x": 5}}, "Two", {"y": 5}) == (found.execution.output, found.next, found.assigned)
    assert ("One",) == found.execution.visited


def test_a_state_that_fails_alone_is_retried_and_caught() -> None:
    """What follows is the catcher's state, or nothing."""
    retry = [{"ErrorEquals": ["E"], "IntervalSeconds": 60, "MaxAttempts": 1}]
    clock = VirtualClock()
    caught = task(Retry=retry, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Two"}])
    document = machine(One=caught, Other=task(), Two={"Type": "Succeed"})
    found = execute_state(document, "One", {}, call_task=failing, clock=clock)
    assert ({"Error": "E", "Cause": "always"}, "Two") == (found.execution.output, found.next)
    assert EPOCH + timedelta(seconds=60) == clock.now()
    failed = execute_state(document, "Other", {}, call_task=failing)
    assert (Status.FAILED, "E", None) == (failed.execution.status, failed.execution.error, failed.next)


def test_a_state_inside_a_map_runs_alone() -> None:
    """With the item that it is told."""
    inner = machine(Item={"Type": "Pass", "Parameters": {"i.$": "$$.Map.Item.Index"}})
    document = machine(Each={"Type": "Map", "ItemProcessor": inner})
    context = {"Map": {"Item": {"Index": 3, "Value": "x"}}}
    found = execute_state(document, "Item", "x", call_task=echo, context=context)
    assert ({"i": 3}, None) == (found.execution.output, found.next)


def test_a_state_that_does_not_exist_is_an_error_that_names_the_others() -> None:
    """A typing error is found at once."""
    with pytest.raises(DocumentError, match="no state 'one' in the document; there are One, Two, Three"):
        execute_state(THREE, "one", {}, call_task=echo)


# Histories


@pytest.fixture(scope="module")
def shapes() -> dict[str, Any]:
    """Read the model of the Step Functions API."""
    model: dict[str, Any] = botocore.loaders.Loader().load_service_model("stepfunctions", "service-2")
    shapes: dict[str, Any] = model["shapes"]
    return shapes


KINDS = {"string": str, "integer": int, "long": int, "boolean": bool}


def faults(value: Any, name: str, shapes: dict[str, Any]) -> list[str]:
    """Say where a value does not have the shape of the API's model."""
    shape = shapes[name]
    if shape["type"] == "structure":
        unknown = [f"{name}.{key} is unknown" for key in value if key not in shape["members"]]
        missing = [f"{name}.{key} is missing" for key in shape.get("required", []) if key not in value]
        inner = [
            fault
            for key, member in shape["members"].items()
            if key in value
            for fault in faults(value[key], member["shape"], shapes)
        ]
        return unknown + missing + inner
    if shape["type"] == "map":
        return [fault for item in value.values() for fault in faults(item, shape["value"]["shape"], shapes)]
    if shape["type"] == "timestamp":
        return [] if datetime.fromisoformat(value).tzinfo else [f"{name} has no zone"]
    if not isinstance(value, KINDS[shape["type"]]):
        return [f"{name} is {value!r}"]
    return [f"{name} has no {value}"] if "enum" in shape and value not in shape["enum"] else []


VARIED = machine(
    Assigning={"Type": "Pass", "Assign": {"x": 1}},
    Trying=task(
        TimeoutSeconds=5,
        HeartbeatSeconds=4,
        Retry=[{"ErrorEquals": ["E"], "MaxAttempts": 1}],
        Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Both"}],
    ),
    Both={
        "Type": "Parallel",
        "Branches": [
            machine(Wait={"Type": "Wait", "Seconds": 1}),
            machine(Job=task(Resource=LAMBDA + ".sync")),
        ],
        "ResultSelector": {"list.$": "$"},
    },
    Each={"Type": "Map", "ItemsPath": "$.list", "ItemProcessor": machine(Item=task())},
    All={
        "Type": "Map",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"}, **machine(Child={"Type": "Succeed"})},
    },
    Old={"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:1:function:f"},
    Worker={"Type": "Task", "Resource": "arn:aws:states:us-east-1:1:activity:a"},
    Choose={"Type": "Choice", "Choices": [{"Variable": "$", "IsPresent": True, "Next": "Finish"}]},
    Finish={"Type": "Succeed"},
)


def vary(random: Any) -> Any:
    """Answer calls by chance: at once, late, never, or with a failure."""

    def call(*_: Any) -> Any:
        seconds = random.choice([0, 1, 10])
        failure = random.choice([None, None, TaskFailed("E", "by chance"), TaskFailed("States.Timeout")])
        return Took(seconds, [1, 2], failure=failure)

    return call


@given(st.randoms(use_true_random=False), st.none() | st.floats(0, 20))
def test_every_history_has_the_shape_of_the_api(
    shapes: dict[str, Any], random: Any, stop_after: float | None
) -> None:
    """Types, fields and kinds are those that GetExecutionHistory's model knows, whatever happens."""
    history = execute(VARIED, [], call_task=vary(random), stop_after=stop_after).history
    for event in history:
        assert [] == faults(event, "HistoryEvent", shapes)


@given(st.randoms(use_true_random=False), st.none() | st.floats(0, 20))
def test_every_history_is_a_tree_of_events(random: Any, stop_after: float | None) -> None:
    """Ids count from 1, each event follows an earlier one, time does not go back, and the end comes once."""
    execution = execute(VARIED, [], call_task=vary(random), stop_after=stop_after)
    history = execution.history
    assert list(range(1, len(history) + 1)) == [event["id"] for event in history]
    assert all(event["previousEventId"] < event["id"] for event in history)
    assert sorted(event["timestamp"] for event in history) == [event["timestamp"] for event in history]
    ends = [event["type"] for event in history if event["type"].startswith("Execution")]
    assert [
        "ExecutionStarted",
        f"Execution{execution.status.title().replace('_', '')}".replace("Timedout", "TimedOut"),
    ] == ends
    json.dumps(history)


@given(st.randoms(use_true_random=False), st.none() | st.floats(0, 20))
def test_every_state_that_is_entered_is_exited_or_aborted(random: Any, stop_after: float | None) -> None:
    """Only the state that fails an execution, or a branch, has no event of its own that ends it."""
    execution = execute(VARIED, [], call_task=vary(random), stop_after=stop_after)
    kinds = Counter(event["type"] for event in execution.history)
    assume(not kinds["ParallelStateFailed"] and not kinds["MapIterationFailed"])
    entered = sum(count for kind, count in kinds.items() if kind.endswith("StateEntered"))
    ended = sum(count for kind, count in kinds.items() if kind.endswith(("StateExited", "StateAborted")))
    assert (1 if execution.status is Status.FAILED else 0) == entered - ended


def test_the_same_arguments_give_the_same_history() -> None:
    """Nothing but the arguments decides, so a history can be kept and compared."""
    document = machine(
        One=task(
            Parameters={"id.$": "States.UUID()", "n.$": "States.MathRandom(0, 1000000)"},
            Resource=LAMBDA + ".waitForTaskToken",
        )
    )
    first, second, other = (execute(document, {}, call_task=echo, seed=seed) for seed in (1, 1, 2))
    assert first == second
    assert first != other


def test_a_machine_that_was_read_can_be_executed_again_and_again() -> None:
    """Reading a document once saves time where it runs a thousand times."""
    read = StateMachine.of(VARIED)
    assert (
        execute(VARIED, [], call_task=echo)
        == execute(read, [], call_task=echo)
        == execute(read, [], call_task=echo)
    )
