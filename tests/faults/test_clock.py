"""The clock is set back and ahead under a running Daphne: sequences, business days, totals and exactly-once hold.

By Debian's libfaketime: the product has no hook for its clock.
"""

import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from merchants.business_day import business_date
from tests.faults.conftest import node
from tests.faults.dashboards import Watcher, today_of
from tests.faults.load import Load, read

pytestmark = [pytest.mark.slow, pytest.mark.faults]

ASKED = "SELECT occurred_at, business_date FROM transactions_transaction ORDER BY merchant_id, sequence"


class Clock:
    """The wall clock of a process started with `env`; time that only passes is left alone."""

    def __init__(self, folder: Path) -> None:
        libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        if not libraries:
            pytest.skip("Debian's libfaketime is not installed")
        self._file = folder / "faketime"
        self.set(0)
        self.env = {
            "LD_PRELOAD": str(libraries[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, hours: float) -> None:
        """So far from the real time; it takes a second to be noticed."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{hours:+}h\n")
        fresh.rename(self._file)


def sells_at(load: Load, hours: float) -> bool:
    """Whether every till's last sale is of that time."""
    wanted = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours)
    moments = [
        datetime.datetime.fromisoformat([*till.told.values()][-1]["approved_at"]) for till in load.tills if till.told
    ]
    within = datetime.timedelta(minutes=15)
    return len(moments) == len(load.tills) and all(abs(moment - wanted) < within for moment in moments)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


async def test_a_clock_that_is_set_back_and_ahead_while_selling_changes_nothing_but_the_time(sqlite, clock):
    shop = sqlite.shop
    with node(sqlite.database, **clock.env) as server:
        async with Watcher(shop, server.ws_url) as watcher, Load(shop, server.ws_url) as load:
            for hours in (0, -0.5, -26, 72, 0):
                clock.set(hours)
                await load.until(lambda: sells_at(load, hours))  # noqa: B023 - asked here only
            await load.stop()
            await watcher.reached(len(load.outcomes) + len(shop.cards))
            assert watcher.today == await today_of(shop, server.ws_url)  # not the day the clock ran ahead to
        assert load.lost == 0
        await load.prove(server)
        moments = [datetime.datetime.fromisoformat(str(at)).replace(tzinfo=datetime.UTC) for at, _ in days_of(sqlite)]
        assert moments != sorted(moments)  # the clock did go back
        assert (max(moments) - min(moments)).days >= 4
        for at, (_, day) in zip(moments, days_of(sqlite), strict=True):
            assert str(business_date(at, ZoneInfo("Asia/Shanghai"), 0)) == day


def days_of(place):
    return read(place.database.url, ASKED)
