"""How the pipeline stands: each part on its own, in AWS's answers that no emulator gives."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from deployer.console import ROOT
from operations import drift, stack_commands, status
from tests.operations.scripted import (
    MACHINE,
    NOW,
    SWEEPER,
    VERSION,
    Scripted,
    alarm,
    definition,
    described,
    execution_arn,
    machine,
    machines,
    refused,
    stack,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from click.testing import Result


def told(run: Callable[..., Result], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code and what a program reads."""
    result = run(stack_commands.status, "--json", *arguments)
    found: dict[str, Any] = json.loads(result.stdout)
    return result.exit_code, found


def levels(part: Mapping[str, Any]) -> list[str]:
    """Return the levels of a part's findings."""
    return [each["level"] for each in part["findings"]]


def test_a_pipeline_that_is_well_needs_nobody(aws: Scripted, run: Callable[..., Result]) -> None:
    """Every part is fine; that CloudFormation has not looked for drift is no fault."""
    code, found = told(run)
    assert (0, True) == (code, found.pop("well"))
    assert {"stack", "drift", "definition", "sweeper", "alarms", "tasks", "sweeps"} == set(found)
    assert ["warn"] == levels(found.pop("drift"))
    assert {"ok"} == {level for part in found.values() for level in levels(part)}
    assert 1 == len(aws.of("cloudformation:ListStackResources"))


@pytest.mark.parametrize(
    ("given", "level", "code"),
    [
        ("UPDATE_COMPLETE", "ok", 0),
        ("UPDATE_ROLLBACK_COMPLETE", "warn", 0),
        ("UPDATE_IN_PROGRESS", "warn", 0),
        ("UPDATE_ROLLBACK_FAILED", "fail", 3),
    ],
)
def test_the_stack_s_status_says_who_is_needed(
    aws: Scripted, run: Callable[..., Result], given: str, level: str, code: int
) -> None:
    """A failed roll-back waits for a person."""
    aws.answer(cloudformation__DescribeStacks=stack(StackStatus=given, StackStatusReason="because"))
    found_code, found = told(run)
    assert (code, [level]) == (found_code, levels(found["stack"]))


