"""The semantics of ASL as cases: each file in `cases/` is a topic, each entry a document, an input and what follows.

An entry has `name`, `evidence` and either `states` (their `StartAt` is the first one) or `state` (alone, and the
end). `tasks` answers the calls of each task state in turn, the last answer again and again: `{result, seconds}`,
`{error, cause, seconds}`, or `{large}` for a text of so many characters. The rest is expected: `output` or `error` with `cause` (a part of it), `status`,
`seconds` that passed, the states `visited`, `parameters` of each call, types of `events`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from states_language.clock import EPOCH, VirtualClock
from states_language.interpreter import Execution, TaskFailed, Took, execute, jsonata

CASES = Path(__file__).parent / "cases"
EXPECTATIONS = {
    "output",
    "error",
    "cause",
    "status",
    "seconds",
    "visited",
    "parameters",
    "events",
    "assigned",
}
GIVEN = {"name", "evidence", "state", "states", "tasks", "input", "context", "machine"}
EVIDENCE = ("documentation", "specification", "recorded", "emulator", "unverified")


NEEDS_JSONATA = pytest.mark.skipif(not jsonata.is_available(), reason="jsonata-python is not installed")


def load() -> list[Any]:
    """Read all cases, named by their topic and name."""
    return [
        pytest.param(
            case, id=f"{path.stem}: {case['name']}", marks=NEEDS_JSONATA if path.stem == "jsonata" else ()
        )
        for path in sorted(CASES.glob("*.yaml"))
        for case in yaml.safe_load(path.read_text())
    ]


def document(case: dict[str, Any]) -> dict[str, Any]:
    """Build the case's document."""
    states = case["states"] if "states" in case else {"State": {**case["state"]}}
    if "state" in case and case["state"]["Type"] not in ("Succeed", "Fail", "Choice"):
        states["State"].setdefault("End", True)
    return {"StartAt": next(iter(states)), "States": states, **case.get("machine", {})}


class Tasks:
    """Answers the calls of task states by the table of a case, and remembers their parameters."""

    def __init__(self, answers: dict[str, Any]):
        self.answers = {
            name: list(entry) if isinstance(entry, list) else [entry] for name, entry in answers.items()
        }
        self.parameters: list[Any] = []

    def __call__(self, resource: str, parameters: Any, context: dict[str, Any]) -> Any:
        """Give the next answer for the state, or for the resource of a reader or writer."""
        self.parameters.append(parameters)
        name = context["State"]["Name"]
        answers = self.answers[name if name in self.answers else resource]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if "error" in answer:
            raise TaskFailed(answer["error"], answer.get("cause"), seconds=answer.get("seconds", 0))
        seconds = float(answer.get("seconds", 0))
        result = "x" * answer["large"] if "large" in answer else answer.get("result")
        return Took(seconds, result, heartbeats=tuple(answer.get("heartbeats", ())))


def run(case: dict[str, Any]) -> tuple[Execution, Tasks, float]:
    """Execute a case."""
    tasks, clock = Tasks(case.get("tasks", {})), VirtualClock()
    execution = execute(
        document(case), case.get("input", {}), call_task=tasks, clock=clock, context=case.get("context")
    )
    return execution, tasks, (clock.now() - EPOCH).total_seconds()


@pytest.mark.parametrize("case", load())
def test_case(case: dict[str, Any]) -> None:
    """The execution ends as the case says."""
    execution, tasks, seconds = run(case)
    assert case.get("status", "FAILED" if "error" in case else "SUCCEEDED") == execution.status, (
        execution.cause
    )
    actual = {
        "output": execution.output,
        "error": execution.error,
        "status": execution.status,
        "seconds": seconds,
        "visited": list(execution.visited),
        "parameters": tasks.parameters,
        "events": [event["type"] for event in execution.history],
        "assigned": [
            event["stateExitedEventDetails"].get("assignedVariables", {})
            for event in execution.history
            if "stateExitedEventDetails" in event
        ],
    }
    for name in EXPECTATIONS & case.keys() - {"cause"}:
        assert case[name] == actual[name], name
    assert case.get("cause", "") in (execution.cause or "")


@pytest.mark.parametrize("case", load())
def test_case_is_well_formed(case: dict[str, Any]) -> None:
    """A case says on what evidence it stands and expects something, in words that the test knows."""
    assert case["evidence"].startswith(EVIDENCE)
    assert EXPECTATIONS & case.keys()
    assert set() == case.keys() - EXPECTATIONS - GIVEN
