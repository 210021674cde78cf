"""Events: what is a failure, where an operation began, and what early validation and hooks found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from deployer import events
from deployer.events import Finding, StackEvent, Stream
from tests.deployer.answers import ARN, BEGIN, STACK, STACK_ID, Answers, event

if TYPE_CHECKING:
    from collections.abc import Iterator

VALIDATION: dict[str, Any] = {
    "EventId": "1",
    "StackId": STACK_ID,
    "OperationId": "op",
    "OperationType": "CREATE_CHANGESET",
    "OperationStatus": "FAILED",
    "EventType": "VALIDATION_ERROR",
    "LogicalResourceId": "Table",
    "ResourceType": "AWS::DynamoDB::Table",
    "Timestamp": BEGIN,
    "ValidationFailureMode": "FAIL",
    "ValidationName": "PROPERTY_VALIDATION",
    "ValidationStatus": "FAILED",
    "ValidationStatusReason": "Unsupported property [BilingMode]",
    "ValidationPath": "/Resources/Table/Properties/BilingMode",
}
HOOK: dict[str, Any] = {
    "EventId": "2",
    "StackId": STACK_ID,
    "OperationId": "op",
    "EventType": "HOOK_INVOCATION_ERROR",
    "LogicalResourceId": "Bucket",
    "ResourceType": "AWS::S3::Bucket",
    "Timestamp": BEGIN,
    "HookType": "Company::Encryption::Hook",
    "HookStatus": "HOOK_COMPLETE_FAILED",
    "HookStatusReason": "buckets must be encrypted",
    "HookInvocationPoint": "PRE_PROVISION",
    "HookFailureMode": "FAIL",
}


@pytest.fixture
def answers() -> Iterator[Answers]:
    """Answers that must all be asked for."""
    found = Answers()
    yield found
    found.assert_all_asked()


def test_the_findings_of_a_change_set_are_asked_for_by_its_arn(answers: Answers) -> None:
    """Only what failed, all pages, and no progress among it."""
    progress = {"EventId": "3", "EventType": "STACK_EVENT", "Timestamp": BEGIN}
    filters = {"FailedEvents": True}
    answers.answer(
        "describe_events",
        {"OperationEvents": [VALIDATION, progress], "NextToken": "n"},
        ChangeSetName=ARN,
        Filters=filters,
    )
    answers.answer(
        "describe_events", {"OperationEvents": [HOOK]}, ChangeSetName=ARN, Filters=filters, NextToken="n"
    )
    heard: list[str] = []
    assert [
        Finding("VALIDATION_ERROR", "Table", "AWS::DynamoDB::Table", "Unsupported property [BilingMode]",
                "PROPERTY_VALIDATION", "/Resources/Table/Properties/BilingMode", at=BEGIN),
        Finding("HOOK_INVOCATION_ERROR", "Bucket", "AWS::S3::Bucket", "buckets must be encrypted",
                "Company::Encryption::Hook", at=BEGIN),
    ] == events.findings(answers.client, heard.append, change_set=ARN)  # fmt: skip
    assert [] == heard


def test_what_only_warns_is_marked(answers: Answers) -> None:
    """A validation whose failure mode is WARN stops nothing."""
    answers.answer(
        "describe_events",
        {"OperationEvents": [{**VALIDATION, "ValidationFailureMode": "WARN"}]},
        OperationId="op",
        Filters={"FailedEvents": True},
    )
    (found,) = events.findings(answers.client, lambda _text: None, operation="op")
    assert found.is_warning


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("AccessDenied", ["cloudformation:DescribeEvents is not allowed: details of what failed may be missing"]),
        ("InvalidAction", []),
        ("InternalFailure", ["the operation's events cannot be read (InternalFailure): details of what failed may be missing"]),
    ],
)  # fmt: skip
def test_findings_that_cannot_be_read_are_told(answers: Answers, code: str, told: list[str]) -> None:
    """A denial is said; a service that does not know the call has nothing to say."""
    answers.refuse("describe_events", code)
    heard: list[str] = []
    assert [] == events.findings(answers.client, heard.append, stack=STACK_ID)
    assert told == heard


@pytest.mark.parametrize(
    ("status", "reason", "more", "expected"),
    [
        ("CREATE_FAILED", "no", {}, True),
        ("CREATE_COMPLETE", "", {}, False),
        ("CREATE_FAILED", "Resource creation cancelled", {}, False),
        ("UPDATE_FAILED", "Resource update cancelled", {}, False),
        ("UPDATE_FAILED", "The deployment was canceled: the alarm is on", {}, True),
        ("CREATE_IN_PROGRESS", "", {"hook": "H", "hook_status": "HOOK_COMPLETE_FAILED"}, True),
        ("CREATE_IN_PROGRESS", "", {"hook": "H", "hook_status": "HOOK_COMPLETE_FAILED", "does_hook_warn": True}, False),
        ("CREATE_IN_PROGRESS", "", {"hook": "H", "hook_status": "HOOK_COMPLETE_SUCCEEDED"}, False),
    ],
)  # fmt: skip
def test_what_is_a_failure(status: str, reason: str, more: dict[str, Any], expected: bool) -> None:
    """What is cancelled is only a consequence; a hook that warns stops nothing."""
    assert expected == StackEvent("1", "X", "T", status, reason, **more).is_failure


def test_a_hook_that_refused_is_read(answers: Answers) -> None:
    """The stack's events tell of hooks, too."""
    hook = {name: HOOK[name] for name in ("HookType", "HookStatus", "HookStatusReason", "HookFailureMode")}
    answers.events(event(1, "Bucket", "CREATE_IN_PROGRESS", **hook, OperationId="op"))
    (found,) = events.of_stack(answers.client, STACK)
    assert found.is_hook_failure
    assert ("Company::Encryption::Hook", "buckets must be encrypted", "op") == (
        found.hook,
        found.hook_reason,
        found.operation,
    )


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"], "CREATE_IN_PROGRESS"),
        (
            [
                "CREATE_IN_PROGRESS",
                "CREATE_COMPLETE",
                "UPDATE_IN_PROGRESS",
                "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
            ],
            "UPDATE_IN_PROGRESS",
        ),
        (["DELETE_IN_PROGRESS"], "DELETE_IN_PROGRESS"),
        (["REVIEW_IN_PROGRESS"], None),
    ],
)
def test_where_an_operation_began(statuses: list[str], expected: str | None) -> None:
    """Neither its rollback nor its clean-up, and no review."""
    found = [StackEvent(str(n), STACK, events.STACK, status, "") for n, status in enumerate(statuses)]
    first = events.beginning(found, STACK)
    assert expected == (first.status if first is not None else None)


def test_only_what_is_new_enough_is_read(answers: Answers) -> None:
    """Older pages are not even asked for."""
    answers.events(event(3, "X", "CREATE_COMPLETE"), event(1, "X", "CREATE_IN_PROGRESS"), following="more")
    since = event(2, "X", "")["Timestamp"]
    found = Stream(answers.client, STACK, since).new(has_all=True)
    assert ["event-3"] == [each.id for each in found]
