"""What the list says of a whole filter: its totals by kind, and what stands there when nothing is found."""

import re

import pytest

from merchants import enrolment
from tests.transactions.test_pages import Shop, browse, minor, rows
from transactions.wording import says_more_than_its_rate

pytestmark = pytest.mark.django_db

LIST = "/dashboard/transactions/"


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_of_all_kinds_the_sales_stand_by_themselves_and_the_parts_are_the_sum(shop: Shop) -> None:
    shop.sell(12_50)
    shop.sell(999_00)
    shop.sell(100_00, kind="top_up")
    page = browse(shop.owner, f"{LIST}?kind=all&status=all")
    sales, top_ups, issued = (minor(page, f"total-{name}") for name in ("sales", "top-ups", "issued"))
    assert (sales, top_ups, issued) == (12_50, 100_00, 500_00)
    assert minor(page, "total-gross") == sales + top_ups + issued
    assert (minor(page, "total-count"), minor(page, "total-approved")) == (4, 3)
    assert "3 of 4 approved" in page


def test_one_kind_is_not_split(shop: Shop) -> None:
    shop.sell(12_50)
    page = browse(shop.owner, LIST)
    assert 'id="total-sales"' not in page
    assert 'id="total-approved"' not in page, "said only where something was not approved"


@pytest.mark.parametrize(
    ("query", "says", "offers_to_clear"),
    [
        ("", "Nothing here today yet.", False),
        ("?kind=refund", "No transaction matches this filter.", True),
        ("?from=2020-01-01&to=2020-12-31", "No transaction matches this filter.", True),
        ("?card=xyz", "", False),
    ],
)
def test_an_empty_list_says_why(shop: Shop, query: str, says: str, offers_to_clear: bool) -> None:
    page = browse(shop.owner, f"{LIST}{query}")
    assert rows(page) == []
    sentences = ("Nothing here today yet.", "No transaction matches this filter.")
    assert [one for one in sentences if one in page] == ([says] if says else [])
    assert ("Clear the filter" in page) is offers_to_clear


def test_statuses_and_rates_are_written_as_the_reader_does(shop: Shop) -> None:
    sale = shop.sell(12_50)
    assert re.search(r'id="fee-rule">\s*0\.60 %\s*<', browse(shop.owner, f"{LIST}{sale}/"))
    page = browse(shop.owner, f"{LIST}{sale}/", language="zh-hans")
    assert re.search(r'id="fee-rule">\s*0\.60%\s*<', page)
    assert "成功" in page


@pytest.mark.parametrize(
    ("name", "rule", "more"),
    [
        ("0.60 %", "6000ppm+0 min 0 cap -", False),
        ("0.60%", "6000ppm+0 min 0 cap -", False),
        ("0.38 %", "6000ppm+0 min 0 cap -", True),
        ("0.60 %", "6000ppm+10 min 0 cap -", True),
        ("0.60 %", "6000ppm+0 min 0 cap -; 100ppm+0 min 0 cap -", True),
        ("Introductory", "6000ppm+0 min 0 cap -", True),
    ],
)
def test_a_schedules_name_is_left_out_when_it_only_says_the_rate(name: str, rule: str, more: bool) -> None:
    assert says_more_than_its_rate(name, rule) is more


def test_a_revoked_terminal_that_sold_today_is_marked(shop: Shop) -> None:
    shop.sell(12_50)
    assert "1 sale · revoked" not in browse(shop.owner, "/dashboard/")
    enrolment.revoke(terminal=shop.terminal)
    assert "1 sale · revoked" in browse(shop.owner, "/dashboard/")
