"""Change sets: what is asked of CloudFormation, and what is made of its answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from deployer import change_sets
from deployer.change_sets import Change, ChangeSet, ChangeSetError, Pace, Request, StackEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

FAKE = "x"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ARN = "arn:aws:cloudformation:us-east-1:123456789012:changeSet/local/1"
PACE = Pace(first=0, last=0, limit=5)
REQUEST = Request(
    "stack", "local", "https://bucket.s3.amazonaws.com/template.json", {"ArtifactBucket": "bucket"}
)
NO_STACK = "Stack with id stack does not exist"


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """Answers of CloudFormation, one after another, each for the request that it belongs to."""
    client = boto3.client(
        "cloudformation", region_name="us-east-1", aws_access_key_id=FAKE, aws_secret_access_key=FAKE
    )
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def answer_status(stub: Stubber, status: str | None, outputs: dict[str, str] | None = None) -> None:
    """Answer that the stack has a status, or that there is none."""
    if status is None:
        stub.add_client_error("describe_stacks", "ValidationError", NO_STACK, 400)
        return
    listed = [{"OutputKey": key, "OutputValue": value} for key, value in (outputs or {}).items()]
    stack = {"StackName": "stack", "StackStatus": status, "CreationTime": NOW, "Outputs": listed}
    stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": "stack"})


def answer_created(stub: Stubber, kind: str) -> None:
    """Answer that a change set of a kind is being made, for the whole request."""
    stub.add_response(
        "create_change_set",
        {"Id": ARN, "StackId": "id"},
        {
            "StackName": "stack",
            "ChangeSetName": "local",
            "ChangeSetType": kind,
            "TemplateURL": REQUEST.template_url,
            "Parameters": [{"ParameterKey": "ArtifactBucket", "ParameterValue": "bucket"}],
            "Capabilities": ["CAPABILITY_IAM"],
        },
    )


def answer_described(
    stub: Stubber, status: str, reason: str = "", names: tuple[str, ...] = (), following: str = ""
) -> None:
    """Answer how far the change set is, with a page of its changes."""
    changes = [
        {"ResourceChange": {"Action": "Add", "LogicalResourceId": name, "ResourceType": "AWS::ECS::Cluster"}}
        for name in names
    ]
    answer: dict[str, Any] = {"Status": status, "StatusReason": reason, "Changes": changes}
    stub.add_response("describe_change_set", {**answer, **({"NextToken": following} if following else {})})


def answer_events(stub: Stubber, *events: tuple[str, str, str]) -> None:
    """Answer with events (logical ID, status, reason), given oldest first; CloudFormation lists the newest first."""
    found = [
        {
            "StackId": "id",
            "EventId": f"{name}-{status}",
            "StackName": "stack",
            "LogicalResourceId": name,
            "ResourceType": "AWS::ECS::Cluster",
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
            "Timestamp": NOW,
        }
        for name, status, reason in events
    ]
    stub.add_response("describe_stack_events", {"StackEvents": found[::-1]}, {"StackName": "stack"})


@pytest.mark.parametrize(
    ("status", "kind"),
    [(None, "CREATE"), ("REVIEW_IN_PROGRESS", "CREATE"), ("CREATE_COMPLETE", "UPDATE"), ("UPDATE_ROLLBACK_COMPLETE", "UPDATE")],
)  # fmt: skip
def test_a_stack_that_is_not_there_yet_is_created(stub: Stubber, status: str | None, kind: str) -> None:
    """A stack without resources, or none at all, is created; any other is updated."""
    answer_status(stub, status)
    answer_created(stub, kind)
    answer_described(stub, "CREATE_IN_PROGRESS")
    answer_described(stub, "CREATE_COMPLETE", names=("Cluster",), following="more")
    answer_described(stub, "CREATE_COMPLETE", names=("Table",))
    expected = (
        Change("Add", "Cluster", "AWS::ECS::Cluster", ""),
        Change("Add", "Table", "AWS::ECS::Cluster", ""),
    )
    assert ChangeSet("stack", ARN, kind, expected) == change_sets.create(stub.client, REQUEST, PACE)


@pytest.mark.parametrize(
    "reason",
    [
        "The submitted information didn't contain changes. Submit different information to create a change set.",
        "No updates are to be performed.",
    ],
)
def test_nothing_to_change_is_no_failure(stub: Stubber, reason: str) -> None:
    """CloudFormation calls an empty change set failed, in two wordings."""
    answer_status(stub, "CREATE_COMPLETE")
    answer_created(stub, "UPDATE")
    answer_described(stub, "FAILED", reason)
    assert change_sets.create(stub.client, REQUEST, PACE).is_empty


def test_a_refused_change_set_says_why(stub: Stubber) -> None:
    """The reason is CloudFormation's own."""
    answer_status(stub, None)
    answer_created(stub, "CREATE")
    answer_described(stub, "FAILED", "Parameters: [X] must have values")
    with pytest.raises(ChangeSetError, match=r"stack was refused: Parameters: \[X\]"):
        change_sets.create(stub.client, REQUEST, PACE)


