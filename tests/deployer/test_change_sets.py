"""Change sets: what is asked of CloudFormation, and what is made of its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from deployer import change_sets
from deployer.change_sets import (
    Change,
    ChangeSetError,
    ChangeSetRefusedError,
    Detail,
    Request,
    is_empty_reason,
    kind_for,
)
from deployer.stacks import Pace, Stack
from tests.deployer.answers import ARN, BEGIN, STACK, STACK_ID, Answers

if TYPE_CHECKING:
    from collections.abc import Iterator

PACE = Pace(first=0, last=0, limit=5)
REQUEST = Request(
    STACK, "local", "https://bucket.s3.amazonaws.com/template.json", {"ArtifactBucket": "bucket"}
)


@pytest.fixture
def answers() -> Iterator[Answers]:
    """Answers that must all be asked for."""
    found = Answers()
    yield found
    found.assert_all_asked()


def added(name: str) -> dict[str, Any]:
    """Return the change that adds a cluster."""
    return {"Action": "Add", "LogicalResourceId": name, "ResourceType": "AWS::ECS::Cluster"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [(None, "CREATE"), ("REVIEW_IN_PROGRESS", "CREATE"), ("CREATE_COMPLETE", "UPDATE"), ("UPDATE_ROLLBACK_COMPLETE", "UPDATE")],
)  # fmt: skip
def test_a_stack_that_is_not_there_yet_is_created(answers: Answers, status: str | None, kind: str) -> None:
    """A stack without resources, or none at all, is created; any other is updated. Every page of changes is read."""
    answers.stack(status)
    answers.answer("create_change_set", {"Id": ARN, "StackId": STACK_ID}, **REQUEST.arguments(kind))
    answers.described("CREATE_IN_PROGRESS")
    answers.described(changes=(added("Cluster"),), NextToken="more")
    answers.described(changes=(added("Table"),))
    found = change_sets.create(answers.client, REQUEST, PACE)
    expected = (Change("Add", "Cluster", "AWS::ECS::Cluster"), Change("Add", "Table", "AWS::ECS::Cluster"))
    assert (kind, ARN, STACK_ID, expected) == (found.kind, found.arn, found.stack_id, found.changes)


def test_what_a_request_says() -> None:
    """Parameters that are set and that are kept, tags, the role, and a token."""
    request = Request(
        STACK, "local", "url", {"A": "1"}, ("B",), tags={"team": "x"}, role_arn="arn:role", description="d", token="t"  # noqa: S106
    )  # fmt: skip
    assert {
        "StackName": STACK,
        "ChangeSetName": "local",
        "ChangeSetType": "UPDATE",
        "TemplateURL": "url",
        "Parameters": [
            {"ParameterKey": "A", "ParameterValue": "1"},
            {"ParameterKey": "B", "UsePreviousValue": True},
        ],
        "Capabilities": ["CAPABILITY_IAM"],
        "Tags": [{"Key": "team", "Value": "x"}],
        "RoleARN": "arn:role",
        "Description": "d",
        "ClientToken": "t",
    } == request.arguments("UPDATE")


@pytest.mark.parametrize("kind", ["CREATE", "UPDATE"])
def test_rollback_is_never_switched_off(kind: str) -> None:
    """Neither EXPRESS mode nor a choice of what happens on failure; and only a creation takes in what exists."""
    arguments = REQUEST.arguments(kind)
    assert (
        not {"DeploymentConfig", "DeploymentMode", "OnStackFailure", "DisableValidation"} & arguments.keys()
    )
    assert (kind == "CREATE") == ("ImportExistingResources" in arguments)


def test_drift_is_looked_at_on_request() -> None:
    """Only of what is there; it is then taken back, too."""
    request = Request(STACK, "local", "url", does_revert_drift=True)
    assert "REVERT_DRIFT" == request.arguments("UPDATE")["DeploymentMode"]
    assert "DeploymentMode" not in request.arguments("CREATE")


@pytest.mark.parametrize(
    "reason",
    [
        "The submitted information didn't contain changes. Submit different information to create a change set.",
        "No updates are to be performed.",
    ],
)
def test_nothing_to_change_is_no_failure(answers: Answers, reason: str) -> None:
    """CloudFormation calls an empty change set failed, in two wordings; one predicate knows both."""
    assert is_empty_reason(reason)
    answers.described("FAILED", reason, ExecutionStatus="UNAVAILABLE")
    assert change_sets.wait(answers.client, ARN, "UPDATE", PACE).is_empty


def test_another_failure_is_one() -> None:
    """Not everything that speaks of changes is empty."""
    assert not is_empty_reason("Access denied for the submitted changes")


def test_a_refused_change_set_says_why(answers: Answers) -> None:
    """The reason is CloudFormation's own, and the change set can be asked for more."""
    answers.described("FAILED", "Parameters: [X] must have values")
    with pytest.raises(ChangeSetRefusedError, match=r"stack was refused: Parameters: \[X\]") as caught:
        change_sets.wait(answers.client, ARN, "CREATE", PACE)
    assert (ARN, "Parameters: [X] must have values") == (caught.value.arn, caught.value.reason)


@pytest.mark.parametrize("code", ["ValidationError", "LimitExceededException"])
def test_a_refused_request_names_the_stack(answers: Answers, code: str) -> None:
    """An error of the API becomes a message, not a traceback; and a quota of stacks is none of requests."""
    answers.refuse("create_change_set", code, "Template format error")
    with pytest.raises(ChangeSetError, match="stack: Template format error"):
        change_sets.begin(answers.client, REQUEST, "CREATE")


