"""A stack's status: what it lets one do, and what is said of it."""

from __future__ import annotations

import botocore.session
import pytest
import yaml

from deployer import stacks
from deployer.stacks import STATUSES, Meaning, Stack
from tests.deployer.answers import STACK, STACK_ID, Answers


def statuses() -> list[str]:
    """Return every status that botocore's model knows."""
    model = botocore.session.Session().get_service_model("cloudformation")
    return list(model.shape_for("StackStatus").enum)


def test_every_status_is_known_once() -> None:
    """The table has each status of the model, and no other."""
    listed = [each for entry in yaml.safe_load(STATUSES.read_text("utf-8")) for each in entry["statuses"]]
    assert sorted(statuses()) == sorted(listed)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("REVIEW_IN_PROGRESS", Meaning.CREATE),
        ("UPDATE_ROLLBACK_COMPLETE", Meaning.UPDATE),
        ("IMPORT_COMPLETE", Meaning.UPDATE),
        ("ROLLBACK_COMPLETE", Meaning.RECREATE),
        ("ROLLBACK_FAILED", Meaning.STUCK),
        ("UPDATE_ROLLBACK_FAILED", Meaning.STUCK),
        ("DELETE_FAILED", Meaning.STUCK),
        ("DELETE_IN_PROGRESS", Meaning.WAIT),
        ("A_STATUS_OF_TOMORROW", Meaning.STUCK),
    ],
)
def test_what_a_status_lets_one_do(status: str, meaning: Meaning) -> None:
    """A status that nobody knows yet lets one do nothing."""
    assert meaning is Stack(STACK, STACK_ID, status).meaning


@pytest.mark.parametrize("status", statuses())
def test_what_goes_on_has_not_settled(status: str) -> None:
    """A review is no operation; what waits is what has not settled."""
    found = Stack(STACK, STACK_ID, status)
    assert (found.meaning is Meaning.WAIT) == (not found.is_settled)


def test_a_failed_rollback_is_explained_with_its_resources() -> None:
    """How to go on, and which resources could be skipped."""
    told = stacks.explanation(Stack(STACK, STACK_ID, "UPDATE_ROLLBACK_FAILED"), ["Table", "Role"])
    assert "Table, Role could not be taken back" in told
    assert "`python build.py rollback --stack`" in told
    assert "`python build.py rollback --stack --skip Table --skip Role`" in told


def test_a_failed_deletion_is_explained_with_its_resources() -> None:
    """What is to stay can be left."""
    told = stacks.explanation(Stack(STACK, STACK_ID, "DELETE_FAILED"), ["Bucket"])
    assert "Bucket could not be deleted" in told
    assert "`python build.py destroy --retain Bucket`" in told


@pytest.mark.parametrize("status", statuses())
def test_every_explanation_is_whole(status: str) -> None:
    """No placeholder is left, whatever the status; and what cannot be deployed to has one."""
    found = Stack(STACK, STACK_ID, status)
    if found.meaning in (Meaning.CREATE, Meaning.UPDATE):
        return
    told = stacks.explanation(found, ["X"])
    assert "{" not in told
    # Each command is one of ours: it knows how to follow, and to say what came of it.
    assert "aws cloudformation" not in told
    assert told.startswith(f"{STACK} is {status}: ")


def test_a_stack_is_read() -> None:
    """Its outputs, parameters, operations and protection; and None where there is none."""
    answers = Answers()
    answers.stack(
        "UPDATE_COMPLETE",
        {"Name": "value"},
        Parameters=[{"ParameterKey": "A", "ParameterValue": "1"}],
        LastOperations=[{"OperationType": "UPDATE_STACK", "OperationId": "op"}],
        EnableTerminationProtection=True,
    )
    answers.stack(None)
    found = stacks.read(answers.client, STACK)
    assert found is not None
    assert (STACK_ID, {"Name": "value"}, {"A": "1"}, ("op",), True) == (
        found.id, found.outputs, found.parameters, found.operations, found.is_protected,
    )  # fmt: skip
    assert stacks.read(answers.client, STACK) is None
    answers.assert_all_asked()
