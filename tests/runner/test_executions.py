"""What is known of executions, and how one is stopped."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from runner import executions
from runner.executions import Executions, Run, Stop, StoppableClock
from runner.workflows import Workflow
from states_language.interpreter import Execution, ExecutionStopped, Status

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOW = Workflow("arn:aws:states:r:1:stateMachine:m", None, None, "role", "{}", datetime.now(UTC))
EVENTS = (
    {"id": 1, "type": "ExecutionStarted", "timestamp": "2026-01-01T00:00:00.000Z", "previousEventId": 0},
)


def run(number: int = 0) -> Run:
    """Return an execution that has begun."""
    found = Run(WORKFLOW.execution_arn(f"e{number}"), f"e{number}", WORKFLOW, "{}")
    found.events.extend(EVENTS)
    return found


def test_the_first_reason_to_stop_stays() -> None:
    """A second request changes nothing, and tells nobody again."""
    stop, told = Stop(), []
    with stop.telling(lambda: told.append(1)):
        stop.request("E", "why")
        stop.request("F", "other")
    assert ("E", "why", [1]) == (stop.error, stop.cause, told)
    with pytest.raises(ExecutionStopped, match="E: why"):
        stop.check()


def test_who_comes_late_is_told_at_once() -> None:
    """And who has left is told no more."""
    stop, told = Stop(), []
    with stop.telling(lambda: told.append("gone")):
        pass
    stop.request()
    with stop.telling(lambda: told.append("late")):
        assert ["late"] == told


def test_a_stopped_execution_sleeps_no_longer() -> None:
    """However long it was to sleep."""
    stop = Stop()
    threading.Timer(0.05, stop.request).start()
    began = time.monotonic()
    with pytest.raises(ExecutionStopped):
        StoppableClock(stop).sleep_until(datetime.now(UTC) + timedelta(seconds=60))
    assert time.monotonic() - began < 30


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    """Whoever comes second gets the first one."""
    kept, first = Executions(tmp_path), run()
    assert first is kept.add(first)
    assert first is kept.add(run())
    assert [first] == kept.all()
    kept.forget(first.arn)
    assert kept.get(first.arn) is None


def test_an_execution_that_cannot_be_carried_on_has_failed() -> None:
    """Its history says so too."""
    given = run()
    given.give_up(ValueError("why"))
    assert ("FAILED", "States.Runtime", "ValueError: why") == (given.status, given.error, given.cause)
    assert (2, 1, "ExecutionFailed") == tuple(
        given.events[-1][name] for name in ("id", "previousEventId", "type")
    )


def test_old_histories_are_laid_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And read again when somebody asks; one that runs is not touched."""
    monkeypatch.setattr(executions, "IN_MEMORY", 1)
    kept = Executions(tmp_path / "folder")
    running, first, second = (kept.add(run(number)) for number in range(3))
    for each in (first, second):
        each.end(Execution(Status.SUCCEEDED, {}, None, None, EVENTS))
    kept.lay_aside()
    kept.lay_aside()
    assert 1 == len(list((tmp_path / "folder").iterdir()))
    assert [list(EVENTS)] * 3 == [each.events for each in (running, first, second)]


def test_a_history_stays_where_it_cannot_be_laid_aside(tmp_path: Path) -> None:
    """The disk may be full."""
    given = run()
    given.end(Execution(Status.SUCCEEDED, {}, None, None, EVENTS))
    given.lay_aside(tmp_path / "nowhere")
    assert list(EVENTS) == given.events


def test_all_are_stopped_at_the_end(tmp_path: Path) -> None:
    """Each is waited for, but not for ever."""
    kept = Executions(tmp_path)
    given = kept.add(run())
    began = time.monotonic()
    kept.stop(0.05)
    assert given.stop.is_requested
    assert time.monotonic() - began < 30
