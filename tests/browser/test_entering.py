"""Typing an amount: on the keypad, on a keyboard with a point, and after a sale that was called off."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenContext, VirtualTap
from tests.browser.pages import Terminal, sign_in
from tests.servers import RunningServer

pytestmark = pytest.mark.browser


def expect_amount(terminal: Terminal, words: str) -> None:
    expect(terminal.page.locator("#amount")).to_have_text(words)


def test_after_a_cancel_the_first_digit_begins_a_new_amount(phone: Terminal) -> None:
    phone.charge(30_00)
    phone.page.tap("#cancel")
    phone.expect_view("entry")
    expect_amount(phone, "¥30.00")
    phone.type_amount(5)
    expect_amount(phone, "¥0.05")


def test_after_a_cancel_backspace_edits_and_charge_asks_again(
    phone: Terminal, virtual_tap: VirtualTap, card: str
) -> None:
    phone.charge(30_00)
    phone.page.tap("#cancel")
    phone.expect_view("entry")
    phone.page.tap("#charge")
    phone.expect_phase("present_card")
    expect(phone.page.locator("#present-amount")).to_contain_text("30.00")
    phone.page.tap("#cancel")
    phone.expect_view("entry")
    phone.page.tap("#keypad [data-key='backspace']")
    expect_amount(phone, "¥3.00")
    phone.type_amount(5)
    expect_amount(phone, "¥30.05")
    phone.page.tap("#charge")
    phone.expect_phase("present_card")
    phone.tap(virtual_tap(card))
    phone.expect_result("approved")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("1250", "¥12.50"),
        ("12.5", "¥12.50"),
        ("12.", "¥12.00"),
        ("12.05", "¥12.05"),
        (".5", "¥0.50"),
        ("7.509", "¥7.50"),
    ],
)
def test_a_keyboards_point_is_understood(phone: Terminal, keys: str, words: str) -> None:
    phone.page.keyboard.type(keys)
    expect_amount(phone, words)


def test_the_keypad_says_how_it_counts_while_nothing_is_typed(phone: Terminal) -> None:
    expect(phone.page.locator("#hint")).to_contain_text("1 2 5 0")
    phone.page.keyboard.type("1")
    expect(phone.page.locator("#hint")).to_be_empty()
    expect(phone.page.locator("#keypad [data-key='backspace']")).to_have_attribute("title", "删除一位，长按清空")


def test_a_balance_enquiry_asks_for_no_amount(phone: Terminal, virtual_tap: VirtualTap, card: str) -> None:
    phone.page.locator("#kinds input[value='balance']").set_checked(True, force=True)
    expect(phone.page.locator("#keypad")).to_be_hidden()
    expect(phone.page.locator("#amount")).to_be_empty()
    phone.page.tap("#charge")
    phone.expect_phase("present_card")
    phone.tap(virtual_tap(card))
    phone.expect_result("approved")


def test_the_owners_taken_name_is_said_at_that_field(open_context: OpenContext, server: RunningServer) -> None:
    page = open_context().new_page()
    sign_in(page, server, "owner", path="/terminal/")
    page.fill("#enrol-name", str(server.demo["terminals"][0]["name"]))
    page.click("#enrol-here")
    expect(page.locator("#enrol-here-error")).not_to_be_empty()
    expect(page.locator("#enrol-name")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#enrol-error")).to_be_hidden()
    expect(page.locator("#enrol-code")).not_to_have_attribute("aria-invalid", "true")
    page.fill("#enrol-name", "A name nobody has")
    page.click("#enrol-here")
    Terminal(page, server).expect_view("entry")
    expect(page.locator("#enrol-name")).not_to_have_attribute("aria-invalid", "true")


def test_a_card_of_the_deck_after_the_session_ended_leads_to_the_sign_in(
    open_context: OpenContext, server: RunningServer
) -> None:
    page = open_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, server, "cashier", path="/terminal/")
    laptop = Terminal(page, server)
    laptop.enrol("Laptop of the forgotten session")
    laptop.expect_line("ready")
    page.keyboard.type("100")
    page.keyboard.press("Enter")
    laptop.expect_phase("present_card")
    page.context.clear_cookies()
    page.locator("#deck-cards button").first.click()
    page.wait_for_url("**/sign-in/?next=/terminal/")


def test_the_cashiers_menu_offers_nothing_that_is_refused(phone: Terminal, server: RunningServer) -> None:
    phone.page.tap("#menu summary")
    expect(phone.page.locator("#operator-name")).not_to_be_empty()
    expect(phone.page.locator("#menu-dashboard")).to_be_hidden()
    for link in phone.page.locator("#menu a:visible").all():
        answer = phone.page.request.get(f"{server.url}{link.get_attribute('href')}")
        assert answer.ok, link.get_attribute("href")


def test_the_owners_menu_offers_the_dashboard(open_context: OpenContext, server: RunningServer) -> None:
    page = open_context().new_page()
    sign_in(page, server, "owner", path="/terminal/")
    terminal = Terminal(page, server)
    terminal.enrol("The owner's own")
    terminal.expect_line("ready")
    page.click("#menu summary")
    expect(page.locator("#menu-dashboard")).to_be_visible()
