"""One state alone: what it makes of an input, and where it leads.

The answer has the fields of the TestState API. Here the state is executed by the interpreter, its call answered by
a mock; on AWS by the TestState API itself. Retriers do not wait and are not tried: as TestState does, an error that
would be retried is answered with the status `RETRIABLE`. Evidence: documentation (API reference, TestState).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from states_language.document import StateMachine, Task
from states_language.interpreter import Status, TaskFailed, execute

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFINITION = Path("asl/validation-pipeline.asl.json")
TOKEN = re.compile(r"\$\{([A-Za-z][A-Za-z0-9]*)\}")
NO_MOCK = object()
END = "(end)"


class StateTestError(Exception):
    """The state cannot be tested like this; the message says what to give."""


def here(path: Path, name: str, given: Any, mock: Any) -> dict[str, Any]:
    """Execute a state of a document with the interpreter. Raises `StateTestError`, `DocumentError`."""
    try:
        text = path.read_text("utf-8")
        document = json.loads(TOKEN.sub(lambda found: found[1], text))
    except OSError as error:
        raise StateTestError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise StateTestError(f"{path}: is not JSON ({error})") from error
    machine = StateMachine.of(document)
    if name not in machine.states:
        raise StateTestError(f"{path}: has no state {name}; it has {', '.join(machine.states)}")
    state = machine.states[name]
    if isinstance(state, Task) and mock is NO_MOCK:
        raise StateTestError(f"{name} calls {state.resource}: give its answer with --mock FILE, or ask AWS with --aws")
    return _executed(_alone(machine.fields, name), name, given, mock)


def _alone(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a document in which only one state does anything: wherever it leads is an end."""
    state = {key: value for key, value in document["States"][name].items() if key != "Retry"}
    others = {other: {"Type": "Succeed"} for other in document["States"] if other != name}
    return {"StartAt": name, "States": {name: state, **others}}


def _executed(document: dict[str, Any], name: str, given: Any, mock: Any) -> dict[str, Any]:
    def answer(_resource: str, _parameters: Any, _context: Any) -> Any:
        if isinstance(mock, dict) and set(mock) <= {"error", "cause"} and "error" in mock:
            raise TaskFailed(mock["error"], mock.get("cause"))
        return mock

    execution = execute(document, given, call_task=answer)
    following = execution.visited[1:2]
    failure = next((event for event in execution.history if event["type"] in {"TaskFailed", "TaskTimedOut"}), None)
    details = (failure or {}).get("taskFailedEventDetails") or (failure or {}).get("taskTimedOutEventDetails")
    scheduled = next((event["taskScheduledEventDetails"] for event in execution.history if event["type"] == "TaskScheduled"), None)
    found: dict[str, Any] = {"status": "SUCCEEDED" if execution.status is Status.SUCCEEDED else "FAILED"}
    if scheduled is not None:
        found["inspectionData"] = {"afterParameters": json.loads(scheduled["parameters"])}
    if execution.status is Status.SUCCEEDED:
        found["output"] = execution.output
        if following:
            found["nextState"] = following[0]
        if details is not None:
            found |= {"status": "CAUGHT_ERROR", "error": details["error"], "cause": details.get("cause")}
    else:
        found |= {"error": execution.error, "cause": execution.cause}
    return found


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
    routes = states.describe_state_machine_alias(stateMachineAliasArn=outputs["PipelineArn"])["routingConfiguration"]
    machine = states.describe_state_machine(stateMachineArn=routes[0]["stateMachineVersionArn"])
    definition = json.loads(machine["definition"])
    if name not in definition["States"]:
        raise StateTestError(f"the deployed definition has no state {name}; it has {', '.join(definition['States'])}")
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
    if isinstance(mock, dict) and "error" in mock and set(mock) <= {"error", "cause"}:
        return {"mock": {"errorOutput": {"error": mock["error"], "cause": mock.get("cause", "")}}}
    return {"mock": {"result": json.dumps(mock)}}


def _read(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) and value[:1] in "{[" else value
    except ValueError:
        return value
