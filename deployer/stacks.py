"""A stack as CloudFormation describes it, and what its status means for whoever wants to deploy."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

STATUSES = Path(__file__).with_name("stack_statuses.yaml")


class Meaning(StrEnum):
    """What a stack's status lets one do."""

    CREATE = "create"
    UPDATE = "update"
    WAIT = "wait"
    RECREATE = "recreate"
    STUCK = "stuck"


@dataclass(frozen=True)
class Stack:
    """A stack at one moment."""

    name: str
    id: str
    """Its ARN, which stays its own when another stack gets its name."""
    status: str
    reason: str = ""
    created: datetime | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    operations: tuple[str, ...] = ()
    """The IDs of its last operations; none where the service does not tell."""
    is_protected: bool = False
    """Whether nobody may delete it."""

    @property
    def meaning(self) -> Meaning:
        """What can be done with it."""
        return Meaning(_entry(self.status)["means"])

    @property
    def is_settled(self) -> bool:
        """Whether nothing goes on."""
        return not self.status.endswith("_IN_PROGRESS") or self.status == "REVIEW_IN_PROGRESS"


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


def read(client: Any, stack: str) -> Stack | None:
    """Return a stack by its name or ARN; None where there is no such stack."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    try:
        found = client.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    return Stack(
        name=found["StackName"],
        id=found.get("StackId", found["StackName"]),
        status=found["StackStatus"],
        reason=found.get("StackStatusReason", ""),
        created=found["CreationTime"],
        parameters={
            each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", ())
        },
        outputs={each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())},
        operations=tuple(each["OperationId"] for each in found.get("LastOperations", ())),
        is_protected=found.get("EnableTerminationProtection", False),
    )


def explanation(stack: Stack, failed: Sequence[str]) -> str:
    """Return what a person reads of a stack that cannot be deployed to: what it is, and what to do.

    `failed` are the resources that its last operation could not take back.
    """
    entry = _entry(stack.status)
    told = f"{stack.name} is {stack.status}: {entry['what']}"
    if "help" not in entry:
        return told
    filled = entry["help"]
    for name, value in {
        "failed": ", ".join(failed) or "something",
        "skips": " ".join(f"--skip {name}" for name in failed or ["LOGICAL_ID"]),
        "retains": " ".join(f"--retain {name}" for name in failed or ["LOGICAL_ID"]),
    }.items():
        filled = filled.replace(f"{{{name}}}", value)
    return f"{told}\n{filled}"


@cache
def _entries() -> Mapping[str, Mapping[str, str]]:
    import yaml  # noqa: PLC0415 - the help needs no table

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = yaml.load(STATUSES.read_text("utf-8"), Loader=loader)  # noqa: S506 - it is a safe loader
    return {status: entry for entry in found for status in entry["statuses"]}


def _entry(status: str) -> Mapping[str, str]:
    return _entries().get(status, {"means": "stuck", "what": "this status is not known here", "help": ""})
