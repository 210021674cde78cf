"""The clocks that executions run on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from states_language.clock import EPOCH, SystemClock, VirtualClock, timestamp


@given(st.lists(st.floats(-1e6, 1e6), max_size=5))
def test_a_virtual_clock_never_goes_back(offsets: list[float]) -> None:
    """Sleeping until a past moment takes no time."""
    clock = VirtualClock()
    for offset in offsets:
        before = clock.now()
        clock.sleep_until(EPOCH + timedelta(seconds=offset))
        assert max(before, EPOCH + timedelta(seconds=offset)) == clock.now()


def test_a_virtual_clock_can_be_moved() -> None:
    """By exactly the seconds that are said."""
    clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
    clock.advance(0.25)
    assert datetime(2026, 1, 1, 0, 0, 0, 250_000, UTC) == clock.now()


def test_the_system_clock_sleeps() -> None:
    """Until the moment has come, and not for a past one."""
    clock = SystemClock()
    moment = clock.now() + timedelta(milliseconds=20)
    clock.sleep_until(moment)
    clock.sleep_until(moment)
    assert timedelta() <= clock.now() - moment < timedelta(seconds=1)


def test_a_timestamp_has_milliseconds() -> None:
    """As the context object's times have."""
    assert "2026-11-22T01:02:03.004Z" == timestamp(datetime(2026, 11, 22, 1, 2, 3, 4_999, UTC))
