"""The commands destroy and adopt on the emulator: what is lost, what stays, and how the next stack begins with it."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from deployer import stacks
from deployer.stacks import Pace
from tests.deployer.interrupting import interrupted
from tests.deployer.world import STACK

if TYPE_CHECKING:
    from tests.deployer.world import World

# On an emulator, with real processes.
pytestmark = pytest.mark.soak

DESTROY = ("destroy", "--stack-name", STACK, "--yes")


def resource(world: World, name: str, stack: str = STACK) -> str:
    """Return a resource's physical ID."""
    found = world.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=name)
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def run_something(world: World) -> str:
    """Start an execution that lasts; return its ARN."""
    states, machine = world.client("stepfunctions"), resource(world, "Pipeline")
    waiting = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}}
    states.update_state_machine(stateMachineArn=machine, definition=json.dumps(waiting))
    return str(states.start_execution(stateMachineArn=machine, input="{}")["executionArn"])


def test_what_happens_is_shown_first(world: World) -> None:
    """What is lost, what stays and how much is in it; with nobody to ask, nothing is done."""
    world.deployed()
    shown = world.run("destroy")
    assert (5, "CREATE_COMPLETE") == (shown.code, world.status)
    lost, kept = shown.out.split("Retained")
    assert "TaskLogGroup" in lost
    assert "MiB of logs" in lost
    assert "PipelineVersion" in lost
    assert "toolshed-mcp-servers-v2" in kept
    assert "about 0 items" in kept
    planned = world.run("destroy", "--json")
    assert (5, "planned") == (planned.code, planned.answer["result"])
    assert ["ImageRepository", "VerdictTable"] == [each["logicalId"] for each in planned.answer["retained"]]


def test_the_name_is_asked_for_in_full(world: World) -> None:
    """`--yes` needs it on the command line, and a person must type it."""
    world.deployed()
    assert 2 == world.run("destroy", "--yes").code
    for typed, code in (("yes", 5), ("toolshed", 5), (STACK, 0)):
        running = world.start("destroy", terminal=True)
        running.read_until("type its name")
        running.type(f"{typed}\n")
        assert code == running.end(), running.text
    assert "" == world.status


def test_what_runs_must_end_first(world: World) -> None:
    """It is named, and stopped where that is wanted; then the stack goes."""
    world.deployed()
    execution = run_something(world)
    refused = world.run(*DESTROY)
    assert (3, "CREATE_COMPLETE") == (refused.code, world.status)
    assert f"execution {execution}" in refused.err
    assert "--stop-executions" in refused.err
    done = world.run(*DESTROY, "--stop-executions")
    assert (0, "") == (done.code, world.status), done.err
    assert f"stopping execution {execution}" in done.err
    assert [] == world.crossing.actions("StopTask")


def test_an_interruption_while_it_stops_leaves_the_stack(world: World) -> None:
    """Executions may be stopped; nothing else was touched, and that is said."""
    world.deployed()
    run_something(world)
    code, text = interrupted(world, "StopExecution", *DESTROY, "--stop-executions")
    assert (130, "CREATE_COMPLETE") == (code, world.status)
    assert "the stack is as it was" in text
    assert (0, "") == (world.run(*DESTROY, "--stop-executions").code, world.status)


@pytest.mark.parametrize("reaches", [True, False], ids=["heard", "not heard"])
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_destruction_goes_on_or_never_began(world: World, by: int, *, reaches: bool) -> None:
    """The command says so; run again, it ends what is to be ended."""
    world.deployed()
    code, text = interrupted(world, "DeleteStack", *DESTROY, reaches=reaches, by=by)
    assert (130, True) == (code, "CloudFormation goes on deleting by itself, where it has begun" in text)
    again = world.run(*DESTROY)
    assert (0, "") == (again.code, world.status)
    assert (1 if reaches else 2) == len(world.crossing.actions("DeleteStack"))


def test_a_stack_that_is_not_there_needs_nothing(world: World) -> None:
    """It is no error."""
    found = world.run(*DESTROY)
    assert (0, True) == (found.code, "nothing to do" in found.out)


def test_a_protected_stack_is_refused(world: World) -> None:
    """Before anything is stopped or asked."""
    world.deployed()
    client = world.client("cloudformation")
    client.update_termination_protection(EnableTerminationProtection=True, StackName=STACK)
    found = world.run(*DESTROY, "--stop-executions")
    assert (3, True, "CREATE_COMPLETE") == (
        found.code,
        "protected from termination" in found.err,
        world.status,
    )


