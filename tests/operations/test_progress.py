"""What is shown while an execution runs: lines in a pipe, a graph on a terminal, nothing for programs."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from operations import progress
from operations.live import Live
from operations.progress import Lines, choose, seconds
from runner import progress as local

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

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


def test_who_watches_decides() -> None:
    """Programs are shown nothing, a pipe lines."""
    assert isinstance(choose(is_json=True), progress.Silent)
    assert isinstance(choose(is_json=False), Lines)


@pytest.mark.parametrize(("terminal", "is_live"), [("dumb", False), ("xterm-256color", True)])
@pytest.mark.parametrize("package", [progress, local])
def test_a_terminal_that_moves_nothing_gets_lines(
    monkeypatch: pytest.MonkeyPatch, package: ModuleType, terminal: str, is_live: bool
) -> None:
    """On it a live graph would never be seen; of an execution here as of one on AWS."""
    monkeypatch.setenv("TERM", terminal)
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(f"sys.{name}", io.StringIO())
        monkeypatch.setattr(f"sys.{name}.isatty", lambda: True)
    assert is_live is isinstance(package.choose(is_json=False), Live)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (60, "1 min 0 s"), (3725, "1 h 2 min"), (200_000, "2 d 7 h")],
)
def test_durations_read_well(number: float, expected: str) -> None:
    """In the two units that matter."""
    assert expected == seconds(number)
