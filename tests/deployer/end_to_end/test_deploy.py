"""The command deploy on the emulator, from an empty account to a deleted stack."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.deployer.world import STACK

if TYPE_CHECKING:
    from tests.deployer.world import World

# On an emulator, with real processes.
pytestmark = pytest.mark.soak

TEMPLATE = "templates/validation-pipeline.template.json"


def line_of(world: World, text: str) -> int:
    """Return the line of the template where a text stands first."""
    lines = (world.root / TEMPLATE).read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_a_stack_is_created(world: World) -> None:
    """The plan, every event once, the outputs and the alias's version."""
    ended = world.deploy("--yes")
    assert 0 == ended.code
    assert "CREATE_COMPLETE" == world.status
    assert re.search(r"^creates \d+ resources$", ended.out, re.MULTILINE)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in (world.stack() or {})["Outputs"]}
    assert all(f"{name} " in ended.out and value in ended.out for name, value in outputs.items())
    assert "alias live → version 1 (1.0.0 sha256:" in ended.out


def test_every_event_is_shown_once(world: World) -> None:
    """What the command tells a program is what CloudFormation lists, from the execution on, in the same order."""
    answer = world.deploy("--yes", "--json").answer
    listed = [each["EventId"] for each in world.events() if each["ResourceStatus"] != "REVIEW_IN_PROGRESS"]
    assert len(listed) > 100
    assert sorted(listed) == sorted(each["id"] for each in answer["events"])
    assert ("deployed", 0, "CREATE") == (answer["result"], answer["exit"], answer["changeSet"]["kind"])
    times = [each["time"] for each in answer["events"]]
    assert sorted(times) == times
    assert "1" == answer["alias"]["routes"][0]["version"]


def test_nothing_to_change_is_success(world: World) -> None:
    """Exit code 0, a word, and no empty change set is left."""
    world.deployed()
    ended = world.deploy("--yes")
    assert (0, True) == (
        ended.code,
        ended.out.startswith(f"nothing to change: {STACK} is deployed from these"),
    )
    left = world.client("cloudformation").list_change_sets(StackName=STACK)["Summaries"]
    assert [] == [each for each in left if each["Status"] == "FAILED"]
    assert ("CREATE_COMPLETE", ["CreateChangeSet"]) == (
        world.status,
        world.crossing.actions("CreateChangeSet"),
    )


def test_the_same_documents_give_the_same_change_set_name(world: World) -> None:
    """So that a plan and its execution speak of the same, and a plan made twice replaces itself."""
    first, second = (world.deploy("--no-execute", "--json") for _ in range(2))
    assert (5, 5) == (first.code, second.code)
    assert first.answer["changeSet"]["name"] == second.answer["changeSet"]["name"]
    assert [first.answer["changeSet"]["name"]] == world.change_sets()
    assert "replaced the change set" in second.err
    world.edit(lambda template: template.update(Description="other"))
    assert (
        first.answer["changeSet"]["name"]
        != world.deploy("--no-execute", "--json").answer["changeSet"]["name"]
    )


