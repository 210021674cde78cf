"""The command rollback on the emulator: the alias between real versions, the stack after operations that really failed."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from deployer import stacks
from deployer.stacks import Pace
from tests.deployer.crossing import error
from tests.deployer.interrupting import interrupted, interrupted_at_question

if TYPE_CHECKING:
    from tests.deployer.world import World

# On an emulator, with real processes.
pytestmark = pytest.mark.soak


def machine(world: World) -> str:
    """Return the state machine's ARN."""
    found = next(
        each["OutputValue"] for each in (world.stack() or {})["Outputs"] if each["OutputKey"] == "PipelineArn"
    )
    return str(found).rpartition(":")[0]


def lead(world: World, **weights: int) -> None:
    """Lead the alias somewhere, as somebody else would: `v1=90, v2=10`."""
    arn = machine(world)
    routes = [
        {"stateMachineVersionArn": f"{arn}:{name[1:]}", "weight": weight} for name, weight in weights.items()
    ]
    client = world.client("stepfunctions")
    client.update_state_machine_alias(stateMachineAliasArn=f"{arn}:live", routingConfiguration=routes)


def route(world: World) -> dict[int, int]:
    """Return where the alias leads: the versions' numbers, and their shares."""
    found = world.client("stepfunctions").describe_state_machine_alias(
        stateMachineAliasArn=f"{machine(world)}:live"
    )
    return {
        int(each["stateMachineVersionArn"].rpartition(":")[2]): each["weight"]
        for each in found["routingConfiguration"]
    }


@pytest.fixture
def changed(world: World) -> World:
    """Give a stack whose alias leads to a second version of the definition, which begins with another state."""
    world.deployed()
    states, arn = world.client("stepfunctions"), machine(world)
    definition = json.loads(states.describe_state_machine(stateMachineArn=arn)["definition"])
    definition["States"]["Begin"] = {"Type": "Pass", "Next": definition["StartAt"]}
    definition["StartAt"] = "Begin"
    states.update_state_machine(stateMachineArn=arn, definition=json.dumps(definition))
    states.publish_state_machine_version(stateMachineArn=arn, description=f"1.1.0 sha256:{'e' * 64}")
    lead(world, v2=100)
    return world


def test_the_alias_goes_back_and_forth(changed: World) -> None:
    """Shown first; then it leads to the version before; then there is nothing to do; and to the newest again."""
    planned = changed.run("rollback")
    assert (5, {2: 100}) == (planned.code, route(changed))
    assert "Begin (Pass) is removed" in planned.out
    done = changed.run("rollback", "--yes")
    assert (0, {1: 100}) == (done.code, route(changed))
    assert "the alias leads to version 1" in done.out
    # That is the one which the stack has published: nothing drifts.
    assert "the stack's template names another version" not in done.err
    again = changed.run("rollback", "--to", "1.0.0", "--yes")
    assert (0, True) == (again.code, "nothing to do" in again.out)
    first = changed.run("rollback", "--yes")
    assert (3, True) == (first.code, "version 1 is the first" in first.err)
    forth = changed.run("rollback", "--to", "2", "--yes", "--json")
    assert (0, "done", {2: 100}) == (forth.code, forth.answer["result"], route(changed))
    assert "the stack's template names another version" in forth.err


def test_an_update_is_taken_back_and_deployed_anew(world: World) -> None:
    """Two real deployments: the alias goes back in a moment, and the next deployment of a change leads it on."""
    world.deployed()

    def add(definition: dict[str, Any]) -> None:
        definition["States"]["Begin"] = {"Type": "Pass", "Next": definition["StartAt"]}
        definition["StartAt"] = "Begin"

    world.edit_definition("validation-pipeline", add)
    assert 0 == world.deploy("--yes").code
    assert {2: 100} == route(world)
    done = world.run("rollback", "--yes")
    assert (0, {1: 100}) == (done.code, route(world)), done.err
    assert "the stack's template names another version" in done.err
    # The template is as it was: nothing is to be changed, and where the alias leads is told.
    same = world.deploy("--yes")
    assert (0, {1: 100}) == (same.code, route(world)), same.err
    assert "alias live → version 1" in same.out
    assert "WARNING: version 1 is not the template's" in same.err
    world.edit_definition("validation-pipeline", lambda definition: definition.update(Comment="third"))
    assert 0 == world.deploy("--yes").code
    assert {3: 100} == route(world)


