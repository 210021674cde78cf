"""The endpoint that a local run serves: it answers as AWS does, and the emulator's answers pass through it."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from runner.services import execution_log
from tests.runner.served import FAULTY, HANGING, HONEST, REJECTED, VERDICTS, Served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

SECONDS = 30
"""What is waited for something that takes a moment."""


def until(found: Callable[[], Any]) -> Any:
    """Return what a function finds, once it finds something."""
    deadline = time.monotonic() + SECONDS
    while not (answer := found()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)
    return answer


def history(served: Served, arn: str, **given: Any) -> list[dict[str, Any]]:
    """Return an execution's events, of all pages."""
    pages = served.client("stepfunctions").get_paginator("get_execution_history")
    return [event for page in pages.paginate(executionArn=arn, **given) for event in page["events"]]


def states(served: Served, arn: str) -> list[str]:
    """Return the states that an execution has entered."""
    return [
        event["stateEnteredEventDetails"]["name"]
        for event in history(served, arn)
        if "stateEnteredEventDetails" in event
    ]


def lines(served: Served, output: str, **given: Any) -> list[dict[str, Any]]:
    """Return the events of a log group that the stack names."""
    pages = served.client("logs").get_paginator("filter_log_events")
    name = served.outputs[output]
    return [event for page in pages.paginate(logGroupName=name, **given) for event in page["events"]]


@pytest.fixture(scope="module")
def arns(served: Served) -> dict[str, str]:
    """Start an execution on each repository, all at once."""
    return {repository: served.start(repository) for repository in VERDICTS}


@pytest.fixture(scope="module")
def honest(served: Served, arns: dict[str, str]) -> str:
    """Return an execution that has ended well."""
    served.ended(arns[HONEST])
    return arns[HONEST]


@pytest.fixture(scope="module")
def hangings(served: Served, arns: dict[str, str]) -> Iterator[list[str]]:
    """Start executions that do not end by themselves; the last is for those who only look."""
    assert arns
    started = [served.start(HANGING) for _ in range(4)]
    yield list(started)
    for arn in started:
        served.client("stepfunctions").stop_execution(executionArn=arn)


def judged(served: Served, arn: str) -> str:
    """Return an execution whose server is being judged."""
    until(lambda: "ValidateMCPServer" in states(served, arn))
    return arn


@pytest.fixture
def hanging(served: Served, hangings: list[str]) -> str:
    """Return an execution whose server is being judged, to be looked at."""
    return judged(served, hangings[-1])


@pytest.fixture
def own_hanging(served: Served, hangings: list[str]) -> str:
    """Return one that nobody else has."""
    return judged(served, hangings.pop(0))


@pytest.fixture
def machine(served: Served) -> Iterator[Callable[[dict[str, Any]], str]]:
    """Create state machines of other definitions."""
    client, made = served.client("stepfunctions"), []

    def create(definition: dict[str, Any]) -> str:
        arn: str = client.create_state_machine(
            name=f"other-{time.monotonic_ns()}",
            definition=json.dumps(definition),
            roleArn=served.session.pipeline.stack.role_arn,
        )["stateMachineArn"]
        made.append(arn)
        return arn

    yield create
    for arn in made:
        client.delete_state_machine(stateMachineArn=arn)


# Executions


@pytest.mark.parametrize("repository", VERDICTS)
def test_an_execution_ends_with_its_verdict(served: Served, arns: dict[str, str], repository: str) -> None:
    """Started through the alias, it ends by the error that its server, or our fault, leads to, and is recorded."""
    described = served.ended(arns[repository])
    assert VERDICTS[repository] == described.get("error")
    assert ("FAILED" if VERDICTS[repository] else "SUCCEEDED") == described["status"]
    item = served.client("dynamodb").get_item(
        TableName=served.outputs["VerdictTableNameInUse"],
        Key={"serverId": {"S": repository}, "executionArn": {"S": arns[repository]}},
    )["Item"]
    assert (VERDICTS[repository] or "") == item["error"]["S"]
    assert described["startDate"] == datetime.fromisoformat(item["startedAt"]["S"])


def test_executions_run_beside_each_other(served: Served, arns: dict[str, str]) -> None:
    """The second began before the first had ended."""
    first, second = (served.ended(arns[name]) for name in (HONEST, REJECTED))
    assert max(each["startDate"] for each in (first, second)) < min(
        each["stopDate"] for each in (first, second)
    )


