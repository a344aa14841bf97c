"""The main job in real pages: a card is tapped, the owner sees it, the accountant's file says the same, to the fen."""

import csv
import io
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenContext, VirtualTap
from tests.browser.harness.phone import has_real_nfc
from tests.browser.pages import Terminal, sign_in, transactions
from tests.servers import RunningServer

pytestmark = pytest.mark.browser


def minor(page: Page, selector: str) -> int:
    """The number behind an amount on the page, in fen."""
    return int(page.locator(selector).get_attribute("data-minor") or "")


def test_take_a_payment_watch_it_arrive_download_it(
    phone: Terminal,
    owner_page: Page,
    open_context: OpenContext,
    server: RunningServer,
    virtual_tap: VirtualTap,
    cards: list[str],
) -> None:
    expect(owner_page.locator("#connection")).to_have_attribute("data-state", "live")
    owner_page.evaluate("window.notReloaded = true")
    assert has_real_nfc(phone.page)
    before = {name: minor(owner_page, f"#{name}") for name in ("sales", "count", "fees", "net")}

    phone.charge(12_50)
    expect(phone.page.locator("#present-amount")).to_contain_text("12.50")
    phone.tap(virtual_tap(cards[0]))
    phone.expect_result("approved")
    expect(phone.page.locator("#result-amount")).to_contain_text("12.50")
    # 0.60 % of 12.50 is 0.075: half a fen goes up
    expect(phone.page.locator("#result-fee")).to_contain_text("0.08")
    expect(phone.page.locator("#result-net")).to_contain_text("12.42")
    expect(phone.page.locator("#result-balance")).to_contain_text("487.50")
    public_id = phone.page.locator("#result-transaction").inner_text()

    row = owner_page.locator(f"#feed [data-transaction='{public_id}']")
    expect(row.locator("[data-amount]")).to_contain_text("12.50")
    expect(owner_page.locator("#sales")).to_have_attribute("data-minor", str(before["sales"] + 12_50))
    assert minor(owner_page, "#count") == before["count"] + 1
    assert minor(owner_page, "#fees") == before["fees"] + 8
    assert minor(owner_page, "#net") == before["net"] + 12_42
    assert owner_page.evaluate("window.notReloaded") is True

    phone.next_sale()
    # The same card within two seconds would count as the same hold.
    for amount, card in zip((1, 99, 8_00, 33_33), cards[1:3] * 2, strict=True):
        phone.pay(amount, virtual_tap(card))
    phone.pay(20_00, virtual_tap(cards[0]), kind="top_up")
    expect(owner_page.locator("#count")).to_have_attribute("data-minor", str(before["count"] + 5))

    accountant = open_context(viewport={"width": 1280, "height": 900}, accept_downloads=True).new_page()
    sign_in(accountant, server, "accountant", path="/dashboard/transactions/")
    with accountant.expect_download() as download:
        accountant.click("#download-csv")
    content = download.value.path().read_bytes()
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))

    assert content.startswith(b"\xef\xbb\xbf")
    assert public_id in {line["transaction_id"] for line in rows}
    sums = {column: sum(fen(line[column]) for line in rows) for column in ("gross", "fee", "net")}
    assert sums["gross"] == minor(owner_page, "#sales") == minor(accountant, "#total-gross")
    assert sums["fee"] == minor(owner_page, "#fees") == minor(accountant, "#total-fee")
    assert sums["net"] == minor(owner_page, "#net") == minor(accountant, "#total-net")
    assert len(rows) == minor(owner_page, "#count") == minor(accountant, "#total-count")
    server.manage("check_ledger")


def fen(amount: str) -> int:
    exact = Decimal(amount) * 100
    assert exact == int(exact), f"{amount} has more than two decimals"
    return int(exact)


def test_the_detail_shows_the_transfers_behind_a_sale(
    phone: Terminal, owner_page: Page, virtual_tap: VirtualTap, card: str, server: RunningServer
) -> None:
    phone.pay(7_77, virtual_tap(card))
    public_id = str(transactions(server)[0]["id"])
    owner_page.click(f"#feed [data-transaction='{public_id}'] a")
    owner_page.wait_for_url(f"**/dashboard/transactions/{public_id}/")
    expect(owner_page.locator("main")).to_contain_text("7.77")


def test_a_decline_says_why_and_another_card_pays(
    phone: Terminal, owner_page: Page, virtual_tap: VirtualTap, cards: list[str]
) -> None:
    phone.charge(30_00)
    phone.tap(virtual_tap(cards[-1]))
    phone.expect_result("declined", reason="insufficient_funds")
    expect(phone.page.locator("#result-code")).to_have_text("51")
    expect(owner_page.locator("#feed [data-status='declined']").first).to_be_visible()

    phone.page.tap("#retry")
    phone.expect_phase("present_card")
    phone.tap(virtual_tap(cards[0]))
    phone.expect_result("approved")


def test_a_replayed_tap_is_declined(phone: Terminal, virtual_tap: VirtualTap, card: str) -> None:
    used = virtual_tap(card)
    phone.pay(1_00, used)
    phone.charge(1_00)
    phone.page.wait_for_timeout(2_100)  # past the window in which a second reading counts as the same hold
    phone.tap(used)
    phone.expect_result("declined", reason="replayed_tap")


def test_the_owner_sees_on_a_second_screen_what_the_first_one_shows(
    phone: Terminal,
    owner_page: Page,
    open_context: OpenContext,
    virtual_tap: VirtualTap,
    card: str,
    server: RunningServer,
) -> None:
    phone.pay(5_55, virtual_tap(card))
    latest = str(transactions(server)[0]["id"])
    expect(owner_page.locator(f"#feed [data-transaction='{latest}']")).to_be_visible()
    fresh = open_context().new_page()
    sign_in(fresh, server, "owner", path="/dashboard/")
    ids = ["sales", "count", "average", "fees", "net", "refunds", "top-ups"]
    assert [minor(owner_page, f"#{name}") for name in ids] == [minor(fresh, f"#{name}") for name in ids]


def test_a_newcomer_pays_with_a_virtual_card_on_a_laptop(open_context: OpenContext, server: RunningServer) -> None:
    """No phone: the owner makes the laptop's browser a terminal and touches a card of the deck."""
    page = open_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, server, "owner", path="/terminal/")
    laptop = Terminal(page, server)
    laptop.page.fill("#enrol-name", "Laptop")
    page.click("#enrol-here")
    laptop.expect_view("entry")
    laptop.expect_line("ready")
    page.keyboard.type("250")
    page.keyboard.press("Enter")
    laptop.expect_phase("present_card")
    page.locator("#deck-cards button").nth(1).click()
    laptop.expect_result("approved")
    expect(page.locator("#result-amount")).to_contain_text("2.50")
