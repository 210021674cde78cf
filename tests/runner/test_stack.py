"""The committed template on the emulator: the committed bytes are what runs, and what was taught holds."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import emulator, emulator_process, stack
from runner.services import interfaces

if TYPE_CHECKING:
    from runner.pipeline import Pipeline
    from runner.session import Session

# On an emulator, with real processes, some of which are killed on purpose.
pytestmark = pytest.mark.soak

ROOT = Path(__file__).parent.parent.parent
TEMPLATE = json.loads((ROOT / stack.TEMPLATE).read_text("utf-8"))


def test_the_committed_bytes_are_deployed(pipeline: Pipeline) -> None:
    """Template and definition lie in the bucket as they are committed; only parameters differ."""
    s3 = pipeline.emulator.client("s3")
    found = {
        each["Key"]: s3.get_object(Bucket=stack.BUCKET, Key=each["Key"])["Body"].read()
        for each in s3.list_objects_v2(Bucket=stack.BUCKET)["Contents"]
    }
    assert (ROOT / stack.TEMPLATE).read_bytes() in found.values()
    assert (ROOT / "asl/validation-pipeline.asl.json").read_bytes() in found.values()
    described = pipeline.emulator.client("cloudformation").describe_stacks(StackName=stack.STACK)["Stacks"][0]
    given = {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}
    defaults = {name: parameter.get("Default") for name, parameter in TEMPLATE["Parameters"].items()}
    assert {"ArtifactBucket", "VpcCidr"} == {name for name, value in given.items() if value != defaults[name]}


def test_the_definition_that_runs_is_the_committed_one(pipeline: Pipeline) -> None:
    """The alias leads to a version that holds the committed document, its tokens substituted and nothing else."""
    states = pipeline.emulator.client("stepfunctions")
    held = states.describe_state_machine(stateMachineArn=pipeline.stack.version_arn)["definition"]
    committed = (ROOT / "asl/validation-pipeline.asl.json").read_text("utf-8")
    pieces = emulator_tokens().split(committed)[::2]
    assert "${" not in held
    position = 0
    for piece in pieces:
        position = held.index(piece, position) + len(piece)
    assert pipeline.stack.alias_arn == pipeline.stack.version_arn.rpartition(":")[0] + ":live"


def emulator_tokens() -> Any:
    """Return the pattern of the document's tokens, whose names stand between the pieces of a split."""
    from runner.tokens import TOKEN  # noqa: PLC0415

    return TOKEN


def test_every_resource_is_created(pipeline: Pipeline) -> None:
    """None is skipped: what the template has under its conditions is what the stack has."""
    pages = pipeline.emulator.client("cloudformation").get_paginator("list_stack_resources")
    found = {
        each["LogicalResourceId"]
        for page in pages.paginate(StackName=stack.STACK)
        for each in page["StackResourceSummaries"]
    }
    given = {
        name for name, each in TEMPLATE["Resources"].items() if each.get("Condition") != "HasBuildSubnetIds"
    }
    assert given == found


def test_the_ingress_rule_is_in_its_group(pipeline: Pipeline) -> None:
    """What the emulator was taught: the validator's group may reach the task's port 8000, and nobody else."""
    (group,) = pipeline.stack.machine.states["RunMCPServerContainer"].fields["Parameters"]["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"]  # fmt: skip
    answer = interfaces._ask(pipeline.emulator, "DescribeSecurityGroups", {"GroupId.1": group})
    ingress = next(element for element in answer.iter() if element.tag.endswith("ipPermissions"))
    texts = [element.text for element in ingress.iter() if element.text and element.text.strip()]
    assert ["tcp", "8000", "8000"] == texts[:3]
    assert any(text.startswith("sg-") and text != group for text in texts)


def test_an_interface_has_an_address_of_its_subnet(pipeline: Pipeline) -> None:
    """What the emulator was taught: the address is one of the VPC's, and free again when it is deleted."""
    text = json.dumps(pipeline.stack.machine.fields)
    subnet = text.partition("subnet-")[2].partition(",")[0]
    made = [interfaces.create(pipeline.emulator, f"subnet-{subnet}", []) for _ in range(5)]
    try:
        assert 5 == len({each.address for each in made})
        network = ipaddress.ip_network(pipeline.stack.cidr or "10.77.0.0/16")
        assert all(ipaddress.ip_address(each.address) in network for each in made)
    finally:
        for each in made:
            interfaces.delete(pipeline.emulator, each)


@given(st.integers(16, 27), st.data())
def test_a_free_address_is_free(prefix: int, data: st.DataObject) -> None:
    """Whatever is taken: the address is in the subnet, not taken, and none of AWS's own."""
    network = ipaddress.ip_network(f"127.77.0.0/{max(prefix, 24)}")
    addresses = [str(address) for address in network][4:-1]
    taken = set(data.draw(st.lists(st.sampled_from(addresses), unique=True, max_size=len(addresses) - 1)))
    found = emulator_process.free_address(str(network), taken)
    assert found in addresses
    assert found not in taken


@pytest.mark.skipif(not stack.has_real_addresses(), reason="elsewhere there are no addresses to give out")
def test_two_runs_never_share_addresses(pipeline: Pipeline) -> None:
    """A second run beside one that goes on gets other addresses, and the first one's are free again when it ends."""
    first, second = stack.claim_network(), stack.claim_network()
    try:
        assert 3 == len({pipeline.stack.cidr, first.cidr, second.cidr})
    finally:
        first.close()
        second.close()


