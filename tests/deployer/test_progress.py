"""What is shown while CloudFormation works: lines anywhere, a view that moves on a terminal of any width."""

from __future__ import annotations

import io
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from deployer import progress
from deployer.events import STACK, StackEvent
from deployer.progress import Lines, Live

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 22, 8, 30, 15, tzinfo=UTC)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this machine be in Berlin."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def event(seconds: float, logical_id: str, status: str, reason: str = "", **more: Any) -> StackEvent:
    """Return an event, so many seconds after the first."""
    kind = STACK if logical_id == "stack" else "AWS::ECS::Cluster"
    return StackEvent(
        f"{seconds}{logical_id}", logical_id, kind, status, reason, NOW + timedelta(seconds=seconds), **more
    )


@pytest.mark.usefixtures("berlin")
def test_times_are_in_the_users_zone() -> None:
    """And the zone is named."""
    assert ("09:30:15", "CET (UTC+01:00)") == (progress.clock(NOW), progress.zone(NOW))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.9, "59 s"), (61, "1 min 01 s"), (3600, "60 min 00 s")],
)
def test_durations(seconds: float, text: str) -> None:
    """As exact as anybody wants them."""
    assert text == progress.span(seconds)


def test_an_event_is_a_line() -> None:
    """Its time, status, resource and reason, on one line whatever the reason holds."""
    text = progress.line(event(0, "Cluster", "CREATE_FAILED", "first\n  second"))
    assert text.endswith("CREATE_FAILED               Cluster (ECS::Cluster): first second")


def test_a_hook_is_a_line() -> None:
    """Its own status and reason, not the resource's."""
    text = progress.line(
        event(
            0,
            "Cluster",
            "CREATE_IN_PROGRESS",
            hook="Company::Hook",
            hook_status="HOOK_COMPLETE_FAILED",
            hook_reason="no",
        )
    )
    assert "HOOK_COMPLETE_FAILED        Cluster (ECS::Cluster) hook Company::Hook: no" in text


def test_silence_is_broken(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing happens for a while, a line says that it still goes on: CI ends what is silent."""
    now = [1000.0]
    monkeypatch.setattr("deployer.progress.time.monotonic", lambda: now[0])
    shown = Lines()
    shown.look()
    now[0] += progress.PATIENCE + 1
    shown.look()
    shown.look()
    assert ["still going on, after 31 s"] == [line[10:] for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("width", [44, 60, 80, 140])
@pytest.mark.parametrize("height", [10, 40])
def test_the_view_fits_the_terminal(width: int, height: int) -> None:
    """No line is wider, and there are not more lines than fit; what is worked on is shown before what is done."""
    view, console = shown_on(width, height)
    view.event(event(0, "stack", "CREATE_IN_PROGRESS"))
    for number in range(60):
        view.event(event(1, f"Resource{number:02}WithALongName", "CREATE_IN_PROGRESS"))
    for number in range(50):
        view.event(event(2 + number, f"Resource{number:02}WithALongName", "CREATE_COMPLETE"))
    text = rendered(view, console)
    assert len(text) <= height
    assert max(map(len, text)) <= width
    assert "50 of 60" in text[0]
    active = [line for line in text if line.startswith("…")]
    assert min(10, height - progress.ROWS_BESIDE) == len(active)


def test_each_resource_has_its_own_time() -> None:
    """By AWS's clock, whatever this machine's shows."""
    view, console = shown_on(100, 30)
    view.event(event(0, "Cluster", "CREATE_IN_PROGRESS"))
    view.event(event(75, "Cluster", "CREATE_COMPLETE"))
    (line,) = [line for line in rendered(view, console) if "Cluster" in line]
    assert line.startswith("✓ Cluster")
    assert line.endswith("1 min 15 s")


def test_a_failure_stays_above_the_view() -> None:
    """With its reason, after the view is gone."""
    view, console = shown_on(200, 30)
    view.event(event(0, "Cluster", "CREATE_FAILED", "the quota is used up"))
    file = console.file
    assert isinstance(file, io.StringIO)
    assert "Cluster (ECS::Cluster): the quota is used up" in file.getvalue()


def test_what_is_taken_back_is_worked_on_again() -> None:
    """A resource that was done is under way once more while it is deleted."""
    view, console = shown_on(100, 30)
    for seconds, status in enumerate(("CREATE_IN_PROGRESS", "CREATE_COMPLETE", "DELETE_IN_PROGRESS")):
        view.event(event(seconds, "Cluster", status))
    text = rendered(view, console)
    assert "0 of 1" in text[0]
    assert any(line.startswith("… Cluster") and "DELETE_IN_PROGRESS" in line for line in text)


def test_a_view_only_for_whoever_watches(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody does here; with --json the lines go to standard error."""
    with progress.choose("stack", (), is_json=True) as view:
        view.event(event(0, "Cluster", "CREATE_COMPLETE"))
    captured = capsys.readouterr()
    assert type(view) is Lines
    assert ("", True) == (captured.out, "CREATE_COMPLETE" in captured.err)


@pytest.mark.parametrize(("terminal", "expected"), [("dumb", Lines), ("xterm-256color", Live)])
def test_a_terminal_that_moves_nothing_gets_lines(
    monkeypatch: pytest.MonkeyPatch, terminal: str, expected: type[Lines]
) -> None:
    """On it a view would never be seen, and nothing of what happens."""
    monkeypatch.setenv("TERM", terminal)
    monkeypatch.setattr("sys.stdout", io.StringIO())
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert expected is type(progress.choose("stack", (), is_json=False))


def shown_on(width: int, height: int) -> tuple[Live, Console]:
    """Return a view on a terminal of a size."""
    view = Live("stack", ["a"])
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, no_color=True)
    view._console = console
    return view, console


def rendered(view: Live, console: Console) -> list[str]:
    """Return what the view shows now."""
    plain = Console(file=io.StringIO(), width=console.width, height=console.height, color_system=None)
    with plain.capture() as captured:
        plain.print(view._render())
    return [line.rstrip() for line in captured.get().splitlines()]
