"""The commands as people run them, against the emulator: from the bucket to the last resource, and interrupted on the way."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deployer import change_sets, execute, stacks
from deployer.stacks import Pace
from runner import emulator as emulators
from tests.deployer.gate import Gate, gate_before

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.emulator import Emulator

pytestmark = pytest.mark.soak

ROOT = Path(__file__).parent.parent.parent
TEMPLATE = ROOT / "templates/validation-pipeline.template.json"
STACK = "toolshed-validation"
LIMIT = 90


@dataclass
class Run:
    """A command that was run."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed for programs."""
        return json.loads(self.out)


@dataclass
class Cloud:
    """The emulator, the gate before it, and how commands are run against both."""

    emulator: Emulator
    gate: Gate
    env: dict[str, str] = field(default_factory=dict)

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Start a command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "build.py", *arguments, "--endpoint-url", self.gate.url],
            cwd=ROOT,
            env=self.env,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> Run:
        """Run a command to its end."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=LIMIT)
        assert "Traceback" not in err, err
        return Run(process.returncode, out, err)

    def interrupted(self, *arguments: str, by: signal.Signals = signal.SIGINT) -> Run:
        """Run a command until it reaches the call that is held, then interrupt it."""
        process = self.start(*arguments)
        self.gate.wait()
        process.send_signal(by)
        out, err = process.communicate(timeout=LIMIT)
        self.gate.release()
        assert "Traceback" not in err, err
        return Run(process.returncode, out, err)

    def client(self, service: str) -> Any:
        """Return a client of the emulator itself."""
        return self.emulator.client(service)

    def status(self, stack: str = STACK) -> str:
        """Return a stack's status."""
        found = stacks.read(self.client("cloudformation"), stack)
        return "gone" if found is None or found.status == "DELETE_COMPLETE" else found.status


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """Give an emulator, and credentials that only it knows."""
    subprocess.run([sys.executable, "build.py", "package"], cwd=ROOT, check=True, capture_output=True)
    python = emulators.make_environment(ROOT, lambda _text: None)
    running = emulators.start(python, Path(tempfile.mkdtemp(prefix="toolshed-test-")))
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    env = {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "AWS_ACCESS_KEY_ID": emulators.ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": emulators.SECRET,
        "AWS_DEFAULT_REGION": emulators.REGION,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    try:
        with gate_before(running.url) as gate:
            yield Cloud(running, gate, env)
    finally:
        emulators.stop(running)


@pytest.fixture
def bucket(cloud: Cloud) -> str:
    """Return a bucket that holds what was reviewed."""
    cloud.run("bootstrap", "--yes", "--allow-uncommitted")
    found = cloud.run("publish", "--json", "--allow-uncommitted")
    return str(found.json["bucket"])


@pytest.fixture
def deployed(cloud: Cloud, bucket: str) -> Iterator[str]:
    """Deploy the committed template, publish a second version of its definition, and give the alias's ARN."""
    alias = deploy(cloud, bucket)
    yield alias
    if cloud.status() != "gone":
        cloud.client("cloudformation").delete_stack(StackName=STACK)
    for name in cloud.client("ecr").describe_repositories()["repositories"]:
        cloud.client("ecr").delete_repository(repositoryName=name["repositoryName"], force=True)


def deploy(cloud: Cloud, bucket: str) -> str:
    """Deploy the committed template, give it a second version, and return the alias's ARN."""
    client = cloud.client("cloudformation")
    digest = hashlib.sha256(TEMPLATE.read_bytes()).hexdigest()
    url = f"{cloud.emulator.url}/{bucket}/templates/{digest}.template.json"
    pace = Pace(first=0.05, last=0.2, limit=60)
    request = change_sets.Request(STACK, "first", url, {"ArtifactBucket": bucket})
    outputs = execute.execute(client, change_sets.create(client, request, pace), pace=pace)
    alias = outputs["PipelineArn"]
    states, machine = cloud.client("stepfunctions"), alias.rpartition(":")[0]
    changed = json.loads(states.describe_state_machine(stateMachineArn=machine)["definition"])
    changed["States"]["Begin"] = {"Type": "Pass", "Next": changed["StartAt"]}
    changed["StartAt"] = "Begin"
    states.update_state_machine(stateMachineArn=machine, definition=json.dumps(changed))
    described = f"1.1.0 sha256:{'e' * 64}"
    version = states.publish_state_machine_version(stateMachineArn=machine, description=described)
    lead(cloud, alias, {version["stateMachineVersionArn"]: 100})
    return alias


def lead(cloud: Cloud, alias: str, weights: dict[str, int]) -> None:
    """Lead the alias somewhere, as somebody else would."""
    routes = [{"stateMachineVersionArn": arn, "weight": weight} for arn, weight in weights.items()]
    cloud.client("stepfunctions").update_state_machine_alias(
        stateMachineAliasArn=alias, routingConfiguration=routes
    )


def leads_to(cloud: Cloud, alias: str) -> dict[int, int]:
    """Return where the alias leads: the versions' numbers, and their shares."""
    found = cloud.client("stepfunctions").describe_state_machine_alias(stateMachineAliasArn=alias)
    return {int(each["stateMachineVersionArn"].rpartition(":")[2]): each["weight"] for each in found["routingConfiguration"]}  # fmt: skip


# publish and bootstrap


def test_the_bucket_is_made_once(cloud: Cloud) -> None:
    """Shown first, then made, then nothing is to do; and what is published finds it."""
    name = "first-artifacts"
    planned = cloud.run("bootstrap", "--bootstrap-stack", name, "--allow-uncommitted")
    assert (5, "gone") == (planned.code, cloud.status(name))
    assert "ArtifactBucket" in planned.out
    assert "--yes" in planned.err
    made = cloud.run("bootstrap", "--bootstrap-stack", name, "--allow-uncommitted", "--yes", "--json")
    assert (0, "CREATE_COMPLETE") == (made.code, made.json["status"])
    bucket = made.json["outputs"]["ArtifactBucketName"]
    again = cloud.run("bootstrap", "--bootstrap-stack", name, "--allow-uncommitted", "--yes")
    assert (0, True) == (again.code, "nothing to do" in again.out)
    first = cloud.run("publish", "--bootstrap-stack", name, "--allow-uncommitted")
    assert (0, f"published to {bucket}") == (first.code, first.out.splitlines()[-1])
    second = cloud.run("publish", "--bootstrap-stack", name, "--allow-uncommitted")
    assert (0, f"nothing to do: all of it is in {bucket}") == (second.code, second.out.splitlines()[-1])


def test_a_bucket_that_no_stack_has_is_offered_for_use(cloud: Cloud) -> None:
    """It is not taken over, and its name is not claimed a second time."""
    cloud.client("s3").create_bucket(Bucket="by-hand")
    found = cloud.run("bootstrap", "--bootstrap-stack", "second", "--bucket-name", "by-hand", "--yes", "--allow-uncommitted")  # fmt: skip
    assert (3, "gone") == (found.code, cloud.status("second"))
    assert "publish --bucket by-hand" in found.err
    assert 0 == cloud.run("publish", "--bucket", "by-hand", "--allow-uncommitted").code


def test_without_a_bucket_nothing_is_published(cloud: Cloud) -> None:
    """The message names the command that makes one."""
    found = cloud.run("publish", "--bootstrap-stack", "nowhere", "--allow-uncommitted")
    assert (1, True) == (found.code, "bootstrap" in found.err)


def test_other_bytes_under_a_key_are_never_overwritten(cloud: Cloud, bucket: str) -> None:
    """Somebody put them there: that is found out, not papered over."""
    key = cloud.client("s3").list_objects_v2(Bucket=bucket, Prefix="templates/")["Contents"][0]["Key"]
    kept = cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=b"other")
    found = cloud.run("publish", "--allow-uncommitted")
    assert (3, True) == (found.code, f"{key} holds other bytes than its name says" in found.err)
    assert b"other" == cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=kept)
    # Without a SHA-256 of S3's the bytes themselves are read.
    assert 0 == cloud.run("publish", "--allow-uncommitted").code


