"""Whatever ends a deployment, and whenever: nothing is left half done, or it is said what is, and how to go on.

Real signals, to a real process; requests are held on their way so that the moment is exact.
"""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.deployer.crossing import LOST
from tests.deployer.world import STACK

if TYPE_CHECKING:
    from tests.deployer.world import World

# On an emulator, with real processes, which are ended by signals.
pytestmark = pytest.mark.soak

POLITE = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", POLITE)
@pytest.mark.parametrize("action", ["DescribeStacks", "GetCallerIdentity", "PUT"])
def test_before_anything_is_made(world: World, action: str, number: int) -> None:
    """Exit code 130; there is no stack."""
    hold = world.crossing.hold(action)
    running = world.start_deploy("--yes")
    hold.wait()
    running.interrupt(number)
    assert 130 == running.end()
    assert "interrupted: nothing was executed" in running.text
    assert ("", []) == (world.status, world.crossing.actions("CreateChangeSet"))
    hold.release.set()


@pytest.mark.parametrize("number", POLITE)
def test_while_the_change_set_is_asked_for_and_was_heard(world: World, number: int) -> None:
    """The answer never came; the change set and the empty stack are found by their names, and deleted."""
    hold = world.crossing.hold("CreateChangeSet", after=True)
    running = world.start_deploy("--yes")
    hold.wait()
    assert "REVIEW_IN_PROGRESS" == world.status
    running.interrupt(number)
    assert 130 == running.end()
    hold.release.set()
    assert "interrupted: nothing was executed" in running.text
    assert "" == world.status


def test_while_the_change_set_is_asked_for_and_was_not_heard(world: World) -> None:
    """There is nothing to take back, and nothing else is deleted."""
    world.plan("theirs")
    hold = world.crossing.hold("CreateChangeSet", then=LOST)
    running = world.start_deploy("--yes")
    hold.wait()
    running.interrupt()
    assert 130 == running.end()
    hold.release.set()
    assert ("REVIEW_IN_PROGRESS", ["theirs"]) == (world.status, world.change_sets())


def test_while_the_change_set_is_being_made(world: World) -> None:
    """It is deleted, and so is the stack that this run made."""
    hold = world.crossing.hold("DescribeChangeSet")
    running = world.start_deploy("--yes")
    hold.wait()
    running.interrupt()
    assert 130 == running.end()
    hold.release.set()
    assert "" == world.status


@pytest.mark.parametrize("keys", ["\x03", "\x04"])
def test_at_the_question(world: World, keys: str) -> None:
    """Ctrl-C, and an end of the input, are no answer: what was made is taken back."""
    running = world.start_deploy(terminal=True)
    running.read_until("[y/N]")
    running.type(keys)
    assert 130 == running.end()
    assert "" == world.status


def test_at_the_question_of_an_update(world: World) -> None:
    """The stack stays as it is; only the change set goes."""
    world.deployed()
    world.change_a_description()
    running = world.start_deploy(terminal=True)
    running.read_until("[y/N]")
    running.interrupt()
    assert 130 == running.end()
    assert ("CREATE_COMPLETE", []) == (world.status, world.change_sets())


def test_while_the_execution_is_asked_for_and_was_not_heard(world: World) -> None:
    """The change set is as it was: it is taken back."""
    hold = world.crossing.hold("ExecuteChangeSet", then=LOST)
    running = world.start_deploy("--yes")
    hold.wait()
    running.interrupt()
    assert 130 == running.end()
    hold.release.set()
    assert "interrupted: nothing was executed" in running.text
    assert "" == world.status


@pytest.mark.parametrize("number", POLITE)
def test_while_the_execution_is_asked_for_and_was_heard(world: World, number: int) -> None:
    """It goes on without us; how to follow and to end it is said."""
    world.wait_for("Slow")
    hold = world.crossing.hold("ExecuteChangeSet", after=True)
    running = world.start_deploy("--yes")
    hold.wait()
    running.interrupt(number)
    assert 130 == running.end()
    hold.release.set()
    assert f"interrupted: what was begun goes on in AWS, with nobody watching: {STACK}" in running.text
    assert "python build.py events --follow" in running.text
    assert f"aws cloudformation delete-stack --stack-name {STACK}" in running.text
    assert [] == world.crossing.actions("DeleteChangeSet", "DeleteStack")
    world.signal("Slow")
    world.until("CREATE_COMPLETE")