def test_an_update_with_a_replacement_is_shown_and_carried_out(world: World) -> None:
    """What is replaced and lost, what widens, and which states changed, in the review's words; then the new version."""
    world.deployed()

    def change(template: dict[str, Any]) -> None:
        resources = template["Resources"]
        resources["PipelineRole"]["Properties"]["Path"] = "/pipelines/"
        table = resources["VerdictTable"]
        table["Properties"]["AttributeDefinitions"] = [{"AttributeName": "key", "AttributeType": "S"}]
        table["Properties"]["KeySchema"] = [{"AttributeName": "key", "KeyType": "HASH"}]
        table["UpdateReplacePolicy"] = "Delete"
        statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        policy = {"PolicyName": "all", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
        resources["TaskRole"]["Properties"]["Policies"] = [policy]

    world.edit(change)
    world.edit_definition(
        "validation-pipeline",
        lambda definition: definition["States"]["DescribeTask"].update(Comment="x", TimeoutSeconds=7),
    )
    ended = world.deploy("--yes")
    assert 0 == ended.code
    assert re.search(r"~ +PipelineRole +replaced +IAM::Role +Path", ended.out)
    assert re.search(
        r"~ +VerdictTable +(may be )?replaced +DynamoDB::Table +LOST: items; KeySchema", ended.out
    )
    assert re.search(
        r"VerdictTable \(AWS::DynamoDB::Table\) (is|may be) replaced, and its items (are|would be) lost",
        ended.out,
    )
    assert "TaskRole may now s3:* on *" in ended.out
    assert "DescribeTask" in ended.out.split("State machine", 1)[1]
    assert "alias live → version 2" in ended.out


def test_a_failed_update_is_rolled_back_and_explained(world: World) -> None:
    """The cause first, with its line; then what CloudFormation did; then what to do. Exit code 4, and the stack is as before."""
    world.deployed()
    before = world.stack()
    world.wait_for("NeverSignalled", seconds=1)
    ended = world.deploy("--yes")
    assert 4 == ended.code
    assert before is not None
    assert ("UPDATE_ROLLBACK_COMPLETE", before["Outputs"]) == (world.status, (world.stack() or {})["Outputs"])
    told = ended.err[ended.err.index("error:") :].splitlines()
    line = line_of(world, '"NeverSignalled": {')
    assert f"error: {STACK} could not be changed" == told[0]
    assert (
        f"cause: NeverSignalled (AWS::CloudFormation::WaitCondition)  UPDATE_FAILED  {TEMPLATE}:{line}"
        == told[1]
    )
    failed = next(each for each in world.events() if each["ResourceStatus"] == "UPDATE_FAILED")
    assert failed["ResourceStatusReason"] == told[2].strip()
    assert told[-2].startswith("then: CloudFormation took everything back (UPDATE_ROLLBACK_COMPLETE")
    assert told[-1].startswith("now:  mend the cause")


def test_after_a_rolled_back_update_the_stack_can_be_deployed_to(world: World) -> None:
    """UPDATE_ROLLBACK_COMPLETE is a status like any other."""
    world.deployed()
    world.wait_for("NeverSignalled", seconds=1)
    assert 4 == world.deploy("--yes").code
    world.edit(lambda template: template["Resources"].pop("NeverSignalled"))
    world.change_a_description()
    assert (0, "UPDATE_COMPLETE") == (world.deploy("--yes").code, world.status)


def test_a_failed_creation_must_be_deleted_first_and_only_on_request(world: World) -> None:
    """ROLLBACK_COMPLETE is explained, and nothing is deleted by itself; with --recreate it is, and created anew."""
    world.wait_for("NeverSignalled", seconds=1)
    failed = world.deploy("--yes")
    assert (4, "ROLLBACK_COMPLETE") == (failed.code, world.status)
    assert "deploy again with --recreate" in failed.err
    stack_id = (world.stack() or {})["StackId"]
    world.edit(lambda template: template["Resources"].pop("NeverSignalled"))
    refused = world.deploy("--yes")
    assert (1, "ROLLBACK_COMPLETE") == (refused.code, world.status)
    assert "--recreate deletes it and creates it anew" in refused.err
    assert [] == world.crossing.actions("DeleteStack")
    ended = world.deploy("--yes", "--recreate")
    assert (0, "CREATE_COMPLETE") == (ended.code, world.status)
    assert stack_id != (world.stack() or {})["StackId"]


def test_a_failed_creation_that_is_protected_is_left_alone(world: World) -> None:
    """Not even with --recreate."""
    world.wait_for("NeverSignalled", seconds=1)
    world.deploy("--yes")
    world.client("cloudformation").update_termination_protection(
        StackName=STACK, EnableTerminationProtection=True
    )
    ended = world.deploy("--yes", "--recreate")
    assert (1, "ROLLBACK_COMPLETE") == (ended.code, world.status)
    assert "update-termination-protection --no-enable-termination-protection" in ended.err


def test_an_aborted_review_leaves_nothing(world: World) -> None:
    """Who answers no gets rid of the change set, and of the stack that this run made; exit code 5."""
    running = world.start_deploy(terminal=True)
    running.read_until("[y/N]")
    assert ("REVIEW_IN_PROGRESS", 1) == (world.status, len(world.change_sets()))
    running.type("n\n")
    assert 5 == running.end()
    assert "nothing was executed" in running.text
    assert ("", []) == (world.status, world.change_sets())
    assert ["DeleteChangeSet", "DeleteStack"] == world.crossing.actions("DeleteChangeSet", "DeleteStack")


def test_an_aborted_review_of_an_update_leaves_the_stack(world: World) -> None:
    """Only the change set goes."""
    world.deployed()
    world.change_a_description()
    running = world.start_deploy(terminal=True)
    running.read_until("[y/N]")
    running.type("n\n")
    assert (5, "CREATE_COMPLETE", []) == (running.end(), world.status, world.change_sets())


def test_a_review_that_somebody_left_is_gone_on_with(world: World) -> None:
    """REVIEW_IN_PROGRESS means that the stack is created; theirs is told of."""
    world.plan("theirs")
    ended = world.deploy("--yes")
    assert (0, "CREATE_COMPLETE") == (ended.code, world.status)
    assert "has no resources yet: a review was begun" in ended.err
    assert "its change sets go when another is executed: theirs" in ended.err


def test_a_review_that_somebody_left_is_not_ours_to_delete(world: World) -> None:
    """Who aborts takes back what this run made: the change set, and not the stack."""
    world.plan("theirs")
    running = world.start_deploy(terminal=True)
    running.read_until("[y/N]")
    running.type("n\n")
    assert (5, "REVIEW_IN_PROGRESS", ["theirs"]) == (running.end(), world.status, world.change_sets())


def test_a_review_that_we_left_is_ours_to_delete(world: World) -> None:
    """An earlier run was killed, or only planned: who aborts the next leaves no empty stack behind."""
    assert 5 == world.deploy("--no-execute").code
    again = world.deploy("--no-execute")
    assert (5, True) == (again.code, "with the empty stack: python build.py destroy" in again.out)
    running = world.start_deploy(terminal=True)
    running.read_until("[y/N]")
    running.type("n\n")
    assert (5, "", []) == (running.end(), world.status, world.change_sets())


def test_what_exists_under_a_name_that_is_written_out_is_taken_in(world: World) -> None:
    """After a deletion the table of verdicts is still there; the creation imports it instead of failing.

    CloudFormation finds only names that stand in the template (documentation), not those that a parameter gives.
    """
    world.edit(
        lambda template: template["Resources"]["VerdictTable"]["Properties"].update(TableName="verdicts")
    )
    assert 0 == world.deploy("--yes").code
    world.client("cloudformation").delete_stack(StackName=STACK)
    world.until("")
    # The repository has a name by a parameter: it would not be found.
    ended = world.deploy("--yes", "--parameter", "RepositoryName=another")
    assert (0, "CREATE_COMPLETE") == (ended.code, world.status), ended.err
    assert "takes in 1 that an earlier stack left" in ended.out
    assert re.search(r"\+ +1 +taken in +DynamoDB::Table +VerdictTable", ended.out)


def test_a_stack_that_only_took_something_in_is_deployed_over(world: World) -> None:
    """IMPORT_COMPLETE is a status like any other: what was taken in stays, and the rest is added."""
    template = world.template
    table = template["Resources"]["VerdictTable"]
    copied = ("AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema")
    world.client("dynamodb").create_table(
        TableName="verdicts", **{name: table["Properties"][name] for name in copied}
    )
    world.client("ecr").create_repository(repositoryName="servers")
    resources = {name: template["Resources"][name] for name in ("VerdictTable", "ImageRepository")}
    part = {name: template[name] for name in ("Parameters", "Conditions")}
    named = {
        "ArtifactBucket": world.bucket,
        "VerdictTableName": "verdicts",
        "RepositoryName": "servers",
    }
    client = world.client("cloudformation")
    client.create_change_set(
        StackName=STACK,
        ChangeSetName="adopt",
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps({**part, "Resources": resources}),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in named.items()],
        ResourcesToImport=[
            {
                "ResourceType": "AWS::DynamoDB::Table",
                "LogicalResourceId": "VerdictTable",
                "ResourceIdentifier": {"TableName": "verdicts"},
            },
            {
                "ResourceType": "AWS::ECR::Repository",
                "LogicalResourceId": "ImageRepository",
                "ResourceIdentifier": {"RepositoryName": "servers"},
            },
        ],
    )
    client.execute_change_set(StackName=STACK, ChangeSetName="adopt")
    world.until("IMPORT_COMPLETE")
    ended = world.deploy("--yes")
    assert (0, "UPDATE_COMPLETE") == (ended.code, world.status)
    assert not re.search(r"(VerdictTable|ImageRepository) +(replaced|added)", ended.out)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in (world.stack() or {})["Outputs"]}
    assert "verdicts" == outputs["VerdictTableNameInUse"]
    assert outputs["ImageRepositoryUri"].endswith("/servers")


