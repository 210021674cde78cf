"""The committed document, executed: what an execution does. Its faults are in tests/runner/test_faults.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator import faults as fault_table
from runner.faults import INPUT, REJECTED, always, committed, lost, model, raises, recorded, stops
from runner.modelled_aws import DIGEST, IMAGE, OTHER_DIGEST, Call, Fault, ModelledAws
from states_language.document import Task
from states_language.interpreter import Execution, ExecutionStopped, Status, execute

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent.parent
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "asl/validation-pipeline.input.schema.json").read_text("utf-8"))
)
MACHINE = committed(ROOT)
TASKS = [state for state in MACHINE.states.values() if isinstance(state, Task)]
TABLE = fault_table.table()


def run(aws: ModelledAws, given_input: Any = None, **context: Any) -> Execution:
    """Execute the document against a model."""
    return execute(
        MACHINE,
        INPUT if given_input is None else given_input,
        call_task=aws,
        clock=aws.clock,
        context={"Execution": context} if context else None,
    )


def test_a_good_server_is_verified() -> None:
    """The image that was built is the image that is run and judged; then nothing is left."""
    aws = model()
    execution = run(aws)
    assert (Status.SUCCEEDED, None) == (execution.status, execution.error)
    assert "verified" == execution.output["Outcome"]
    (definition,) = aws.definitions.values()
    assert IMAGE == definition["ContainerDefinitions"][0]["Image"]
    assert [
        {
            "serverId": INPUT["serverId"],
            "endpoint": "http://10.77.0.9:8000",
            "imageUri": IMAGE,
            "imageDigest": DIGEST,
        }
    ] == [
        {key: judged[key] for key in ("serverId", "endpoint", "imageUri", "imageDigest")}
        for judged in aws.judged
    ]
    assert [] == aws.alive
    assert set(aws.definitions) == aws.deregistered
    assert ("verified", True, "none", "0") == tuple(
        recorded(aws)[name] for name in ("outcome", "verified", "fault", "redriveCount")
    )
    assert aws.verdict == json.loads(recorded(aws)["verdict"])


def test_states_run_in_the_order_that_operators_know() -> None:
    """A good run passes through the named states, in this order."""
    execution = run(model(seconds_to_run=0))
    order = [
        "BuildMCPServerImage", "ParseImageUri", "RegisterValidationTaskDef", "RunMCPServerContainer", "WaitForTaskStartup", "DescribeTask",
        "ValidateMCPServer", "StopMCPServerContainer", "DeregisterValidationTaskDef", "RecordVerdict", "CheckValidationResult", "ValidationSucceeded",
    ]  # fmt: skip
    assert order == [name for name in execution.visited if name in order]


def test_a_given_image_is_judged_without_a_build() -> None:
    """Operators test with an image: it is run by its digest, and nothing is built."""
    aws = model()
    given = f"public.ecr.aws/owner/server@{DIGEST}"
    execution = run(aws, {**INPUT, "imageUri": given})
    assert Status.SUCCEEDED == execution.status
    assert "BuildMCPServerImage" not in execution.visited
    assert given == aws.judged[0]["imageUri"]


def test_a_fast_start_is_not_waited_for() -> None:
    """From RunTask to the validator passes the time that the task needs, and one look more at most."""
    aws = model(seconds_to_run=5)
    run(aws)
    assert aws.calls.count("DescribeTask") == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"serverId": None}, "serverId"),
        ({"serverId": ""}, "serverId"),
        ({"serverId": 5}, "serverId"),
        ({"repositoryName": ""}, "repositoryName"),
        ({"repositoryName": ["a"]}, "repositoryName"),
        ({"originalRepositoryName": "name"}, "originalRepositoryName"),
        ({"originalRepositoryName": "a/b/c"}, "originalRepositoryName"),
        ({"originalRepositoryName": "/name"}, "originalRepositoryName"),
        ({"originalRepositoryName": "owner/"}, "originalRepositoryName"),
        ({"originalRepositoryName": "own er/name"}, "originalRepositoryName"),
        ({"imageUri": None}, "imageUri"),
        ({"imageUri": "repository:latest"}, "imageUri"),
        ({"imageUri": f"@{DIGEST}"}, "imageUri"),
        ({"imageUri": f"a@b@{DIGEST}"}, "imageUri"),
        ({"imageUri": 5}, "imageUri"),
    ],
)
def test_a_malformed_input_ends_at_once(change: dict[str, Any], field: str) -> None:
    """Nothing is called, and the error names the field."""
    aws = model()
    execution = run(aws, {**INPUT, **change})
    assert (Status.FAILED, "InvalidInput", []) == (execution.status, execution.error, aws.calls)
    assert (execution.cause or "").startswith(field)


@pytest.mark.parametrize("missing", sorted(INPUT))
def test_a_missing_field_ends_at_once(missing: str) -> None:
    """Each field that is required is asked for by its name."""
    execution = run(model(), {name: value for name, value in INPUT.items() if name != missing})
    assert "InvalidInput" == execution.error
    assert (execution.cause or "").startswith(missing)


@pytest.mark.parametrize("whole", [[], "text", 5, {}])
def test_an_input_of_another_kind_ends_at_once(whole: Any) -> None:
    """An input that is no object is refused by name too, not by States.Runtime."""
    assert "InvalidInput" == execute(MACHINE, whole, call_task=model()).error


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*INPUT, "imageUri", "Task", "Result", "Failure"]), json_values))
def test_no_input_kills_an_execution(given_input: dict[str, Any]) -> None:
    """Whatever comes in, no path fails, and what the schema accepts is never refused."""
    execution = run(model(), given_input)
    assert not (execution.error or "").startswith("States.")
    assert not (SCHEMA.is_valid(given_input) and execution.error == "InvalidInput")


def test_nothing_in_the_input_poses_as_a_result() -> None:
    """Fields that later states read are not taken from the input: no stranger's task is stopped."""
    forged = {
        "Task": {"TaskArn": "arn:of:another"},
        "Result": {"Fault": "none"},
        "ImageDetails": {"ImageUri": "evil"},
        "Found": {"TaskArns": ["arn:of:another"]},
    }
    stopped: list[Any] = []

    def watched(_aws: ModelledAws, call: Call, parameters: Mapping[str, Any]) -> Any:
        stopped.append(parameters["Task"])
        return call(parameters)

    aws = model(
        always("RunMCPServerContainer", "refused", raises("Ecs.ClientException")),
        always("StopMCPServerContainer", "watched", watched),
    )
    execution = run(aws, {**INPUT, **forged})
    assert ("RunFailed", []) == (execution.error, stopped)