def test_an_execution_is_described(served: Served, honest: str) -> None:
    """Every field that AWS's description of one that succeeded has."""
    described = served.ended(honest)
    described.pop("ResponseMetadata")
    assert {
        "executionArn": honest,
        "name": honest.rpartition(":")[2],
        "stateMachineArn": served.outputs["PipelineArn"].removesuffix(":live"),
        "stateMachineAliasArn": served.outputs["PipelineArn"],
        "stateMachineVersionArn": served.session.pipeline.stack.version_arn,
        "status": "SUCCEEDED",
        "inputDetails": {"included": True},
        "outputDetails": {"included": True},
        "redriveCount": 0,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
    }.items() <= described.items()
    assert {"input", "output", "startDate", "stopDate"} <= set(described)
    assert described["startDate"] < described["stopDate"]
    assert "verified" == json.loads(described["output"])["Outcome"]
    assert HONEST == json.loads(described["input"])["serverId"]


def test_a_description_without_data_has_none(served: Served, honest: str) -> None:
    """As `includedData` says."""
    described = served.client("stepfunctions").describe_execution(
        executionArn=honest, includedData="METADATA_ONLY"
    )
    assert not {"input", "output"} & set(described)
    assert {"included": False} == described["inputDetails"]


def test_an_execution_s_definition_is_the_one_that_was_deployed(served: Served, honest: str) -> None:
    """With its version."""
    found = served.client("stepfunctions").describe_state_machine_for_execution(executionArn=honest)
    assert served.session.pipeline.stack.workflow.definition == found["definition"]
    assert served.session.pipeline.stack.version_arn == found["stateMachineArn"]


# Starting


def test_the_same_name_and_input_is_the_same_execution(served: Served, hanging: str) -> None:
    """As long as it runs; with another input it exists already."""
    name = hanging.rpartition(":")[2]
    assert hanging == served.start(HANGING, name=name)
    with pytest.raises(
        ClientError, match=r"\(ExecutionAlreadyExists\).*Execution Already Exists: '.*:execution:"
    ):
        served.start(HONEST, name=name)


def test_the_name_of_an_ended_execution_is_taken(served: Served, honest: str) -> None:
    """Also with the same input. Evidence: documentation (StartExecution)."""
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        served.start(HONEST, name=honest.rpartition(":")[2])


WRONG = [
    ("start_execution", {"stateMachineArn": "PIPELINE", "name": "a b"}, "InvalidName"),
    ("start_execution", {"stateMachineArn": "PIPELINE", "input": "{"}, "InvalidExecutionInput"),
    ("start_execution", {"stateMachineArn": "PIPELINE", "input": "[NaN]"}, "InvalidExecutionInput"),
    ("start_execution", {"stateMachineArn": "arn:aws:s3:::x"}, "InvalidArn"),
    ("start_execution", {"stateMachineArn": "MACHINE:none"}, "StateMachineDoesNotExist"),
    ("start_execution", {"stateMachineArn": "MACHINE:99"}, "StateMachineDoesNotExist"),
    ("start_execution", {"stateMachineArn": "MACHINEx"}, "StateMachineDoesNotExist"),
    ("describe_execution", {"executionArn": "PIPELINE"}, "InvalidArn"),
    ("describe_execution", {"executionArn": "EXECUTION"}, "ExecutionDoesNotExist"),
    ("stop_execution", {"executionArn": "EXECUTION"}, "ExecutionDoesNotExist"),
    ("get_execution_history", {"executionArn": "EXECUTION"}, "ExecutionDoesNotExist"),
    ("redrive_execution", {"executionArn": "HONEST"}, "ExecutionNotRedrivable"),
    ("get_execution_history", {"executionArn": "HONEST", "nextToken": "x"}, "InvalidToken"),
    ("get_execution_history", {"executionArn": "HONEST", "maxResults": 1001}, "ValidationException"),
    ("list_executions", {"stateMachineArn": "PIPELINE", "nextToken": "x"}, "InvalidToken"),
    ("list_executions", {"stateMachineArn": "PIPELINE", "statusFilter": "DONE"}, "ValidationException"),
    ("list_executions", {}, "ValidationException"),
    ("list_executions", {"stateMachineArn": "MACHINEx"}, "StateMachineDoesNotExist"),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "given", "code"), WRONG)
