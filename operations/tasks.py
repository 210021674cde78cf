"""The tasks that run, and the executions that they run for."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deployer.account import error_code
from operations import parallel
from operations.progress import seconds
from operations.times import utc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deployer.account import Account

EXECUTION_TAG, SERVER_TAG = "toolshed:execution-arn", "toolshed:server-id"
GROUP = 100
"""Tasks of one DescribeTasks. Evidence: documentation."""
UNKNOWN, FORGOTTEN = "", "FORGOTTEN"


@dataclass(frozen=True)
class Task:
    """A task that has not stopped."""

    arn: str
    status: str
    since: datetime
    execution: str
    """The ARN of the execution that it says it runs for; empty where it says none."""
    server: str
    execution_status: str
    """FORGOTTEN where Step Functions does not know the execution."""

    @property
    def is_lost(self) -> bool:
        """Whether no execution stands behind it any more."""
        return self.execution_status != "RUNNING" and self.status not in {"STOPPING", "DEPROVISIONING"}

    @property
    def line(self) -> str:
        """What a person reads of it."""
        age = seconds((datetime.now(UTC) - self.since).total_seconds())
        whose = self.execution.rpartition(":")[2] or "no execution"
        stands = {"": "", FORGOTTEN: ", which is not known any more"}.get(
            self.execution_status, f", which is {self.execution_status}"
        )
        name = self.arn.rpartition("/")[2]
        return f"{name}  {self.status} for {age}, {self.server or 'no server'}, of {whose}{stands}"

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "taskArn": self.arn,
            "status": self.status,
            "since": utc(self.since),
            "executionArn": self.execution or None,
            "executionStatus": self.execution_status or None,
            "server": self.server or None,
        }


def running(account: Account, cluster: str) -> list[Task]:
    """Return the tasks of a cluster that have not stopped, the oldest first."""
    client = account.client("ecs")
    pages = client.get_paginator("list_tasks").paginate(cluster=cluster)
    arns = [arn for page in pages for arn in page["taskArns"]]
    groups = [arns[start : start + GROUP] for start in range(0, len(arns), GROUP)]
    described = parallel.each(
        lambda group: client.describe_tasks(cluster=cluster, tasks=group, include=["TAGS"])["tasks"], groups
    )
    tasks = [each for each in itertools.chain(*described) if each.get("lastStatus") != "STOPPED"]
    executions = sorted({_tag(each, EXECUTION_TAG) for each in tasks} - {""})
    statuses = dict(
        zip(executions, parallel.each(lambda arn: _status(account, arn), executions), strict=True)
    )
    return sorted((_task(each, statuses) for each in tasks), key=lambda task: (task.since, task.arn))


def _task(described: Mapping[str, Any], statuses: Mapping[str, str]) -> Task:
    execution = _tag(described, EXECUTION_TAG)
    since = described.get("startedAt") or described.get("createdAt") or datetime.now(UTC)
    return Task(
        described["taskArn"],
        described.get("lastStatus", "UNKNOWN"),
        since,
        execution,
        _tag(described, SERVER_TAG),
        statuses.get(execution, UNKNOWN),
    )


def _tag(described: Mapping[str, Any], key: str) -> str:
    tags: Sequence[Mapping[str, str]] = described.get("tags", ())
    return next((each["value"] for each in tags if each["key"] == key), "")


def _status(account: Account, arn: str) -> str:
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    try:
        found = account.client("stepfunctions").describe_execution(
            executionArn=arn, includedData="METADATA_ONLY"
        )
    except ClientError as error:
        if error_code(error) in {"ExecutionDoesNotExist", "InvalidArn"}:
            return FORGOTTEN
        raise
    return str(found["status"])
