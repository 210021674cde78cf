"""One state alone: what it makes of an input, and where it leads.

The answer has the fields of the TestState API. Here the state is executed by the interpreter on a virtual clock, its
call answered by a mock; on AWS by the TestState API itself. Here retriers are gone through (`calls` says how often
the call was made), where TestState stops with the status `RETRIABLE`. Evidence: documentation (API reference).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runner.tokens import fill
from states_language.document import DocumentError, StateMachine, Task
from states_language.interpreter import Status, TaskFailed, execute_state
from states_language.sources import SourceError, parse, read_text

DEFINITION = Path("asl/validation-pipeline.asl.json")
NO_MOCK = object()


class StateTestError(Exception):
    """The state cannot be tested like this; the message says what to give."""


def here(path: Path, name: str, given: Any, mock: Any) -> dict[str, Any]:
    """Execute a state of a document with the interpreter. Raises `StateTestError`, and `DocumentError` for a state of it."""
    try:
        machine = StateMachine.of(parse(fill(read_text(path)), str(path)).value)
    except SourceError as error:
        raise StateTestError(error.told) from error
    except DocumentError as error:
        raise StateTestError(f"{path}: {error}") from error
    if name not in machine.states:
        raise StateTestError(f"{path}: has no state {name}; it has {', '.join(machine.states)}")
    state = machine.states[name]
    if isinstance(state, Task) and mock is NO_MOCK:
        raise StateTestError(
            f"{name} calls {state.resource}: give its answer with --mock FILE, or ask AWS with --aws"
        )
    return _executed(machine, name, given, mock)


def _executed(machine: StateMachine, name: str, given: Any, mock: Any) -> dict[str, Any]:
    def answer(_resource: str, _parameters: Any, _context: Any) -> Any:
        if _is_error(mock):
            raise TaskFailed(mock["error"], mock.get("cause"))
        return mock

    state = execute_state(machine, name, given, call_task=answer)
    failures = [
        event.get("taskFailedEventDetails") or event.get("taskTimedOutEventDetails", {})
        for event in state.execution.history
        if event["type"] in {"TaskFailed", "TaskTimedOut"}
    ]
    scheduled = [
        event["taskScheduledEventDetails"]
        for event in state.execution.history
        if event["type"] == "TaskScheduled"
    ]
    found: dict[str, Any] = {
        "status": "FAILED",
        "error": state.execution.error,
        "cause": state.execution.cause,
    }
    if state.execution.status is Status.SUCCEEDED:
        found = {"status": "SUCCEEDED", "output": state.execution.output, "nextState": state.next}
        if failures and len(failures) == len(scheduled):
            found |= {
                "status": "CAUGHT_ERROR",
                "error": failures[-1].get("error"),
                "cause": failures[-1].get("cause"),
            }
    if scheduled:
        found["inspectionData"] = {
            "afterParameters": json.loads(scheduled[0]["parameters"]),
            "calls": len(scheduled),
        }
    return {key: value for key, value in found.items() if value is not None}


def _is_error(mock: Any) -> bool:
    return isinstance(mock, dict) and "error" in mock and set(mock) <= {"error", "cause"}


def on_aws(stack_name: str, name: str, given: Any, mock: Any) -> dict[str, Any]:
    """Ask the TestState API, for the definition and the role that a stack has deployed.

    Raises `StateTestError`, and what boto3 raises. Unverified: it has met no AWS account.
    """
    import boto3  # noqa: PLC0415 - a third of a second that the local way does not need

    states = boto3.client("stepfunctions")
    described = boto3.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])}
    if "PipelineArn" not in outputs:
        raise StateTestError(f"the stack {stack_name} has no output PipelineArn: is it this project's?")
    routes = states.describe_state_machine_alias(stateMachineAliasArn=outputs["PipelineArn"])[
        "routingConfiguration"
    ]
    machine = states.describe_state_machine(stateMachineArn=routes[0]["stateMachineVersionArn"])
    definition = json.loads(machine["definition"])
    if name not in definition["States"]:
        raise StateTestError(
            f"the deployed definition has no state {name}; it has {', '.join(definition['States'])}"
        )
    answer = states.test_state(
        definition=machine["definition"],
        stateName=name,
        roleArn=machine["roleArn"],
        input=json.dumps(given),
        inspectionLevel="DEBUG",
        **_mocked(mock),
    )
    return {key: _read(value) for key, value in answer.items() if key != "ResponseMetadata"}


def _mocked(mock: Any) -> dict[str, Any]:
    if mock is NO_MOCK:
        return {}
    if _is_error(mock):
        return {"mock": {"errorOutput": {"error": mock["error"], "cause": mock.get("cause", "")}}}
    return {"mock": {"result": json.dumps(mock)}}


def _read(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) and value[:1] in "{[" else value
    except ValueError:
        return value