def test_what_is_wrong_is_refused_by_its_name(
    served: Served, honest: str, operation: str, given: dict[str, Any], code: str
) -> None:
    """Each error is one that the operation's model has."""
    alias = served.outputs["PipelineArn"]
    names = {
        "PIPELINE": alias,
        "MACHINE": alias.removesuffix(":live"),
        "EXECUTION": f"{honest}x",
        "HONEST": honest,
    }
    filled = {
        key: next((value.replace(name, arn) for name, arn in names.items() if value.startswith(name)), value)
        if isinstance(value, str)
        else value
        for key, value in given.items()
    }
    client = served.client("stepfunctions")
    with pytest.raises(ClientError) as raised:
        getattr(client, operation)(**filled)
    assert code == raised.value.response["Error"]["Code"]
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
    assert code in {*(shape.name for shape in model.error_shapes), "ValidationException"}


# Lists


@pytest.mark.parametrize("qualifier", ["", ":live", ":1"])
def test_executions_are_listed_in_pages_the_most_recent_first(
    served: Served, arns: dict[str, str], qualifier: str
) -> None:
    """By the state machine, its alias, or its version; each once, also over pages of two."""
    for arn in arns.values():
        served.ended(arn)
    machine = served.outputs["PipelineArn"].removesuffix(":live") + qualifier
    pages = served.client("stepfunctions").get_paginator("list_executions")
    found = [
        each
        for page in pages.paginate(stateMachineArn=machine, PaginationConfig={"PageSize": 2})
        for each in page["executions"]
    ]
    times = [each.get("stopDate", each["startDate"]) for each in found]
    assert sorted(times, reverse=True) == times
    names = [each["executionArn"] for each in found]
    assert len(set(names)) == len(names)
    assert set(arns.values()) <= set(names)
    assert {served.outputs["PipelineArn"]} == {each["stateMachineAliasArn"] for each in found}


def test_executions_are_listed_by_their_status(served: Served, arns: dict[str, str], hanging: str) -> None:
    """Those that run, and those that failed."""
    for arn in arns.values():
        served.ended(arn)
    client, alias = served.client("stepfunctions"), served.outputs["PipelineArn"]
    running = client.list_executions(stateMachineArn=alias, statusFilter="RUNNING")["executions"]
    failed = client.list_executions(stateMachineArn=alias, statusFilter="FAILED")["executions"]
    assert hanging in {each["executionArn"] for each in running}
    assert not any("stopDate" in each for each in running)
    wanted = {arns[name] for name, error in VERDICTS.items() if error}
    assert wanted == wanted & {each["executionArn"] for each in failed}


# History


def test_a_history_is_the_same_in_pages_and_backwards(served: Served, honest: str) -> None:
    """However it is asked for."""
    whole = history(served, honest)
    assert [number + 1 for number in range(len(whole))] == [event["id"] for event in whole]
    assert ("ExecutionStarted", "ExecutionSucceeded") == (whole[0]["type"], whole[-1]["type"])
    for size in (1, 7, len(whole)):
        paged = history(served, honest, PaginationConfig={"PageSize": size})
        backwards = history(served, honest, reverseOrder=True, PaginationConfig={"PageSize": size})
        assert (whole, whole[::-1]) == (paged, backwards)


def test_a_history_without_data_has_none(served: Served, honest: str) -> None:
    """Inputs and outputs are left out; parameters, which the model requires, are not."""
    for event in history(served, honest, includeExecutionData=False):
        details = next((value for value in event.values() if isinstance(value, dict)), {})
        assert not {"input", "output"} & set(details)


def test_a_history_is_seen_while_the_execution_runs(served: Served, hanging: str) -> None:
    """Up to the state that it is in; the build's submission stands there with its log stream."""
    found = history(served, hanging)
    assert ("TaskStarted", "ValidateMCPServer") == (found[-1]["type"], states(served, hanging)[-1])
    (submitted,) = [event for event in found if event["type"] == "TaskSubmitted"]
    build = json.loads(submitted["taskSubmittedEventDetails"]["output"])["Build"]
    assert "IN_PROGRESS" == build["BuildStatus"]
    assert served.outputs["BuildLogGroupName"] == build["Logs"]["GroupName"]