def test_a_refused_request_names_the_stack(stub: Stubber) -> None:
    """An error of the API becomes a message, not a traceback."""
    answer_status(stub, None)
    stub.add_client_error("create_change_set", "ValidationError", "Template format error", 400)
    with pytest.raises(ChangeSetError, match="stack: Template format error"):
        change_sets.create(stub.client, REQUEST, PACE)


def test_a_change_set_that_is_never_ready_is_given_up(stub: Stubber) -> None:
    """The wait has an end."""
    answer_status(stub, None)
    answer_created(stub, "CREATE")
    with pytest.raises(ChangeSetError, match="not ready in time"):
        change_sets.create(stub.client, REQUEST, Pace(limit=0))


def test_events_are_shown_as_they_come_and_once(stub: Stubber) -> None:
    """What happened before the execution is left out, and the outputs are returned."""
    answer_events(stub, ("Old", "CREATE_COMPLETE", ""))
    stub.add_response("execute_change_set", {}, {"ChangeSetName": ARN})
    answer_status(stub, "REVIEW_IN_PROGRESS")
    answer_events(stub, ("Old", "CREATE_COMPLETE", ""))
    answer_status(stub, "CREATE_IN_PROGRESS")
    answer_events(stub, ("Old", "CREATE_COMPLETE", ""), ("Cluster", "CREATE_IN_PROGRESS", ""))
    answer_status(stub, "CREATE_COMPLETE")
    answer_events(stub, ("Old", "CREATE_COMPLETE", ""), ("Cluster", "CREATE_IN_PROGRESS", ""), ("Cluster", "CREATE_COMPLETE", ""))  # fmt: skip
    answer_status(stub, "CREATE_COMPLETE", {"Name": "value"})
    seen: list[StackEvent] = []
    found = change_sets.execute(
        stub.client, ChangeSet("stack", ARN, "CREATE"), on_event=seen.append, pace=PACE
    )
    assert {"Name": "value"} == found
    assert [("Cluster", "CREATE_IN_PROGRESS"), ("Cluster", "CREATE_COMPLETE")] == [
        (event.logical_id, event.status) for event in seen
    ]


def test_the_first_cause_of_a_failure_is_named(stub: Stubber) -> None:
    """Not the last event, and not what was cancelled because of it."""
    answer_events(stub)
    stub.add_response("execute_change_set", {}, {"ChangeSetName": ARN})
    answer_status(stub, "ROLLBACK_COMPLETE")
    answer_events(
        stub,
        ("Table", "CREATE_FAILED", "Resource creation cancelled"),
        ("Cluster", "CREATE_FAILED", "the quota is used up"),
        ("stack", "ROLLBACK_IN_PROGRESS", "[Cluster] failed"),
    )
    with pytest.raises(
        ChangeSetError, match=r"ROLLBACK_COMPLETE: Cluster \(AWS::ECS::Cluster\).*the quota is used up"
    ):
        change_sets.execute(stub.client, ChangeSet("stack", ARN, "CREATE"), pace=PACE)


def test_a_rolled_back_update_is_no_success(stub: Stubber) -> None:
    """Its status ends with COMPLETE too."""
    answer_events(stub)
    stub.add_response("execute_change_set", {}, {"ChangeSetName": ARN})
    answer_status(stub, "UPDATE_ROLLBACK_COMPLETE")
    answer_events(stub)
    with pytest.raises(ChangeSetError, match="UPDATE_ROLLBACK_COMPLETE"):
        change_sets.execute(stub.client, ChangeSet("stack", ARN, "UPDATE"), pace=PACE)


def test_looks_grow_slower() -> None:
    """Fast at first, never slower than the last pace, and over in time."""
    assert 0 < sum(1 for _ in Pace(first=0.001, last=0.002, limit=0.02).looks()) <= 20