def test_a_canary_is_ended(changed: World) -> None:
    """Ten percent on the new version go back to the old one."""
    lead(changed, v1=90, v2=10)
    done = changed.run("rollback", "--yes")
    assert (0, {1: 100}) == (done.code, route(changed)), done.err
    assert "10 %" in done.out


def test_an_update_that_goes_on_is_cancelled(changed: World) -> None:
    """CloudFormation, which leads executions over step by step, would go on; it takes the stack back instead."""
    lead(changed, v1=90, v2=10)
    changed.wait_for("Hold", 20)
    changed.begun()
    changed.until("UPDATE_IN_PROGRESS")
    done = changed.run("rollback", "--yes")
    assert (0, {1: 100}) == (done.code, route(changed)), done.err
    assert "that is cancelled, too" in done.err
    assert ["CancelUpdateStack", "UpdateStateMachineAlias"] == changed.crossing.actions(
        "CancelUpdateStack", "UpdateStateMachineAlias"
    )
    changed.until("UPDATE_ROLLBACK_COMPLETE")
    assert {1: 100} == route(changed)


def test_an_update_that_may_not_be_cancelled_is_told(changed: World) -> None:
    """The alias comes first; what it may meet is a warning."""
    changed.wait_for("Hold")
    changed.begun()
    changed.until("UPDATE_IN_PROGRESS")
    changed.crossing.refuse("CancelUpdateStack", error("AccessDenied", "Because.", 403))
    done = changed.run("rollback", "--yes")
    assert (0, {1: 100}) == (done.code, route(changed)), done.err
    assert "may lead the alias forward again" in done.err
    changed.signal("Hold")
    changed.until("UPDATE_COMPLETE")


def test_a_role_without_what_the_old_version_needs_refuses(changed: World) -> None:
    """The states that need it are named; `--unchecked` goes there all the same, and says so."""
    described = changed.client("stepfunctions").describe_state_machine(
        stateMachineArn=f"{machine(changed)}:1"
    )
    name = described["roleArn"].rpartition("/")[2]
    iam = changed.client("iam")
    policy = iam.list_role_policies(RoleName=name)["PolicyNames"][0]
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    document["Statement"] = [each for each in document["Statement"] if "ecs:RunTask" not in each["Action"]]
    iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
    refused = changed.run("rollback", "--yes")
    assert (3, {2: 100}) == (refused.code, route(changed))
    assert "the role may not ecs:RunTask on" in refused.err
    assert "needed by RunMCPServerContainer" in refused.err
    forced = changed.run("rollback", "--yes", "--unchecked")
    assert (0, {1: 100}) == (forced.code, route(changed))
    assert "WARNING: the role may not ecs:RunTask" in forced.err


def test_a_function_that_is_gone_refuses(changed: World) -> None:
    """The old definition calls a version of it that nobody can call any more."""
    client = changed.client("cloudformation")
    found = client.describe_stack_resource(
        StackName=stack_name(changed), LogicalResourceId="ValidatorFunction"
    )
    name = found["StackResourceDetail"]["PhysicalResourceId"]
    changed.client("lambda").delete_function(FunctionName=name)
    refused = changed.run("rollback", "--yes", "--json")
    assert (3, "refused", {2: 100}) == (refused.code, refused.answer["result"], route(changed))
    assert "ValidateMCPServer calls a function that is gone" in refused.answer["objections"][0]


def stack_name(world: World) -> str:
    """Return the stack's name."""
    return str((world.stack() or {})["StackName"])


@pytest.mark.parametrize(
    ("reaches", "expected"), [(True, {1: 100}), (False, {2: 100})], ids=["heard", "not heard"]
)
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_rollback_has_happened_or_not(
    changed: World, by: int, expected: dict[int, int], *, reaches: bool
) -> None:
    """It is one call: the command says how to see which, and ends the work where it is run again."""
    code, text = interrupted(changed, "UpdateStateMachineAlias", "rollback", "--yes", reaches=reaches, by=by)
    assert (130, expected) == (code, route(changed))
    assert "nothing is half done" in text
    assert 0 == changed.run("rollback", "--to", "1", "--yes").code
    assert {1: 100} == route(changed)


