"""The time that an execution runs in: virtual for tests, the system's own for real runs.

All times are aware datetimes in UTC, exact to the microsecond.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""When a virtual clock begins, unless it is told otherwise."""


class Clock(Protocol):
    """What an execution asks of time."""

    def now(self) -> datetime:
        """Return the present time."""

    def sleep_until(self, moment: datetime) -> None:
        """Return when `moment` has come; at once when it is past."""


class VirtualClock:
    """A clock that moves only when it is told: half an hour passes in no time."""

    def __init__(self, start: datetime = EPOCH):
        self._now = start

    def now(self) -> datetime:
        """Return the time that the clock stands at."""
        return self._now

    def sleep_until(self, moment: datetime) -> None:
        """Move to `moment`; a clock never moves back."""
        self._now = max(self._now, moment)

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self._now += timedelta(seconds=seconds)


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time of day."""
        return datetime.now(UTC)

    def sleep_until(self, moment: datetime) -> None:
        """Sleep until the time of day is `moment`."""
        seconds = (moment - self.now()).total_seconds()
        if seconds > 0:
            time.sleep(seconds)


def timestamp(moment: datetime) -> str:
    """Write a time as Step Functions does in its context object: `2026-01-01T00:00:00.000Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
