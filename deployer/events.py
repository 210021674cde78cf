"""What happened to a stack: every event once, however often and in whatever pages CloudFormation lists it.

`DescribeStackEvents` tells what happened to each resource, whatever the operation: an automatic rollback has an
operation of its own, so following one operation's events would lose it. `DescribeEvents` knows more of what went wrong
(the path of a finding of early validation), is younger, and is often not allowed: it is asked for that alone, and a
denial is told, but never takes the place of the cause.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deployer.account import error_code, is_denied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

STACK = "AWS::CloudFormation::Stack"
FINDINGS = frozenset({"VALIDATION_ERROR", "PROVISIONING_ERROR", "HOOK_INVOCATION_ERROR"})
"""The kinds of an operation's events that tell what went wrong. Evidence: documentation (DescribeEvents)."""
HOOK_FAILED = frozenset({"HOOK_COMPLETE_FAILED", "HOOK_FAILED"})
UNKNOWN_ACTION = frozenset(
    {"InvalidAction", "UnknownOperationException", "InvalidAction.NotFound", "404", "501"}
)
"""What a service answers that does not have an action. Evidence: documentation (common errors); emulators vary."""
CONSEQUENCE = re.compile(r"Resource \w+ cancell?ed", re.IGNORECASE)
"""How a reason begins that is no cause: the resource was given up since another failed. That something was cancelled may
be a cause in a service's own words: an alarm that ends a rollout, for one. Evidence: users' events."""


@dataclass(frozen=True)
class StackEvent:
    """What happened to a resource, or to the stack itself."""

    id: str
    logical_id: str
    type: str
    status: str
    reason: str
    at: datetime | None = None
    physical_id: str = ""
    token: str = ""
    """Of the request that began the operation."""
    operation: str = ""
    hook: str = ""
    """The hook that was asked, where this tells of one."""
    hook_status: str = ""
    hook_reason: str = ""
    does_hook_warn: bool = False
    """Whether that hook only warns where it fails."""

    @property
    def is_stack(self) -> bool:
        """Whether this is about a stack, and no resource in it."""
        return self.type == STACK

    @property
    def is_hook_failure(self) -> bool:
        """Whether a hook refused."""
        return self.hook_status in HOOK_FAILED and not self.does_hook_warn

    @property
    def is_failure(self) -> bool:
        """Whether this is something that went wrong, and no consequence of it."""
        if self.is_hook_failure:
            return True
        return self.status.endswith("_FAILED") and not CONSEQUENCE.match(self.reason)


@dataclass(frozen=True)
class Finding:
    """What an operation's events say went wrong."""

    kind: str
    """One of `FINDINGS`."""
    logical_id: str
    type: str
    reason: str
    name: str = ""
    """Of the validation, or the hook."""
    path: str = ""
    """Where in the template, as a JSON pointer or the like; empty where it is not told."""
    is_warning: bool = False
    at: datetime | None = None

    @property
    def is_consequence(self) -> bool:
        """Whether a resource was only given up since another failed."""
        return self.kind == "PROVISIONING_ERROR" and CONSEQUENCE.match(self.reason) is not None


