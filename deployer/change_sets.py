"""Change sets: create one, wait for it, read it, delete it. Nothing here decides, asks or executes.

Boto's own waiters look every 30 seconds; these look fast at first and slower later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deployer import stacks
from deployer.account import error_code
from deployer.stacks import Meaning, Pace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

EMPTY_REASONS = ("didn't contain changes", "No updates are to be performed")
"""What CloudFormation says of a change set without changes, which is no failure.

Evidence: users' reports (aws-cli#2717, aws-cli#4534, rain#73); both wordings are in use.
"""

GONE = frozenset({"ChangeSetNotFound", "ChangeSetNotFoundException"})
EXISTS = frozenset({"AlreadyExistsException"})
"""Codes of errors. Evidence: botocore 1.44.5's model (the shape's name, and the code that is sent)."""
REFUSED = frozenset({"ValidationError", "LimitExceededException"})
"""Of a request that would be refused again. The second is a quota's (stacks, change sets), though with other services it
means too many requests. Evidence: botocore 1.44.5's model (CreateChangeSet)."""
GOING = frozenset({"DELETE_PENDING", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"})
"""Statuses of a change set that is being deleted. Evidence: botocore 1.44.5's model (ChangeSetStatus)."""
REMOVAL = Pace(first=0.2, last=2.0, limit=60)


class ChangeSetError(Exception):
    """A change set could not be created, or its execution failed; the message names the first cause."""


class NameTakenError(ChangeSetError):
    """Somebody else makes a change set of this name at this moment."""


class ChangeSetRefusedError(ChangeSetError):
    """CloudFormation made a change set, and it failed."""

    def __init__(self, arn: str, stack: str, reason: str):
        super().__init__(f"the change set of {stack} was refused: {reason or 'no reason given'}")
        self.arn = arn
        self.reason = reason


@dataclass(frozen=True)
class Detail:
    """Why a resource changes: one property or attribute, and where the change comes from."""

    attribute: str
    """`Properties`, `Tags`, `DeletionPolicy`, …"""
    path: str
    """Of the property; empty where it is the attribute as a whole."""
    recreation: str
    """`Never`, `Conditionally`, `Always`."""
    cause: str = ""
    """The parameter or resource that the change comes from; empty where the template itself changed."""
    source: str = ""
    is_certain: bool = True
    before: str | None = None
    after: str | None = None
    drift: tuple[str, str] | None = None
    """The value that was deployed, and the one that is there now, where somebody changed it."""


@dataclass(frozen=True)
class Change:
    """One change of a resource, as the change set describes it."""

    action: str
    logical_id: str
    type: str
    replacement: str = ""
    """`True`, `False`, `Conditional`; empty where nothing is modified."""
    policy: str = ""
    """What becomes of the resource from before: `Delete`, `Retain`, `ReplaceAndDelete`, …"""
    physical_id: str = ""
    drift: str = ""
    """Whether it is as it was deployed: `MODIFIED`, `DELETED`, `IN_SYNC`, …; empty where that was not asked."""
    details: tuple[Detail, ...] = ()


@dataclass(frozen=True)
class ChangeSet:
    """A change set as it is described."""

    stack: str
    arn: str
    kind: str
    """`CREATE` or `UPDATE`."""
    changes: tuple[Change, ...] = ()
    stack_id: str = ""
    name: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    created: datetime | None = None
    status: str = "CREATE_COMPLETE"
    execution: str = "AVAILABLE"
    """Its execution's status."""
    reason: str = ""
    mode: str = "STANDARD"
    """How it is deployed; in `EXPRESS` mode nothing is rolled back."""
    is_rollback_disabled: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to execute: CloudFormation says so; how many resources change does not.

        Where only outputs change, a change set lists no changes, and is to be executed all the same (aws-cdk#2029).
        """
        return self.status == "FAILED" and is_empty_reason(self.reason)


@dataclass(frozen=True)
class Request:
    """What is to be deployed. The template is named by its address in S3: nothing rewrites it."""

    stack: str
    name: str
    """Of the change set."""
    template_url: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    kept: Sequence[str] = ()
    """Parameters that keep their value."""
    capabilities: Sequence[str] = ("CAPABILITY_IAM",)
    tags: Mapping[str, str] = field(default_factory=dict)
    """Empty: the stack keeps its own."""
    role_arn: str = ""
    description: str = ""
    token: str = ""
    does_revert_drift: bool = False
    """Whether the actual state is looked at, too, and what somebody changed is taken back."""

    def arguments(self, kind: str) -> dict[str, Any]:
        """Return what CreateChangeSet takes.

        Neither `OnStackFailure` nor `DeploymentConfig`: what fails is rolled back, which is their default. In EXPRESS
        mode it is not, and CloudFormation then refuses every replacement (aws-cdk-cli#1931, aws-cdk-cli#1970).
        """
        found: dict[str, Any] = {
            "StackName": self.stack,
            "ChangeSetName": self.name,
            "ChangeSetType": kind,
            "TemplateURL": self.template_url,
            "Parameters": [
                *({"ParameterKey": name, "ParameterValue": value} for name, value in self.parameters.items()),
                *({"ParameterKey": name, "UsePreviousValue": True} for name in self.kept),
            ],
            "Capabilities": list(self.capabilities),
        }
        if self.tags:
            found["Tags"] = [{"Key": name, "Value": value} for name, value in self.tags.items()]
        optional = {"RoleARN": self.role_arn, "Description": self.description, "ClientToken": self.token}
        found |= {name: text for name, text in optional.items() if text}
        if kind == "UPDATE" and self.does_revert_drift:
            # Only such a change set tells of drift (documentation: "only present for drift-aware change sets").
            found["DeploymentMode"] = "REVERT_DRIFT"
        if kind == "CREATE":
            # Takes in what an earlier stack retained, where its name is written out in the template. What a parameter
            # names is not found (documentation: "Dynamic names are not currently supported"): that is adopted first.
            found["ImportExistingResources"] = True
        return found


def is_empty_reason(reason: str) -> bool:
    """Tell whether a change set failed only because there is nothing to change."""
    return any(known in reason for known in EMPTY_REASONS)


def kind_for(stack: stacks.Stack | None) -> str:
    """Return which kind of change set a stack takes: one without resources, or none at all, is created."""
    return "CREATE" if stack is None or stack.meaning is Meaning.CREATE else "UPDATE"


def create(client: Any, request: Request, pace: Pace | None = None) -> ChangeSet:
    """Create a change set and wait until it can be executed.

    Raises `ChangeSetError` where CloudFormation refuses it.
    """
    kind = kind_for(stacks.read(client, request.stack))
    arn, _ = begin(client, request, kind)
    return wait(client, arn, kind, pace)


def begin(client: Any, request: Request, kind: str) -> tuple[str, str]:
    """Ask for a change set; return its ARN and its stack's. Raises `ChangeSetError`."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    try:
        found = client.create_change_set(**request.arguments(kind))
    except ClientError as error:
        if error_code(error) in EXISTS:
            raise NameTakenError(
                f"{request.stack}: somebody makes a change set {request.name} at this moment\n"
                "wait until they have finished, or choose another name with --change-set-name"
            ) from error
        if error_code(error) not in REFUSED:
            raise
        raise ChangeSetError(f"{request.stack}: {error.response['Error']['Message']}") from error
    return found["Id"], found.get("StackId", "")


def wait(client: Any, arn: str, kind: str, pace: Pace | None = None) -> ChangeSet:
    """Wait until a change set is ready, and read it. Raises `ChangeSetError` where it fails, or takes too long."""
    stack = ""
    for _ in (pace or Pace()).looks():
        found = describe(client, arn, kind)
        stack = found.stack
        if found.status == "CREATE_COMPLETE" or found.is_empty:
            return found
        if found.status not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            raise ChangeSetRefusedError(arn, found.stack, found.reason)
    raise ChangeSetError(f"the change set of {stack or arn} was not ready in time")


def describe(client: Any, change_set: str, kind: str = "", stack: str = "") -> ChangeSet:
    """Read a change set by its ARN, or by its name and its stack's; all of its pages once it is ready."""
    asked = {"ChangeSetName": change_set, **({"StackName": stack} if stack else {})}
    first = client.describe_change_set(**asked, IncludePropertyValues=True)
    is_ready = first["Status"] == "CREATE_COMPLETE"
    config = first.get("DeploymentConfig", {})
    return ChangeSet(
        stack=first.get("StackName", stack),
        arn=first.get("ChangeSetId", change_set),
        kind=kind,
        changes=tuple(_changes(client, asked, first)) if is_ready else (),
        stack_id=first.get("StackId", ""),
        name=first.get("ChangeSetName", ""),
        parameters={
            each["ParameterKey"]: each.get("ParameterValue", "") for each in first.get("Parameters", ())
        },
        description=first.get("Description", ""),
        created=first.get("CreationTime"),
        status=first["Status"],
        execution=first.get("ExecutionStatus", ""),
        reason=first.get("StatusReason", ""),
        mode=config.get("Mode", "STANDARD"),
        # Two ways to say it; the other one is of whoever names what is to happen on failure.
        is_rollback_disabled=config.get("DisableRollback", False)
        or first.get("OnStackFailure") == "DO_NOTHING",
    )


def find(client: Any, stack: str, name: str) -> ChangeSet | None:
    """Return a stack's change set by its name; None where there is none."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        return describe(client, name, stack=stack)
    except ClientError as error:
        is_gone = error_code(error) in GONE or "does not exist" in str(error)
        if is_gone:
            return None
        raise


def listed(client: Any, stack: str) -> list[Mapping[str, Any]]:
    """Return the summaries of a stack's change sets."""
    pages = client.get_paginator("list_change_sets").paginate(StackName=stack)
    return [each for page in pages for each in page.get("Summaries", ())]


def delete(client: Any, change_set: str, stack: str = "", pace: Pace | None = None) -> None:
    """Delete a change set, once it lets itself be deleted: not while it is being made. Gone already is fine, too."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    asked = {"ChangeSetName": change_set, **({"StackName": stack} if stack else {})}
    for _ in (pace or Pace(limit=120)).looks():
        try:
            client.delete_change_set(**asked)
        except ClientError as error:
            if error_code(error) in GONE or "does not exist" in str(error):
                return
            if error_code(error) not in ("InvalidChangeSetStatus", "InvalidChangeSetStatusException"):
                raise
        else:
            return
    raise ChangeSetError(f"the change set {change_set} cannot be deleted yet: it is still being made")


def remove_empty(client: Any, stack: str) -> bool:
    """Delete a stack that only a review has made; tell whether it is gone: it stays where somebody else uses it.

    Raises `ChangeSetError` where CloudFormation takes too long.
    """
    found = stacks.read(client, stack)
    if found is None or found.status == "DELETE_COMPLETE":
        return True
    if found.status != "REVIEW_IN_PROGRESS":
        return False
    # One that was deleted a moment ago may be listed still.
    if any(each.get("Status") not in GOING for each in listed(client, found.id)):
        return False
    client.delete_stack(StackName=found.id)
    for _ in REMOVAL.looks():
        now = stacks.read(client, found.id)
        if now is None or now.status == "DELETE_COMPLETE":
            return True
    raise ChangeSetError(f"{found.name} is not deleted yet")


def _changes(client: Any, asked: Mapping[str, Any], first: Mapping[str, Any]) -> Iterator[Change]:
    page = first
    while True:
        for each in page.get("Changes", ()):
            if "ResourceChange" in each:
                yield _change(each["ResourceChange"])
        if "NextToken" not in page:
            return
        page = client.describe_change_set(**asked, IncludePropertyValues=True, NextToken=page["NextToken"])


def _change(found: Mapping[str, Any]) -> Change:
    return Change(
        action=found["Action"],
        logical_id=found["LogicalResourceId"],
        type=found["ResourceType"],
        replacement=found.get("Replacement", ""),
        policy=found.get("PolicyAction", ""),
        physical_id=found.get("PhysicalResourceId", ""),
        drift=found.get("ResourceDriftStatus", ""),
        details=tuple(_detail(each) for each in found.get("Details", ())),
    )


def _detail(found: Mapping[str, Any]) -> Detail:
    target = found.get("Target", {})
    drift = target.get("Drift")
    path = target.get("Path", "").removeprefix("/Properties/").replace("/", ".")
    return Detail(
        attribute=target.get("Attribute", ""),
        path=path or target.get("Name", ""),
        recreation=target.get("RequiresRecreation", "Never"),
        cause=found.get("CausingEntity", ""),
        source=found.get("ChangeSource", ""),
        is_certain=found.get("Evaluation", "Static") == "Static",
        before=target.get("BeforeValue"),
        after=target.get("AfterValue"),
        drift=(drift.get("PreviousValue", ""), drift.get("ActualValue", "")) if drift else None,
    )