def test_a_plan_can_be_left_and_executed_later(world: World) -> None:
    """--no-execute ends with 5 and says how to go on; --execute takes exactly that plan."""
    planned = world.deploy("--no-execute", "--change-set-name", "release-7")
    assert (5, "REVIEW_IN_PROGRESS", ["release-7"]) == (planned.code, world.status, world.change_sets())
    assert "planned, not executed" in planned.out
    assert "python build.py deploy --execute release-7" in planned.out
    ended = world.run("deploy", "--allow-uncommitted", "--execute", "release-7", "--yes")
    assert (0, "CREATE_COMPLETE") == (ended.code, world.status)
    assert 1 == len(world.crossing.actions("CreateChangeSet"))


def test_a_plan_of_other_documents_is_not_executed(world: World) -> None:
    """What was reviewed is what is deployed: the change set's template is compared with the committed one."""
    world.deploy("--no-execute", "--change-set-name", "release-7")
    world.edit(lambda template: template.update(Description="other"))
    ended = world.run("deploy", "--allow-uncommitted", "--execute", "release-7", "--yes")
    assert (3, ["release-7"]) == (ended.code, world.change_sets())
    assert "is of another template than the committed one" in ended.err


def test_a_gate_refuses_a_plan(world: World) -> None:
    """Exit code 3, and the change set is taken back."""
    world.deployed()
    world.edit(lambda template: template["Resources"]["PipelineRole"]["Properties"].update(Path="/other/"))
    ended = world.deploy("--yes", "--fail-on", "replacement")
    assert (3, "CREATE_COMPLETE", []) == (ended.code, world.status, world.change_sets())
    assert "does not pass --fail-on replacement" in ended.err


