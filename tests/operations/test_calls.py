"""The table of calls, from which the operators' policy is made, is what the commands really call."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore import xform_name
from botocore.session import Session

from deployer.console import ROOT
from operations import executions, logs, policies
from tests.operations.scripted import NOW, Scripted, described, event, execution_arn, refused
from tests.operations.test_docs import command_of
from tests.operations.test_executions import item, paged, summary
from tests.operations.test_logs import LINES, filtered
from tests.operations.test_logs import history as logged
from tests.operations.test_status import tasks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

GIVEN = ("--repository", "a/b", "--server-id", "s")
SECRET = "CloneTokenSecretArn=arn:aws:secretsmanager:eu-central-1:1:secret:x"  # noqa: S105 - its name


@pytest.fixture
def everything(aws: Scripted, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Return an account in which each command finds something to look at further."""
    monkeypatch.setattr(executions, "FEW", 0)
    monkeypatch.setattr(logs, "AFTERWARDS_SECONDS", 0.0)
    monkeypatch.setattr("deployer.stacks.time.sleep", lambda _seconds: None)
    tasks(aws, 1, {"one": "RUNNING"})
    return aws.answer(
        stepfunctions__StartExecution={"executionArn": execution_arn("e"), "startDate": NOW},
        stepfunctions__StopExecution={"stopDate": NOW},
        stepfunctions__GetExecutionHistory={
            "events": [event(1, "ExecutionStarted"), event(2, "ExecutionSucceeded")]
        },
        stepfunctions__DescribeExecution=described("e"),
        stepfunctions__DescribeStateMachineForExecution={
            "stateMachineArn": "m",
            "name": "m",
            "definition": '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}',
            "roleArn": "r",
            "updateDate": NOW,
        },
        stepfunctions__ListExecutions=paged([summary(0, "RUNNING"), summary(1), summary(2)]),
        dynamodb__GetItem={"Item": item(1)},
        dynamodb__DescribeTable={"Table": {"TableSizeBytes": 1}},
        dynamodb__Scan={"Items": [item(1)]},
        dynamodb__Query={"Items": [item(1, serverId="s")]},
        logs__FilterLogEvents=filtered(LINES),
        codebuild__BatchGetBuilds={"builds": []},
        cloudformation__DetectStackDrift={"StackDriftDetectionId": "d"},
        cloudformation__DescribeStackDriftDetectionStatus={
            "StackId": "s",
            "StackDriftDetectionId": "d",
            "DetectionStatus": "DETECTION_COMPLETE",
            "StackDriftStatus": "DRIFTED",
            "Timestamp": NOW,
        },
        cloudformation__DescribeStackResourceDrifts={"StackResourceDrifts": []},
        service_quotas__GetServiceQuota=refused("NoSuchResourceException", "GetServiceQuota"),
        service_quotas__GetAWSDefaultServiceQuota={"Quota": {"Value": 5.0}},
        secretsmanager__DescribeSecret={"Name": "n"},
    )


def of_table(command: str) -> set[str]:
    """Return the calls that the table gives a command."""
    return {call["call"] for call in policies.calls("operate") if command in call["by"]}


def ran(aws: Scripted, run: Callable[..., Result], command: str, *invocations: tuple[str, ...]) -> set[str]:
    """Return the calls that a command makes when it is run in some ways."""
    for arguments in invocations:
        result = run(command_of(command), *arguments)
        assert result.exit_code in {0, 3}, result.output
    return aws.made


def test_start(everything: Scripted, run: Callable[..., Result]) -> None:
    """It starts and follows; where its answer was lost it asks for what it has started."""
    assert of_table("start") == ran(everything, run, "start", GIVEN)


def test_execution(everything: Scripted, run: Callable[..., Result], tmp_path: Path) -> None:
    """It shows, draws, follows and stops."""
    page = str(tmp_path / "page.html")
    run(command_of("execution"), "e", "-o", page)
    everything.answer(stepfunctions__DescribeExecution=described("e", "RUNNING"))
    run(command_of("execution"), "e", "--stop")
    everything.answer(stepfunctions__DescribeExecution=described("e"))
    assert of_table("execution") == ran(everything, run, "execution", ("e",), ("e", "--follow"))


def test_executions(everything: Scripted, run: Callable[..., Result]) -> None:
    """It lists, by the table and by descriptions, and a server's."""
    assert of_table("executions") == ran(everything, run, "executions", (), ("--server", "s"))


def test_logs(everything: Scripted, run: Callable[..., Result]) -> None:
    """It finds the build's stream, and reads three logs."""
    submitted: list[dict[str, Any]] = logged()
    submitted[3]["taskSucceededEventDetails"]["output"] = '{"Build": {"Id": "project:b1"}}'
    everything.answer(stepfunctions__GetExecutionHistory={"events": submitted})
    assert of_table("logs") == ran(everything, run, "logs", ("e",), ("e", "--follow"))
    read = {each["logGroupName"] for each in everything.of("logs:FilterLogEvents")}
    assert {"builds", "tasks", "validator"} == read


def test_status(everything: Scripted, run: Callable[..., Result]) -> None:
    """It looks at every part, and lets CloudFormation look for drift."""
    assert of_table("status") == ran(everything, run, "status", ("--drift",))


def test_doctor(everything: Scripted, run: Callable[..., Result]) -> None:
    """It looks at every part."""
    assert of_table("doctor") == ran(everything, run, "doctor", ("--parameter", SECRET))


def test_what_the_runbook_begins_with_is_allowed() -> None:
    """Each command of its first table is in the operators' policy; `events` makes the calls that it has in the other."""
    table, *_ = (ROOT / "docs/operating.md").read_text("utf-8").partition("\n## ")
    named = set(re.findall(r"`python build\.py ([a-z]+)", table))
    assert {"events", "status"} < named
    assert set() == {command for command in named if not of_table(command)}
    assert {call["call"] for call in policies.calls("deploy") if "events" in call["by"]} == of_table("events")


@pytest.mark.parametrize("kind", ["operate", "deploy"])
def test_each_call_of_the_table_is_an_operation(kind: str) -> None:
    """By botocore's models."""
    session = Session()
    for call in policies.calls(kind):
        service, _, operation = call["call"].partition(":")
        assert operation in session.get_service_model(service).operation_names, call


def called(folder: Path) -> set[str]:
    """Return the methods of clients that a package's code calls, by name, and the paginators that it asks for."""
    found: set[str] = set()
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def test_the_deployer_s_calls_are_in_the_table() -> None:
    """Every operation of the services that it uses which its code names, and no other."""
    session = Session()
    table = {call["call"] for call in policies.calls("deploy")}
    names = called(ROOT / "deployer")
    services = {each.partition(":")[0] for each in table}
    operations = {
        f"{service}:{operation}"
        for service in services
        for operation in session.get_service_model(service).operation_names
        if xform_name(operation) in names
    }
    assert set() == table - operations
    # The same name in another service's API is that service's.
    of_table = {each.partition(":")[2] for each in table}
    assert set() == {each for each in operations - table if each.partition(":")[2] not in of_table}
