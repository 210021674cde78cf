"""Destroying a stack: what is lost, what is retained and what still runs is known before anybody is asked.

CloudFormation retains what its template says. Some of that is retained in name alone: a version of a function, or of a
state machine, goes with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployer import change_sets, stacks
from deployer.account import error_code, is_denied
from deployer.console import Refused
from deployer.stacks import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from deployer.account import Account
    from deployer.stacks import Stack

RETAINED = frozenset({"Retain", "RetainExceptOnCreate", "Snapshot"})
"""The deletion policies that leave something of a resource when its stack is deleted. RetainExceptOnCreate deletes
only what a creation made that is rolled back. Evidence: documentation (DeletionPolicy attribute)."""
GONE_WITH = {
    "AWS::Lambda::Version": "AWS::Lambda::Function",
    "AWS::StepFunctions::StateMachineVersion": "AWS::StepFunctions::StateMachine",
}
"""What is deleted with its parent, whatever its own policy. Evidence: botocore's model (DeleteFunction without a
qualifier, DeleteStateMachine)."""
MACHINE, CLUSTER = "AWS::StepFunctions::StateMachine", "AWS::ECS::Cluster"
STOPPING = Pace(first=0.3, last=2.0, limit=180.0)
MOST_NAMED = 5
REASON = "The stack is destroyed"


@dataclass(frozen=True)
class Resource:
    """A resource of the stack, and what becomes of it."""

    logical_id: str
    physical_id: str
    type: str
    status: str
    is_retained: bool
    gone_with: str = ""
    """The type of the resource with which it goes although its policy retains it."""
    holds: str = ""
    """What people keep in it: `items`, `images`, `logs`; empty where that is nothing."""
    contents: str = ""
    """How much of it there is, where one call tells."""


@dataclass(frozen=True)
class Running:
    """What must end first."""

    executions: tuple[str, ...] = ()
    tasks: tuple[tuple[str, str], ...] = ()
    """Cluster and task."""
    unknown: tuple[str, ...] = ()
    """What could not be looked at, and why."""

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.executions or self.tasks)

    def lines(self) -> Iterator[str]:
        """Yield what it is, for a reader."""
        named = [*(("execution", arn) for arn in self.executions), *(("task", arn) for _, arn in self.tasks)]
        for kind, arn in named[:MOST_NAMED]:
            yield f"{kind} {arn}"
        if len(named) > MOST_NAMED:
            yield f"and {len(named) - MOST_NAMED} more"


@dataclass(frozen=True)
class Plan:
    """What destroying a stack does."""

    stack: Stack
    resources: tuple[Resource, ...]
    running: Running
    change_sets: tuple[str, ...] = ()
    """What somebody has planned for a stack without resources, and goes with it."""

    @property
    def retained(self) -> list[Resource]:
        """What stays."""
        return [each for each in self.resources if each.is_retained and not each.gone_with]

    @property
    def lost(self) -> list[Resource]:
        """What is deleted; what people keep something in comes first."""
        gone = [each for each in self.resources if not each.is_retained or each.gone_with]
        return sorted(gone, key=lambda each: (not each.holds, each.logical_id))

    @property
    def resisting(self) -> list[Resource]:
        """What a deletion before this one could not delete."""
        return [each for each in self.resources if each.status == "DELETE_FAILED"]


def plan(account: Account, stack: str) -> Plan | None:
    """Return what would happen; None where there is no such stack. Raises `Refused` where it may not be deleted."""
    found = stacks.read(account.client("cloudformation"), stack)
    if found is None or found.status == "DELETE_COMPLETE":
        return None
    if found.is_protected:
        raise Refused(
            f"{stack} is protected from termination: somebody decided that it is not to be deleted\n"
            f"who may lift that: aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name {stack}"
        )
    if not found.is_settled and found.status != "DELETE_IN_PROGRESS":
        raise Refused(
            f"{stack} is {found.status}\nwait for its end (`python build.py events --follow`), then destroy it"
        )
    if found.status == "REVIEW_IN_PROGRESS":
        # A stack that a review has left has no template yet, and nothing in it.
        return Plan(found, (), Running(), _planned(account, found))
    resources = tuple(_resources(account, found.id))
    return Plan(found, resources, running(account, resources))


def _planned(account: Account, stack: Stack) -> tuple[str, ...]:
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    try:
        found = change_sets.listed(account.client("cloudformation"), stack.name)
    except ClientError as error:
        return (f"not known ({error_code(error)})",)
    return tuple(each["ChangeSetName"] for each in found)


def _resources(account: Account, stack: str) -> Iterator[Resource]:
    from review.resources import holds  # noqa: PLC0415 - only where there is something to show

    client = account.client("cloudformation")
    policies = deletion_policies(client, stack)
    pages = client.get_paginator("list_stack_resources").paginate(StackName=stack)
    summaries = [
        each
        for page in pages
        for each in page["StackResourceSummaries"]
        if each["ResourceStatus"] != "DELETE_COMPLETE" and each.get("PhysicalResourceId")
    ]
    deleted = {
        each["ResourceType"]
        for each in summaries
        if policies.get(each["LogicalResourceId"], "Delete") not in RETAINED
    }
    for each in summaries:
        kind, parent = each["ResourceType"], GONE_WITH.get(each["ResourceType"], "")
        is_retained = policies.get(each["LogicalResourceId"], "Delete") in RETAINED
        yield Resource(
            each["LogicalResourceId"],
            each["PhysicalResourceId"],
            kind,
            each["ResourceStatus"],
            is_retained,
            parent if is_retained and parent in deleted else "",
            holds(kind),
            contents(account, kind, each["PhysicalResourceId"]),
        )


def deletion_policies(client: Any, stack: str) -> dict[str, str]:
    """Return the deletion policies that the deployed template writes, by logical ID."""
    from review.documents import read  # noqa: PLC0415

    body = client.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    template = read(body.encode(), "template").value if isinstance(body, str) else body
    resources: Mapping[str, Mapping[str, Any]] = template.get("Resources") or {}
    return {name: str(fields.get("DeletionPolicy", "Delete")) for name, fields in resources.items()}


def contents(account: Account, kind: str, name: str) -> str:
    """Return how much a resource holds, where one call tells; empty where none does, or it may not be asked."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    count = COUNTS.get(kind)
    if count is None:
        return ""
    try:
        return count(account, name)
    except ClientError as error:
        return f"not known ({error_code(error)})"


