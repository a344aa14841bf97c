"""The owner's, the accountant's and the cashier's pages of what happened."""

import html
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from merchants.models import Member, Merchant, Role, User
from tests.factories import make_card, make_member, make_merchant, make_terminal, sell
from transactions import listing
from transactions.fees import Component
from transactions.models import Transaction
from transactions.public_id import to_public
from transactions.wording import FeeRulePart, fee_rule_parts, signed

pytestmark = pytest.mark.django_db

LISTS = ("/dashboard/", "/dashboard/transactions/", "/dashboard/cards/")


class Shop:
    """A merchant with an owner, an accountant, two cashiers, a terminal and a card."""

    def __init__(self, **fields: Any) -> None:
        self.merchant: Merchant = make_merchant(**fields)
        self.owner = make_member(self.merchant, Role.OWNER)
        self.accountant = make_member(self.merchant, Role.ACCOUNTANT)
        self.cashier = make_member(self.merchant, Role.CASHIER)
        self.other_cashier = make_member(self.merchant, Role.CASHIER)
        self.terminal = make_terminal(self.merchant, "Front counter")
        self.card = make_card(self.merchant, 500_00)

    def sell(self, amount: int, member: Member | None = None, **changes: Any) -> str:
        """One attempt through the authoriser; its public id."""
        done = sell(self.card, amount, member or self.cashier, self.terminal, **changes)
        return to_public(done.transaction.id)

    @property
    def today(self) -> str:
        return timezone.now().astimezone(self.merchant.zone).date().isoformat()


@pytest.fixture
def shop() -> Shop:
    return Shop()


def browse(member: Member, path: str, language: str = "en") -> str:
    """The page as that person sees it; times, numbers and words with their entities resolved."""
    client = signed_in(member)
    answer = client.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200, (path, answer.status_code)
    return html.unescape(answer.content.decode())


def signed_in(member: Member) -> Client:
    client = Client()
    client.force_login(member.user)
    return client


def minor(page: str, element_id: str) -> int:
    """The integer behind the amount that stands in the element."""
    found = re.search(rf'id="{element_id}" data-minor="(-?\d+)"', page)
    assert found, f"no #{element_id} with data-minor"
    return int(found[1])


def rows(page: str) -> list[str]:
    """Ids of the listed transactions, in the order they stand."""
    return re.findall(r'<tr data-transaction="(T\w+)"', page)


# --- who may see what -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        ("owner", {"/dashboard/": 200, "/dashboard/transactions/": 200, "/dashboard/cards/": 200}),
        ("accountant", {"/dashboard/": 200, "/dashboard/transactions/": 200, "/dashboard/cards/": 200}),
        ("cashier", {"/dashboard/": 403, "/dashboard/transactions/": 200, "/dashboard/cards/": 403}),
    ],
)
def test_each_role_sees_its_pages(shop: Shop, role: str, seen: dict[str, int]) -> None:
    client = signed_in(getattr(shop, role))
    assert {path: client.get(path).status_code for path in LISTS} == seen


