"""Change sets: create one, wait for it, execute it, follow what it does, read what it left.

Boto's own waiters look every 30 seconds; these look fast at first and slower later. Nothing here decides or asks:
whoever calls shows the changes, and decides.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

EMPTY_REASONS = ("didn't contain changes", "No updates are to be performed")
"""What CloudFormation says of a change set without changes, which is no failure.

Evidence: users' reports (aws-cli#2717, aws-cli#4534, rain#73); both wordings are in use.
"""

UNCREATED = frozenset({"REVIEW_IN_PROGRESS"})
"""The status of a stack that only has change sets yet: the next one creates it. Evidence: documentation."""


class ChangeSetError(Exception):
    """A change set could not be created, or its execution failed; the message names the first cause."""


@dataclass(frozen=True)
class Change:
    """One change of a resource, as the change set describes it."""

    action: str
    logical_id: str
    type: str
    replacement: str


@dataclass(frozen=True)
class ChangeSet:
    """A change set that can be executed, or that holds no changes."""

    stack: str
    arn: str
    kind: str
    """`CREATE` or `UPDATE`."""
    changes: tuple[Change, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to execute."""
        return not self.changes


@dataclass(frozen=True)
class StackEvent:
    """What happened to a resource."""

    id: str
    logical_id: str
    type: str
    status: str
    reason: str

    @property
    def is_failure(self) -> bool:
        """Whether this is something that went wrong, and no consequence of it."""
        return self.status.endswith("_FAILED") and "cancelled" not in self.reason.lower()


@dataclass(frozen=True)
class Request:
    """What is to be deployed. The template is named by its address in S3: nothing rewrites it."""

    stack: str
    name: str
    """Of the change set."""
    template_url: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    capabilities: Sequence[str] = ("CAPABILITY_IAM",)


@dataclass(frozen=True)
class Pace:
    """How often to look, in seconds: at first, at last, and for how long altogether."""

    first: float = 0.1
    last: float = 3.0
    limit: float = 3600.0

    def looks(self) -> Iterator[None]:
        """Yield for each look, and sleep between; ends when the time is over."""
        pause, deadline = self.first, time.monotonic() + self.limit
        while time.monotonic() < deadline:
            yield
            time.sleep(pause)
            pause = min(self.last, pause * 1.3)


def is_empty_reason(reason: str) -> bool:
    """Tell whether a change set failed only because there is nothing to change."""
    return any(known in reason for known in EMPTY_REASONS)


def create(client: Any, request: Request, pace: Pace | None = None) -> ChangeSet:
    """Create a change set and wait until it can be executed.

    Raises `ChangeSetError` where CloudFormation refuses it.
    """
    kind = "CREATE" if stack_status(client, request.stack) in (None, *UNCREATED) else "UPDATE"
    with _named(request.stack):
        arn = client.create_change_set(
            StackName=request.stack,
            ChangeSetName=request.name,
            ChangeSetType=kind,
            TemplateURL=request.template_url,
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value} for name, value in request.parameters.items()
            ],
            Capabilities=list(request.capabilities),
        )["Id"]
    for _ in (pace or Pace()).looks():
        described = client.describe_change_set(ChangeSetName=arn)
        status, reason = described["Status"], described.get("StatusReason", "")
        if status == "CREATE_COMPLETE":
            return ChangeSet(request.stack, arn, kind, tuple(_changes(client, arn, described)))
        if status == "FAILED" and is_empty_reason(reason):
            return ChangeSet(request.stack, arn, kind)
        if status == "FAILED":
            raise ChangeSetError(
                f"the change set of {request.stack} was refused: {reason or 'no reason given'}"
            )
    raise ChangeSetError(f"the change set of {request.stack} was not ready in time")


def execute(
    client: Any,
    change_set: ChangeSet,
    *,
    on_event: Callable[[StackEvent], None] = lambda _event: None,
    pace: Pace | None = None,
) -> dict[str, str]:
    """Execute a change set, show every event as it comes, and return the stack's outputs.

    Raises `ChangeSetError` with the earliest failure where the stack does not end as it should.
    """
    seen = {event.id for event in events(client, change_set.stack)}
    with _named(change_set.stack):
        client.execute_change_set(ChangeSetName=change_set.arn)
    failures: list[StackEvent] = []
    for _ in (pace or Pace()).looks():
        # The status first: what happened before it was read is then among the events.
        status = stack_status(client, change_set.stack) or "DELETE_COMPLETE"
        for event in events(client, change_set.stack):
            if event.id not in seen:
                seen.add(event.id)
                on_event(event)
                failures += [event] if event.is_failure else []
        if status.endswith("_IN_PROGRESS") and status not in UNCREATED:
            continue
        if status == f"{change_set.kind}_COMPLETE":
            return outputs(client, change_set.stack)
        if status not in UNCREATED:
            raise ChangeSetError(_failure(change_set.stack, status, failures))
    raise ChangeSetError(f"{change_set.stack} was still changing when the time was over")


def stack_status(client: Any, stack: str) -> str | None:
    """Return a stack's status; None where there is no such stack."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    try:
        status: str = client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    return status


def outputs(client: Any, stack: str) -> dict[str, str]:
    """Return a stack's outputs by name."""
    found = client.describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
    return {each["OutputKey"]: each["OutputValue"] for each in found}


def events(client: Any, stack: str) -> list[StackEvent]:
    """Return a stack's events, the oldest first."""
    pages = client.get_paginator("describe_stack_events").paginate(StackName=stack)
    found = [
        StackEvent(
            each["EventId"],
            each["LogicalResourceId"],
            each["ResourceType"],
            each["ResourceStatus"],
            each.get("ResourceStatusReason", ""),
        )
        for page in pages
        for each in page["StackEvents"]
    ]
    return found[::-1]


def _changes(client: Any, arn: str, first: Mapping[str, Any]) -> Iterator[Change]:
    page = first
    while True:
        for each in page["Changes"]:
            change = each["ResourceChange"]
            yield Change(
                change["Action"],
                change["LogicalResourceId"],
                change["ResourceType"],
                change.get("Replacement", ""),
            )
        if "NextToken" not in page:
            return
        page = client.describe_change_set(ChangeSetName=arn, NextToken=page["NextToken"])


def _failure(stack: str, status: str, failures: Sequence[StackEvent]) -> str:
    if not failures:
        return f"{stack} ended as {status}"
    first = failures[0]
    return f"{stack} ended as {status}: {first.logical_id} ({first.type}) {first.status}: {first.reason}"


class _named:  # noqa: N801 - reads as the context manager that it is
    """Turn what CloudFormation refuses into a message that names the stack."""

    def __init__(self, stack: str):
        self._stack = stack

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        if isinstance(error, ClientError):
            raise ChangeSetError(f"{self._stack}: {error.response['Error']['Message']}") from error