@pytest.mark.parametrize("reaches", [True, False], ids=["arrived", "lost"])
def test_publishing_goes_on_where_it_was_interrupted(cloud: Cloud, *, reaches: bool) -> None:
    """An object is there whole, or not at all."""
    name = f"interrupted-{reaches}".lower()
    cloud.client("s3").create_bucket(Bucket=name)
    cloud.gate.hold("PUT", reaches=reaches)
    found = cloud.interrupted("publish", "--bucket", name, "--allow-uncommitted")
    assert 130 == found.code
    again = cloud.run("publish", "--bucket", name, "--allow-uncommitted", "--json")
    assert (0, 1 if reaches else 0) == (again.code, len(again.json["present"]))
    assert 4 == len(again.json["present"]) + len(again.json["uploaded"])


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("held", ["CreateChangeSet", "DescribeChangeSet"])
@pytest.mark.parametrize("reaches", [True, False], ids=["arrived", "lost"])
def test_an_interrupted_bootstrap_leaves_nothing(
    cloud: Cloud, held: str, by: signal.Signals, *, reaches: bool
) -> None:
    """Neither the change set nor the empty stack, even where the answer to the request never came."""
    name = f"gone-{held}-{by.name}-{reaches}".lower()
    cloud.gate.hold(held, reaches=reaches)
    process = cloud.start("bootstrap", "--bootstrap-stack", name, "--yes", "--allow-uncommitted")
    cloud.gate.wait()
    process.send_signal(by)
    cloud.gate.release()
    _, err = process.communicate(timeout=LIMIT)
    assert (130, "gone") == (process.returncode, cloud.status(name)), err