def test_what_is_not_committed_is_refused(world: World) -> None:
    """Before anything is asked of AWS; exit code 3."""
    ended = world.run("deploy", "--yes", "--bucket", world.bucket)
    assert (3, []) == (ended.code, world.crossing.actions())
    assert "--allow-uncommitted" in ended.err


def test_nobody_to_ask_is_told_before_anything_is_made(world: World) -> None:
    """Exit code 2, and what to add."""
    ended = world.deploy()
    assert (2, []) == (ended.code, world.crossing.actions())
    assert "add --yes to execute what is planned, or --no-execute" in ended.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("VpcCdir=10.0.0.0/16", "VpcCdir: the template has no such parameter; is VpcCidr meant?"),
        ("AssignPublicIp=YES", "AssignPublicIp: 'YES' is none of ENABLED, DISABLED"),
        ("VpcCidr=10.0.0.0/8", "VpcCidr: '10.0.0.0/8' does not match"),
    ],
)
def test_a_mistyped_parameter_is_told_before_anything_is_asked(world: World, given: str, said: str) -> None:
    """Exit code 2; neither AWS nor the person is asked."""
    ended = world.deploy("--yes", "--parameter", given)
    assert (2, []) == (ended.code, world.crossing.actions())
    assert said in ended.err


def test_parameters_that_are_not_named_keep_their_values(world: World) -> None:
    """What a stack was given once stays, until another value is given."""
    world.deploy("--yes", "--parameter", "VpcCidr=10.5.0.0/16", "--parameter", "ClusterName=Mine")
    (world.root / "parameters.json").write_text('["ClusterName=Other"]')
    ended = world.run(
        "deploy", "--allow-uncommitted", "--yes", "--parameters", f"file://{world.root}/parameters.json"
    )
    assert 0 == ended.code
    assert "the parameter ClusterName is Other now, and was Mine" in ended.out
    found = {each["ParameterKey"]: each["ParameterValue"] for each in (world.stack() or {})["Parameters"]}
    assert ("Other", "10.5.0.0/16", world.bucket) == (
        found["ClusterName"],
        found["VpcCidr"],
        found["ArtifactBucket"],
    )


