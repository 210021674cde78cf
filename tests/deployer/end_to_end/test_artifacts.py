"""The commands publish and bootstrap on the emulator: from an empty account to a bucket that holds what is deployed."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from deployer import stacks
from tests.deployer.crossing import LOST, error
from tests.deployer.interrupting import interrupted, interrupted_at_question

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.deployer.world import Ended, World

# On an emulator, with real processes.
pytestmark = pytest.mark.soak

STACK = "toolshed-artifacts"


def bootstrap(world: World, *arguments: str) -> Ended:
    """Run `bootstrap`; what is in the folder is committed nowhere."""
    return world.run("bootstrap", "--allow-uncommitted", *arguments)


def publish(world: World, *arguments: str) -> Ended:
    """Run `publish`, likewise."""
    return world.run("publish", "--allow-uncommitted", *arguments)


def status(world: World) -> str:
    """Return the status of the bucket's stack; empty where there is none."""
    found = stacks.read(world.client("cloudformation"), STACK)
    return "" if found is None or found.status == "DELETE_COMPLETE" else found.status


def test_the_bucket_is_made_once(world: World) -> None:
    """Shown first, then made, then nothing is to do; and what is published finds it."""
    planned = bootstrap(world)
    assert (5, "") == (planned.code, status(world))
    assert "ArtifactBucket" in planned.out
    assert "--yes" in planned.err
    made = bootstrap(world, "--yes", "--json")
    assert (0, "done", "CREATE_COMPLETE") == (made.code, made.answer["result"], made.answer["status"])
    bucket = made.answer["outputs"]["ArtifactBucketName"]
    again = bootstrap(world, "--yes")
    assert (0, True) == (again.code, "nothing to do" in again.out)
    assert bucket in again.out
    first = publish(world)
    assert (0, f"published to {bucket}") == (first.code, first.out.splitlines()[-1])
    second = publish(world)
    assert (0, f"nothing to do: all of it is in {bucket}") == (second.code, second.out.splitlines()[-1])


def test_the_bucket_s_stack_gets_tags_and_a_role(world: World) -> None:
    """Where an organisation asks for tags, or lets only a role make buckets: as `deploy` has it."""
    role = f"arn:aws:iam::{world.account}:role/cloudformation"
    made = bootstrap(world, "--yes", "--json", "--tags", "Team=tools", "--role-arn", role)
    (stack,) = world.client("cloudformation").describe_stacks(StackName=made.answer["stack"])["Stacks"]
    assert [{"Key": "Team", "Value": "tools"}] == stack["Tags"]
    (asked,) = [each for each in world.crossing.passed if each.action == "CreateChangeSet"]
    assert role == asked.fields["RoleARN"]


def test_a_bucket_that_is_left_is_no_part_of_a_pipeline(world: World) -> None:
    """It stays when its stack is destroyed, and no command is named that would refuse it."""
    made = bootstrap(world, "--yes", "--json")
    left = world.run("destroy", "--stack-name", made.answer["stack"], "--yes")
    assert (0, True) == (left.code, made.answer["outputs"]["ArtifactBucketName"] in left.out), left.err
    assert "adopt" not in left.err


def test_the_bucket_keeps_its_name_until_another_is_asked_for(world: World) -> None:
    """A later run without the name changes nothing; another name is another bucket, and that is said."""
    assert 0 == bootstrap(world, "--yes", "--bucket-name", f"own-{world.account}").code
    assert "nothing to do" in bootstrap(world, "--yes").out
    planned = bootstrap(world, "--bucket-name", f"new-{world.account}")
    assert 5 == planned.code
    assert "the new one is empty, its objects stay in the old one" in planned.out


def test_a_bucket_that_no_stack_has_is_offered_for_use(world: World) -> None:
    """It is not taken over, and its name is not claimed a second time."""
    found = bootstrap(world, "--bucket-name", world.bucket, "--yes")
    assert (3, "") == (found.code, status(world))
    assert f"publish --bucket {world.bucket}" in found.err
    assert 0 == publish(world, "--bucket", world.bucket).code


def test_without_a_bucket_nothing_is_published(world: World) -> None:
    """The message names the command that makes one."""
    found = publish(world)
    assert (1, True) == (found.code, "`python build.py bootstrap" in found.err)
    missing = publish(world, "--bucket", "nowhere-at-all")
    assert (1, True) == (missing.code, "there is no bucket nowhere-at-all" in missing.err)


def test_what_nobody_committed_is_not_published(world: World) -> None:
    """This folder is no checkout: nobody can say that it was reviewed."""
    found = world.run("publish", "--bucket", world.bucket)
    assert (3, True) == (found.code, "--allow-uncommitted" in found.err)
    allowed = publish(world, "--bucket", world.bucket)
    assert (0, True) == (allowed.code, "WARNING: this was not committed" in allowed.err)


def test_other_bytes_under_a_key_are_never_overwritten(world: World) -> None:
    """Somebody put them there: that is found out, not papered over."""
    publish(world, "--bucket", world.bucket)
    s3 = world.client("s3")
    key = s3.list_objects_v2(Bucket=world.bucket, Prefix="templates/")["Contents"][0]["Key"]
    kept = s3.get_object(Bucket=world.bucket, Key=key)["Body"].read()
    s3.put_object(Bucket=world.bucket, Key=key, Body=b"other")
    found = publish(world, "--bucket", world.bucket)
    assert (3, True) == (found.code, f"{key} holds other bytes than its name says" in found.err)
    assert b"other" == s3.get_object(Bucket=world.bucket, Key=key)["Body"].read()
    # Without a SHA-256 of S3's the bytes themselves are read.
    s3.put_object(Bucket=world.bucket, Key=key, Body=kept)
    assert 0 == publish(world, "--bucket", world.bucket).code