@dataclass
class Stream:
    """The events of a stack that were not given yet. Throttled or cut off, it is asked again and loses nothing."""

    client: Any
    stack: str
    """Its name or, better, its ARN."""
    since: datetime | None = None
    """What is older is left out."""
    _seen: set[str] = field(default_factory=set)
    _before: frozenset[str] = frozenset()

    def skip(self) -> None:
        """Leave out what has happened so far."""
        # The newest page is enough: they are listed newest first, and the first of these ends every look.
        self._before = frozenset(each["EventId"] for each in next(self._pages(), ()))

    def new(self, *, has_all: bool = False) -> list[StackEvent]:
        """Return what was not given yet, the oldest first. `has_all`: look behind pages that bring nothing new, too."""
        found = self._read(has_all=has_all)
        self._seen |= found.keys()
        return _in_order(found)

    def peek(self) -> list[StackEvent]:
        """Return the same, and give it again the next time."""
        return _in_order(self._read(has_all=True))

    def _read(self, *, has_all: bool) -> dict[str, Mapping[str, Any]]:
        # All pages, or none: one that fails makes the next look begin anew.
        found: dict[str, Mapping[str, Any]] = {}
        for page in self._pages():
            wanted = list(self._wanted(page))
            # An event that comes while pages are read moves the rest: some are then listed on two pages.
            news = [
                each for each in wanted if each["EventId"] not in self._seen and each["EventId"] not in found
            ]
            found.update({each["EventId"]: each for each in news})
            if len(wanted) < len(page) or (not news and not has_all):
                break
        return found

    def _wanted(self, page: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        for each in page:
            if each["EventId"] in self._before or (self.since is not None and each["Timestamp"] < self.since):
                return
            yield each

    def _pages(self) -> Iterator[list[Mapping[str, Any]]]:
        """Yield pages of events, the newest first."""
        paginator = self.client.get_paginator("describe_stack_events")
        for page in paginator.paginate(StackName=self.stack):
            yield page["StackEvents"]


def _in_order(found: Mapping[str, Mapping[str, Any]]) -> list[StackEvent]:
    """Return events, listed newest first, in the order in which they happened."""
    return sorted((_event(each) for each in reversed(list(found.values()))), key=_time)


def _time(event: StackEvent) -> float:
    return event.at.timestamp() if event.at is not None else 0.0


def of_stack(client: Any, stack: str) -> list[StackEvent]:
    """Return all events of a stack, the oldest first."""
    return Stream(client, stack).new(has_all=True)


def beginning(found: Sequence[StackEvent], stack: str) -> StackEvent | None:
    """Return the event with which a stack's last operation began: no step of its end, nor of its rollback."""
    own = [each for each in found if each.is_stack and each.logical_id == stack]
    begun = [
        each
        for each in own
        if each.status.endswith("_IN_PROGRESS")
        and "CLEANUP" not in each.status
        and "REVIEW" not in each.status
    ]
    first = [each for each in begun if "ROLLBACK" not in each.status] or begun
    return first[-1] if first else None


def findings(
    client: Any, tell: Callable[[str], None], *, change_set: str = "", operation: str = "", stack: str = ""
) -> list[Finding]:
    """Return what went wrong, the earliest first: for a change set (its ARN), in an operation (its ID), or to a stack.

    Where that may not be asked, or cannot, that is told, and there are none.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    named = {"ChangeSetName": change_set, "OperationId": operation, "StackName": stack}
    asked = {key: value for key, value in named.items() if value}
    try:
        pages = client.get_paginator("describe_events").paginate(**asked, Filters={"FailedEvents": True})
        found = [
            _finding(each)
            for page in pages
            for each in page["OperationEvents"]
            if each.get("EventType") in FINDINGS
        ]
    except ClientError as error:
        if is_denied(error):
            tell("cloudformation:DescribeEvents is not allowed: details of what failed may be missing")
        elif error_code(error) not in UNKNOWN_ACTION:
            tell(
                f"the operation's events cannot be read ({error_code(error)}): details of what failed may be missing"
            )
        return []
    return sorted(found, key=lambda each: each.at.timestamp() if each.at is not None else 0.0)


def _event(found: Mapping[str, Any]) -> StackEvent:
    return StackEvent(
        id=found["EventId"],
        logical_id=found.get("LogicalResourceId", ""),
        type=found.get("ResourceType", ""),
        status=found.get("ResourceStatus", ""),
        reason=found.get("ResourceStatusReason", ""),
        at=found["Timestamp"],
        physical_id=found.get("PhysicalResourceId", ""),
        token=found.get("ClientRequestToken", ""),
        operation=found.get("OperationId", ""),
        hook=found.get("HookType", ""),
        hook_status=found.get("HookStatus", ""),
        hook_reason=found.get("HookStatusReason", ""),
        does_hook_warn=found.get("HookFailureMode") == "WARN",
    )


def _finding(found: Mapping[str, Any]) -> Finding:
    mode = found.get("ValidationFailureMode") or found.get("HookFailureMode") or "FAIL"
    reasons = ("ValidationStatusReason", "HookStatusReason", "ResourceStatusReason")
    return Finding(
        kind=found["EventType"],
        logical_id=found.get("LogicalResourceId", ""),
        type=found.get("ResourceType", ""),
        reason=next((found[name] for name in reasons if found.get(name)), ""),
        name=found.get("ValidationName") or found.get("HookType") or "",
        path=found.get("ValidationPath", ""),
        is_warning=mode == "WARN",
        at=found.get("Timestamp"),
    )
