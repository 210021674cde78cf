"""Times that operators give and read."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import click
import pytest

from operations.times import Since, day, shown, utc, zone

SINCE = Since()


@pytest.fixture(autouse=True)
def _zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be five and a half hours ahead of UTC."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()


@pytest.fixture(autouse=True, scope="module")
def _restored() -> object:
    """Let the zone be as it was for other tests."""
    yield
    time.tzset()


@pytest.mark.parametrize(
    ("text", "age"),
    [("90s", 90), ("30m", 1800), ("12h", 43200), ("7d", 604800), ("2w", 1209600), (" 1 h ", 3600)],
)
def test_an_age_is_taken(text: str, age: int) -> None:
    """Counted from now."""
    found = SINCE.convert(text, None, None)
    assert abs((datetime.now(UTC) - found).total_seconds() - age) < 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02", datetime(2026, 1, 1, 18, 30, tzinfo=UTC)),
        ("2026-01-02T03:00", datetime(2026, 1, 1, 21, 30, tzinfo=UTC)),
        ("2026-01-02T03:00Z", datetime(2026, 1, 2, 3, 0, tzinfo=UTC)),
        ("2026-01-02T03:00+02:00", datetime(2026, 1, 2, 1, 0, tzinfo=UTC)),
    ],
)
def test_a_date_is_of_this_machine_s_zone_unless_it_names_one(text: str, expected: datetime) -> None:
    """As people mean it."""
    assert expected == SINCE.convert(text, None, None)


@pytest.mark.parametrize(
    "text", ["", "7", "d7", "7y", "tomorrow", "2026-13-01", "9999-01-01", "0001-01-01", "99999999999999w"]
)
def test_what_is_no_time_of_the_past_is_refused(text: str) -> None:
    """With the forms that are taken, or why not."""
    with pytest.raises(click.UsageError):
        SINCE.convert(text, None, None)


def test_people_read_their_zone_and_programs_utc() -> None:
    """The zone is named."""
    moment = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert ("2026-01-02 08:34:05 IST", "2026-01-02T03:04:05.678Z") == (shown(moment), utc(moment))
    assert "2026-01-02T03:04:05.678Z" == utc(moment.astimezone() + timedelta(0))
    assert ("", None) == (shown(None), utc(None))


def test_a_table_names_both_zones_where_the_clocks_were_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shown of the hour that came twice is not left to a guess."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    summer, winter = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    assert ("2026-10-25 02:30:00 CEST", "2026-10-25 02:30:00 CET") == (shown(summer), shown(winter))
    assert ("CET, CEST", "CET") == (zone([winter, summer]), zone([winter]))
    assert "2026-10-25, times in CEST" == day(summer)
