"""Throttled calls, broken connections, expired credentials and denials, while a deployment goes on."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.deployer.crossing import LOST, NAMESPACE, Answer, Passage, Ruling, error
from tests.deployer.world import STACK

if TYPE_CHECKING:
    from tests.deployer.world import World

# On an emulator, with real processes, and with the pauses that botocore makes.
pytestmark = pytest.mark.soak


@pytest.mark.parametrize(
    ("ruling", "told"),
    [
        (error("Throttling", "Rate exceeded"), "cloudformation: Throttling; asking again (2 of 6)"),
        (Answer(503, b""), "cloudformation: 503; asking again (2 of 6)"),
        (LOST, "asking again (2 of 6)"),
    ],
)
@pytest.mark.parametrize("action", ["DescribeStackEvents", "DescribeStacks"])
def test_calls_that_fail_while_it_is_followed_are_made_again(
    world: World, action: str, ruling: Ruling, told: str
) -> None:
    """The user sees it, and no event is lost or shown twice."""
    times = [2]

    def once_executed(_passage: Passage) -> Ruling:
        if "ExecuteChangeSet" in world.crossing.actions() and times[0] > 0:
            times[0] -= 1
            return ruling
        return None

    world.crossing.rule(action, before=once_executed)
    ended = world.deploy("--yes", "--json")
    assert (0, 0) == (ended.code, times[0])
    assert told in ended.err
    listed = [each["EventId"] for each in world.events() if each["ResourceStatus"] != "REVIEW_IN_PROGRESS"]
    assert sorted(listed) == sorted(each["id"] for each in ended.answer["events"])


def test_an_answer_that_is_lost_does_not_execute_twice(world: World) -> None:
    """ExecuteChangeSet was heard, its answer lost: it is asked again with the same token, and followed."""
    world.crossing.rule("ExecuteChangeSet", after=lambda _passage: LOST, times=1)
    ended = world.deploy("--yes", "--json")
    tokens = {
        each.fields["ClientRequestToken"]
        for each in world.crossing.passed
        if each.action == "ExecuteChangeSet"
    }
    assert 1 == len(tokens)
    assert "CREATE_COMPLETE" == world.status
    assert 0 == ended.code, ended.err


def test_credentials_that_expire_while_it_goes_on(world: World) -> None:
    """What was begun goes on; it is said how to follow it. Exit code 1, and nothing is taken back."""
    world.wait_for("Slow")

    def expired(_passage: Passage) -> Ruling:
        is_executed = "ExecuteChangeSet" in world.crossing.actions()
        return (
            error("ExpiredToken", "The security token included in the request is expired", 403)
            if is_executed
            else None
        )

    world.crossing.rule("DescribeStacks", before=expired)
    ended = world.deploy("--yes")
    assert (1, "CREATE_IN_PROGRESS") == (ended.code, world.status)
    assert "the credentials have expired" in ended.err
    assert "what was begun goes on in AWS" in ended.err
    assert "python build.py events --follow" in ended.err
    assert [] == world.crossing.actions("DeleteChangeSet", "DeleteStack")
    world.signal("Slow")
    world.until("CREATE_COMPLETE")


def test_a_denied_look_at_details_does_not_hide_the_cause(world: World) -> None:
    """DescribeEvents is often not allowed: that is told, and the cause comes from the stack's events."""
    world.deployed()
    world.wait_for("NeverSignalled", seconds=1)
    denied = error("AccessDenied", "User is not authorized to perform: cloudformation:DescribeEvents", 403)
    world.crossing.refuse("DescribeEvents", denied)
    ended = world.deploy("--yes")
    assert 4 == ended.code
    assert "cloudformation:DescribeEvents is not allowed" in ended.err
    assert "cause: NeverSignalled (AWS::CloudFormation::WaitCondition)  UPDATE_FAILED" in ended.err


