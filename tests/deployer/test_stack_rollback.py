"""Taking a stack back: what fits each status that a stack can have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest

from deployer import stack_rollback
from deployer.console import EXIT_ERROR, EXIT_REFUSED, Refused
from tests.deployer.stubbed import ACCOUNT, REGION, Stubbed

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ARN = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/stack/1"
TAKEN = {"CREATE_FAILED", "UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED"}
HEALTHY = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}  # fmt: skip
STATUSES = botocore.session.Session().get_service_model("cloudformation").shape_for("StackStatus").enum


def stubbed_with(status: str, **resources: str) -> Stubbed:
    """Return an account with a stack of this status, and its resources' statuses."""
    found = Stubbed("cloudformation")
    stack = {"StackName": "stack", "StackId": ARN, "StackStatus": status, "CreationTime": NOW}
    found.answer("cloudformation", "describe_stacks", {"Stacks": [stack]}, StackName="stack")
    if status in TAKEN:
        listed = [
            {"LogicalResourceId": name, "ResourceType": "AWS::ECS::Cluster", "ResourceStatus": each, "LastUpdatedTimestamp": NOW}
            for name, each in resources.items()
        ]  # fmt: skip
        found.answer(
            "cloudformation", "list_stack_resources", {"StackResourceSummaries": listed}, StackName="stack"
        )
    return found


def plan(stubbed: Stubbed, *skipped: str) -> stack_rollback.Plan:
    """Return the plan."""
    return stack_rollback.plan(stubbed.account.client("cloudformation"), "stack", skipped)


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_has_what_fits_it(status: str) -> None:
    """One of the two rollbacks, or a refusal that names what fits instead."""
    stubbed = stubbed_with(status, Cluster="UPDATE_FAILED")
    if status in TAKEN:
        assert ("Cluster",) == plan(stubbed).failed
        return
    with pytest.raises(Refused) as caught:
        plan(stubbed)
    assert EXIT_REFUSED == caught.value.code
    first, fits = str(caught.value).splitlines()
    assert f"stack is {status}" == first
    assert "`" in fits
    assert (stack_rollback.COMPLETE == fits) is (status in HEALTHY)


def test_the_named_statuses_are_cloudformations() -> None:
    """None of the tables holds a status that no stack has."""
    named = {
        *stack_rollback.FITS,
        *stack_rollback.ROLL_BACK,
        *stack_rollback.CONTINUE,
        *stack_rollback.ENDINGS,
    }
    assert set() == named - set(STATUSES)


def test_no_stack_is_told() -> None:
    """It is an error, and no traceback."""
    stubbed = Stubbed("cloudformation")
    stubbed.refuse(
        "cloudformation", "describe_stacks", "ValidationError", "Stack with id stack does not exist"
    )
    with pytest.raises(Refused, match="there is no stack stack") as caught:
        plan(stubbed)
    assert EXIT_ERROR == caught.value.code


@pytest.mark.parametrize(
    ("status", "skipped", "operation", "expected"),
    [
        ("UPDATE_FAILED", (), "rollback_stack", {"RetainExceptOnCreate": True}),
        ("CREATE_FAILED", (), "rollback_stack", {"RetainExceptOnCreate": True}),
        ("UPDATE_ROLLBACK_FAILED", (), "continue_update_rollback", {}),
        ("UPDATE_ROLLBACK_FAILED", ("Table",), "continue_update_rollback", {"ResourcesToSkip": ["Table"]}),
    ],
)
def test_each_is_begun_by_its_request(
    status: str, skipped: tuple[str, ...], operation: str, expected: dict[str, Any]
) -> None:
    """By the stack's ID, with a token."""
    stubbed = stubbed_with(status, Table="UPDATE_FAILED", Cluster="UPDATE_COMPLETE")
    planned = plan(stubbed, *skipped)
    stubbed.answer("cloudformation", operation, {}, StackName=ARN, ClientRequestToken="token", **expected)
    stack_rollback.begin(stubbed.account.client("cloudformation"), planned, "token")
    stubbed.assert_all_asked()
    assert ("leaving Table" in planned.action) is bool(skipped)


def test_only_what_failed_can_be_left() -> None:
    """What could be taken back is not to be believed so."""
    with pytest.raises(Refused, match=r"--skip Cluster: only what could not be taken back.*\nthat is Table"):
        plan(
            stubbed_with("UPDATE_ROLLBACK_FAILED", Table="UPDATE_FAILED", Cluster="UPDATE_COMPLETE"),
            "Cluster",
        )
    with pytest.raises(Refused, match="--skip is for UPDATE_ROLLBACK_FAILED alone"):
        plan(stubbed_with("UPDATE_FAILED"), "Cluster")
