"""The command events: times, and which events are wanted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deployer import history
from deployer.console import Refused
from deployer.events import STACK, StackEvent
from deployer.history import Wanted
from deployer.progress import zone

SAME = "t"
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", NOW - timedelta(seconds=90)),
        ("20m", NOW - timedelta(minutes=20)),
        ("3h", NOW - timedelta(hours=3)),
        ("2d", NOW - timedelta(days=2)),
        ("2026-11-22T07:00+00:00", NOW - timedelta(hours=1)),
        ("2026-11-22T09:00+02:00", NOW - timedelta(hours=1)),
        ("2026-11-22T07:00Z", NOW - timedelta(hours=1)),
    ],
)
def test_a_moment(text: str, expected: datetime) -> None:
    """A span ago, or a time with its zone."""
    assert expected == history.moment(text, NOW)


def test_a_moment_without_zone_is_this_machines() -> None:
    """What a person writes is their own time."""
    assert datetime(2026, 11, 22, 7).astimezone(UTC) == history.moment("2026-11-22T07:00", NOW)


@pytest.mark.parametrize("text", ["yesterday", "20", "m20", ""])
def test_no_moment(text: str) -> None:
    """It is refused with the forms."""
    with pytest.raises(Refused, match="neither a span"):
        history.moment(text, NOW)


@pytest.mark.parametrize("text", ["99999999999d", "9999999d"])
def test_a_moment_before_all_time(text: str) -> None:
    """It is refused, too."""
    with pytest.raises(Refused, match="longer ago than any stack"):
        history.moment(text, NOW)


def event(number: int, status: str, **more: Any) -> StackEvent:
    """Return an event."""
    kind, reason = more.pop("kind", "T"), more.pop("reason", "")
    return StackEvent(str(number), "X", kind, status, reason, NOW, **more)


def test_a_day_and_a_reason_take_room_only_where_they_differ() -> None:
    """Eighty columns then show the time and the status in full."""
    local = NOW.astimezone()
    one, other = event(1, "CREATE_COMPLETE"), event(2, "CREATE_FAILED", reason="denied")
    day, headings, row = history.as_table([one, one]).splitlines()[:3]
    assert f"{local:%Y-%m-%d}, times are in {zone(local)}" == day
    assert ["time", "status", "resource", "type"] == headings.split()
    assert [f"{local:%H:%M:%S}", "CREATE_COMPLETE", "X", "T"] == row.split()
    later = replace(other, at=NOW + timedelta(days=2))
    day, headings, row, last = history.as_table([one, later]).splitlines()
    assert f"times are in {zone(local)}" == day
    assert row.startswith(f"{local:%Y-%m-%d %H:%M:%S}")
    assert ("reason", "denied") == (headings.split()[-1], last.split()[-1])
    assert "denied" not in history.as_table([later], has_reasons=False)


def test_the_last_operation() -> None:
    """By its ID, or by its token where there is none; or the one that is named by either."""
    by_id = [
        event(1, "CREATE_COMPLETE", operation="a", token=SAME),
        event(2, "UPDATE_COMPLETE", operation="b", token=SAME),
    ]
    assert ["2"] == [each.id for each in history._chosen(by_id, Wanted("s", operation="last"))]
    by_token = [event(1, "CREATE_COMPLETE", token="a"), event(2, "UPDATE_COMPLETE", token="b")]  # noqa: S106
    assert ["2"] == [each.id for each in history._chosen(by_token, Wanted("s", operation="last"))]
    assert ["1"] == [each.id for each in history._chosen(by_token, Wanted("s", operation="a"))]
    assert [] == history._chosen([], Wanted("s", operation="last"))


def test_what_failed() -> None:
    """Causes only; the stack's own event where there is no other."""
    stack = event(3, "UPDATE_FAILED", kind=STACK)
    found = [
        event(1, "CREATE_FAILED"),
        event(2, "CREATE_FAILED", reason="Resource creation cancelled"),
        stack,
    ]
    assert ["1"] == [each.id for each in history._chosen(found, Wanted("s", only_failed=True))]
    assert ["3"] == [each.id for each in history._chosen([stack], Wanted("s", only_failed=True))]


def test_an_event_for_programs_is_in_utc() -> None:
    """Whatever the zone that it came in."""
    found = StackEvent(
        "1", "X", "T", "CREATE_COMPLETE", "", datetime.fromisoformat("2026-11-22T10:00:00+02:00")
    )
    assert "2026-11-22T08:00:00+00:00" == json.loads(history.as_json(found))["time"]
