"""Destroying: what is told before anybody is asked, and what is asked of AWS then."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from deployer import destroy
from deployer.console import EXIT_REFUSED, Refused
from deployer.destroy import Plan, Resource, Running
from deployer.stacks import Pace, Stack
from tests.deployer.stubbed import ACCOUNT, REGION, Stubbed

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ARN = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/stack/1"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:Pipeline"
EXECUTION = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:Pipeline:e"
TASK = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/c/t"
FAST = Pace(first=0, last=0, limit=0.2)

TEMPLATE = {
    "Table": ("AWS::DynamoDB::Table", "RetainExceptOnCreate"),
    "Repository": ("AWS::ECR::Repository", "Retain"),
    "Logs": ("AWS::Logs::LogGroup", "Delete"),
    "Queue": ("AWS::SQS::Queue", None),
    "Machine": ("AWS::StepFunctions::StateMachine", None),
    "Version": ("AWS::StepFunctions::StateMachineVersion", "Retain"),
    "Cluster": ("AWS::ECS::Cluster", None),
}


def answer_stack(stubbed: Stubbed, status: str = "CREATE_COMPLETE", *, is_protected: bool = False) -> None:
    """Answer what the stack is."""
    stack = {
        "StackName": "stack",
        "StackId": ARN,
        "StackStatus": status,
        "CreationTime": NOW,
        "EnableTerminationProtection": is_protected,
    }
    stubbed.answer("cloudformation", "describe_stacks", {"Stacks": [stack]}, StackName="stack")


def answer_template(stubbed: Stubbed, *, is_yaml: bool = False) -> None:
    """Answer with the stack's template, as JSON or as YAML."""
    lines, resources = ["Resources:"], {}
    for name, (kind, policy) in TEMPLATE.items():
        resources[name] = {"Type": kind, **({"DeletionPolicy": policy} if policy else {})}
        lines += [f"  {name}:", f"    Type: {kind}", "    Properties: {A: !Ref B}"]
        lines += [f"    DeletionPolicy: {policy}"] if policy else []
    body: Any = "\n".join(lines) if is_yaml else json.dumps({"Resources": resources})
    stubbed.answer(
        "cloudformation", "get_template", {"TemplateBody": body}, StackName=ARN, TemplateStage="Processed"
    )


def answer_resources(stubbed: Stubbed, **statuses: str) -> None:
    """Answer with the stack's resources, in two pages."""
    names = {"Machine": MACHINE, "Queue": "https://sqs/queue", "Cluster": "c"}
    listed = [
        {
            "LogicalResourceId": name,
            "PhysicalResourceId": names.get(name, f"physical-{name}"),
            "ResourceType": kind,
            "ResourceStatus": statuses.get(name, "CREATE_COMPLETE"),
            "LastUpdatedTimestamp": NOW,
        }
        for name, (kind, _) in TEMPLATE.items()
    ]
    pages = [{"StackResourceSummaries": listed[:3], "NextToken": "n"}, {"StackResourceSummaries": listed[3:]}]
    for page, asked in zip(pages, [{}, {"NextToken": "n"}], strict=True):
        stubbed.answer("cloudformation", "list_stack_resources", page, StackName=ARN, **asked)


def answer_contents(stubbed: Stubbed) -> None:
    """Answer how much is in everything."""
    stubbed.answer("dynamodb", "describe_table", {"Table": {"ItemCount": 1204}}, TableName="physical-Table")
    stubbed.answer(
        "ecr",
        "describe_images",
        {"imageDetails": [{}, {}]},
        repositoryName="physical-Repository",
        maxResults=1000,
    )
    groups = [{"logGroupName": "physical-Logs-2", "storedBytes": 1}, {"logGroupName": "physical-Logs", "storedBytes": 3 << 20}]  # fmt: skip
    stubbed.answer("logs", "describe_log_groups", {"logGroups": groups}, logGroupNamePrefix="physical-Logs")
    stubbed.refuse("sqs", "get_queue_attributes", "AccessDenied")