def test_a_terminal_that_is_closed_at_the_question(world: World) -> None:
    """Nothing can be written to it any more, and what was made to be shown is taken back all the same."""
    running = world.start_deploy(terminal=True)
    running.read_until("[y/N]")
    running.hang_up()
    assert ("", []) == (world.status, world.change_sets())


@pytest.mark.parametrize("terminal", [False, True])
def test_while_it_is_followed(world: World, *, terminal: bool) -> None:
    """It detaches, says how to follow and to cancel; what was begun ends well, and can be followed again."""
    world.deployed()
    world.wait_for("Slow")
    running = world.start_deploy("--yes", terminal=terminal)
    world.until_followed()
    running.interrupt()
    assert 130 == running.end()
    assert "python build.py events --follow" in running.text
    assert f"aws cloudformation cancel-update-stack --stack-name {STACK}" in running.text
    assert "UPDATE_IN_PROGRESS" == world.status
    again = world.start("events", "--follow")
    again.read_until("Slow ")
    world.signal("Slow")
    assert (0, "UPDATE_COMPLETE") == (again.end(), world.status)
    assert f"{STACK} is UPDATE_COMPLETE" in again.text


def test_where_nobody_reads_what_is_shown(world: World) -> None:
    """`deploy --yes | head`: the pipe breaks while it is followed; what goes on is told on standard error."""
    world.deployed()
    world.wait_for("Slow")
    process = subprocess.Popen(
        world.command("deploy", "--yes", "--allow-uncommitted", "--bucket", world.bucket),
        cwd=world.root, env=world.environment, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    world.until_followed()
    process.stdout.close()
    world.signal("Slow")
    with process.stderr as told:
        assert "what was begun goes on in AWS, with nobody watching" in told.read()
    assert 1 == process.wait()
    world.until("UPDATE_COMPLETE")


def test_while_events_are_followed(world: World) -> None:
    """Exit code 130, and what goes on goes on."""
    world.deployed()
    world.wait_for("Slow")
    world.begun()
    running = world.start("events", "--follow")
    running.read_until("Slow ")
    running.interrupt()
    assert (130, "UPDATE_IN_PROGRESS") == (running.end(), world.status)
    assert "is not ended by that" in running.text
    world.signal("Slow")


def test_while_it_is_taken_back(world: World) -> None:
    """Once more is told, and heard the second time: then it is said what is left, and how to delete it."""
    running = world.start_deploy(terminal=True)
    running.read_until("[y/N]")
    hold = world.crossing.hold("DeleteChangeSet", then=LOST)
    running.type("n\n")
    hold.wait()
    running.interrupt()
    running.read_until("once more to leave it as it is")
    running.interrupt()
    running.end()
    hold.release.set()
    assert "left behind, not executed" in running.text
    assert (
        f"aws cloudformation delete-change-set --stack-name {STACK} --change-set-name toolshed-"
        in running.text
    )
    assert f"aws cloudformation delete-stack --stack-name {STACK}" in running.text
    assert ("REVIEW_IN_PROGRESS", 1) == (world.status, len(world.change_sets()))


def test_while_somebody_elses_operation_is_waited_for(world: World) -> None:
    """It is theirs, and goes on; there is nothing of ours to cancel."""
    world.deployed()
    world.wait_for("Theirs")
    world.begun()
    world.until("UPDATE_IN_PROGRESS")
    running = world.start_deploy("--yes", "--wait")
    running.read_until("times are in")
    running.interrupt()
    assert (130, "UPDATE_IN_PROGRESS") == (running.end(), world.status)
    assert "cancel" not in running.text
    world.signal("Theirs")


def test_a_program_is_told_too(world: World) -> None:
    """With --json the document says that it was interrupted, and nothing else is on standard output."""
    hold = world.crossing.hold("DescribeChangeSet")
    running = world.start_deploy("--yes", "--json")
    hold.wait()
    running.interrupt(signal.SIGTERM)
    assert 130 == running.end()
    hold.release.set()
    assert '"result": "interrupted"' in running.text
    assert '"exit": 130' in running.text
