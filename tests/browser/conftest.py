"""Browser, server, people and cards for the browser tests."""

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.browser.harness import nfc
from tests.browser.harness.chromium import launch
from tests.browser.harness.phone import ConsoleWatch, has_real_nfc, xiaomi
from tests.browser.pages import Terminal, sign_in
from tests.servers import LOG_CHARACTERS_SHOWN, RunningServer

# Two cores and a server beside the browser: patience costs nothing when all is well.
EXPECT_MS = 10_000
TAPS_AT_ONCE = 12


# Not for the whole session: once Playwright's loop is closed, asynchronous tests can follow in the process.
@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=EXPECT_MS)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = launch(playwright)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """The demo merchant on a Daphne and a database of this module's own; its books are proven at the end."""
    with RunningServer() as server:
        yield server
        server.manage("check_ledger")


@pytest.fixture
def console() -> Iterator[ConsoleWatch]:
    """Whatever it watches over must not have put an error of ours in the console."""
    watch = ConsoleWatch()
    yield watch
    watch.check()


OpenContext = Callable[..., BrowserContext]


@pytest.fixture
def open_context(browser: Browser, console: ConsoleWatch) -> Iterator[OpenContext]:
    """A context of its own for each person of a test: `phone=True` has an NFC chip and Xiaomi's size."""
    opened: list[BrowserContext] = []

    def open_one(*, phone: bool = False, **options: Any) -> BrowserContext:
        context = xiaomi(browser, **options) if phone else browser.new_context(**{"locale": "zh-CN", **options})
        context.set_default_timeout(EXPECT_MS)
        console.over(context)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()


@pytest.fixture
def owner_page(open_context: OpenContext, server: RunningServer) -> Page:
    """The owner's dashboard on a laptop."""
    page = open_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, server, "owner", path="/dashboard/")
    return page


OpenPhone = Callable[..., Terminal]
_phone_numbers = itertools.count(1)


@pytest.fixture
def open_phone(open_context: OpenContext, server: RunningServer) -> OpenPhone:
    """The terminal's page on a Xiaomi, signed in as the cashier; enrolled and connected unless told otherwise."""

    def open_one(*, permission: nfc.Permission = "granted", enrolled: bool = True, **options: Any) -> Terminal:
        page = open_context(phone=True, **options).new_page()
        page.goto(f"{server.url}/sign-in/")
        assert has_real_nfc(page)
        nfc.set_nfc_permission(page, permission)
        sign_in(page, server, "cashier", path="/terminal/")
        phone = Terminal(page, server)
        phone.expect_view("enrol")
        if enrolled:
            phone.enrol(f"Xiaomi {next(_phone_numbers)}")
            phone.expect_view("entry")
            phone.expect_line("ready")
        return phone

    return open_one


@pytest.fixture
def phone(open_phone: OpenPhone) -> Terminal:
    """An enrolled phone that listens for cards and waits for an amount."""
    phone = open_phone()
    phone.expect_nfc("armed")
    return phone


VirtualTap = Callable[[str], nfc.Tap]


@pytest.fixture(scope="module")
def virtual_tap(server: RunningServer) -> VirtualTap:
    """A fresh tap of a virtual card, by its uid; each is newer than the one before."""
    waiting: dict[str, list[nfc.Tap]] = {}

    def fresh(uid: str) -> nfc.Tap:
        if not waiting.get(uid):
            answer = server.manage("virtual_tap", uid, "--count", str(TAPS_AT_ONCE), "--json")
            waiting[uid] = json.loads(answer)
        return waiting[uid].pop(0)

    return fresh


@pytest.fixture(scope="module")
def cards(server: RunningServer) -> list[str]:
    """The uids of the demo cards, those with the most money first."""
    return [one["uid"] for one in sorted(server.demo["cards"], key=lambda one: -one["balance"])]


@pytest.fixture(scope="module")
def card(cards: list[str]) -> str:
    """The uid of the demo card with the most money on it."""
    return cards[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A failed test shows the end of its server's log."""
    report = yield
    server = getattr(item, "funcargs", {}).get("server")
    if report.failed and isinstance(server, RunningServer):
        report.sections.append((f"log of the server at {server.url}", server.log[-LOG_CHARACTERS_SHOWN:]))
    return report