def test_a_denied_template_leaves_the_change_set_to_speak(world: World) -> None:
    """Without GetTemplate the plan is shown all the same, and what it lacks is told."""
    world.deployed()
    world.change_a_description()
    world.crossing.refuse("GetTemplate", error("AccessDenied", "no", 403))
    ended = world.deploy("--no-execute")
    assert 5 == ended.code
    assert "BuildProject" in ended.out
    assert "the deployed template may not be read" in ended.out


def test_who_may_not_create_a_change_set_is_told(world: World) -> None:
    """AWS's own words, and where the least policy is printed; nothing is left."""
    said = "User: arn:aws:iam::1:user/u is not authorized to perform: cloudformation:CreateChangeSet"
    world.crossing.refuse("CreateChangeSet", error("AccessDenied", said, 403))
    ended = world.deploy("--yes")
    assert (1, "") == (ended.code, world.status)
    assert "this is not allowed" in ended.err
    assert said in ended.err


def test_an_empty_change_set_in_the_other_wording(world: World) -> None:
    """`No updates are to be performed` is success, too; the change set is deleted."""
    world.deployed()
    body = (
        '<DescribeChangeSetResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeChangeSetResult>'
        f"<StackName>{STACK}</StackName><Status>FAILED</Status><StatusReason>No updates are to be performed.</StatusReason>"
        "<ExecutionStatus>UNAVAILABLE</ExecutionStatus></DescribeChangeSetResult></DescribeChangeSetResponse>"
    )
    world.change_a_description()

    def once_created(_passage: Passage) -> Ruling:
        return Answer(200, body.encode()) if "CreateChangeSet" in world.crossing.actions() else None

    world.crossing.rule("DescribeChangeSet", before=once_created)
    ended = world.deploy("--yes")
    assert (0, []) == (ended.code, world.change_sets())
    assert "nothing to change" in ended.out


FINDING = """
<member><EventId>1</EventId><OperationId>op</OperationId><EventType>VALIDATION_ERROR</EventType>
<LogicalResourceId>BuildProject</LogicalResourceId><ResourceType>AWS::CodeBuild::Project</ResourceType>
<Timestamp>2026-11-22T08:00:00Z</Timestamp><ValidationFailureMode>FAIL</ValidationFailureMode>
<ValidationName>PROPERTY_VALIDATION</ValidationName><ValidationStatus>FAILED</ValidationStatus>
<ValidationStatusReason>Unsupported property [Descripton]</ValidationStatusReason>
<ValidationPath>/Resources/BuildProject/Properties/Description</ValidationPath></member>
"""


def answered(action: str, content: str) -> Answer:
    """Return an answer as CloudFormation sends it."""
    text = (
        f'<{action}Response xmlns="{NAMESPACE}"><{action}Result>{content}</{action}Result></{action}Response>'
    )
    return Answer(200, text.encode())


def test_early_validation_is_explained_with_its_place(world: World) -> None:
    """The change set fails: what was found, its path and its line; then it is taken back. Exit code 1."""
    failed = (
        f"<StackName>{STACK}</StackName><Status>FAILED</Status><StatusReason>1 validation error</StatusReason>"
        "<ExecutionStatus>UNAVAILABLE</ExecutionStatus>"
    )
    world.crossing.refuse("DescribeChangeSet", answered("DescribeChangeSet", failed))
    events = answered("DescribeEvents", f"<OperationEvents>{FINDING}</OperationEvents>")
    world.crossing.refuse("DescribeEvents", events)
    ended = world.deploy("--yes", "--json")
    text = (world.root / "templates/validation-pipeline.template.json").read_text("utf-8")
    project = text[: text.index('"BuildProject": {')].count("\n")
    line = next(
        number
        for number, each in enumerate(text.splitlines(), 1)
        if number > project and '"Description"' in each
    )
    assert (1, "") == (ended.code, world.status)
    assert (
        f"early validation: PROPERTY_VALIDATION  templates/validation-pipeline.template.json:{line}"
        in ended.err
    )
    assert "at /Resources/BuildProject/Properties/Description" in ended.err
    assert "Unsupported property [Descripton]" in ended.err
    assert "CloudFormation says: 1 validation error" in ended.err
    assert ("refused", 1) == (ended.answer["result"], ended.answer["exit"])
    (asked,) = [each for each in world.crossing.passed if each.action == "DescribeEvents"]
    assert asked.fields["ChangeSetName"].startswith("arn:aws:cloudformation:")
    assert "true" == asked.fields["Filters.FailedEvents"]