def _items(account: Account, name: str) -> str:
    table = account.client("dynamodb").describe_table(TableName=name)["Table"]
    # DynamoDB counts every six hours. Evidence: documentation (DescribeTable).
    return f"about {table.get('ItemCount', 0):,} items"


def _images(account: Account, name: str) -> str:
    page = account.client("ecr").describe_images(repositoryName=name, maxResults=1000)
    return f"{len(page['imageDetails']):,}{'+' if page.get('nextToken') else ''} images"


def _logs(account: Account, name: str) -> str:
    found = account.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    stored = next((each.get("storedBytes", 0) for each in found if each["logGroupName"] == name), 0)
    return f"{stored / 1024 / 1024:,.1f} MiB of logs"


def _messages(account: Account, url: str) -> str:
    asked = "ApproximateNumberOfMessages"
    found = account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[asked])
    return f"about {int(found['Attributes'].get(asked, 0)):,} messages"


COUNTS: Mapping[str, Callable[[Account, str], str]] = {
    "AWS::DynamoDB::Table": _items,
    "AWS::ECR::Repository": _images,
    "AWS::Logs::LogGroup": _logs,
    "AWS::SQS::Queue": _messages,
}


def running(account: Account, resources: Sequence[Resource]) -> Running:
    """Return the executions and tasks that go on in a stack's resources."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    executions: list[str] = []
    tasks: list[tuple[str, str]] = []
    unknown: list[str] = []
    for each in resources:
        try:
            if each.type == MACHINE:
                executions += _executions(account, each.physical_id)
            elif each.type == CLUSTER:
                tasks += [(each.physical_id, task) for task in _tasks(account, each.physical_id)]
        except ClientError as error:
            if is_denied(error):
                unknown.append(f"{each.logical_id}: {error.operation_name} is not allowed")
            elif error_code(error) not in {"StateMachineDoesNotExist", "ClusterNotFoundException"}:
                raise
    return Running(tuple(executions), tuple(tasks), tuple(unknown))


def _executions(account: Account, machine: str) -> list[str]:
    pages = account.client("stepfunctions").get_paginator("list_executions")
    found = pages.paginate(stateMachineArn=machine, statusFilter="RUNNING")
    return [each["executionArn"] for page in found for each in page["executions"]]


def _tasks(account: Account, cluster: str) -> list[str]:
    pages = account.client("ecs").get_paginator("list_tasks")
    return [
        arn for page in pages.paginate(cluster=cluster, desiredStatus="RUNNING") for arn in page["taskArns"]
    ]


def stop(account: Account, planned: Plan, tell: Callable[[str], None], pace: Pace = STOPPING) -> None:
    """Stop the executions, then the tasks that they leave, until nothing runs. Raises `Refused` where something does.

    The end of an execution starts a sweep, which is an execution, too: so it is looked again until none is there.
    """
    told: set[str] = set()
    for _ in pace.looks():
        found = running(account, planned.resources)
        if not found and not _is_stopping(account, planned.resources):
            return
        for arn in found.executions:
            _stop(
                account.client("stepfunctions").stop_execution,
                executionArn=arn,
                error="StackDestroyed",
                cause=REASON,
            )
        for cluster, task in found.tasks:
            _stop(account.client("ecs").stop_task, cluster=cluster, task=task, reason=REASON)
        for line in found.lines():
            if line not in told:
                told.add(line)
                tell(f"stopping {line}")
    raise Refused(
        "\n".join(
            ["something still runs; the stack was not touched", *running(account, planned.resources).lines()]
        )
    )


def _is_stopping(account: Account, resources: Sequence[Resource]) -> bool:
    """Tell whether a task that was told to stop has not yet: a cluster with one cannot be deleted."""
    client = account.client("ecs")
    for cluster in (each.physical_id for each in resources if each.type == CLUSTER):
        pages = client.get_paginator("list_tasks")
        for page in pages.paginate(cluster=cluster, desiredStatus="STOPPED", maxResults=100):
            if not page["taskArns"]:
                continue
            tasks = client.describe_tasks(cluster=cluster, tasks=page["taskArns"])["tasks"]
            if any(task["lastStatus"] != "STOPPED" for task in tasks):
                return True
    return False


def _stop(call: Callable[..., Any], **arguments: str) -> None:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        call(**arguments)
    except ClientError as error:
        # What has ended meanwhile need not be stopped.
        if error_code(error) not in {"ExecutionDoesNotExist", "InvalidParameterException"}:
            raise


def delete(client: Any, planned: Plan, token: str, retained: Sequence[str] = ()) -> None:
    """Begin to delete the stack; CloudFormation carries it on by itself. Raises `Refused`."""
    resisting = {each.logical_id for each in planned.resisting}
    if unknown := sorted(set(retained) - resisting):
        raise Refused(
            f"--retain {', '.join(unknown)}: CloudFormation lets only that be left which it could not delete before\n"
            f"that is {', '.join(sorted(resisting)) or 'nothing yet: destroy it without --retain first'}"
        )
    left = {"RetainResources": list(retained)} if retained else {}
    client.delete_stack(StackName=planned.stack.id, ClientRequestToken=token, **left)