# Stopping


def test_a_stopped_execution_is_aborted_and_swept(served: Served, own_hanging: str) -> None:
    """It ends at once, with what was said; its task runs on until the sweeper, which a rule starts, ends it."""
    arn = own_hanging
    client, ecs, cluster = (
        served.client("stepfunctions"),
        served.client("ecs"),
        served.outputs["ClusterNameInUse"],
    )
    output = next(
        event["taskSucceededEventDetails"]["output"]
        for event in history(served, arn)
        if event.get("taskSucceededEventDetails", {}).get("resource") == "runTask"
    )
    task = json.loads(output)["Tasks"][0]
    stopped = client.stop_execution(executionArn=arn, error="Operator", cause="enough")["stopDate"]
    described = client.describe_execution(executionArn=arn)
    assert ("ABORTED", "Operator", "enough") == tuple(
        described[name] for name in ("status", "error", "cause")
    )
    assert stopped == described["stopDate"]
    last = history(served, arn)[-1]
    assert {"error": "Operator", "cause": "enough"} == last["executionAbortedEventDetails"]
    running = ecs.list_tasks(cluster=cluster, startedBy=task["StartedBy"])["taskArns"]
    assert [task["TaskArn"]] == running
    until(lambda: not ecs.list_tasks(cluster=cluster, startedBy=task["StartedBy"])["taskArns"])
    (ended,) = ecs.describe_tasks(cluster=cluster, tasks=[task["TaskArn"]], include=["TAGS"])["tasks"]
    assert ("STOPPED", "UserInitiated") == (ended["lastStatus"], ended["stopCode"])
    assert "The execution that started it is over." == ended["stoppedReason"]
    assert {"toolshed:execution-arn": arn}.items() <= {
        each["key"]: each["value"] for each in ended["tags"]
    }.items()
    until(lambda: client.list_executions(stateMachineArn=served.outputs["SweeperArn"])["executions"])


def test_stopping_what_has_ended_changes_nothing(served: Served, honest: str) -> None:
    """Its end stays when it was."""
    before = served.ended(honest)
    stopped = served.client("stepfunctions").stop_execution(executionArn=honest)
    assert before["stopDate"] == stopped["stopDate"]
    assert "SUCCEEDED" == served.ended(honest)["status"]


@pytest.fixture(scope="module")
def slow_project(served: Served) -> str:
    """Return a project whose builds sleep for a minute."""
    spec = {"version": 0.2, "phases": {"build": {"commands": ["echo begun; sleep 60; echo ended"]}}}
    served.client("codebuild").create_project(
        name="slow",
        source={"type": "NO_SOURCE", "buildspec": json.dumps(spec)},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL", "environmentVariables": []},
        serviceRole=served.session.pipeline.stack.role_arn,
        timeoutInMinutes=5,
    )  # fmt: skip
    return "slow"


def building(project: str, **fields: Any) -> dict[str, Any]:
    """Return a definition that runs a build."""
    parameters = {"ProjectName": project, "EnvironmentVariablesOverride": []}
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::codebuild:startBuild.sync",
        "Parameters": parameters,
        "End": True,
    }
    return {"StartAt": "Build", "States": {"Build": state}, **fields}


def begun(served: Served, machine_arn: str, project: str) -> tuple[str, str]:
    """Start an execution, and wait until its build has printed something; returns both."""
    client = served.client("codebuild")
    before = client.list_builds_for_project(projectName=project)["ids"]
    arn = served.client("stepfunctions").start_execution(stateMachineArn=machine_arn)["executionArn"]
    identifier = until(
        lambda: set(client.list_builds_for_project(projectName=project)["ids"]) - set(before)
    ).pop()
    until(lambda: lines(served, "BuildLogGroupName", logStreamNames=[identifier.partition(":")[2]]))
    return arn, identifier


