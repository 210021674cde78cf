"""Flows beside each other on one clock."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states_language.clock import EPOCH, VirtualClock
from states_language.interpreter.errors import StateFailure
from states_language.interpreter.schedule import DeadlinePassed, Scheduler

if TYPE_CHECKING:
    from states_language.interpreter.schedule import Flow


def after(seconds: float) -> timedelta:
    """Give a time span."""
    return timedelta(seconds=seconds)


@given(st.lists(st.lists(st.integers(0, 5), max_size=4), min_size=1, max_size=4))
def test_flows_run_in_the_order_of_their_moments(waits: list[list[int]]) -> None:
    """Each flow sleeps for its spans one after another; all together pass as much time as the longest."""
    clock = VirtualClock()
    scheduler = Scheduler(clock)
    seen: list[float] = []

    def sleeper(spans: list[int]) -> Flow:
        for span in spans:
            yield clock.now() + after(span)
            seen.append((clock.now() - EPOCH).total_seconds())
        return sum(spans)

    def parent() -> Flow:
        jobs = [scheduler.start(sleeper(spans)) for spans in waits]
        while running := [job for job in jobs if not job.done]:
            yield running
        return [job.value for job in jobs]

    job = scheduler.start(parent())
    scheduler.run(job, None)
    assert [sum(spans) for spans in waits] == job.value
    assert sorted(seen) == seen
    assert EPOCH + after(max(map(sum, waits))) == clock.now()


def test_a_failure_ends_its_flow_alone() -> None:
    """Whoever started it sees it, and may go on."""
    scheduler = Scheduler(VirtualClock())

    def failing() -> Flow:
        yield EPOCH + after(1)
        raise StateFailure("E")

    def parent() -> Flow:
        child = scheduler.start(failing())
        yield [child]
        return child.failure.error if child.failure else None

    job = scheduler.start(parent())
    scheduler.run(job, None)
    assert "E" == job.value


def test_a_cancelled_flow_never_runs_again() -> None:
    """It is closed where it waits."""
    scheduler = Scheduler(VirtualClock())
    ran: list[str] = []

    def sleeper() -> Flow:
        try:
            yield EPOCH + after(1)
        finally:
            ran.append("closed")
        ran.append("woken")

    def parent() -> Flow:
        child = scheduler.start(sleeper())
        scheduler.cancel(child)
        yield EPOCH + after(2)

    scheduler.run(scheduler.start(parent()), None)
    assert ["closed"] == ran


def test_a_parent_is_woken_once_for_children_that_finish_together() -> None:
    """A wake-up that is no longer waited for does not cut the parent's next sleep short."""
    clock = VirtualClock()
    scheduler = Scheduler(clock)

    def child() -> Flow:
        yield EPOCH + after(1)

    def parent() -> Flow:
        yield [scheduler.start(child()), scheduler.start(child())]
        yield EPOCH + after(5)
        return clock.now()

    job = scheduler.start(parent())
    scheduler.run(job, None)
    assert EPOCH + after(5) == job.value


def test_the_deadline_is_kept_to_the_moment() -> None:
    """The clock stands at the deadline, and what happens at that very moment still happens."""
    clock = VirtualClock()
    scheduler = Scheduler(clock)
    ran: list[int] = []

    def sleeper() -> Flow:
        for second in (2, 4, 6):
            yield EPOCH + after(second)
            ran.append(second)

    with pytest.raises(DeadlinePassed):
        scheduler.run(scheduler.start(sleeper()), EPOCH + after(4.5))
    assert ([2, 4], EPOCH + after(4.5)) == (ran, clock.now())
