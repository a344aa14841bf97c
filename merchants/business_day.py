"""The merchant's day, cut at its own hour in its own time zone.

A business day runs from the cut-off hour to the next day's cut-off hour, half-open (facts: fees-and-books). Pure
functions of aware datetimes; no clock is read here.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def business_date(at: datetime, zone: ZoneInfo, cut_off_hour: int) -> date:
    """The business date an aware instant falls on."""
    local = at.astimezone(zone)
    return local.date() if local.hour >= cut_off_hour else local.date() - timedelta(days=1)


def local_hour(at: datetime, zone: ZoneInfo) -> int:
    """The hour (0 to 23) on the merchant's clock."""
    return at.astimezone(zone).hour


def day_end(day: date, zone: ZoneInfo, cut_off_hour: int) -> datetime:
    """The first instant that no longer belongs to the business date, aware, in the merchant's zone."""
    return datetime.combine(day + timedelta(days=1), time(cut_off_hour), tzinfo=zone)


def hours_of_day(cut_off_hour: int) -> list[int]:
    """The 24 hours of a business day in the order they pass."""
    return [(cut_off_hour + passed) % 24 for passed in range(24)]