def test_a_stopped_execution_stops_its_build(
    served: Served, machine: Callable[[dict[str, Any]], str], slow_project: str
) -> None:
    """As `.sync` does on AWS when its state is aborted."""
    arn, identifier = begun(served, machine(building(slow_project)), slow_project)
    (build,) = served.client("codebuild").batch_get_builds(ids=[identifier])["builds"]
    assert ("IN_PROGRESS", "BUILD", False) == tuple(build[name] for name in ("buildStatus", "currentPhase", "buildComplete"))  # fmt: skip
    served.client("stepfunctions").stop_execution(executionArn=arn)
    assert "ABORTED" == served.ended(arn)["status"]
    ended = until(
        lambda: [
            each
            for each in served.client("codebuild").batch_get_builds(ids=[identifier])["builds"]
            if each["buildComplete"]
        ]
    )
    assert "STOPPED" == ended[0]["buildStatus"]


def test_a_stopped_build_fails_its_task(
    served: Served, machine: Callable[[dict[str, Any]], str], slow_project: str
) -> None:
    """The execution hears of it as of a build that failed."""
    arn, identifier = begun(served, machine(building(slow_project)), slow_project)
    stopped = served.client("codebuild").stop_build(id=identifier)["build"]
    assert ("STOPPED", "COMPLETED") == (stopped["buildStatus"], stopped["currentPhase"])
    described = served.ended(arn)
    assert ("FAILED", "States.TaskFailed") == (described["status"], described["error"])
    assert "STOPPED" == json.loads(described["cause"])["BuildStatus"]


@pytest.mark.parametrize("what", ["waits", "builds"])
def test_an_execution_that_takes_too_long_times_out(
    served: Served, machine: Callable[[dict[str, Any]], str], slow_project: str, what: str
) -> None:
    """At the time that its document allows, whatever it does then."""
    waiting = {
        "StartAt": "W",
        "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}},
        "TimeoutSeconds": 1,
    }
    definition = waiting if what == "waits" else building(slow_project, TimeoutSeconds=1)
    arn = served.client("stepfunctions").start_execution(stateMachineArn=machine(definition))["executionArn"]
    described = served.ended(arn)
    assert "TIMED_OUT" == described["status"]
    assert 1 <= (described["stopDate"] - described["startDate"]).total_seconds() < 5
    assert "ExecutionTimedOut" == history(served, arn)[-1]["type"]


def test_a_call_that_nothing_stands_for_fails_the_execution(
    served: Served, machine: Callable[[dict[str, Any]], str]
) -> None:
    """With the resource in its cause."""
    state = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {}, "End": True}
    arn = served.client("stepfunctions").start_execution(
        stateMachineArn=machine({"StartAt": "S", "States": {"S": state}})
    )["executionArn"]
    described = served.ended(arn)
    assert ("FAILED", "States.Runtime") == (described["status"], described["error"])
    assert "nothing here stands for arn:aws:states:::sqs:sendMessage" in described["cause"]
    assert "ExecutionFailed" == history(served, arn)[-1]["type"]


# Builds


