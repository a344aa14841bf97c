"""The pages as a person uses them: sign in, enrol, type an amount, read what the screen says.

Everything is found by id or by the data attributes that the scripts themselves keep, never by words: the words are
in two languages and are looked at by test_pages.py.
"""

from dataclasses import dataclass

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.browser.harness import nfc
from tests.servers import RunningServer


def sign_in(page: Page, server: RunningServer, role: str, *, path: str = "/") -> None:
    """Through the sign-in form, to `path`, as the demo merchant's person of that role."""
    person = server.person(role)
    page.goto(f"{server.url}/sign-in/?next={path}")
    page.fill("#id_username", person["username"])
    page.fill("#id_password", person["password"])
    page.click("main form button")
    page.wait_for_url(f"{server.url}{path}*")


def enrolment_code(server: RunningServer, name: str) -> str:
    """A code for a new terminal, as the owner makes one."""
    answer = httpx.post(
        f"{server.url}/api/v1/terminals/",
        json={"name": name},
        headers={"Authorization": f"Token {server.person('owner')['token']}"},
        trust_env=False,
    )
    answer.raise_for_status()
    code: str = answer.json()["enrolment_code"]
    return code


@dataclass(frozen=True)
class Terminal:
    """The terminal's page, and the cards that are held to the phone it runs on."""

    page: Page
    server: RunningServer

    def enrol(self, name: str) -> None:
        self.page.fill("#enrol-code", enrolment_code(self.server, name))
        self.page.click("#enrol-submit")

    @property
    def view(self) -> Locator:
        return self.page.locator("#main")

    def expect_view(self, view: str) -> None:
        """`enrol`, `entry`, `present` or `result`."""
        expect(self.view).to_have_attribute("data-view", view)

    def expect_phase(self, phase: str) -> None:
        """Of the sale at hand: idle, entering, arming, present_card, deciding, result."""
        expect(self.view).to_have_attribute("data-phase", phase)

    def expect_nfc(self, state: str) -> None:
        """unsupported, prompt, denied, off, arming or armed."""
        expect(self.page.locator("html")).to_have_attribute("data-nfc", state)

    def expect_line(self, state: str) -> None:
        """connecting, ready, reconnecting, offline, unauthorised or closed."""
        expect(self.page.locator("#connection")).to_have_attribute("data-state", state)

    def expect_banner(self, name: str) -> None:
        expect(self.page.locator(f"[data-banner='{name}']")).to_be_visible()

    def expect_no_banner(self, name: str) -> None:
        expect(self.page.locator(f"[data-banner='{name}']")).to_be_hidden()

    def type_amount(self, amount: int) -> None:
        """With the keypad; `amount` in fen."""
        for digit in str(amount):
            self.page.tap(f"#keypad [data-key='{digit}']")

    def charge(self, amount: int, *, kind: str = "purchase") -> None:
        """Up to where the terminal waits for a card."""
        self.page.locator(f"#kinds input[value='{kind}']").set_checked(True, force=True)
        if kind != "balance":
            self.type_amount(amount)
        self.page.tap("#charge")
        self.expect_phase("present_card")

    def tap(self, reading: nfc.Tap, *, times: int = 1) -> None:
        """Hold a card to the phone; the page must be listening."""
        assert nfc.tap(self.page, reading, times=times), "no scan was armed: Android would have taken the card"

    def expect_result(self, result: str, *, reason: str = "") -> None:
        """`approved`, or `declined` with its reason (protocol, section 1)."""
        self.expect_view("result")
        section = self.page.locator("#result")
        expect(section).to_have_attribute("data-result", result)
        expect(section).to_have_attribute("data-reason", reason)

    def next_sale(self) -> None:
        self.page.tap("#next")
        self.expect_view("entry")

    def pay(self, amount: int, reading: nfc.Tap, *, kind: str = "purchase") -> None:
        """One sale from the keypad to the approval, and back to the keypad."""
        self.charge(amount, kind=kind)
        self.tap(reading)
        self.expect_result("approved")
        self.next_sale()


def transactions(server: RunningServer, **filters: str) -> list[dict[str, object]]:
    """What the books say, newest first (REST, as the owner)."""
    answer = httpx.get(
        f"{server.url}/api/v1/transactions/",
        params=filters,
        headers={"Authorization": f"Token {server.person('owner')['token']}"},
        trust_env=False,
    )
    answer.raise_for_status()
    found: list[dict[str, object]] = answer.json()["results"]
    return found


def revoke_terminals(server: RunningServer) -> None:
    """Every enrolled terminal, as the owner does it (REST)."""
    with httpx.Client(
        base_url=f"{server.url}/api/v1/terminals/",
        headers={"Authorization": f"Token {server.person('owner')['token']}"},
        trust_env=False,
    ) as owner:
        for terminal in owner.get("").raise_for_status().json()["results"]:
            owner.post(f"{terminal['id']}/revoke/").raise_for_status()
