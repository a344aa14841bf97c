"""The merchant's day: its own hour, its own zone, daylight saving included."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merchants.business_day import business_date, day_end, hours_of_day, local_hour

# Unix seconds from 2020 to 2034.
instants = st.integers(1_577_836_800, 2_019_686_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("local", "cut_off", "day"),
    [
        ("2026-11-22T23:59:59.999", 0, date(2026, 11, 22)),
        ("2026-11-23T00:00:00", 0, date(2026, 11, 23)),
        ("2026-11-23T00:00:00", 4, date(2026, 11, 22)),
        ("2026-11-23T03:59:59.999999", 4, date(2026, 11, 22)),
        ("2026-11-23T04:00:00", 4, date(2026, 11, 23)),
        ("2027-01-01T01:30:00", 4, date(2026, 12, 31)),
    ],
)
def test_the_day_is_cut_at_the_merchants_hour(local, cut_off, day):
    at = datetime.fromisoformat(local).replace(tzinfo=SHANGHAI).astimezone(UTC)
    assert business_date(at, SHANGHAI, cut_off) == day


def test_a_day_of_utc_is_not_a_day_in_shanghai():
    assert business_date(datetime(2026, 11, 22, 16, 0, tzinfo=UTC), SHANGHAI, 0) == date(2026, 11, 23)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 28), 23), (date(2026, 10, 24), 25), (date(2026, 6, 1), 24)])
def test_days_with_daylight_saving_are_an_hour_shorter_or_longer(day, hours):
    start, end = day_end(day - timedelta(days=1), BERLIN, 4), day_end(day, BERLIN, 4)
    assert end.astimezone(UTC) - start.astimezone(UTC) == timedelta(hours=hours)
    assert business_date(start, BERLIN, 4) == day
    assert business_date(end - timedelta(microseconds=1), BERLIN, 4) == day
    assert business_date(end, BERLIN, 4) == day + timedelta(days=1)


@given(instants, st.integers(0, 23))
def test_every_instant_is_before_the_end_of_its_day(at, cut_off):
    for zone in (SHANGHAI, BERLIN):
        day = business_date(at, zone, cut_off)
        assert at < day_end(day, zone, cut_off)
        assert at >= day_end(day - timedelta(days=1), zone, cut_off)
        assert 0 <= local_hour(at, zone) <= 23


def test_the_hours_begin_at_the_cut_off():
    assert hours_of_day(4)[:3] == [4, 5, 6]
    assert sorted(hours_of_day(4)) == list(range(24))