def test_a_build_is_described_as_it_was(served: Served, honest: str) -> None:
    """Its phases follow each other, its variables are the execution's, its log is where it says."""
    client = served.client("codebuild")
    project = served.outputs["BuildProjectNameInUse"]
    builds = client.batch_get_builds(
        ids=[*client.list_builds_for_project(projectName=project)["ids"], "slow:x"]
    )
    assert ["slow:x"] == builds["buildsNotFound"]
    (build,) = [
        each
        for each in builds["builds"]
        if {"name": "EXECUTION_ID", "value": honest, "type": "PLAINTEXT"}
        in each["environment"]["environmentVariables"]
    ]
    assert ("SUCCEEDED", True, "COMPLETED") == tuple(build[name] for name in ("buildStatus", "buildComplete", "currentPhase"))  # fmt: skip
    phases = build["phases"]
    assert ["SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "PRE_BUILD", "BUILD", "POST_BUILD", "UPLOAD_ARTIFACTS", "FINALIZING", "COMPLETED"] == [each["phaseType"] for each in phases]  # fmt: skip
    assert [each["startTime"] for each in phases[1:]] == [each["endTime"] for each in phases[:-1]]
    assert {"SUCCEEDED"} == {each["phaseStatus"] for each in phases[:-1]}
    assert build["startTime"] < build["endTime"]
    logs = build["logs"]
    found = served.client("logs").get_log_events(
        logGroupName=logs["groupName"], logStreamName=logs["streamName"]
    )
    assert any("Login Succeeded" in event["message"] for event in found["events"])


def test_codebuild_is_answered_in_json_too(served: Served, honest: str) -> None:
    """boto3 speaks CBOR with it, the AWS CLI JSON: the same builds."""
    served.ended(honest)
    client = served.client("codebuild")
    project = served.outputs["BuildProjectNameInUse"]
    ids = client.list_builds_for_project(projectName=project)["ids"]
    request = urllib.request.Request(  # noqa: S310 - an own http address
        served.url,
        json.dumps({"ids": ids}).encode(),
        {"X-Amz-Target": "CodeBuild_20161006.BatchGetBuilds", "Content-Type": "application/x-amz-json-1.1"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        found = json.load(answer)
    wanted = client.batch_get_builds(ids=ids)["builds"]
    assert [(each["id"], each["startTime"].timestamp()) for each in wanted] == [(each["id"], each["startTime"]) for each in found["builds"]]  # fmt: skip


# Logs


def test_a_running_execution_s_lines_are_there_already(served: Served, hanging: str) -> None:
    """The build's in the stream that its submission names, the task's in the one that ECS would use."""
    submitted = next(
        event["taskSubmittedEventDetails"]["output"]
        for event in history(served, hanging)
        if event["type"] == "TaskSubmitted"
    )
    ran = next(
        event["taskSucceededEventDetails"]["output"]
        for event in history(served, hanging)
        if event.get("taskSucceededEventDetails", {}).get("resource") == "runTask"
    )
    build = json.loads(submitted)["Build"]["Logs"]["StreamName"]
    task = f"mcp-server/mcp-server/{json.loads(ran)['Tasks'][0]['TaskArn'].rpartition('/')[2]}"
    built = lines(served, "BuildLogGroupName", logStreamNames=[build])
    printed = until(lambda: lines(served, "TaskLogGroupNameInUse", logStreamNames=[task]))
    assert "RUNNING" == served.client("stepfunctions").describe_execution(executionArn=hanging)["status"]
    assert "greeter listens on" in printed[0]["message"]
    assert len({event["timestamp"] for event in built}) > 1
    assert built[-1]["timestamp"] <= printed[0]["timestamp"]


def test_lines_have_the_times_at_which_they_were_printed(served: Served, honest: str) -> None:
    """Those of build, task and validator together are in the order of the states that they belong to."""
    entered = {
        event["stateEnteredEventDetails"]["name"]: event["timestamp"].timestamp() * 1000
        for event in history(served, honest)
        if "stateEnteredEventDetails" in event
    }
    invoked = next(
        json.loads(each["taskSucceededEventDetails"]["output"])["SdkResponseMetadata"]["RequestId"]
        for each in history(served, honest)
        if each.get("taskSucceededEventDetails", {}).get("resource") == "invoke"
    )
    validator = [each for each in lines(served, "ValidatorLogGroupName") if invoked in each["message"]]
    assert ["START", "END", "REPORT"] == [each["message"].split()[0] for each in validator]
    for each in validator:
        assert entered["ValidateMCPServer"] <= each["timestamp"] + 1
        assert each["timestamp"] <= entered["StopMCPServerContainer"] + 1


def test_the_execution_log_is_the_history(served: Served, honest: str) -> None:
    """A line for each event, in the words of Step Functions, in the state machine's own group."""
    found = lines(served, "PipelineLogGroupName", filterPattern=f'{{ $.execution_arn = "{honest}" }}')
    run = served.session.pipeline.executions.get(honest)
    assert run is not None
    assert [execution_log.line(honest, event) for event in run.events] == [each["message"] for each in found]
    first = json.loads(found[0]["message"])
    assert {
        "id": "1",
        "type": "ExecutionStarted",
        "previous_event_id": "0",
        "execution_arn": honest,
        "redrive_count": "0",
        "event_timestamp": str(found[0]["timestamp"]),
    }.items() <= first.items()
    name = served.outputs["PipelineArn"].split(":")[6]
    started = datetime.fromtimestamp(found[0]["timestamp"] / 1000).astimezone()
    assert found[0]["logStreamName"].startswith(f"states/{name}/{started.year}-")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"logGroupName": "nowhere"}, "ResourceNotFoundException"),
        ({"filterPattern": "{ $.a }"}, "InvalidParameterException"),
        ({"nextToken": "x"}, "InvalidParameterException"),
    ],
)
def test_log_events_that_cannot_be_found_are_refused(
    served: Served, given: dict[str, str], code: str
) -> None:
    """As by AWS."""
    wanted = {"logGroupName": served.outputs["PipelineLogGroupName"], **given}
    with pytest.raises(ClientError, match=code):
        served.client("logs").filter_log_events(**wanted)