def answer_running(stubbed: Stubbed, executions: int = 0, tasks: int = 0) -> None:
    """Answer what runs."""
    listed = [
        {"executionArn": f"{EXECUTION}{number}", "stateMachineArn": MACHINE, "name": "e", "status": "RUNNING", "startDate": NOW}
        for number in range(executions)
    ]  # fmt: skip
    stubbed.answer(
        "stepfunctions",
        "list_executions",
        {"executions": listed},
        stateMachineArn=MACHINE,
        statusFilter="RUNNING",
    )
    arns = [f"{TASK}{number}" for number in range(tasks)]
    stubbed.answer("ecs", "list_tasks", {"taskArns": arns}, cluster="c", desiredStatus="RUNNING")


def account() -> Stubbed:
    """Return an account with all that is asked."""
    return Stubbed("cloudformation", "dynamodb", "ecr", "logs", "sqs", "stepfunctions", "ecs")


@pytest.mark.parametrize("is_yaml", [False, True], ids=["json", "yaml"])
def test_what_is_lost_and_what_stays_is_known(*, is_yaml: bool) -> None:
    """By the deletion policies of the deployed template; a version of a machine goes with it, whatever its own says."""
    stubbed = account()
    answer_stack(stubbed)
    answer_template(stubbed, is_yaml=is_yaml)
    answer_resources(stubbed)
    answer_contents(stubbed)
    answer_running(stubbed, executions=1, tasks=2)
    found = destroy.plan(stubbed.account, "stack")
    assert found is not None
    assert [("Table", "about 1,204 items"), ("Repository", "2 images")] == [
        (each.logical_id, each.contents) for each in found.retained
    ]
    assert [("Logs", "3.0 MiB of logs"), ("Queue", "not known (AccessDenied)"), ("Cluster", ""), ("Machine", ""), ("Version", "")] == [
        (each.logical_id, each.contents) for each in found.lost
    ]  # fmt: skip
    assert Running((f"{EXECUTION}0",), (("c", f"{TASK}0"), ("c", f"{TASK}1"))) == found.running
    stubbed.assert_all_asked()


def test_a_stack_that_a_review_has_left_is_empty() -> None:
    """It has no template, but what somebody has planned: that goes with it."""
    stubbed = Stubbed("cloudformation")
    answer_stack(stubbed, "REVIEW_IN_PROGRESS")
    planned = {"Summaries": [{"ChangeSetName": "theirs"}]}
    stubbed.answer("cloudformation", "list_change_sets", planned, StackName="stack")
    found = destroy.plan(stubbed.account, "stack")
    assert found is not None
    assert ((), False, ("theirs",)) == (found.resources, bool(found.running), found.change_sets)
    stubbed.assert_all_asked()


@pytest.mark.parametrize("status", [None, "DELETE_COMPLETE"])
def test_a_stack_that_is_gone_needs_nothing(status: str | None) -> None:
    """It is no error to destroy what is not there."""
    stubbed = account()
    if status is None:
        stubbed.refuse(
            "cloudformation", "describe_stacks", "ValidationError", "Stack with id stack does not exist"
        )
    else:
        answer_stack(stubbed, status)
    assert destroy.plan(stubbed.account, "stack") is None


@pytest.mark.parametrize(
    ("status", "is_protected", "expected"),
    [
        (
            "CREATE_COMPLETE",
            True,
            r"stack is protected from termination.*\n.*--no-enable-termination-protection",
        ),
        ("UPDATE_IN_PROGRESS", False, r"stack is UPDATE_IN_PROGRESS\nwait for its end"),
    ],
)
def test_what_may_not_be_deleted_now_is_refused(status: str, expected: str, *, is_protected: bool) -> None:
    """The protection is somebody's decision, and is never lifted here."""
    stubbed = account()
    answer_stack(stubbed, status, is_protected=is_protected)
    with pytest.raises(Refused, match=expected) as caught:
        destroy.plan(stubbed.account, "stack")
    assert EXIT_REFUSED == caught.value.code


def resource(name: str, physical_id: str, status: str = "CREATE_COMPLETE") -> Resource:
    """Return a resource of the stack."""
    return Resource(name, physical_id, TEMPLATE[name][0], status, is_retained=False)


PLANNED = Plan(
    Stack("stack", ARN, "DELETE_FAILED"),
    (resource("Machine", MACHINE), resource("Cluster", "c", "DELETE_FAILED")),
    Running(),
)


