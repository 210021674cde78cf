"""The longest path: an upper bound of what any execution takes, and exact where there is no loop."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator import settings as settings_file
from generator import validation_pipeline
from states_language.document import StateMachine
from states_language.durations import UnboundedError, longest_path

Edges = dict[str, list[str]]


def machine(seconds: Mapping[str, int], edges: Edges) -> StateMachine:
    """Return a document of waits that choose where they go on (a Wait and a Choice under each name)."""
    states: dict[str, Any] = {"End": {"Type": "Succeed"}}
    for name, duration in seconds.items():
        states[name] = {"Type": "Wait", "Seconds": duration, "Next": f"{name}?"}
        choices = [{"Variable": "$.to", "StringEquals": target, "Next": target} for target in edges[name]]
        states[f"{name}?"] = {"Type": "Choice", "Choices": choices, "Default": "End"}
    return StateMachine.of({"StartAt": "0", "States": states})


@st.composite
def graphs(draw: st.DrawFn, *, acyclic: bool) -> tuple[dict[str, int], Edges]:
    """Draw durations and edges of a few states."""
    count = draw(st.integers(1, 6))
    seconds = {str(name): draw(st.integers(0, 50)) for name in range(count)}
    edges = {}
    for name in range(count):
        targets = range(name + 1, count) if acyclic else range(count)
        edges[str(name)] = [str(target) for target in targets if draw(st.booleans())]
    return seconds, edges


def simple_paths(edges: Edges, path: tuple[str, ...] = ("0",)) -> Iterator[tuple[str, ...]]:
    """Yield the paths from the first state that pass no state twice."""
    yield path
    for target in edges[path[-1]]:
        if target not in path:
            yield from simple_paths(edges, (*path, target))


@given(graphs(acyclic=True))
def test_without_loops_it_is_the_longest_of_all_paths(graph: tuple[dict[str, int], Edges]) -> None:
    """Trying every path gives the same sum, and the states that are named give it too."""
    seconds, edges = graph
    longest = longest_path(machine(seconds, edges), {})
    assert max(sum(seconds[name] for name in path) for path in simple_paths(edges)) == longest.seconds
    assert sum(seconds.get(name, 0) for name in longest.states) == longest.seconds


@given(graphs(acyclic=False), st.integers(1, 5))
def test_with_loops_it_is_never_below_a_simple_path(graph: tuple[dict[str, int], Edges], rounds: int) -> None:
    """A loop that runs at least once costs at least one way through it."""
    seconds, edges = graph
    longest = longest_path(machine(seconds, edges), dict.fromkeys(seconds, rounds))
    assert max(sum(seconds[name] for name in path) for path in simple_paths(edges)) <= longest.seconds


def test_a_loop_costs_all_its_rounds() -> None:
    """What a loop can take is its states' time by its rounds, and what follows is added once."""
    read = machine({"0": 3, "1": 4, "2": 100}, {"0": ["1"], "1": ["0", "2"], "2": []})
    assert longest_path(read, {"1": 10}).seconds == 10 * (3 + 4) + 100


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"TimeoutSeconds": 10}, 10),
        (
            {"TimeoutSeconds": 10, "Retry": [{"ErrorEquals": ["Ecs.EcsException"], "MaxAttempts": 2}]},
            10 + 1 + 2,
        ),
        (
            {"TimeoutSeconds": 10, "Retry": [{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 2}]},
            30 + 1 + 2,
        ),
        ({"TimeoutSeconds": 10, "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]}, 20 + 1),
        ({"TimeoutSeconds": 10, "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 0}]}, 10),
    ],
    ids=["once", "a service's error", "a timeout", "everything", "no retry"],
)
def test_a_call_costs_its_timeout_each_time_that_it_can_time_out(
    fields: dict[str, Any], seconds: float
) -> None:
    """A retried timeout is waited for again; a retried error of the service costs its wait."""
    read = StateMachine.of({"StartAt": "Call", "States": {"Call": {"Type": "Task", "End": True, **fields}}})
    assert seconds == longest_path(read, {}).seconds


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ({"Call": {"Type": "Task", "End": True}}, "'Call' has no bound: give it TimeoutSeconds"),
        (
            {"Call": {"Type": "Task", "TimeoutSecondsPath": "$.t", "End": True}},
            "'Call' has no bound: give it TimeoutSeconds",
        ),
        ({"Call": {"Type": "Wait", "SecondsPath": "$.s", "End": True}}, "'Call' has no bound"),
        ({"Call": {"Type": "Pass", "Next": "Call"}}, "Nobody says how often the loop of Call can run"),
        ({"Other": {"Type": "Succeed"}}, "starts nowhere"),
    ],
    ids=["no timeout", "a timeout from the data", "a wait from the data", "a loop", "no start"],
)
def test_what_has_no_bound_is_named(states: dict[str, Any], message: str) -> None:
    """An upper bound that is not known is an error, never a guess."""
    with pytest.raises(UnboundedError, match=message):
        longest_path(StateMachine.of({"StartAt": "Call", "States": states}), {})


def test_the_committed_pipeline_fits_into_its_own_timeout(root: Path, definition: dict[str, Any]) -> None:
    """The slowest execution still has its time for the clean-up: it ends before the state machine cuts it off."""
    bounds = validation_pipeline.loop_bounds(settings_file.load(root / "settings.yaml"))
    longest = longest_path(StateMachine.of(definition), bounds)
    assert longest.seconds <= definition["TimeoutSeconds"]
    assert {"BuildMCPServerImage", "StopMCPServerContainer", "RecordVerdict"} <= {*longest.states}


def test_a_state_that_is_added_to_the_pipeline_is_counted(definition: dict[str, Any]) -> None:
    """A wait before the end makes every execution longer by its seconds."""
    changed = json.loads(json.dumps(definition))
    changed["States"]["RecordVerdict"]["Next"] = "Idle"
    changed["States"]["Idle"] = {"Type": "Wait", "Seconds": 77, "Next": "CheckValidationResult"}
    bounds = {"WaitForTaskStartup": 60}
    before, after = (longest_path(StateMachine.of(each), bounds) for each in (definition, changed))
    assert before.seconds + 77 == after.seconds