def test_early_validation_of_an_operation_is_explained(world: World) -> None:
    """Found once it is executed: a name that is taken. The stack's own event says only that something was found."""
    name = f"theirs-{world.account}"
    world.client("s3", account="111111111111").create_bucket(Bucket=name)
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}}
    world.edit(lambda template: template["Resources"].update(Taken=bucket))
    ended = world.deploy("--yes")
    assert (4, "ROLLBACK_COMPLETE") == (ended.code, world.status)
    told = ended.err[ended.err.index("error:") :].splitlines()
    assert told[1].startswith("cause: Taken (AWS::S3::Bucket)  early validation: NAME_CONFLICT_VALIDATION")
    assert "at /Resources/Taken" in told[2]


def test_a_deployed_definition_that_is_gone_is_not_called_new(world: World) -> None:
    """Neither here nor in the bucket: its states are not compared, and that is told."""
    world.edit_definition("validation-pipeline", lambda definition: definition.update(Comment="before"))
    (world.root / "dist").unlink()
    copied = world.root / "dist/asl/validation-pipeline"
    copied.mkdir(parents=True)
    digest = hashlib.sha256((world.root / "asl/validation-pipeline.asl.json").read_bytes()).hexdigest()
    shutil.copytree(world.packaged / "dist/validator", world.root / "dist/validator")
    shutil.copytree(world.packaged / "dist/asl/task-sweeper", world.root / "dist/asl/task-sweeper")
    shutil.copy2(world.root / "asl/validation-pipeline.asl.json", copied / f"{digest}.asl.json")
    world.deployed()
    (copied / f"{digest}.asl.json").unlink()
    world.client("s3").delete_object(Bucket=world.bucket, Key=f"asl/validation-pipeline/{digest}.asl.json")
    world.edit_definition("validation-pipeline", lambda definition: definition.update(Comment="after"))
    ended = world.deploy("--no-execute")
    assert 5 == ended.code
    assert (
        "the deployed definition validation-pipeline is not to be had: its states are not compared"
        in ended.out
    )
    assert "State machine" not in ended.out


def test_an_execution_of_which_nothing_is_known(world: World) -> None:
    """Neither the execution nor the look at it is answered: that is said, and nothing is claimed or taken back."""
    denied = error("AccessDenied", "no", 403)
    world.crossing.refuse("ExecuteChangeSet", denied)

    def once_executed(_passage: Passage) -> Ruling:
        return denied if "ExecuteChangeSet" in world.crossing.actions() else None

    world.crossing.rule("DescribeChangeSet", before=once_executed)
    ended = world.deploy("--yes")
    assert (1, "REVIEW_IN_PROGRESS") == (ended.code, world.status)
    assert f"whether CloudFormation heard of it is not known: {STACK} may be changing now" in ended.err
    assert [] == world.crossing.actions("DeleteChangeSet", "DeleteStack")


def test_an_execution_that_is_refused_is_taken_back(world: World) -> None:
    """Who may plan and not execute leaves nothing; a program is told what AWS said."""
    world.crossing.refuse("ExecuteChangeSet", error("AccessDenied", "not for you", 403))
    ended = world.deploy("--yes", "--json")
    assert (1, "") == (ended.code, world.status)
    assert ("failed", 1) == (ended.answer["result"], ended.answer["exit"])
    assert "not for you" in ended.answer["error"]