def test_what_runs_is_stopped_until_nothing_does() -> None:
    """An execution's end starts a sweep, which is an execution, too; what ended by itself is no error; a task takes its time."""
    stubbed = account()
    told: list[str] = []
    answer_running(stubbed, executions=1, tasks=1)
    stubbed.answer(
        "stepfunctions",
        "stop_execution",
        {"stopDate": NOW},
        executionArn=f"{EXECUTION}0",
        error="StackDestroyed",
        cause=destroy.REASON,
    )
    stubbed.answer("ecs", "stop_task", {}, cluster="c", task=f"{TASK}0", reason=destroy.REASON)
    answer_running(stubbed, executions=1)
    stubbed.refuse("stepfunctions", "stop_execution", "ExecutionDoesNotExist")
    answer_running(stubbed)
    for status in ("DEACTIVATING", "STOPPED"):
        told_to = {"cluster": "c", "desiredStatus": "STOPPED", "maxResults": 100}
        stubbed.answer("ecs", "list_tasks", {"taskArns": [TASK]}, **told_to)
        described = {"tasks": [{"taskArn": TASK, "lastStatus": status}]}
        stubbed.answer("ecs", "describe_tasks", described, cluster="c", tasks=[TASK])
        if status != "STOPPED":
            answer_running(stubbed)
    destroy.stop(stubbed.account, PLANNED, told.append, FAST)
    assert [f"stopping execution {EXECUTION}0", f"stopping task {TASK}0"] == told
    stubbed.assert_all_asked()


def test_what_cannot_be_stopped_leaves_the_stack_alone() -> None:
    """It is named, and nothing was deleted."""
    stubbed = account()
    answer_running(stubbed, executions=1)
    stubbed.answer("stepfunctions", "stop_execution", {"stopDate": NOW})
    answer_running(stubbed, executions=1)
    with pytest.raises(
        Refused, match=rf"something still runs; the stack was not touched\nexecution {EXECUTION}0"
    ):
        destroy.stop(stubbed.account, PLANNED, lambda _line: None, Pace(first=0.2, limit=0.1))
    stubbed.assert_all_asked()


def test_what_may_not_be_looked_at_is_told() -> None:
    """Not to know whether something runs is no proof that nothing does."""
    stubbed = account()
    stubbed.refuse("stepfunctions", "list_executions", "AccessDeniedException")
    stubbed.refuse("ecs", "list_tasks", "ClusterNotFoundException")
    found = destroy.running(stubbed.account, PLANNED.resources)
    assert Running((), (), ("Machine: ListExecutions is not allowed",)) == found
    assert not found


def test_many_are_named_by_the_first() -> None:
    """A page of executions is no message."""
    lines = list(Running(tuple(f"e{number}" for number in range(7)), (("c", "t"),)).lines())
    assert ["execution e0", "execution e4", "and 3 more"] == [lines[0], lines[4], lines[5]]


def test_the_stack_is_deleted_by_its_id_and_once() -> None:
    """A token lets CloudFormation know a request that arrives twice."""
    stubbed = account()
    client = stubbed.account.client("cloudformation")
    stubbed.answer("cloudformation", "delete_stack", {}, StackName=ARN, ClientRequestToken="token")
    destroy.delete(client, PLANNED, "token")
    stubbed.answer(
        "cloudformation",
        "delete_stack",
        {},
        StackName=ARN,
        ClientRequestToken="token",
        RetainResources=["Cluster"],
    )
    destroy.delete(client, PLANNED, "token", ["Cluster"])
    stubbed.assert_all_asked()
    with pytest.raises(Refused, match=r"--retain Machine: .*\nthat is Cluster"):
        destroy.delete(client, PLANNED, "token", ["Machine"])


def test_the_committed_template_keeps_verdicts_and_images(template: dict[str, Any]) -> None:
    """What the documentation says is retained is what the template retains, versions aside."""
    kept = {
        name
        for name, fields in template["Resources"].items()
        if fields.get("DeletionPolicy") in destroy.RETAINED and fields["Type"] not in destroy.GONE_WITH
    }
    assert {"ImageRepository", "VerdictTable"} == kept