def test_a_resource_that_resists_is_told_and_can_be_left(world: World) -> None:
    """A version that an alias leads to cannot be deleted: its name, the reason, and the option that leaves it."""
    client, states = world.client("cloudformation"), world.client("stepfunctions")
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "DefinitionString": json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}),
            "RoleArn": "arn:aws:iam::123456789012:role/any",
        },
    }
    version = {
        "Type": "AWS::StepFunctions::StateMachineVersion",
        "Properties": {"StateMachineArn": {"Ref": "Machine"}},
    }
    body = json.dumps({"Resources": {"Machine": machine, "Version": version}})
    client.create_stack(StackName="resisting", TemplateBody=body)
    for _ in Pace(first=0.05, last=0.2, limit=60).looks():
        found = stacks.read(client, "resisting")
        if found is not None and found.is_settled:
            break
    arn = resource(world, "Version", "resisting")
    routes = [{"stateMachineVersionArn": arn, "weight": 100}]
    states.create_state_machine_alias(name="a", routingConfiguration=routes)
    given = ("destroy", "--stack-name", "resisting", "--yes")
    assert 3 == world.run(*given, "--retain", "Version").code
    failed = world.run(*given)
    assert 1 == failed.code
    assert "resisting ended as DELETE_FAILED" in failed.err
    assert "Version (AWS::StepFunctions::StateMachineVersion): " in failed.err
    assert "python build.py destroy --stack-name resisting --retain Version" in failed.err
    left = world.run(*given, "--retain", "Version")
    assert (0, True) == (left.code, arn in left.out), left.err
    assert 0 == world.run(*given).code


def test_the_next_stack_begins_with_what_was_left(world: World) -> None:
    """The verdicts are taken into a new stack, and are still there when the rest is deployed."""
    world.deployed()
    table = resource(world, "VerdictTable")
    record = {"serverId": {"S": "s"}, "executionArn": {"S": "e"}}
    world.client("dynamodb").put_item(TableName=table, Item=record)
    destroyed = world.run(*DESTROY)
    assert (
        f"python build.py adopt ImageRepository=toolshed-mcp-servers-v2 VerdictTable={table}" in destroyed.err
    )
    refused = world.deploy("--yes", "--parameter", f"VerdictTableName={table}")
    assert (1, "") == (refused.code, world.status)
    assert (
        f"python build.py adopt ImageRepository=toolshed-mcp-servers-v2 VerdictTable={table}" in refused.err
    )
    adopt = ("adopt", f"VerdictTable={table}", "--allow-uncommitted")
    planned = world.run(*adopt)
    assert (5, "") == (planned.code, world.status)
    assert "taken in" in planned.out
    adopted = world.run(*adopt, "--yes")
    assert (0, "IMPORT_COMPLETE") == (adopted.code, world.status), adopted.err
    assert 3 == world.run(*adopt, "--yes").code
    # The emulator imports no repositories: this one gets another name.
    collides = world.deploy("--yes")
    assert (1, "IMPORT_COMPLETE") == (collides.code, world.status)
    assert "ImageRepository: toolshed-mcp-servers-v2 (parameter RepositoryName)" in collides.err
    rest = world.deploy("--yes", "--parameter", "RepositoryName=another")
    assert (0, "UPDATE_COMPLETE") == (rest.code, world.status), rest.err
    assert table == resource(world, "VerdictTable")
    assert 1 == world.client("dynamodb").scan(TableName=table)["Count"]


def test_what_is_not_there_cannot_be_taken_in(world: World) -> None:
    """CloudFormation says so, and no empty stack is left."""
    found = world.run("adopt", "VerdictTable=nowhere", "--yes", "--allow-uncommitted")
    assert (1, "") == (found.code, world.status)
    assert "nowhere" in found.err


@pytest.mark.parametrize("action", ["CreateChangeSet", "DescribeChangeSet"])
def test_an_interrupted_adoption_leaves_nothing(world: World, action: str) -> None:
    """Neither the change set nor the empty stack, and the table belongs to nobody, as before."""
    world.deployed()
    table = resource(world, "VerdictTable")
    world.run(*DESTROY)
    given = ("adopt", f"VerdictTable={table}", "--yes", "--allow-uncommitted")
    code, text = interrupted(world, action, *given, is_patient=True)
    assert (130, "") == (code, world.status), text
    assert 0 == world.run(*given).code
