"""Times as people read them, in their own zone with its name, and as programs do, in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

_AGE = re.compile(r"(\d+)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def shown(moment: datetime | None) -> str:
    """Return a time in this machine's zone, with the zone named; empty where there is none."""
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def zone(moments: Iterable[datetime]) -> str:
    """Return the name of this machine's zone at some times: two names where the clocks were changed between them."""
    return ", ".join(dict.fromkeys(moment.astimezone().strftime("%Z") for moment in moments))


def day(moment: datetime) -> str:
    """Return a time's day in this machine's zone, and the zone."""
    return moment.astimezone().strftime("%Y-%m-%d, times in %Z")


def short(moment: datetime) -> str:
    """Return a time in this machine's zone, for a column whose heading names the zone."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def utc(moment: datetime | None) -> str | None:
    """Return a time for programs: ISO 8601, in UTC."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Since(click.ParamType[datetime]):
    """A time in the past: an age (`30m`, `12h`, `7d`, `2w`), or a date or time, in this machine's zone unless it names one."""

    name = "since"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time that is meant."""
        if isinstance(value, datetime):
            return value
        text = str(value).strip()
        if age := _AGE.fullmatch(text):
            try:
                return datetime.now(UTC) - timedelta(seconds=int(age[1]) * _SECONDS[age[2]])
            except OverflowError:
                self.fail(f"'{text}' is longer ago than any execution", param, ctx)
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            self.fail(
                f"'{text}' is no time: write 30m, 12h, 7d, or 2026-11-20, or 2026-11-20T14:30", param, ctx
            )
        try:
            found = found.astimezone()
        except (OverflowError, ValueError):
            self.fail(f"'{text}' is longer ago than any execution", param, ctx)
        if found > datetime.now(UTC):
            self.fail(f"'{text}' has not been yet", param, ctx)
        return found