def test_drift_is_looked_for_and_read_page_by_page(aws: Scripted, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """CloudFormation is asked until it has looked; what differs is named, past the first page."""
    monkeypatch.setattr("deployer.stacks.time.sleep", lambda _seconds: None)
    statuses = iter(["DETECTION_IN_PROGRESS", "DETECTION_IN_PROGRESS", "DETECTION_COMPLETE"])

    def drifts(params: dict[str, Any]) -> dict[str, Any]:
        name, following = ("Two", {}) if "NextToken" in params else ("One", {"NextToken": "more"})
        return {
            "StackResourceDrifts": [
                {
                    "StackId": "s",
                    "LogicalResourceId": name,
                    "ResourceType": "AWS::ECS::Cluster",
                    "StackResourceDriftStatus": "MODIFIED",
                    "Timestamp": NOW,
                    "PropertyDifferences": [
                        {"PropertyPath": "/Tags", "ExpectedValue": "a", "ActualValue": "b", "DifferenceType": "NOT_EQUAL"}
                    ],
                }
            ],
            **following,
        }  # fmt: skip

    aws.answer(
        cloudformation__DetectStackDrift={"StackDriftDetectionId": "d"},
        cloudformation__DescribeStackDriftDetectionStatus=lambda _: {
            "StackId": "s",
            "StackDriftDetectionId": "d",
            "DetectionStatus": next(statuses),
            "StackDriftStatus": "DRIFTED",
            "Timestamp": NOW,
        },
        cloudformation__DescribeStackResourceDrifts=drifts,
    )
    code, found = told(run, "--drift")
    (finding,) = found["drift"]["findings"]
    assert (3, "fail") == (code, finding["level"])
    assert ["One (AWS::ECS::Cluster): /Tags", "Two (AWS::ECS::Cluster): /Tags"] == finding["details"]


def test_an_edited_definition_is_told_in_the_review_s_words(
    aws: Scripted, run: Callable[..., Result]
) -> None:
    """The state machine was edited by hand: the alias runs the version, and the edit is named."""
    edited = copy.deepcopy(definition())
    edited["States"]["StopMCPServerContainer"]["TimeoutSeconds"] = 77
    aws.answer(stepfunctions__DescribeStateMachine=lambda params: machine(MACHINE, edited) if params["stateMachineArn"] == MACHINE else machines(params))  # fmt: skip
    code, found = told(run)
    assert (3, ["ok", "ok", "fail"]) == (code, levels(found["definition"]))
    assert any("StopMCPServerContainer" in line for line in found["definition"]["findings"][2]["details"])


def test_an_alias_that_was_led_back_is_no_edit(aws: Scripted, run: Callable[..., Result]) -> None:
    """After a roll-back the state machine holds the later version, which is published and not run: nobody is needed."""
    later, older = definition(), copy.deepcopy(definition())
    older["States"]["StopMCPServerContainer"]["TimeoutSeconds"] = 77
    latest = f"{MACHINE}:8"
    aws.answer(
        stepfunctions__ListStateMachineVersions={
            "stateMachineVersions": [
                {"stateMachineVersionArn": arn, "creationDate": NOW} for arn in (latest, VERSION)
            ]
        },
        stepfunctions__DescribeStateMachine=lambda params: (
            machines(params)
            if params["stateMachineArn"] == SWEEPER
            else machine(
                params["stateMachineArn"], older if params["stateMachineArn"] == VERSION else later, "0.9.0"
            )
        ),
    )
    code, found = told(run)
    assert (0, ["ok", "warn", "warn"]) == (code, levels(found["definition"]))
    assert "older version than the latest, 8" in found["definition"]["findings"][2]["what"]


def test_a_version_that_is_not_what_it_says_is_found(aws: Scripted, run: Callable[..., Result]) -> None:
    """Its description names the committed document's digest, its states do not follow it."""
    edited = copy.deepcopy(definition())
    del edited["States"]["StopMCPServerContainer"]["Retry"]
    lock = drift.PIPELINE.lock

    def answer(params: dict[str, Any]) -> dict[str, Any]:
        return machine(params["stateMachineArn"], edited, f"{lock['version']} sha256:{lock['sha256']}")

    aws.answer(stepfunctions__DescribeStateMachine=lambda params: machines(params) if params["stateMachineArn"] == SWEEPER else answer(params))  # fmt: skip
    code, found = told(run)
    assert (3, ["ok", "fail"]) == (code, levels(found["definition"]))


def test_an_older_document_is_no_fault(aws: Scripted, run: Callable[..., Result]) -> None:
    """What is committed was not deployed yet."""
    older = copy.deepcopy(definition())
    older["States"]["StopMCPServerContainer"]["Retry"][0]["MaxAttempts"] = 9
    aws.answer(stepfunctions__DescribeStateMachine=lambda params: machines(params) if params["stateMachineArn"] == SWEEPER else machine(params["stateMachineArn"], older, "0.9.0 sha256:1"))  # fmt: skip
    code, found = told(run)
    assert (0, ["ok", "warn"]) == (code, levels(found["definition"]))
    assert "0.9.0 sha256:1" in found["definition"]["findings"][1]["what"]


def test_a_role_of_a_stranger_in_a_definition_is_found(aws: Scripted, run: Callable[..., Result]) -> None:
    """What a token stands for is the stack's own, not whatever is found in its place."""
    edited = json.loads(json.dumps(definition()).replace("role/TaskRole-1", "role/Stranger"))
    assert edited != definition()
    lock = drift.PIPELINE.lock
    aws.answer(stepfunctions__DescribeStateMachine=lambda params: machines(params) if params["stateMachineArn"] == SWEEPER else machine(params["stateMachineArn"], edited, lock["sha256"]))  # fmt: skip
    code, found = told(run)
    assert (3, ["ok", "fail"]) == (code, levels(found["definition"]))


def test_two_versions_and_many_versions_are_told(aws: Scripted, run: Callable[..., Result]) -> None:
    """A rollout is no fault; nearly a thousand versions are, counted past the first page."""
    routes = [{"stateMachineVersionArn": VERSION, "weight": 90}, {"stateMachineVersionArn": f"{MACHINE}:8", "weight": 10}]  # fmt: skip
    page = [{"stateMachineVersionArn": VERSION, "creationDate": NOW}] * 450
    aws.answer(
        stepfunctions__DescribeStateMachineAlias={"routingConfiguration": routes},
        stepfunctions__ListStateMachineVersions=lambda params: {
            "stateMachineVersions": page,
            **({} if "nextToken" in params else {"nextToken": "more"}),
        },
    )
    code, found = told(run)
    whats = [each["what"] for each in found["definition"]["findings"]]
    assert (3, True, True) == (
        code,
        "version 7 (90 %), version 8 (10 %)" in whats[0],
        "900 versions" in whats[-1],
    )


def test_an_alarm_that_is_raised_or_gone_needs_a_person(aws: Scripted, run: Callable[..., Result]) -> None:
    """Since when, and what it means."""
    aws.answer(
        cloudwatch__DescribeAlarms={
            "MetricAlarms": [alarm("PipelineFaultAlarm-1", "ALARM"), alarm("ExecutionsAbortedAlarm-1")]
        }
    )
    code, found = told(run)
    whats = [each["what"] for each in found["alarms"]["findings"]]
    assert (3, 2) == (code, len(whats))
    assert whats[0].startswith("PipelineFaultAlarm since ")
    assert "what it means" in whats[0]
    assert whats[1].startswith("deleted by hand: ExecutionThrottledAlarm, ")


def tasks(aws: Scripted, count: int, statuses: Mapping[str, str]) -> None:
    """Let so many tasks run, each for the execution of its number modulo the statuses' count."""
    names = list(statuses)
    arns = [f"arn:aws:ecs:r:1:task/c/t{number}" for number in range(count)]

    def list_tasks(params: dict[str, Any]) -> dict[str, Any]:
        start = int(params.get("nextToken", "0"))
        more = start + 100 < count
        return {"taskArns": arns[start : start + 100], **({"nextToken": str(start + 100)} if more else {})}

    def describe(params: dict[str, Any]) -> dict[str, Any]:
        assert ["TAGS"] == params["include"]
        assert len(params["tasks"]) <= 100
        return {
            "tasks": [
                {
                    "taskArn": arn,
                    "lastStatus": "RUNNING",
                    "startedAt": NOW - timedelta(minutes=3),
                    "tags": [
                        {"key": "toolshed:execution-arn", "value": execution_arn(names[int(arn.rpartition("/t")[2]) % len(names)])},
                        {"key": "toolshed:server-id", "value": "s"},
                    ],
                }
                for arn in params["tasks"]
            ]
        }  # fmt: skip

    def execution(params: dict[str, Any]) -> Any:
        name = params["executionArn"].rpartition(":")[2]
        if statuses[name] == "gone":
            return refused("ExecutionDoesNotExist", "DescribeExecution")
        return described(name, statuses[name])

    aws.answer(
        ecs__ListTasks=list_tasks, ecs__DescribeTasks=describe, stepfunctions__DescribeExecution=execution
    )


def test_tasks_are_told_with_whose_they_are(aws: Scripted, run: Callable[..., Result]) -> None:
    """Past the first page, and each execution is asked about once."""
    tasks(aws, 250, {"one": "RUNNING", "two": "RUNNING"})
    code, found = told(run)
    assert (0, ["ok"], 250) == (code, levels(found["tasks"]), len(found["tasks"]["tasks"]))
    assert (3, 3, 2) == tuple(len(aws.of(call)) for call in ("ecs:ListTasks", "ecs:DescribeTasks", "stepfunctions:DescribeExecution"))  # fmt: skip


def test_a_task_whose_execution_is_over_needs_a_person(aws: Scripted, run: Callable[..., Result]) -> None:
    """Or whose execution nobody knows any more."""
    tasks(aws, 3, {"one": "RUNNING", "two": "ABORTED", "three": "gone"})
    code, found = told(run)
    (finding,) = found["tasks"]["findings"]
    assert (3, "fail", 2) == (code, finding["level"], len(finding["details"]))
    assert ["RUNNING", "ABORTED", "FORGOTTEN"] == [
        each["executionStatus"] for each in found["tasks"]["tasks"]
    ]


@pytest.mark.parametrize(
    ("runs", "age", "level"),
    [
        ([], 10, "ok"),
        ([], 500, "fail"),
        ([("SUCCEEDED", 20)], 500, "ok"),
        ([("SUCCEEDED", 90)], 500, "fail"),
        ([("FAILED", 10), ("SUCCEEDED", 40)], 500, "fail"),
        ([("RUNNING", 1), ("SUCCEEDED", 31), ("FAILED", 61)], 500, "warn"),
    ],
)
def test_sweeps_that_fail_or_do_not_run_need_a_person(
    aws: Scripted, run: Callable[..., Result], runs: list[tuple[str, int]], age: int, level: str
) -> None:
    """By their age, and the last one's end."""
    found_runs = [
        {
            "executionArn": execution_arn("s"),
            "stateMachineArn": SWEEPER,
            "name": "s",
            "status": given,
            "startDate": NOW - timedelta(minutes=minutes),
        }
        for given, minutes in runs
    ]
    aws.answer(
        stepfunctions__ListExecutions={"executions": found_runs},
        cloudformation__DescribeStacks=stack(CreationTime=NOW - timedelta(minutes=age)),
    )
    _, found = told(run)
    assert [level] == levels(found["sweeps"])


def test_the_schedule_is_the_template_s() -> None:
    """A sweep is missed when the template's own interval is over twice."""
    template = json.loads((ROOT / drift.TEMPLATE).read_text("utf-8"))
    expected = f"rate({status.SWEEP_EVERY.total_seconds() / 60:.0f} minutes)"
    assert expected == template["Resources"]["SweepOnSchedule"]["Properties"]["ScheduleExpression"]


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
def test_a_part_that_is_refused_hides_no_other(aws: Scripted, run: Callable[..., Result], code: str) -> None:
    """It says itself that it could not be looked at."""
    aws.answer(
        ecs__ListTasks=refused(code, "ListTasks", "not you"),
        cloudformation__ListStackResources=refused(code, "ListStackResources", "not you"),
    )
    found_code, found = told(run)
    assert 3 == found_code
    assert {"tasks", "definition", "sweeper", "alarms"} == {
        name for name, part in found.items() if name != "well" and levels(part) == ["unknown"]
    }
    assert "ListTasks: not you" in found["tasks"]["findings"][0]["what"]
    shown = run(stack_commands.status).stdout
    assert "tasks       unknown" in shown
    assert "stack       ok" in shown


def test_expired_credentials_are_told_once(aws: Scripted, run: Callable[..., Result]) -> None:
    """Not seven times."""
    aws.answer(ecs__ListTasks=refused("ExpiredTokenException", "ListTasks"))
    result = run(stack_commands.status)
    assert (1, "") == (result.exit_code, result.stdout)
    assert "the credentials have expired" in result.stderr