def test_an_interrupted_execution_of_the_bootstrap_goes_on(cloud: Cloud) -> None:
    """CloudFormation has heard of it; the next run finds nothing to do."""
    cloud.gate.hold("ExecuteChangeSet")
    found = cloud.interrupted("bootstrap", "--bootstrap-stack", "goes-on", "--yes", "--allow-uncommitted")
    assert (130, True) == (found.code, "CloudFormation goes on by itself" in found.err)
    again = cloud.run("bootstrap", "--bootstrap-stack", "goes-on", "--yes", "--allow-uncommitted")
    assert (0, True) == (again.code, "nothing to do" in again.out)


# rollback


def test_the_alias_goes_back_and_forth(cloud: Cloud, deployed: str) -> None:
    """Shown first; then it leads to the version before; then there is nothing to do; and back to the newest."""
    planned = cloud.run("rollback")
    assert (5, {2: 100}) == (planned.code, leads_to(cloud, deployed))
    assert "Begin (Pass) is removed" in planned.out
    done = cloud.run("rollback", "--yes")
    assert (0, {1: 100}) == (done.code, leads_to(cloud, deployed))
    assert "the alias leads to version 1" in done.out
    again = cloud.run("rollback", "--to", "1.0.0", "--yes")
    assert (0, True) == (again.code, "nothing to do" in again.out)
    first = cloud.run("rollback", "--yes")
    assert (3, True) == (first.code, "version 1 is the first" in first.err)
    forth = cloud.run("rollback", "--to", "2", "--yes", "--json")
    assert (0, "done", {2: 100}) == (forth.code, forth.json["status"], leads_to(cloud, deployed))
    assert "the stack's template names another version" in forth.err


def test_the_version_of_the_template_is_no_drift(cloud: Cloud, deployed: str) -> None:
    """Version 1 is the one that the stack published: going there is going back to the template."""
    done = cloud.run("rollback", "--yes")
    assert {1: 100} == leads_to(cloud, deployed)
    assert "the stack's template names another version" not in done.err


def test_a_canary_is_ended(cloud: Cloud, deployed: str) -> None:
    """Ten percent on the new version go back to the old one."""
    machine = deployed.rpartition(":")[0]
    lead(cloud, deployed, {f"{machine}:1": 90, f"{machine}:2": 10})
    done = cloud.run("rollback", "--yes")
    assert (0, {1: 100}) == (done.code, leads_to(cloud, deployed)), done.err
    assert "10 %" in done.out


def test_a_role_without_what_the_old_version_needs_refuses(cloud: Cloud, deployed: str) -> None:
    """The states that need it are named; `--unchecked` goes there all the same, and says so."""
    role = cloud.client("stepfunctions").describe_state_machine(
        stateMachineArn=f"{deployed.rpartition(':')[0]}:1"
    )
    name = role["roleArn"].rpartition("/")[2]
    iam = cloud.client("iam")
    policy = iam.list_role_policies(RoleName=name)["PolicyNames"][0]
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    document["Statement"] = [s for s in document["Statement"] if "ecs:RunTask" not in s["Action"]]
    iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
    refused = cloud.run("rollback", "--yes")
    assert (3, {2: 100}) == (refused.code, leads_to(cloud, deployed))
    assert "the role may not ecs:RunTask on" in refused.err
    assert "needed by RunMCPServerContainer" in refused.err
    forced = cloud.run("rollback", "--yes", "--unchecked")
    assert (0, {1: 100}) == (forced.code, leads_to(cloud, deployed))
    assert "WARNING: the role may not ecs:RunTask" in forced.err