@pytest.mark.parametrize("path", [*LISTS, "/dashboard/transactions/T0/", "/receipts/T0/"])
def test_a_stranger_is_sent_to_sign_in(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert urlsplit(answer["Location"]).path == "/sign-in/"


@pytest.mark.parametrize("path", LISTS)
def test_a_person_of_no_merchant_is_refused(client: Client, path: str) -> None:
    client.force_login(User.objects.create_user("nobody"))
    assert client.get(path).status_code == 403


@pytest.mark.parametrize("path", LISTS)
def test_pages_are_only_read_and_kept_by_no_cache(shop: Shop, path: str) -> None:
    client = signed_in(shop.owner)
    assert client.post(path).status_code == 405
    assert "no-store" in client.get(path)["Cache-Control"]


@pytest.mark.parametrize("path", ["/dashboard/transactions/{}/", "/receipts/{}/"])
def test_another_merchants_transaction_is_not_found(shop: Shop, path: str) -> None:
    foreign = Shop().sell(10_00)
    client = signed_in(shop.owner)
    assert client.get(path.format(foreign)).status_code == 404
    for wrong in ("T0", "nonsense", foreign[:-1], foreign + "0", foreign.lower()):
        assert client.get(path.format(wrong)).status_code == 404


def test_another_merchants_money_and_cards_are_nowhere(shop: Shop) -> None:
    foreign = Shop()
    foreign.sell(77_77)
    for path in ("/dashboard/", "/dashboard/transactions/?from=&to=&kind=all&status=all", "/dashboard/cards/"):
        page = browse(shop.owner, path)
        assert "77.77" not in page
        assert foreign.card.uid[-4:] not in page or foreign.card.uid[-4:] == shop.card.uid[-4:]


def test_a_cashier_sees_only_their_own(shop: Shop) -> None:
    own, other = shop.sell(1_00), shop.sell(2_00, shop.other_cashier)
    page = browse(shop.cashier, "/dashboard/transactions/")
    assert rows(page) == [own]
    assert minor(page, "total-gross") == 1_00
    assert "download-csv" not in page
    client = signed_in(shop.cashier)
    for path in ("/dashboard/transactions/{}/", "/receipts/{}/"):
        assert client.get(path.format(own)).status_code == 200
        assert client.get(path.format(other)).status_code == 404


# --- dashboard ------------------------------------------------------------------------------------


def test_the_first_paint_has_the_days_numbers_and_latest_transactions(shop: Shop) -> None:
    first, second = shop.sell(12_50), shop.sell(20_00)
    declined = shop.sell(999_00)
    shop.sell(100_00, kind="top_up")
    page = browse(shop.owner, "/dashboard/")
    assert {name: minor(page, name) for name in ("sales", "count", "average", "fees", "net", "refunds", "top-ups")} == {
        "sales": 32_50,
        "count": 2,
        "average": 16_25,
        "fees": 8 + 12,
        "net": 32_50 - 20,
        "refunds": 0,
        "top-ups": 100_00,
    }
    feed = re.findall(r'<li class="feed__row" data-transaction="(T\w+)"', page)
    assert feed[1:4] == [declined, second, first]
    assert "not enough money on the card" in page
    assert "Front counter" in page


def test_before_the_first_sale_the_page_says_what_to_do(shop: Shop) -> None:
    page = browse(shop.owner, "/dashboard/")
    assert '<div class="empty stack" id="no-sales">' in page
    assert 'href="/terminal/"' in page
    assert minor(page, "sales") == 0
    shop.sell(1_00)
    assert '<div class="empty stack" id="no-sales" hidden>' in browse(shop.owner, "/dashboard/")


def test_text_of_people_stays_text(shop: Shop) -> None:
    public_id = shop.sell(1_00, note="</script><b>bold")
    client = signed_in(shop.owner)
    for path in ("/dashboard/", f"/dashboard/transactions/{public_id}/", f"/receipts/{public_id}/"):
        assert b"<b>bold" not in client.get(path).content


def test_no_page_has_inline_script_or_style(shop: Shop) -> None:
    public_id = shop.sell(1_00)
    client = signed_in(shop.owner)
    for path in (*LISTS, f"/dashboard/transactions/{public_id}/", f"/receipts/{public_id}/"):
        content = client.get(path).content.decode()
        assert not re.search(r"<style|\sstyle=|\son\w+=", content), path
        for script in re.findall(r"<script[^>]*>", content):
            assert "src=" in script or 'type="application/json"' in script, (path, script)


# --- list -----------------------------------------------------------------------------------------


def test_the_list_begins_with_todays_sales(shop: Shop) -> None:
    sale = shop.sell(12_50)
    shop.sell(999_00)
    shop.sell(100_00, kind="top_up")
    page = browse(shop.accountant, "/dashboard/transactions/")
    assert rows(page) == [sale]
    assert [minor(page, f"total-{name}") for name in ("count", "gross", "fee", "net")] == [1, 12_50, 8, 12_42]


@pytest.mark.parametrize(
    ("query", "count", "gross"),
    [
        ("kind=all&status=all", 5, 12_50 + 100_00 + 500_00),
        ("status=declined", 1, 0),
        ("kind=top_up", 1, 100_00),
        ("kind=purchase", 1, 12_50),
        ("from=2020-01-01&to=2020-12-31", 0, 0),
    ],
)
def test_the_totals_are_those_of_the_filter(shop: Shop, query: str, count: int, gross: int) -> None:
    shop.sell(12_50)
    shop.sell(999_00)
    shop.sell(100_00, kind="top_up")
    shop.sell(0, kind="balance")
    page = browse(shop.owner, f"/dashboard/transactions/?{query}")
    assert minor(page, "total-count") == len(rows(page)) == count
    assert minor(page, "total-gross") == gross


def test_the_csv_link_carries_the_filter_on_the_screen(shop: Shop) -> None:
    shop.sell(12_50)
    card = shop.card.uid[-4:]
    page = browse(
        shop.accountant, f"/dashboard/transactions/?kind=purchase&status=&terminal={shop.terminal.pk}&card={card}"
    )
    link = re.search(r'id="download-csv" class="btn" href="([^"]+)"', page)
    assert link
    assert parse_qs(urlsplit(link[1]).query) == {
        "from": [shop.today],
        "to": [shop.today],
        "kind": ["purchase"],
        "terminal": [str(shop.terminal.pk)],
        "card": [card],
    }
    answer = signed_in(shop.accountant).get(link[1])
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/csv")


def test_an_open_period_stays_open_on_the_next_page_and_in_the_csv(shop: Shop) -> None:
    page = browse(shop.owner, "/dashboard/transactions/?from=&to=")
    assert 'href="/api/v1/transactions/export.csv?"' in page
    assert listing.parameters_in_force({"from": "", "to": ""}, timezone.now().date()) == {"from": "", "to": ""}


@pytest.mark.parametrize(
    "query",
    ["from=yesterday", "card=xyz", "terminal=1", "kind=gift", "status=good", "from=2026-02-02&to=2026-01-01"],
)
def test_a_filter_that_cannot_be_is_said_so(shop: Shop, query: str) -> None:
    shop.sell(1_00)
    page = browse(shop.owner, f"/dashboard/transactions/?{query}")
    assert 'role="alert"' in page
    assert rows(page) == []
    assert minor(page, "total-count") == 0


@pytest.mark.parametrize("query", ["before=x", "after=-1", "before=" + "9" * 5000, "after=٣", "before=0"])
def test_a_place_that_cannot_be_is_no_error(shop: Shop, query: str) -> None:
    shop.sell(1_00)
    browse(shop.owner, f"/dashboard/transactions/?{query}")
    browse(shop.owner, f"/dashboard/cards/?{query}")


def test_pages_lead_through_every_row_once_and_back() -> None:
    shop = Shop()
    made = [shop.sell(1_00) for _ in range(7)]
    of_shop = Transaction.objects.filter(merchant=shop.merchant, kind="purchase")

    def page(query: str) -> listing.Page[Transaction]:
        place = {name: values[0] for name, values in parse_qs(query.lstrip("?")).items()}
        return listing.page_of(of_shop, place, key="sequence", in_force={"kind": "purchase"}, size=3)

    def walk(at: listing.Page[Transaction], way: Callable[[listing.Page[Transaction]], str | None]) -> list[list[str]]:
        seen = [[to_public(row.pk) for row in at.rows]]
        while link := way(at):
            assert "kind=purchase" in link
            at = page(link)
            seen.append([to_public(row.pk) for row in at.rows])
        return seen

    newest_first = made[::-1]
    pages = walk(page(""), lambda at: at.older)
    assert pages == [newest_first[:3], newest_first[3:6], newest_first[6:]]
    last = page(f"?before={of_shop.order_by('sequence')[1].sequence}")
    assert walk(last, lambda at: at.newer) == [newest_first[6:], newest_first[3:6], newest_first[:3]]


@pytest.mark.parametrize("path", [*LISTS, "/dashboard/transactions/?kind=all&status=all&from=&to="])
def test_a_page_asks_the_database_as_often_for_many_rows_as_for_few(shop: Shop, path: str) -> None:
    def statements() -> int:
        client = signed_in(shop.owner)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    shop.sell(1_00)
    few = statements()
    for _ in range(4):
        shop.sell(1_00, shop.other_cashier)
        make_card(shop.merchant)
        make_terminal(shop.merchant)
    assert statements() == few <= 12


# --- one transaction, receipt, cards --------------------------------------------------------------


def test_the_detail_shows_the_transfers_and_the_fee_rule(shop: Shop) -> None:
    page = browse(shop.owner, f"/dashboard/transactions/{shop.sell(12_50)}/")
    transfers = re.findall(r'<li data-debit="(\w+)" data-credit="(\w+)" data-minor="(\d+)">', page)
    assert transfers == [("card", "settlement", "1250"), ("settlement", "fees", "8")]
    assert [minor(page, name) for name in ("amount", "fee", "net")] == [12_50, 8, 12_42]
    assert re.search(r'id="fee-rule">\s*0.60 ?%\s*</dd>', page)
    assert shop.card.uid not in page
    assert shop.card.masked in page


def test_the_detail_of_a_decline_says_why_and_that_nothing_moved(shop: Shop) -> None:
    page = browse(shop.owner, f"/dashboard/transactions/{shop.sell(999_00)}/")
    assert "not enough money on the card" in page
    assert "no money moved" in page
    assert "data-debit" not in page


@pytest.mark.parametrize("path", ["/dashboard/transactions/{}/", "/receipts/{}/"])
def test_one_transaction_costs_a_fixed_number_of_statements(
    shop: Shop, path: str, django_assert_max_num_queries: Any
) -> None:
    public_id = shop.sell(12_50)
    client = signed_in(shop.owner)
    with django_assert_max_num_queries(7):
        client.get(path.format(public_id))


def test_the_receipt_has_what_the_cardholder_needs_and_no_fee(shop: Shop) -> None:
    public_id = shop.sell(12_50)
    page = browse(shop.cashier, f"/receipts/{public_id}/")
    for text in (shop.merchant.name, shop.card.masked, "Front counter", shop.cashier.name, public_id, "12.50"):
        assert text in page
    assert "0.08" not in page
    assert shop.card.uid not in page


def test_cards_show_their_balance_and_are_found_by_the_last_four(shop: Shop) -> None:
    other = make_card(shop.merchant, 3_00, uid="04AAAAAAAA3F80", status="blocked")
    page = browse(shop.accountant, "/dashboard/cards/")
    assert f'data-minor="{500_00}"' in page
    found = browse(shop.accountant, "/dashboard/cards/?q=3f80")
    assert re.findall(r'<tr data-card="•••• (\w+)"', found) == [other.uid[-4:]] == ["3F80"]
    assert "blocked" in found
    assert "<tr data-card" not in browse(shop.accountant, "/dashboard/cards/?q=<b>")


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "yes"), [("en", "en"), ("zh-CN,zh;q=0.9", "zh-hans")])
def test_every_page_comes_in_both_languages(shop: Shop, language: str, yes: str) -> None:
    public_id = shop.sell(12_50)
    for path in (*LISTS, f"/dashboard/transactions/{public_id}/", f"/receipts/{public_id}/"):
        page = browse(shop.owner, path, language)
        assert f'<html lang="{yes}">' in page
        assert "12.50" in page or path == "/dashboard/cards/"


def test_the_stored_fee_rule_is_understood_as_it_was_written() -> None:
    parts = (Component(6_000), Component(3_500, fixed=10, minimum=5, cap=13_00))
    assert fee_rule_parts("; ".join(map(str, parts))) == [
        FeeRulePart(6_000, 0, 0, None),
        FeeRulePart(3_500, 10, 5, 13_00),
    ]
    assert fee_rule_parts("something else") == []


def test_money_that_goes_back_is_negative() -> None:
    assert [signed(Transaction(kind=kind), 5) for kind in ("purchase", "top_up", "refund", "void")] == [5, 5, -5, -5]