def test_a_name_that_somebody_takes_at_this_moment(answers: Answers) -> None:
    """Two who deploy the same documents at once: one of them is told."""
    answers.refuse("create_change_set", "AlreadyExistsException", "ChangeSet local already exists")
    with pytest.raises(ChangeSetError, match="somebody makes a change set local at this moment"):
        change_sets.begin(answers.client, REQUEST, "CREATE")


def test_a_change_set_that_is_never_ready_is_given_up(answers: Answers) -> None:
    """The wait has an end."""
    with pytest.raises(ChangeSetError, match="not ready in time"):
        change_sets.wait(answers.client, ARN, "CREATE", Pace(limit=0))


def test_what_a_change_tells(answers: Answers) -> None:
    """Replacement, policy, the properties with their values, what causes it, and how the resource has drifted."""
    drift = {"PreviousValue": "10", "ActualValue": "20", "DriftDetectionTimestamp": BEGIN}
    target = {
        "Attribute": "Properties",
        "Name": "Limits",
        "Path": "/Properties/Limits/Most",
        "RequiresRecreation": "Always",
        "BeforeValue": "10",
        "AfterValue": "30",
        "Drift": drift,
    }
    change = {
        "Action": "Modify",
        "LogicalResourceId": "Table",
        "PhysicalResourceId": "table-1",
        "ResourceType": "AWS::DynamoDB::Table",
        "Replacement": "True",
        "PolicyAction": "ReplaceAndDelete",
        "ResourceDriftStatus": "MODIFIED",
        "Details": [
            {
                "Target": target,
                "Evaluation": "Dynamic",
                "ChangeSource": "ParameterReference",
                "CausingEntity": "Most",
            }
        ],
    }
    answers.described(changes=(change,), Parameters=[{"ParameterKey": "Most", "ParameterValue": "30"}])
    found = change_sets.describe(answers.client, ARN)
    detail = Detail(
        "Properties", "Limits.Most", "Always", "Most", "ParameterReference", is_certain=False, before="10", after="30",
        drift=("10", "20"),
    )  # fmt: skip
    expected = Change(
        "Modify",
        "Table",
        "AWS::DynamoDB::Table",
        "True",
        "ReplaceAndDelete",
        "table-1",
        "MODIFIED",
        (detail,),
    )
    assert ((expected,), {"Most": "30"}) == (found.changes, found.parameters)


def test_values_are_asked_for(answers: Answers) -> None:
    """Without IncludePropertyValues CloudFormation tells neither values nor drift."""
    answers.answer(
        "describe_change_set", {"Status": "CREATE_COMPLETE"}, ChangeSetName=ARN, IncludePropertyValues=True
    )
    assert () == change_sets.describe(answers.client, ARN).changes


@pytest.mark.parametrize("code", ["ChangeSetNotFound", "ChangeSetNotFoundException"])
def test_a_change_set_that_is_not_there(answers: Answers, code: str) -> None:
    """It is none, whichever of its names the error has; deleting it is done already."""
    answers.refuse("describe_change_set", code, "gone", 404)
    answers.refuse("delete_change_set", code, "gone", 404)
    assert change_sets.find(answers.client, STACK, "local") is None
    change_sets.delete(answers.client, ARN)


def test_a_change_set_that_is_being_made_is_deleted_later(answers: Answers) -> None:
    """CloudFormation refuses until its status is terminal."""
    answers.refuse("delete_change_set", "InvalidChangeSetStatus", "in status CREATE_IN_PROGRESS")
    answers.answer("delete_change_set", {}, ChangeSetName=ARN)
    change_sets.delete(answers.client, ARN, pace=PACE)


@pytest.mark.parametrize(
    ("stack", "kind"),
    [(None, "CREATE"), (Stack(STACK, STACK_ID, "REVIEW_IN_PROGRESS"), "CREATE"), (Stack(STACK, STACK_ID, "IMPORT_COMPLETE"), "UPDATE")],
)  # fmt: skip
def test_the_kind_of_change_set(stack: Stack | None, kind: str) -> None:
    """A stack without resources takes one that creates."""
    assert kind == kind_for(stack)


def test_a_change_set_of_outputs_alone_is_not_empty(answers: Answers) -> None:
    """It lists no changes of resources, and can be executed (aws-cdk#2029); CloudFormation says what is empty."""
    answers.described(ExecutionStatus="AVAILABLE")
    found = change_sets.wait(answers.client, ARN, "UPDATE", PACE)
    assert ((), False) == (found.changes, found.is_empty)


def test_a_stack_that_only_a_review_made_is_deleted() -> None:
    """It is gone when that is said; its own change set may be listed while it goes."""
    answers = Answers()
    answers.stack("REVIEW_IN_PROGRESS")
    ours = {"ChangeSetName": "ours", "Status": "DELETE_IN_PROGRESS"}
    answers.answer("list_change_sets", {"Summaries": [ours]}, StackName=STACK_ID)
    answers.answer("delete_stack", {}, StackName=STACK_ID)
    answers.stack("DELETE_IN_PROGRESS")
    answers.stack("DELETE_COMPLETE")
    assert change_sets.remove_empty(answers.client, STACK)
    answers.assert_all_asked()


def test_a_stack_that_somebody_uses_stays() -> None:
    """They have made a change set for it, or have executed one already."""
    answers = Answers()
    answers.stack("REVIEW_IN_PROGRESS")
    answers.answer("list_change_sets", {"Summaries": [{"ChangeSetName": "theirs"}]}, StackName=STACK_ID)
    assert not change_sets.remove_empty(answers.client, STACK)
    answers.stack("CREATE_IN_PROGRESS")
    assert not change_sets.remove_empty(answers.client, STACK)
    answers.assert_all_asked()