@pytest.mark.parametrize(
    ("exported", "error"),
    [
        ([], "NoImageExported"),
        (None, "NoImageExported"),
        ([{"Name": "IMAGE_URI", "Value": ""}], "NoImageExported"),
        ([{"Name": "IMAGE_URI", "Value": "repository:latest"}], "NoImageExported"),
        (
            [{"Name": "IMAGE_URI", "Value": ""}, {"Name": "BUILD_FAILURE", "Value": "No Dockerfile."}],
            "ImageNotBuilt",
        ),
        ([{"Name": "BUILD_FAILURE", "Value": ""}], "NoImageExported"),
    ],
)
def test_a_build_without_an_image_is_a_named_failure(exported: Any, error: str) -> None:
    """A build that exports no image by digest says why, or is our fault."""
    aws = model()
    aws.exported = exported
    if exported is None:
        aws.faults = (always("BuildMCPServerImage", "bare", lambda *_: {"Build": {"Id": "x"}}),)
    execution = run(aws)
    assert error == execution.error
    assert [] == aws.tasks
    assert (TABLE[error].fault, TABLE[error].outcome) == (recorded(aws)["fault"], recorded(aws)["outcome"])


def test_another_image_than_the_one_built_is_never_judged() -> None:
    """What the container runs is compared with what was built, before the validator is asked."""

    def another(_aws: ModelledAws, call: Call, parameters: Mapping[str, Any]) -> Any:
        return json.loads(json.dumps(call(parameters)).replace(DIGEST, OTHER_DIGEST))

    aws = model(always("DescribeTask", "another image", another))
    execution = run(aws)
    assert ("WrongImage", [], []) == (execution.error, aws.judged, aws.alive)
    assert OTHER_DIGEST in (execution.cause or "")


def test_an_unknown_digest_is_waited_for_and_then_named() -> None:
    """A container whose digest ECS does not tell is not judged."""

    def without_digest(_aws: ModelledAws, call: Call, parameters: Mapping[str, Any]) -> Any:
        answer = call(parameters)
        answer["Tasks"][0]["Containers"][0].pop("ImageDigest", None)
        return answer

    aws = model(always("DescribeTask", "no digest", without_digest))
    assert ("TaskNotRunning", [], 60) == (run(aws).error, aws.judged, aws.calls.count("DescribeTask"))
    assert [] == aws.alive


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        ("EssentialContainerExited", "Essential container in task exited", "ContainerExited"),
        ("TaskFailedToStart", "CannotPullContainerError: not found", "TaskStopped"),
        ("TaskFailedToStart", "ResourceInitializationError: log group", "TaskStopped"),
        ("TaskFailedToStart", "CannotStartContainerError: exec: no such file", "ContainerNotStarted"),
        ("UserInitiated", "stopped by hand", "TaskStopped"),
        ("SpotInterruption", "gone", "TaskStopped"),
    ],
)
def test_a_task_that_stops_says_whose_fault_it_was(code: str, reason: str, error: str) -> None:
    """The stop code and reason decide between the server and us, and stand in the cause."""
    aws = model(always("DescribeTask", "stopped", stops(code, reason)))
    execution = run(aws)
    assert (error, []) == (execution.error, aws.alive)
    assert reason in (execution.cause or "")