@pytest.mark.parametrize("reaches", [True, False], ids=["heard", "not heard"])
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_publishing_goes_on_where_it_was_interrupted(world: World, by: int, *, reaches: bool) -> None:
    """An object is there whole, or not at all."""
    given = ("publish", "--bucket", world.bucket, "--allow-uncommitted")
    code, text = interrupted(world, "PUT", *given, reaches=reaches, by=by)
    assert (130, True) == (code, "what is uploaded is whole" in text)
    again = publish(world, "--bucket", world.bucket, "--json")
    assert (0, 1 if reaches else 0) == (again.code, len(again.answer["present"]))
    assert 4 == len(again.answer["present"]) + len(again.answer["uploaded"])


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("action", ["CreateChangeSet", "DescribeChangeSet"])
@pytest.mark.parametrize("reaches", [True, False], ids=["heard", "not heard"])
def test_an_interrupted_bootstrap_leaves_nothing(
    world: World, action: str, by: int, *, reaches: bool
) -> None:
    """Neither the change set nor the empty stack, even where the answer to the request never came."""
    given = ("bootstrap", "--yes", "--allow-uncommitted")
    code, text = interrupted(world, action, *given, reaches=reaches, by=by, is_patient=True)
    assert (130, "") == (code, status(world)), text


@pytest.mark.parametrize("expected", [5, 130])
def test_no_is_an_answer(world: World, expected: int) -> None:
    """A no, or Ctrl-C at the question, takes back what was made to be shown."""
    running = world.start("bootstrap", "--allow-uncommitted", terminal=True)
    running.read_until("Execute this? [y/N]")
    assert "REVIEW_IN_PROGRESS" == status(world)
    if expected == 5:
        running.type("n\n")
    code = running.end() if expected == 5 else interrupted_at_question(running)
    assert (expected, "") == (code, status(world))


def test_an_interrupted_execution_goes_on(world: World) -> None:
    """CloudFormation has heard of it; the next run finds nothing to do."""
    code, text = interrupted(world, "ExecuteChangeSet", "bootstrap", "--yes", "--allow-uncommitted")
    assert (130, True) == (code, "CloudFormation goes on by itself" in text)
    again = bootstrap(world, "--yes")
    assert (0, True) == (again.code, "nothing to do" in again.out)


def test_a_bootstrap_that_fails_says_why(world: World) -> None:
    """The cause, exit code 4 since CloudFormation took it back, and the command that removes the empty stack."""

    def spoil(template: dict[str, object]) -> None:
        template["Resources"] = {
            "Version": {
                "Type": "AWS::StepFunctions::StateMachineVersion",
                "Properties": {"StateMachineArn": NOWHERE},
            }
        }

    edit_bootstrap(world, spoil)
    failed = bootstrap(world, "--yes")
    assert (4, "ROLLBACK_COMPLETE") == (failed.code, status(world)), failed.err
    assert "CREATE_FAILED" in failed.err
    assert f"python build.py destroy --stack-name {STACK}" in failed.err
    refused = bootstrap(world, "--yes")
    assert (1, True) == (refused.code, f"destroy --stack-name {STACK}" in refused.err)
    assert (0, "") == (world.run("destroy", "--stack-name", STACK, "--yes").code, status(world))


NOWHERE = "arn:aws:states:us-east-1:123456789012:stateMachine:none"


def edit_bootstrap(world: World, change: Callable[[dict[str, object]], None]) -> None:
    """Change the bucket's template."""
    path = world.root / "templates/bootstrap.template.json"
    template = json.loads(path.read_text("utf-8"))
    template.pop("Outputs")
    template.pop("Conditions")
    change(template)
    path.write_text(json.dumps(template), "utf-8")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ExpiredToken", "the credentials have expired"),
        ("AccessDenied", "this is not allowed"),
        ("InvalidClientTokenId", "AWS does not know these credentials"),
    ],
)
@pytest.mark.parametrize("command", ["publish", "bootstrap", "rollback", "destroy"])
def test_a_refusal_is_a_message(world: World, command: str, code: str, expected: str) -> None:
    """What is wrong and what to do, with AWS's own words, and exit code 1."""
    world.crossing.refuse("DescribeStacks", error(code, "Because.", 403))
    found = world.run(command, *(["--allow-uncommitted"] if command in ("publish", "bootstrap") else []))
    assert 1 == found.code
    assert f"error: {expected}: DescribeStacks: Because. ({code})" in found.err


def test_a_busy_service_is_asked_again(world: World) -> None:
    """And that is told; nothing else comes of it."""
    world.crossing.refuse("DescribeStacks", error("Throttling", "Rate exceeded"), times=2)
    made = bootstrap(world, "--yes")
    assert (0, "CREATE_COMPLETE") == (made.code, status(world))
    assert "cloudformation: Throttling; asking again (3 of 6)" in made.err


def test_an_answer_that_is_lost_is_no_refusal(world: World) -> None:
    """ExecuteChangeSet was heard, its answer lost; asked again, CloudFormation says that it is executed already."""
    world.crossing.rule("ExecuteChangeSet", after=lambda _passage: LOST, times=1)
    ended = world.run("bootstrap", "--allow-uncommitted", "--yes")
    assert (0, "CREATE_COMPLETE") == (ended.code, status(world)), ended.err
