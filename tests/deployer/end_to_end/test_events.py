"""The command events on the emulator."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.deployer.world import STACK

if TYPE_CHECKING:
    from tests.deployer.world import World

# On an emulator, with real processes.
pytestmark = pytest.mark.soak


def test_the_events_of_a_stack(world: World) -> None:
    """A row for each, the oldest first, its time in a zone that is named."""
    world.deployed()
    done = world.run("events")
    lines = done.out.splitlines()
    assert 0 == done.code
    assert lines[0].endswith("times are in UTC")
    assert len(world.events()) == len(lines) - 2
    assert {"CREATE_COMPLETE", STACK} <= set(lines[-1].split())


def test_events_for_programs(world: World) -> None:
    """A JSON document a line, with its time in UTC."""
    world.deployed()
    found = [json.loads(line) for line in world.run("events", "--json").out.splitlines()]
    assert [each["EventId"] for each in world.events()] == [each["id"] for each in found]
    assert all(datetime.fromisoformat(each["time"]).utcoffset() is not None for each in found)
    assert all(each["time"].endswith("+00:00") for each in found)


def test_what_failed(world: World) -> None:
    """Only causes, each with its reason in full; of the last operation, or since a time."""
    world.deployed()
    world.wait_for("NeverSignalled", seconds=1)
    world.begun()
    world.until("UPDATE_ROLLBACK_COMPLETE")
    done = world.run("events", "--failed")
    reason = next(
        each["ResourceStatusReason"] for each in world.events() if each["ResourceStatus"] == "UPDATE_FAILED"
    )
    assert f"NeverSignalled: {reason}" in done.out
    assert 1 == done.out.count(reason)
    assert "no such events" in world.run("events", "--failed", "--since", "2099-01-01T00:00").out
    tokens = {
        json.loads(line)["token"]
        for line in world.run("events", "--json", "--operation", "last").out.splitlines()
    }
    assert {"somebody"} == tokens


def test_a_stack_that_is_not_there(world: World) -> None:
    """Exit code 1, and its name."""
    done = world.run("events", "--stack-name", "nowhere")
    assert (1, "error: there is no stack nowhere in this account and region\n") == (done.code, done.err)


def test_a_time_that_is_none(world: World) -> None:
    """Exit code 2, and the forms."""
    done = world.run("events", "--since", "yesterday")
    assert 2 == done.code
    assert "neither a span (90s, 20m, 3h, 2d) nor a time" in done.err


def test_following_ends_with_what_came_of_it(world: World) -> None:
    """A rollback that is followed ends with 4."""
    world.deployed()
    world.wait_for("Slow")
    world.begun()
    world.until("UPDATE_IN_PROGRESS")
    running = world.start("events", "--follow", "--json")
    running.read_until('"logicalId": "Slow"')
    world.signal("Slow", "FAILURE")
    assert 4 == running.end()
    lines = [json.loads(line) for line in running.text.splitlines() if line.startswith("{")]
    assert len({each["id"] for each in lines}) == len(lines)
    assert "UPDATE_ROLLBACK_COMPLETE" == lines[-1]["status"]