def test_a_function_that_is_gone_refuses(cloud: Cloud, deployed: str) -> None:
    """The old definition calls a version of it that nobody can call any more."""
    name = cloud.client("cloudformation").describe_stack_resource(
        StackName=STACK, LogicalResourceId="ValidatorFunction"
    )
    cloud.client("lambda").delete_function(FunctionName=name["StackResourceDetail"]["PhysicalResourceId"])
    refused = cloud.run("rollback", "--yes", "--json")
    assert (3, "refused", {2: 100}) == (refused.code, refused.json["status"], leads_to(cloud, deployed))
    assert "ValidateMCPServer calls a function that is gone" in refused.json["objections"][0]


@pytest.mark.parametrize(
    ("reaches", "expected"), [(True, {1: 100}), (False, {2: 100})], ids=["arrived", "lost"]
)
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_rollback_has_happened_or_not(
    cloud: Cloud, deployed: str, by: signal.Signals, expected: dict[int, int], *, reaches: bool
) -> None:
    """It is one call: the command says how to see which, and ends the work where it is run again."""
    cloud.gate.hold("UpdateStateMachineAlias", reaches=reaches)
    found = cloud.interrupted("rollback", "--yes", by=by)
    assert (130, expected) == (found.code, leads_to(cloud, deployed))
    assert "nothing is half done" in found.err
    assert 0 == cloud.run("rollback", "--to", "1", "--yes").code
    assert {1: 100} == leads_to(cloud, deployed)


def test_what_nobody_is_asked_about_is_not_done(cloud: Cloud, deployed: str) -> None:
    """Ctrl-C at the question, and a no, leave the alias where it is."""
    for answer, expected in ((b"n\n", 5), (b"\x03", 130)):
        code, shown = answered(cloud, answer, "rollback")
        assert (expected, {2: 100}) == (code, leads_to(cloud, deployed)), shown
    code, _ = answered(cloud, b"y\n", "rollback")
    assert (0, {1: 100}) == (code, leads_to(cloud, deployed))


