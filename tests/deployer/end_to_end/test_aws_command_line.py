"""The committed template, deployed by plain `aws cloudformation deploy`: nothing of ours is needed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from runner.stack import TEMPLATE
from tests.deployer.aws_command_line import installed
from tests.deployer.world import REGION, STACK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.deployer.world import World

# On an emulator, with the AWS command line, which is installed first.
pytestmark = pytest.mark.soak


@pytest.fixture(scope="session")
def aws(packaged: Path) -> Path:
    """Return the program."""
    return installed(packaged)


def deploy(aws: Path, world: World, *more: str) -> subprocess.CompletedProcess[str]:
    """Deploy as the documentation says, without this project's commands."""
    words = [
        str(aws), "cloudformation", "deploy", "--endpoint-url", world.crossing.url, "--region", REGION,
        "--stack-name", STACK, "--template-file", str(world.root / TEMPLATE), "--s3-bucket", world.bucket,
        "--capabilities", "CAPABILITY_IAM", "--parameter-overrides", f"ArtifactBucket={world.bucket}", *more,
    ]  # fmt: skip
    environment = {
        **world.environment,
        # `--endpoint-url` is CloudFormation's; where the template is uploaded to is said here.
        "AWS_ENDPOINT_URL_S3": world.crossing.url,
    }
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_the_committed_template_is_deployed(aws: Path, world: World) -> None:
    """With what it names in the bucket, a creation, no change, and then our command, which finds nothing to change."""
    world.publish()
    created = deploy(aws, world)
    assert 0 == created.returncode, created.stderr
    assert "CREATE_COMPLETE" == world.status
    outputs = {each["OutputKey"]: each["OutputValue"] for each in (world.stack() or {})["Outputs"]}
    alias = world.client("stepfunctions").describe_state_machine_alias(
        stateMachineAliasArn=outputs["PipelineArn"]
    )
    assert alias["routingConfiguration"][0]["stateMachineVersionArn"].endswith(":1")
    again = deploy(aws, world, "--no-fail-on-empty-changeset")
    assert 0 == again.returncode, again.stderr
    assert "No changes to deploy" in again.stdout
    ours = world.deploy("--yes")
    assert (0, True) == (ours.code, "nothing to change" in ours.out)


def test_what_it_planned_can_be_executed_by_our_command(aws: Path, world: World) -> None:
    """`--no-execute-changeset` leaves a change set of the committed template; --execute shows and takes it."""
    world.publish()
    planned = deploy(aws, world, "--no-execute-changeset")
    assert 0 == planned.returncode, planned.stderr
    (name,) = world.change_sets()
    ended = world.run("deploy", "--allow-uncommitted", "--execute", name, "--yes")
    assert (0, "CREATE_COMPLETE") == (ended.code, world.status), ended.err


def test_what_our_command_planned_can_be_executed_by_it(aws: Path, world: World) -> None:
    """The command that is printed with a plan does what it says."""
    planned = world.deploy("--no-execute")
    line = next(
        line for line in planned.out.splitlines() if "or  aws cloudformation execute-change-set" in line
    )
    words = line.split("or  aws ", 1)[1].split()
    done = subprocess.run(
        [str(aws), *words], env=world.environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert 0 == done.returncode, done.stderr
    world.until("CREATE_COMPLETE")
