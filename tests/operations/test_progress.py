"""What is shown while an execution runs: lines in a pipe, a view on a terminal, nothing for programs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from operations import cost, progress
from operations.progress import Lines, Live, choose, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime.now(UTC)


def entered(at: float, name: str, kind: str = "Task") -> dict[str, Any]:
    """Return an event."""
    return {"type": f"{kind}StateEntered", "timestamp": NOW + timedelta(seconds=at), "stateEnteredEventDetails": {"name": name}}  # fmt: skip


def left(at: float, name: str, kind: str = "Task") -> dict[str, Any]:
    """Return an event."""
    return {"type": f"{kind}StateExited", "timestamp": (NOW + timedelta(seconds=at)).isoformat(), "stateExitedEventDetails": {"name": name}}  # fmt: skip


def events() -> Iterator[dict[str, Any]]:
    """Yield a part of a history in which a state is entered twice, and a call fails."""
    yield {"type": "ExecutionStarted", "timestamp": NOW}
    yield entered(0, "Build")
    yield {"type": "TaskFailed", "timestamp": NOW + timedelta(seconds=1), "taskFailedEventDetails": {"error": "Busy\x1b"}}  # fmt: skip
    yield left(40, "Build")
    yield entered(40, "Choose", "Choice")
    yield left(40, "Choose", "Choice")
    for at in (40, 42):
        yield entered(at, "Wait", "Wait")
        yield left(at + 2, "Wait", "Wait")
    yield entered(44, "Judge")


def test_lines_tell_each_state_once(capsys: pytest.CaptureFixture[str]) -> None:
    """With what took time, and errors that steer no terminal; states that take none are left out."""
    lines = Lines()
    for each in events():
        lines.event(each)
    assert [
        "   0.00  Build",
        "   1.00    Busy·",
        "  40.00    Build took 40.0 s",
        "  40.00  Wait",
        "  42.00    Wait took 2.0 s",
        "  44.00    Wait took 2.0 s",
        "  44.00  Judge",
    ] == capsys.readouterr().out.splitlines()


def test_the_view_shows_what_is_done_runs_and_comes() -> None:
    """Visits are added up, the open one runs on, and states behind it are dim."""
    live = Live(["Build", "Judge", "Record"])
    live.tell("deploying")
    for each in events():
        if each["type"] != "TaskFailed":
            live.event(each)
    console = Console(width=80, record=True, file=None)
    with console.capture() as captured:
        console.print(live._render())
    shown = [" ".join(line.split()) for line in captured.get().splitlines()]
    assert "✓ Build 40.0 s" in shown
    assert "✓ Wait (2 times) 4.0 s" in shown
    assert any("Judge" in line and not line.startswith("✓") for line in shown)
    assert "· Record" == shown[-1]


def test_an_error_ends_the_guess_at_what_comes() -> None:
    """What follows a failure is not the way of a good execution."""
    live = Live(["Build", "Judge", "Record"])
    for each in events():
        live.event(each)
    live.event({"type": "TaskFailed", "timestamp": NOW, "taskFailedEventDetails": {"error": "E"}})
    assert () == live._ahead()


def test_who_watches_decides() -> None:
    """Programs are shown nothing, a pipe lines."""
    assert isinstance(choose(is_json=True), progress.Silent)
    assert isinstance(choose(is_json=False), Lines)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (60, "1 min 0 s"), (3725, "1 h 2 min"), (200_000, "2 d 7 h")],
)
def test_durations_read_well(number: float, expected: str) -> None:
    """In the two units that matter."""
    assert expected == seconds(number)


def test_what_comes_are_the_tasks_of_a_good_execution() -> None:
    """In their order; what only a rejected server's execution calls is none of them."""
    assert (
        "BuildMCPServerImage",
        "RegisterValidationTaskDef",
        "RunMCPServerContainer",
        "DescribeTask",
        "ValidateMCPServer",
        "StopMCPServerContainer",
        "DeregisterValidationTaskDef",
        "RecordVerdict",
    ) == cost.rates().calls