def test_a_full_subnet_is_told() -> None:
    """There is no address to give."""
    taken = {str(address) for address in ipaddress.ip_network("127.77.0.0/28")}
    with pytest.raises(ValueError, match="Insufficient free addresses"):
        emulator_process.free_address("127.77.0.0/28", taken)


def test_the_seams_belong_to_the_pinned_version() -> None:
    """The version that the patches were read in is the one that is installed."""
    pins = (ROOT / emulator.REQUIREMENTS).read_text("utf-8")
    assert f"\nministack=={emulator_process.VERSION} " in pins
    assert "--hash=sha256:" in pins
    assert "index" not in pins


@pytest.mark.parametrize(("extra", "expected"), [("", 0), ("_no_such_function", 1)])
def test_another_emulator_is_refused(session: Session, extra: str, expected: int) -> None:
    """Each seam is there in the pinned version; where one is not, the emulator does not start."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import emulator_process as it\n"
        "it.SEAMS = {**it.SEAMS, it.EC2: (*it.SEAMS[it.EC2], *sys.argv[2:])}\n"
        "missing = it.missing_seams(); print(missing); sys.exit(len(missing))"
    )
    python = ROOT / emulator.ENVIRONMENT / "bin/python"
    command: list[str | Path] = [
        python,
        "-I",
        "-c",
        script,
        Path(emulator_process.__file__).parent,
        *([extra] if extra else []),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=session.folder)
    assert expected == done.returncode
    assert extra in done.stdout


SCHEDULED = """
import sys; sys.path.insert(0, sys.argv[1]); import emulator_process as it
from ministack.services import eventbridge as events
key = ("123456789012", "us-east-1", "default|often")
arn = "arn:aws:events:us-east-1:123456789012:rule/often"
events._rules._data[key] = {"State": "ENABLED", "ScheduleExpression": "rate(1 minute)", "CreationTime": 0, "Arn": arn}
events._targets._data[key] = [{"Id": "a", "Arn": "arn:aws:states:us-east-1:123456789012:stateMachine:a"}]
fired = []
events._invoke_target = lambda *_given: fired.append(1)
events._tick_scheduled_rules()
events._rule_last_fired.clear()
it.teach()
events._tick_scheduled_rules()
print(len(fired))
"""


def test_no_rule_fires_by_its_schedule(session: Session) -> None:
    """The emulator would start the sweeper in an engine of its own: it fires before it is taught, and no more then."""
    command: list[str | Path] = [
        ROOT / emulator.ENVIRONMENT / "bin/python",
        "-I",
        "-c",
        SCHEDULED,
        Path(emulator_process.__file__).parent,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=session.folder)
    assert (0, "1") == (done.returncode, done.stdout.strip().rpartition("\n")[2])


def test_the_emulator_listens_on_loopback_only(pipeline: Pipeline) -> None:
    """Nobody but this machine can reach it."""
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("the kernel's table is only there on Linux")
    port = f"{pipeline.emulator.port:04X}"
    listening = [line.split()[1] for line in table.read_text().splitlines()[1:] if line.split()[3] == "0A"]
    assert [f"0100007F:{port}"] == [place for place in listening if place.endswith(f":{port}")]


def test_the_emulator_knows_nothing_of_the_caller(pipeline: Pipeline) -> None:
    """No credential, no proxy, no home of the caller's is in its environment."""
    environ = Path(f"/proc/{pipeline.emulator.process.pid}/environ")
    if not environ.exists():
        pytest.skip("a process's environment is only shown on Linux")
    found = dict(entry.split("=", 1) for entry in environ.read_text().split("\0") if entry)
    assert not [name for name in found if name.startswith("AWS_") or "PROXY" in name.upper()]
    assert found["HOME"].startswith(str(found["TMPDIR"]))


def test_a_missing_artifact_names_the_remedy(tmp_path: Path) -> None:
    """Without `dist/`, the message says what fills it."""
    with pytest.raises(stack.StackError, match="is missing; `make package` writes it"):
        stack.artifacts_of(tmp_path, TEMPLATE)


def test_other_bytes_than_the_key_names_are_refused(tmp_path: Path) -> None:
    """A stale package is not what the template deploys."""
    key = f"validator/{hashlib.sha256(b'right').hexdigest()}.zip"
    path = tmp_path / stack.DIST / key
    path.parent.mkdir(parents=True)
    path.write_bytes(b"wrong")
    template = {"Resources": {"F": {"Properties": {"Code": {"S3Key": key}}}}}
    with pytest.raises(stack.StackError, match="does not hold the bytes that its name says"):
        stack.artifacts_of(tmp_path, template)
    path.write_bytes(b"right")
    assert {key: b"right"} == stack.artifacts_of(tmp_path, template)


@pytest.mark.skipif(not stack.has_real_addresses(), reason="elsewhere a task's port is not needed")
def test_a_taken_task_port_is_told_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What listens on every address would be judged in the server's place."""
    everywhere = "0.0.0.0"  # noqa: S104 - what another program on the machine does
    with socket.create_server((everywhere, 0)) as other:
        monkeypatch.setattr(stack, "TASK_PORT", other.getsockname()[1])
        with pytest.raises(stack.StackError, match="is taken on every address of this machine"):
            stack.claim_network()