def test_tags_are_given_and_kept(world: World) -> None:
    """Without --tags a stack keeps its own."""
    world.deploy("--yes", "--tags", "team=registry", "--tags", "cost=12")
    world.change_a_description()
    assert 0 == world.deploy("--yes").code
    tags = {each["Key"]: each["Value"] for each in (world.stack() or {})["Tags"]}
    assert {"team": "registry", "cost": "12"} == tags


def test_a_plan_that_somebody_took_away_at_the_question(world: World) -> None:
    """A yes comes too late: nothing was begun, and that is said; not that something goes on."""
    world.deployed()
    world.change_a_description()
    running = world.start_deploy(terminal=True)
    running.read_until("[y/N]")
    (name,) = world.change_sets()
    world.client("cloudformation").delete_change_set(StackName=STACK, ChangeSetName=name)
    running.type("y\n")
    assert (1, "CREATE_COMPLETE") == (running.end(), world.status)
    assert "nothing was begun here" in running.text
    assert "goes on in AWS" not in running.text


def test_somebody_elses_operation_is_told(world: World) -> None:
    """Since when, and by whom as far as the token tells; nothing is made. Exit code 1."""
    world.deployed()
    world.wait_for("Theirs")
    world.begun("toolshed-alice-0123456789abcdef")
    world.until("UPDATE_IN_PROGRESS")
    ended = world.deploy("--yes")
    assert (1, []) == (ended.code, world.crossing.actions("CreateChangeSet"))
    assert re.search(
        r"UPDATE_IN_PROGRESS: something else changes the stack, since \d\d:\d\d:\d\d, by alice", ended.err
    )
    assert "--wait follows it and then goes on" in ended.err
    world.signal("Theirs")


def test_somebody_elses_operation_can_be_waited_for(world: World) -> None:
    """--wait follows it, then deploys."""
    world.deployed()
    world.wait_for("Theirs")
    world.begun("toolshed-alice-0123456789abcdef")
    world.until("UPDATE_IN_PROGRESS")
    world.change_a_description()
    running = world.start_deploy("--yes", "--wait")
    running.read_until("something else changes the stack")
    world.signal("Theirs")
    assert 0 == running.end()
    assert "2 changes" not in running.text.split("UPDATE_COMPLETE  ")[0]
    assert f"UPDATE_COMPLETE  {STACK}:" in running.text


def test_a_rollout_whose_alarm_is_on_is_warned_of(world: World) -> None:
    """Before the question: how executions would be led over, and what would take that back at once."""
    world.deployed()
    outputs = {each["OutputKey"]: each["OutputValue"] for each in (world.stack() or {})["Outputs"]}
    alarm = outputs["PipelineFaultAlarmName"]
    world.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="test")
    steps = ("DeploymentType=LINEAR", "DeploymentPercentage=25", "DeploymentIntervalMinutes=2")
    given = [word for step in steps for word in ("--parameter", step)]
    planned = world.deploy("--no-execute", *given)
    assert 5 == planned.code, planned.err
    assert "LINEAR: 25 % every 2 min, some 6 min in all" in planned.out
    assert f"WARNING: the alarm {alarm} is on" in planned.err


def test_plain_output_is_plain(world: World) -> None:
    """In a pipe there is no colour, and nothing that moves a cursor."""
    ended = world.deploy("--yes")
    assert "\x1b" not in ended.out + ended.err


def test_a_terminal_without_colours_gets_none(world: World) -> None:
    """NO_COLOR is heeded; the view still moves."""
    running = world.start_deploy("--yes", terminal=True, NO_COLOR="1")
    assert 0 == running.end()
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", running.text)


def test_an_update_that_somebody_cancels_says_so(world: World) -> None:
    """No resource failed: the cause is the stack's own reason. Exit code 4, since all of it was taken back."""
    world.deployed()
    world.wait_for("Slow")
    running = world.start_deploy("--yes")
    world.until_followed()
    world.client("cloudformation").cancel_update_stack(StackName=STACK)
    world.signal("Slow")
    assert (4, "UPDATE_ROLLBACK_COMPLETE") == (running.end(), world.status)
    assert "no event tells it" not in running.text
    assert "somebody has cancelled it" in running.text