def test_log_events_come_in_pages(served: Served, honest: str) -> None:
    """Each once, whatever the page's size."""
    wanted = {"logGroupName": served.outputs["PipelineLogGroupName"], "filterPattern": f'{{ $.execution_arn = "{honest}" }}'}  # fmt: skip
    client = served.client("logs")
    whole = client.filter_log_events(**wanted)["events"]
    paged: list[Any] = []
    token: dict[str, str] = {}
    while True:
        answer = client.filter_log_events(**wanted, limit=10, **token)
        paged += answer["events"]
        if "nextToken" not in answer:
            break
        token = {"nextToken": answer["nextToken"]}
    assert whole == paged
    assert len(whole) > 20


# What follows an end


def test_a_fault_of_ours_reaches_its_alarm(served: Served, arns: dict[str, str]) -> None:
    """Through the metric filter of the execution log; a rejected server alone would not."""
    served.ended(arns[FAULTY])
    alarm = served.outputs["PipelineFaultAlarmName"]
    client = served.client("cloudwatch")
    until(lambda: client.describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["StateValue"] == "ALARM")


def test_an_alarm_looks_at_its_own_state_machine(
    served: Served, machine: Callable[[dict[str, Any]], str]
) -> None:
    """An execution of another one timed out: the pipeline's alarm and the sweeper's stay as they are."""
    waits = {
        "StartAt": "W",
        "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}},
        "TimeoutSeconds": 1,
    }
    other = machine(waits)
    cloudwatch = served.client("cloudwatch")
    metric = {"Namespace": "AWS/States", "MetricName": "ExecutionsTimedOut"}
    dimensions = [{"Name": "StateMachineArn", "Value": other}]
    cloudwatch.put_metric_alarm(AlarmName="other", **metric, Dimensions=dimensions, Statistic="Sum", Period=300, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold")  # fmt: skip
    served.client("stepfunctions").start_execution(stateMachineArn=other)

    def alarms() -> dict[str, str]:
        found = cloudwatch.describe_alarms()["MetricAlarms"]
        return {
            each["AlarmName"]: each["StateValue"]
            for each in found
            if each["MetricName"] == metric["MetricName"]
        }

    until(lambda: alarms()["other"] == "ALARM")
    assert [] == [name for name, state in alarms().items() if state == "ALARM" and name != "other"]


# Tasks


def test_a_task_that_has_ended_is_not_listed_as_running(served: Served, own_hanging: str) -> None:
    """Its process was killed: ECS says so, before anybody describes it."""
    ecs, cluster = served.client("ecs"), served.outputs["ClusterNameInUse"]
    (task,) = [
        each for each in served.session.pipeline.tasks.tasks.values() if each.execution_arn == own_hanging
    ]
    family = task.definition["family"]
    assert task.arn in ecs.list_tasks(cluster=cluster, family=family)["taskArns"]
    assert task.process is not None
    task.process.stop(0)
    task.process.wait(5)
    assert task.arn not in ecs.list_tasks(cluster=cluster, family=family)["taskArns"]
    assert task.arn in ecs.list_tasks(cluster=cluster, family=family, desiredStatus="STOPPED")["taskArns"]
    (described,) = ecs.describe_tasks(cluster=cluster, tasks=[task.arn])["tasks"]
    assert ("STOPPED", "EssentialContainerExited") == (described["lastStatus"], described["stopCode"])


def test_an_operator_can_stop_a_task(served: Served, own_hanging: str) -> None:
    """Its process ends with it; an unknown task is refused as by AWS."""
    ecs, cluster = served.client("ecs"), served.outputs["ClusterNameInUse"]
    (task,) = [
        each for each in served.session.pipeline.tasks.tasks.values() if each.execution_arn == own_hanging
    ]
    stopped = ecs.stop_task(cluster=cluster, task=task.arn, reason="by hand")["task"]
    assert ("STOPPED", "by hand") == (stopped["lastStatus"], stopped["stoppedReason"])
    assert not task.is_alive
    with pytest.raises(ClientError, match="InvalidParameterException"):
        ecs.stop_task(cluster=cluster, task="0" * 32)
    with pytest.raises(ClientError, match="ClusterNotFoundException"):
        ecs.describe_tasks(cluster="nowhere", tasks=["0" * 32])


# What is handed on


@pytest.mark.parametrize("size", [0, 1, 100_000, 3 << 20])
def test_bytes_are_handed_on_as_they_are(served: Served, size: int) -> None:
    """An object comes back as it went, in one piece and in chunks, and its head has no body."""
    s3 = served.client("s3")
    with contextlib.suppress(ClientError):
        s3.create_bucket(Bucket="handed-on")
    content = bytes(number * 31 % 256 for number in range(size))
    s3.put_object(Bucket="handed-on", Key=f"a/{size} é", Body=content, Metadata={"x": "y"})
    assert size == s3.head_object(Bucket="handed-on", Key=f"a/{size} é")["ContentLength"]
    found = s3.get_object(Bucket="handed-on", Key=f"a/{size} é")
    assert (content, {"x": "y"}) == (found["Body"].read(), found["Metadata"])


def test_a_body_in_chunks_is_handed_on(served: Served) -> None:
    """As a client sends one whose length it does not know."""
    s3 = served.client("s3")
    with contextlib.suppress(ClientError):
        s3.create_bucket(Bucket="handed-on")
    request = urllib.request.Request(  # noqa: S310 - an own http address
        f"{served.url}/handed-on/chunks", (b"piece %d " % number for number in range(1000)), method="PUT"
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        assert 200 == answer.status
    found = s3.get_object(Bucket="handed-on", Key="chunks")["Body"].read()
    assert b"".join(b"piece %d " % number for number in range(1000)) == found


def test_the_emulator_s_errors_are_handed_on(served: Served) -> None:
    """With their status and their code."""
    with pytest.raises(ClientError) as raised:
        served.client("s3").get_object(Bucket="nowhere", Key="x")
    assert ("NoSuchBucket", 404) == (
        raised.value.response["Error"]["Code"],
        raised.value.response["ResponseMetadata"]["HTTPStatusCode"],
    )


def test_a_defect_of_ours_is_told(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """To whoever asked, as AWS tells its own: nobody waits for an answer that never comes."""

    def breaks(_name: str) -> None:
        raise RuntimeError("defect")

    monkeypatch.setattr(served.session.pipeline.executions, "get", breaks)
    client = served.client("stepfunctions")
    client.meta.config.retries = {"total_max_attempts": 1}
    with pytest.raises(ClientError, match=r"\(InternalFailure\).*RuntimeError: defect"):
        client.describe_execution(executionArn="arn:aws:states:us-east-1:123456789012:execution:a:b")


def asked(served: Served, method: str, headers: dict[str, str]) -> tuple[int, str]:
    """Ask for the executions without boto3; returns the status and the body."""
    arn = served.outputs["PipelineArn"]
    connection = http.client.HTTPConnection(served.url.removeprefix("http://"))
    try:
        target = {"X-Amz-Target": "AWSStepFunctions.ListExecutions"}
        connection.request(method, "/", json.dumps({"stateMachineArn": arn}), {**target, **headers})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "GET"])
@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://example.org"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "example.org:80"}, {"Host": "127.0.0.1.example.org"}],
)  # fmt: skip
def test_no_page_reaches_the_endpoint(served: Served, method: str, headers: dict[str, str]) -> None:
    """One that somebody looks at could otherwise run commands on this machine."""
    status, body = asked(served, method, headers)
    assert (403, True) == (status, "no pages" in body)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "bucket.localhost:4566"])
def test_the_machine_s_own_names_reach_the_endpoint(served: Served, host: str) -> None:
    """Also those of a bucket."""
    status, body = asked(served, "POST", {"Host": host})
    assert (200, True) == (status, "executions" in json.loads(body))


def test_only_this_machine_reaches_the_endpoint(served: Served) -> None:
    """It listens at the loopback address."""
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("the kernel's table is only there on Linux")
    port = f"{int(served.url.rpartition(':')[2]):04X}"
    listening = [line.split()[1] for line in table.read_text().splitlines()[1:] if line.split()[3] == "0A"]
    assert [f"0100007F:{port}"] == [place for place in listening if place.endswith(f":{port}")]
