"""What the terminal does with a phone's NFC: switched off, refused, lost in silence, and cards of every sort."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPhone, VirtualTap
from tests.browser.harness import nfc
from tests.browser.harness.phone import set_visible
from tests.browser.pages import Terminal, transactions
from tests.servers import RunningServer

pytestmark = pytest.mark.browser

PROBE_MS = 15_000
REARM_MS = 700
A_STRANGERS_TAG = nfc.url_reading("04:99:99:99:99:99:99", "https://weixin.qq.com/r/something")


def return_from_the_quick_settings(page: Page) -> None:
    """The shade is pushed up again: the page gets the focus back."""
    page.evaluate("window.dispatchEvent(new Event('focus'))")


def test_nfc_off_is_said_and_noticed_when_it_comes_on(open_phone: OpenPhone) -> None:
    phone = open_phone(hardware="disabled")
    phone.expect_nfc("off")
    phone.expect_banner("nfc-off")
    nfc.set_hardware(phone.page, "enabled")
    return_from_the_quick_settings(phone.page)
    phone.expect_nfc("armed")
    phone.expect_no_banner("nfc-off")


def test_a_phone_without_nfc_is_told_so(open_phone: OpenPhone) -> None:
    phone = open_phone(hardware="absent")
    phone.expect_nfc("unsupported")
    phone.expect_banner("nfc-unsupported")


def test_a_refused_permission_is_said_and_how_to_allow_it(open_phone: OpenPhone) -> None:
    phone = open_phone(permission="denied")
    phone.expect_nfc("denied")
    phone.expect_banner("nfc-denied")
    nfc.set_nfc_permission(phone.page, "granted")
    phone.expect_nfc("armed")
    phone.expect_no_banner("nfc-denied")


def test_the_permission_is_asked_for_at_a_touch_and_armed_once_given(open_phone: OpenPhone) -> None:
    phone = open_phone(permission="prompt")
    phone.expect_banner("nfc-prompt")
    assert nfc.state(phone.page)["calls"] == [], "asked before anybody touched the page"
    nfc.set_nfc_permission(phone.page, "granted")
    phone.expect_nfc("armed")
    phone.expect_no_banner("nfc-prompt")


def test_nfc_switched_off_while_idle_is_found_by_the_probe(
    open_phone: OpenPhone, virtual_tap: VirtualTap, card: str
) -> None:
    phone = open_phone(enrolled=False)
    page = phone.page
    page.clock.install()
    page.reload()
    phone.enrol("Xiaomi with a clock")
    phone.expect_nfc("armed")
    nfc.set_hardware(page, "disabled")
    page.clock.fast_forward(PROBE_MS)
    phone.expect_banner("nfc-off")
    nfc.set_hardware(page, "enabled")
    page.clock.fast_forward(PROBE_MS)
    page.clock.fast_forward(REARM_MS)
    phone.expect_nfc("armed")
    phone.expect_no_banner("nfc-off")
    phone.pay(1_00, virtual_tap(card))


def test_a_scan_lost_in_silence_is_armed_again_on_return(phone: Terminal, virtual_tap: VirtualTap, card: str) -> None:
    phone.charge(2_00)
    nfc.set_hardware(phone.page, "disabled")
    nfc.set_hardware(phone.page, "enabled")
    assert not nfc.tap(phone.page, virtual_tap(card)), "the scan should look alive and read nothing"
    return_from_the_quick_settings(phone.page)
    phone.page.wait_for_function("__nfcDevice.state().armed")
    phone.tap(virtual_tap(card))
    phone.expect_result("approved")


def test_a_hidden_page_pauses_and_goes_on_when_it_is_shown(phone: Terminal, virtual_tap: VirtualTap, card: str) -> None:
    phone.charge(1_50)
    set_visible(phone.page, False)
    assert not nfc.tap(phone.page, virtual_tap(card))
    set_visible(phone.page, True)
    phone.page.wait_for_function("__nfcDevice.state().armed")
    phone.page.wait_for_timeout(REARM_MS)
    phone.page.wait_for_function("__nfcDevice.state().armed")
    phone.tap(virtual_tap(card))
    phone.expect_result("approved")


@pytest.mark.parametrize("failed_tap", [nfc.tear, nfc.tap_unsupported], ids=["torn away", "a bank card"])
def test_an_unreadable_card_asks_to_tap_again(
    phone: Terminal, virtual_tap: VirtualTap, card: str, failed_tap: nfc.Failure
) -> None:
    phone.charge(3_00)
    assert failed_tap(phone.page)
    expect(phone.page.locator("#advice")).to_be_visible()
    phone.expect_phase("present_card")
    phone.tap(virtual_tap(card))
    phone.expect_result("approved")


def test_a_strangers_tag_asks_to_tap_again(phone: Terminal, virtual_tap: VirtualTap, card: str) -> None:
    phone.charge(3_00)
    phone.tap(A_STRANGERS_TAG)
    expect(phone.page.locator("#advice")).to_be_visible()
    phone.expect_phase("present_card")
    phone.tap(virtual_tap(card))
    phone.expect_result("approved")


def test_a_blank_card_asks_to_tap_again(phone: Terminal, virtual_tap: VirtualTap, card: str) -> None:
    phone.charge(3_00)
    phone.tap({"serial_number": "04:01:02:03:04:05:06", "records": [{"record_type": "empty"}]})
    expect(phone.page.locator("#advice")).to_be_visible()
    phone.tap(virtual_tap(card))
    phone.expect_result("approved")


def test_two_readings_of_one_hold_are_charged_once(
    phone: Terminal, virtual_tap: VirtualTap, card: str, server: RunningServer
) -> None:
    """One physical tap may fire several readings, each with another valid counter."""
    before = len(transactions(server))
    phone.charge(4_00)
    phone.tap(virtual_tap(card))
    phone.tap(virtual_tap(card))
    phone.expect_result("approved")
    phone.tap(virtual_tap(card))
    phone.expect_result("approved")
    assert len(transactions(server)) == before + 1


def test_a_card_before_the_amount_is_answered_with_a_hint(phone: Terminal, virtual_tap: VirtualTap, card: str) -> None:
    phone.tap(virtual_tap(card))
    expect(phone.page.locator("#hint")).not_to_be_empty()
    phone.expect_view("entry")


def test_the_balance_of_a_card_is_read_without_moving_money(
    phone: Terminal, virtual_tap: VirtualTap, cards: list[str], server: RunningServer
) -> None:
    expected = next(one["balance"] for one in server.demo["cards"] if one["uid"] == cards[1])
    phone.charge(0, kind="balance")
    phone.tap(virtual_tap(cards[1]))
    phone.expect_result("approved")
    expect(phone.page.locator("#result-amount")).to_contain_text(f"{expected / 100:.2f}")