def answered(cloud: Cloud, answer: bytes, *arguments: str) -> tuple[int, str]:
    """Run a command at a terminal, and answer its question; the code, and what was shown."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(ROOT)
        command = [sys.executable, "build.py", *arguments, "--endpoint-url", cloud.gate.url]
        os.execve(sys.executable, command, {**cloud.env, "TERM": "xterm"})  # noqa: S606 - no shell is wanted
    shown, is_answered, deadline = b"", False, time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
        if not is_answered and (b"[y/N]" in shown or b"type its name" in shown):
            os.write(terminal, answer)
            is_answered = True
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    assert b"Traceback" not in shown, shown.decode()
    return os.waitstatus_to_exitcode(status), shown.decode(errors="replace")


# destroy and adopt


def test_a_stack_is_destroyed_with_open_eyes(cloud: Cloud, bucket: str, deployed: str) -> None:
    """What runs refuses it; a wrong name does; then it is deleted, and what stays begins the next stack."""
    states = cloud.client("stepfunctions")
    machine = deployed.rpartition(":")[0]
    waiting = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}}
    states.update_state_machine(stateMachineArn=machine, definition=json.dumps(waiting))
    states.start_execution(stateMachineArn=machine, input="{}")
    refused = cloud.run("destroy", "--stack-name", STACK, "--yes")
    assert (3, True) == (refused.code, "wait for its end, or stop it with --stop-executions" in refused.err)
    assert 2 == cloud.run("destroy", "--yes").code
    code, shown = answered(cloud, b"no\n", "destroy", "--stop-executions")
    assert (5, True) == (code, "that is not 'toolshed-validation': nothing was done" in shown)
    table = cloud.client("cloudformation").describe_stack_resource(
        StackName=STACK, LogicalResourceId="VerdictTable"
    )
    verdicts = table["StackResourceDetail"]["PhysicalResourceId"]
    record = {"serverId": {"S": "s"}, "executionArn": {"S": "e"}}
    cloud.client("dynamodb").put_item(TableName=verdicts, Item=record)
    code, shown = answered(cloud, f"{STACK}\n".encode(), "destroy", "--stop-executions")
    assert (0, "gone") == (code, cloud.status()), shown
    assert f"python build.py adopt ImageRepository=toolshed-mcp-servers-v2 VerdictTable={verdicts}" in shown
    assert 0 == cloud.run("destroy", "--stack-name", STACK, "--yes").code

    adopted = cloud.run("adopt", f"VerdictTable={verdicts}", "--yes", "--allow-uncommitted")
    assert (0, "IMPORT_COMPLETE") == (adopted.code, cloud.status()), adopted.err
    client = cloud.client("cloudformation")
    found = stacks.read(client, STACK)
    assert found is not None
    digest = hashlib.sha256(TEMPLATE.read_bytes()).hexdigest()
    url = f"{cloud.emulator.url}/{bucket}/templates/{digest}.template.json"
    # The emulator imports no repositories: this one gets another name.
    given = {"ArtifactBucket": bucket, "RepositoryName": "another"}
    request = change_sets.Request(STACK, "rest", url, given, kept=tuple(found.parameters))
    rest = change_sets.create(client, request)
    assert "VerdictTable" not in {change.logical_id for change in rest.changes}
    outputs = execute.execute(client, rest)
    assert verdicts == outputs["VerdictTableNameInUse"]
    assert 1 == cloud.client("dynamodb").scan(TableName=verdicts)["Count"]


@pytest.mark.parametrize("reaches", [True, False], ids=["arrived", "lost"])
def test_an_interrupted_destruction_goes_on_or_never_began(
    cloud: Cloud, deployed: str, *, reaches: bool
) -> None:
    """The command says so; run again, it ends what is to be ended."""
    cloud.gate.hold("DeleteStack", reaches=reaches)
    found = cloud.interrupted("destroy", "--stack-name", STACK, "--yes")
    assert (130, True) == (
        found.code,
        "CloudFormation goes on deleting by itself, where it has begun" in found.err,
    )
    assert deployed
    again = cloud.run("destroy", "--stack-name", STACK, "--yes")
    assert (0, "gone") == (again.code, cloud.status())


def test_a_stack_is_protected_by_somebodys_decision(cloud: Cloud, deployed: str) -> None:
    """It is refused before anything is shown or stopped."""
    client = cloud.client("cloudformation")
    client.update_termination_protection(EnableTerminationProtection=True, StackName=STACK)
    found = cloud.run("destroy", "--stack-name", STACK, "--yes")
    client.update_termination_protection(EnableTerminationProtection=False, StackName=STACK)
    assert (3, True, "CREATE_COMPLETE") == (found.code, "protected" in found.err, cloud.status())
    assert deployed


ROLE = f"arn:aws:iam::{emulators.ACCOUNT}:role/any"
DEFINITION = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
MACHINE = {
    "Type": "AWS::StepFunctions::StateMachine",
    "Properties": {"DefinitionString": DEFINITION, "RoleArn": ROLE},
}
VERSION = {
    "Type": "AWS::StepFunctions::StateMachineVersion",
    "Properties": {"StateMachineArn": {"Ref": "Machine"}},
}
NO_VERSION = {
    "Type": "AWS::StepFunctions::StateMachineVersion",
    "DependsOn": "Machine",
    "Properties": {
        "StateMachineArn": f"arn:aws:states:{emulators.REGION}:{emulators.ACCOUNT}:stateMachine:none"
    },
}


def template_of(**resources: Any) -> str:
    """Return a template."""
    return json.dumps({"Resources": resources})


def settled(cloud: Cloud, stack: str) -> str:
    """Wait until nothing goes on in a stack, and return its status."""
    for _ in Pace(first=0.05, last=0.2, limit=30).looks():
        if not cloud.status(stack).endswith("_IN_PROGRESS"):
            break
    return cloud.status(stack)


def test_a_resource_that_resists_is_told_and_can_be_left(cloud: Cloud) -> None:
    """A version that an alias leads to cannot be deleted: its name, the reason, and the option that leaves it."""
    client, states = cloud.client("cloudformation"), cloud.client("stepfunctions")
    client.create_stack(StackName="resisting", TemplateBody=template_of(Machine=MACHINE, Version=VERSION))
    assert "CREATE_COMPLETE" == settled(cloud, "resisting")
    found = client.describe_stack_resource(StackName="resisting", LogicalResourceId="Version")
    arn = found["StackResourceDetail"]["PhysicalResourceId"]
    states.create_state_machine_alias(
        name="a", routingConfiguration=[{"stateMachineVersionArn": arn, "weight": 100}]
    )
    assert 3 == cloud.run("destroy", "--stack-name", "resisting", "--yes", "--retain", "Version").code
    failed = cloud.run("destroy", "--stack-name", "resisting", "--yes")
    assert (1, "DELETE_FAILED") == (failed.code, cloud.status("resisting")), failed.err
    assert "Version (AWS::StepFunctions::StateMachineVersion): " in failed.err
    assert "python build.py destroy --stack-name resisting --retain Version" in failed.err
    left = cloud.run("destroy", "--stack-name", "resisting", "--yes", "--retain", "Version")
    assert (0, "gone") == (left.code, cloud.status("resisting")), left.err
    assert arn in left.out


@pytest.mark.parametrize("by", [None, signal.SIGINT])
def test_a_stack_that_was_left_half_changed_is_taken_back(cloud: Cloud, by: signal.Signals | None) -> None:
    """Somebody updated it with the rollback switched off; interrupted, the rollback goes on."""
    client, name = cloud.client("cloudformation"), f"half-{by}".lower()
    client.create_stack(StackName=name, TemplateBody=template_of(Machine=MACHINE))
    assert "CREATE_COMPLETE" == settled(cloud, name)
    body = template_of(Machine=MACHINE, Version=NO_VERSION)
    client.update_stack(StackName=name, TemplateBody=body, DisableRollback=True)
    assert "UPDATE_FAILED" == settled(cloud, name)
    if by is None:
        planned = cloud.run("rollback", "--stack", "--stack-name", name, "--json")
        assert (5, "UPDATE_FAILED", "UPDATE_FAILED") == (
            planned.code,
            planned.json["was"],
            cloud.status(name),
        )
        done = cloud.run("rollback", "--stack", "--stack-name", name, "--yes")
        assert (0, f"{name} is UPDATE_ROLLBACK_COMPLETE") == (done.code, done.out.splitlines()[-1]), done.err
    else:
        cloud.gate.hold("RollbackStack")
        found = cloud.interrupted("rollback", "--stack", "--stack-name", name, "--yes", by=by)
        assert (130, True) == (
            found.code,
            "CloudFormation goes on by itself, where it has begun" in found.err,
        )
        assert "UPDATE_ROLLBACK_COMPLETE" == settled(cloud, name)
    again = cloud.run("rollback", "--stack", "--stack-name", name, "--yes")
    assert (3, True) == (again.code, f"{name} is UPDATE_ROLLBACK_COMPLETE" in again.err)


def test_a_creation_that_was_left_half_done_is_taken_back(cloud: Cloud) -> None:
    """What is left of it can only be deleted then, and the message says with what."""
    client = cloud.client("cloudformation")
    body = template_of(Machine=MACHINE, Version=NO_VERSION)
    client.create_stack(StackName="half-made", TemplateBody=body, DisableRollback=True)
    assert "CREATE_FAILED" == settled(cloud, "half-made")
    done = cloud.run("rollback", "--stack", "--stack-name", "half-made", "--yes")
    assert (0, True) == (
        done.code,
        "python build.py destroy" in done.err or cloud.status("half-made") == "gone",
    ), done.err
    assert 0 == cloud.run("destroy", "--stack-name", "half-made", "--yes").code
    assert "gone" == cloud.status("half-made")


# What AWS answers


ERROR = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error></ErrorResponse>"
)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ExpiredToken", "the credentials have expired"),
        ("AccessDenied", "this is not allowed"),
        ("InvalidClientTokenId", "AWS does not know these credentials"),
    ],
)
@pytest.mark.parametrize("command", ["publish", "bootstrap", "rollback", "destroy"])
def test_a_refusal_is_a_message(cloud: Cloud, command: str, code: str, expected: str) -> None:
    """What is wrong and what to do, with AWS's own words, and exit code 1."""
    cloud.gate.answers = {"DescribeStacks": (403, ERROR.format(code, "Because.").encode())}
    more = ["--allow-uncommitted"] if command in ("publish", "bootstrap") else []
    try:
        found = cloud.run(command, *more)
    finally:
        cloud.gate.answers = {}
    assert 1 == found.code
    assert f"error: {expected}: DescribeStacks: Because. ({code})" in found.err
