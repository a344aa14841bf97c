"""Lost lines, dead servers, reloads, revoked phones: nothing is charged twice, nothing approved is lost."""

import json
import os
import signal

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import OpenPhone, VirtualTap
from tests.browser.harness import nfc
from tests.browser.pages import Terminal, revoke_terminals, transactions
from tests.servers import RunningServer

pytestmark = pytest.mark.browser

SHELL_IS_KEPT = """async () => {
  await navigator.serviceWorker.ready;
  for (const name of await caches.keys()) if (await (await caches.open(name)).match('/terminal/')) return true;
  return false;
}"""


class LosesTheOutcome:
    """Stands in the line and lets the first verdict vanish: committed, but never heard of."""

    def __init__(self, page: Page, *, then_breaks: bool) -> None:
        self.lost: list[str] = []
        self.then_breaks = then_breaks
        page.route_web_socket("**/ws/terminal/", self._carry)

    def _carry(self, phone: WebSocketRoute) -> None:
        server = phone.connect_to_server()

        def on_answer(message: str | bytes) -> None:
            if json.loads(message)["type"] == "outcome" and not self.lost:
                self.lost.append(str(message))
                if self.then_breaks:
                    phone.close(code=1012)
                    server.close()
            else:
                phone.send(message)

        server.on_message(on_answer)


def test_an_outcome_lost_after_the_commit_is_told_after_reconnecting(
    open_phone: OpenPhone, virtual_tap: VirtualTap, card: str, server: RunningServer
) -> None:
    phone = open_phone(enrolled=False)
    line = LosesTheOutcome(phone.page, then_breaks=True)
    phone.page.reload()
    phone.enrol("Xiaomi in a tunnel")
    phone.expect_line("ready")
    before = len(transactions(server))
    phone.charge(6_00)
    phone.tap(virtual_tap(card))
    phone.expect_result("approved")
    expect(phone.page.locator("#result-amount")).to_contain_text("6.00")
    assert len(line.lost) == 1
    assert len(transactions(server)) == before + 1


def test_a_reload_while_the_verdict_is_outstanding_shows_the_stored_one(
    open_phone: OpenPhone, virtual_tap: VirtualTap, card: str, server: RunningServer
) -> None:
    phone = open_phone(enrolled=False)
    line = LosesTheOutcome(phone.page, then_breaks=False)
    phone.page.reload()
    phone.enrol("Xiaomi of the impatient")
    phone.expect_line("ready")
    before = len(transactions(server))
    phone.charge(6_50)
    phone.tap(virtual_tap(card))
    phone.expect_phase("deciding")
    expect(phone.page.locator("#cancel")).to_be_hidden()
    while not line.lost:
        phone.page.wait_for_timeout(20)
    phone.page.reload()
    phone.expect_result("approved")
    expect(phone.page.locator("#result-amount")).to_contain_text("6.50")
    assert len(transactions(server)) == before + 1


def test_a_power_cut_with_the_tap_on_its_way_charges_once(
    phone: Terminal, virtual_tap: VirtualTap, card: str, server: RunningServer
) -> None:
    before = len(transactions(server))
    phone.charge(7_00)
    os.kill(server.pid, signal.SIGSTOP)
    phone.tap(virtual_tap(card))
    phone.expect_phase("deciding")
    server.kill()
    phone.expect_line("reconnecting")
    expect(phone.page.locator("#present")).to_have_attribute("data-mood", "checking")
    server.start()
    phone.expect_result("approved")
    assert len(transactions(server)) == before + 1


def test_a_reload_keeps_the_sale_that_waits_for_a_card(
    phone: Terminal, virtual_tap: VirtualTap, card: str, server: RunningServer
) -> None:
    before = len(transactions(server))
    phone.charge(8_00)
    phone.page.reload()
    phone.expect_phase("present_card")
    expect(phone.page.locator("#present-amount")).to_contain_text("8.00")
    phone.expect_nfc("armed")
    phone.tap(virtual_tap(card))
    phone.expect_result("approved")
    phone.page.reload()
    phone.expect_view("entry")
    assert len(transactions(server)) == before + 1


def test_a_cancelled_sale_takes_no_card(
    phone: Terminal, virtual_tap: VirtualTap, card: str, server: RunningServer
) -> None:
    before = len(transactions(server, status="approved"))
    phone.charge(9_00)
    phone.page.tap("#cancel")
    phone.expect_view("entry")
    phone.tap(virtual_tap(card))
    phone.page.wait_for_timeout(300)
    phone.expect_view("entry")
    assert len(transactions(server, status="approved")) == before