@pytest.mark.parametrize("action", ["DescribeStacks", "ListStateMachineVersions", "GetRolePolicy"])
def test_before_the_question_nothing_is_changed(changed: World, action: str) -> None:
    """Whatever it was looking at when it was interrupted."""
    code, _ = interrupted(changed, action, "rollback", "--yes")
    assert (130, {2: 100}) == (code, route(changed))
    assert [] == changed.crossing.actions("UpdateStateMachineAlias")


@pytest.mark.parametrize(("answer", "code", "expected"), [("n\n", 5, {2: 100}), ("y\n", 0, {1: 100}), ("", 130, {2: 100})])  # fmt: skip
def test_the_answer_is_what_is_done(changed: World, answer: str, code: int, expected: dict[int, int]) -> None:
    """No, yes, and Ctrl-C, which is none."""
    running = changed.start("rollback", terminal=True)
    running.read_until("[y/N]")
    if answer:
        running.type(answer)
    found = running.end() if answer else interrupted_at_question(running)
    assert (code, expected) == (found, route(changed))


# The stack


DEFINITION = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
MACHINE = {
    "Type": "AWS::StepFunctions::StateMachine",
    "Properties": {"DefinitionString": DEFINITION, "RoleArn": "arn:aws:iam::123456789012:role/any"},
}
NOT_THERE = {
    "Type": "AWS::StepFunctions::StateMachineVersion",
    "DependsOn": "Machine",
    "Properties": {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:none"},
}


def half(world: World, *, is_new: bool) -> None:
    """Leave the stack half made, or half changed: somebody switched the rollback off."""
    client, name = world.client("cloudformation"), "half"
    body = json.dumps({"Resources": {"Machine": MACHINE, "Version": NOT_THERE}})
    if is_new:
        client.create_stack(StackName=name, TemplateBody=body, DisableRollback=True)
    else:
        client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"Machine": MACHINE}}))
        assert "CREATE_COMPLETE" == settled(world)
        client.update_stack(StackName=name, TemplateBody=body, DisableRollback=True)
    assert ("CREATE_FAILED" if is_new else "UPDATE_FAILED") == settled(world)


def settled(world: World) -> str:
    """Wait until nothing goes on in it, and return its status; empty where it is gone."""
    for _ in Pace(first=0.05, last=0.2, limit=60).looks():
        found = stacks.read(world.client("cloudformation"), "half")
        if found is None or found.is_settled:
            break
    return "" if found is None or found.status == "DELETE_COMPLETE" else found.status


def test_an_update_that_was_left_half_done_is_taken_back(world: World) -> None:
    """Shown, asked for, followed to its end; then there is nothing to take back."""
    half(world, is_new=False)
    planned = world.run("rollback", "--stack", "--stack-name", "half", "--json")
    assert (5, "UPDATE_FAILED", "UPDATE_FAILED") == (planned.code, planned.answer["was"], settled(world))
    done = world.run("rollback", "--stack", "--stack-name", "half", "--yes")
    assert (0, "half is UPDATE_ROLLBACK_COMPLETE") == (done.code, done.out.splitlines()[-1]), done.err
    again = world.run("rollback", "--stack", "--stack-name", "half", "--yes")
    assert (3, True) == (again.code, "half is UPDATE_ROLLBACK_COMPLETE" in again.err)


@pytest.mark.parametrize("reaches", [True, False], ids=["heard", "not heard"])
def test_an_interrupted_rollback_of_a_stack_goes_on_or_never_began(world: World, *, reaches: bool) -> None:
    """The command says so; run again, it begins what was not begun."""
    half(world, is_new=False)
    given = ("rollback", "--stack", "--stack-name", "half", "--yes")
    code, text = interrupted(world, "RollbackStack", *given, reaches=reaches)
    assert (130, True) == (code, "CloudFormation goes on by itself, where it has begun" in text)
    assert (3 if reaches else 0) == world.run(*given).code
    assert "UPDATE_ROLLBACK_COMPLETE" == settled(world)


def test_a_creation_that_was_left_half_done_is_taken_back(world: World) -> None:
    """What is left of it can only be deleted, by the command that the message names."""
    half(world, is_new=True)
    done = world.run("rollback", "--stack", "--stack-name", "half", "--yes")
    assert (0, "ROLLBACK_COMPLETE") == (done.code, settled(world)), done.err
    assert "python build.py destroy" in done.err
    assert (0, "") == (world.run("destroy", "--stack-name", "half", "--yes").code, settled(world))