@pytest.mark.parametrize(
    ("verdict", "error"),
    [
        (REJECTED, "Rejected"),
        ({**REJECTED, "outcome": "needs_policy"}, "PolicyNeeded"),
        ({**REJECTED, "outcome": "inconclusive"}, "Inconclusive"),
        ({**REJECTED, "outcome": "splendid"}, "VerdictMalformed"),
        ({"verified": True, "outcome": "rejected"}, "VerdictMalformed"),
        ({"verified": False, "outcome": "verified"}, "VerdictMalformed"),
        ({"verified": "true", "outcome": "verified"}, "VerdictMalformed"),
        ({"outcome": "verified"}, "VerdictMalformed"),
        ({}, "VerdictMalformed"),
        (None, "VerdictMalformed"),
        ("verified", "VerdictMalformed"),
        ([], "VerdictMalformed"),
    ],
)
def test_only_a_whole_verdict_verifies(verdict: Any, error: str) -> None:
    """A verdict that is not clearly a pass is none; who is at fault is in the table."""
    aws = model(verdict=verdict)
    execution = run(aws)
    assert (error, TABLE[error].fault, []) == (execution.error, recorded(aws)["fault"], aws.alive)
    assert {"server": "ValidationFailed", "pipeline": "PipelineFailed"}[
        TABLE[error].fault
    ] == execution.visited[-1]


def test_a_task_that_somebody_else_stopped_is_no_proof_against_the_server() -> None:
    """A server that went away while it was judged, by no fault of its own, is not rejected."""
    aws = model(
        always("DescribeRejectedTask", "stopped", stops("SpotInterruption", "gone")), verdict=REJECTED
    )
    assert ("TaskStopped", "inconclusive") == (run(aws).error, recorded(aws)["outcome"])


def test_a_server_that_crashes_while_it_is_judged_stays_rejected() -> None:
    """Its own exit does not excuse it."""
    aws = model(
        always("DescribeRejectedTask", "exited", stops("EssentialContainerExited", "exit")), verdict=REJECTED
    )
    assert "Rejected" == run(aws).error


def test_a_lost_answer_leaves_no_task() -> None:
    """RunTask took effect, and no answer ever came: the task is found by its starter, and stopped."""
    aws = model(always("RunMCPServerContainer", "lost", lost))
    execution = run(aws)
    assert ("RunFailed", 1, []) == (execution.error, len(aws.tasks), aws.alive)


def test_a_retried_run_starts_one_task() -> None:
    """The first answer is lost, the second arrives: it is the same task."""
    aws = model(Fault("RunMCPServerContainer", "lost once", lost, times=1))
    assert (Status.SUCCEEDED, 1, []) == (run(aws).status, len(aws.tasks), aws.alive)


def test_a_redrive_gets_a_task_of_its_own_and_replaces_the_verdict() -> None:
    """The execution's ARN stays; the redrive count makes the token another one, and lets the verdict be replaced."""
    aws = model(verdict=REJECTED)
    run(aws)
    aws.verdict = {"verified": True, "outcome": "verified"}
    assert Status.SUCCEEDED == run(aws, RedriveCount=1).status
    assert (2, 1, "1", "verified") == (
        len(aws.tasks),
        len(aws.table),
        recorded(aws)["redriveCount"],
        recorded(aws)["outcome"],
    )


def test_a_second_write_of_the_same_execution_changes_nothing() -> None:
    """A verdict whose answer was lost is not written twice, and the execution goes on."""
    aws = model(Fault("RecordVerdict", "lost once", lost, times=1))
    assert (Status.SUCCEEDED, 1) == (run(aws).status, aws.writes)


def test_a_verdict_survives_a_task_that_cannot_be_stopped() -> None:
    """The verdict is the server's; that the task runs on is ours, and is named with the task."""
    aws = model(always("StopMCPServerContainer", "refused", raises("Ecs.ServerException")))
    execution = run(aws)
    assert ("TaskNotStopped", "PipelineFailed", "verified") == (
        execution.error,
        execution.visited[-1],
        recorded(aws)["outcome"],
    )
    assert aws.tasks[0].arn in (execution.cause or "")


@pytest.mark.parametrize("state", [task.name for task in TASKS])
def test_an_abort_leaves_only_what_its_tags_lead_to(state: str) -> None:
    """StopExecution cannot be caught: a task that runs then carries the execution and the server in its tags."""

    def stop(_aws: ModelledAws, _call: Call, _parameters: Mapping[str, Any]) -> Any:
        raise ExecutionStopped

    aws = model(always(state, "stopped from outside", stop))
    execution = run(aws)
    for task in aws.alive:
        tags = {tag["Key"]: tag["Value"] for tag in aws.definitions[task.definition]["Tags"]}
        assert INPUT["serverId"] == tags["toolshed:server-id"]
        assert tags["toolshed:execution-arn"].startswith("arn:aws:states:")
        assert Status.ABORTED == execution.status


def test_two_executions_for_one_server_do_not_meet() -> None:
    """Two at once have tasks, revisions and verdicts of their own."""
    aws = model()
    for name in ("one", "two"):
        assert (
            Status.SUCCEEDED
            == run(aws, Id=f"arn:aws:states:eu-central-1:123456789012:execution:pipeline:{name}").status
        )
    assert (2, 2, 2, []) == (len(aws.tasks), len(aws.table), len(aws.definitions), aws.alive)