def test_the_shell_opens_offline_and_sells_again_when_the_server_is_back(
    phone: Terminal, virtual_tap: VirtualTap, card: str, server: RunningServer
) -> None:
    phone.page.reload()
    phone.page.wait_for_function(SHELL_IS_KEPT)
    phone.page.context.set_offline(True)
    phone.expect_banner("offline")
    server.kill()
    phone.page.reload()
    phone.expect_view("entry")
    phone.expect_banner("offline")
    phone.expect_line("offline")
    expect(phone.page.locator("#charge")).to_be_disabled()

    server.start()
    phone.page.context.set_offline(False)
    phone.expect_line("ready")
    phone.expect_no_banner("offline")
    phone.expect_nfc("armed")
    phone.pay(1_00, virtual_tap(card))


def test_whoever_is_not_signed_in_is_led_to_the_sign_in_and_back(open_phone: OpenPhone, server: RunningServer) -> None:
    phone = open_phone()
    phone.page.context.clear_cookies()
    phone.page.goto(f"{server.url}/terminal/")
    phone.page.wait_for_url("**/sign-in/?next=/terminal/")
    cashier = server.person("cashier")
    phone.page.fill("#id_username", cashier["username"])
    phone.page.fill("#id_password", "not the password")
    phone.page.click("main form button")
    expect(phone.page.locator("form [role='alert']")).to_be_visible()
    phone.page.fill("#id_password", cashier["password"])
    phone.page.click("main form button")
    phone.page.wait_for_url("**/terminal/")
    phone.expect_line("ready")  # the phone is still a terminal: its key outlives the session


def test_a_session_that_ended_leads_to_the_sign_in(phone: Terminal, server: RunningServer) -> None:
    phone.page.context.clear_cookies()
    server.restart()
    phone.page.wait_for_url("**/sign-in/?next=/terminal/", timeout=20_000)


def test_a_revoked_terminal_is_cut_off_and_says_so(phone: Terminal, server: RunningServer) -> None:
    revoke_terminals(server)
    phone.expect_view("enrol")
    expect(phone.page.locator("#enrol-refused")).to_be_visible()
    expect(phone.page.locator("#enrol-retry")).to_be_hidden()  # only a new code helps
    phone.enrol("The same phone, again")
    phone.expect_view("entry")
    phone.expect_line("ready")


def test_a_wrong_enrolment_code_is_refused_in_words(open_phone: OpenPhone) -> None:
    phone = open_phone(enrolled=False)
    phone.page.fill("#enrol-code", "AAAAA-AAAAA")
    phone.page.click("#enrol-submit")
    expect(phone.page.locator("#enrol-error")).not_to_be_empty()
    phone.expect_view("enrol")


def test_the_owners_link_enrols_a_phone_that_signs_in_first(open_phone: OpenPhone, owner_page: Page) -> None:
    owner_page.goto(owner_page.url.replace("/dashboard/", "/dashboard/terminals/"))
    owner_page.fill("#terminal-name", "By link")
    owner_page.click("#add-terminal button")
    link = owner_page.locator("#enrolment-link").get_attribute("href")
    assert link
    phone = open_phone(enrolled=False)
    phone.page.context.clear_cookies()
    phone.page.goto("about:blank")
    phone.page.goto(link)
    phone.page.wait_for_url("**/sign-in/**")
    cashier = phone.server.person("cashier")
    phone.page.fill("#id_username", cashier["username"])
    phone.page.fill("#id_password", cashier["password"])
    phone.page.click("main form button")
    phone.expect_view("enrol")
    expect(phone.page.locator("#enrol-code")).not_to_have_value("")
    assert "code" not in phone.page.evaluate("location.hash")
    phone.page.click("#enrol-submit")
    phone.expect_line("ready")
    expect(phone.page.locator("#terminal-name")).to_have_text("By link")
    expect(owner_page.locator("#enrolled")).to_be_visible()
    expect(owner_page.locator("#only-here")).to_be_hidden()
    enrolled = owner_page.locator("#terminals [data-state='online']", has_text="By link")
    expect(enrolled.locator("[data-new-code]")).to_be_hidden()


def test_only_one_window_of_a_phone_sells(
    phone: Terminal, server: RunningServer, virtual_tap: VirtualTap, card: str
) -> None:
    second = Terminal(phone.page.context.new_page(), server)
    second.page.goto(f"{server.url}/terminal/")
    second.expect_line("ready")
    phone.expect_banner("other-tab")
    second.expect_nfc("armed")
    second.pay(2_00, virtual_tap(card))
    assert nfc.state(second.page)["watches"] == 1
