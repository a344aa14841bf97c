"""The terminal where there is little room: a small phone, a phone on its side, a page at 200 %."""

import itertools
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenContext
from tests.browser.pages import Terminal, sign_in
from tests.browser.test_pages import expect_no_sideways_scroll
from tests.servers import RunningServer

pytestmark = pytest.mark.browser

SIZES = {
    "a phone on its side": (786, 393),
    "a laptop at 200 %": (640, 400),
    "a wide phone on its side": (915, 412),
    "a small phone": (360, 640),
    "a small phone under the browser's bar": (360, 560),
}
_numbers = itertools.count(1)
# A three-line banner: the longest that is there while somebody sells.
BANNER = "[data-banner='reconnecting']"
SHOWS = """(id) => {
  const box = document.getElementById(id).getBoundingClientRect();
  const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return box.top >= 0 && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth
    && (at === document.getElementById(id) || document.getElementById(id).contains(at));
}"""
OVERLAP = """([one, other]) => {
  const [a, b] = [one, other].map((id) => document.getElementById(id).getBoundingClientRect());
  return a.left < b.right && b.left < a.right && a.top < b.bottom - 1 && b.top < a.bottom - 1;
}"""


def expect_in_view(page: Page, *ids: str) -> None:
    """On the screen without scrolling, and under nothing."""
    for one in ids:
        expect(page.locator(f"#{one}")).to_be_visible()
        assert page.evaluate(SHOWS, one), f"#{one} is cut off or covered"


@pytest.fixture(params=SIZES, ids=str)
def small(request: pytest.FixtureRequest, open_context: OpenContext, server: RunningServer) -> Terminal:
    """The demo's terminal without NFC, in English, whose words are the longer ones."""
    width, height = SIZES[request.param]
    page = open_context(locale="en-GB", viewport={"width": width, "height": height}).new_page()
    page.add_init_script("delete window.NDEFReader")
    sign_in(page, server, "cashier", path="/terminal/")
    terminal = Terminal(page, server)
    terminal.enrol(f"Small {next(_numbers)}")
    terminal.expect_line("ready")
    return terminal


@pytest.fixture
def long_banner(small: Terminal) -> Callable[[], None]:
    def show() -> None:
        small.page.evaluate(f'document.querySelector("{BANNER}").hidden = false')

    return show


def test_everything_that_is_pressed_is_in_view_at_every_step(small: Terminal) -> None:
    page = small.page
    expect_in_view(page, "amount", "charge")
    expect_no_sideways_scroll(page)
    page.keyboard.type("1250")
    page.keyboard.press("Enter")
    small.expect_phase("present_card")
    expect(page.locator("#deck-cards button").first).to_be_visible()
    expect_in_view(page, "present-amount", "present-title", "cancel")
    assert not page.evaluate(OVERLAP, ["present-title", "cancel"])
    expect_no_sideways_scroll(page)
    page.locator("#deck-cards button").first.click()
    small.expect_result("approved")
    expect_in_view(page, "result-amount", "result-net", "next")
    assert not page.evaluate(OVERLAP, ["result-amount", "result-facts"])
    expect_no_sideways_scroll(page)
    assert page.evaluate("(one => one.scrollWidth <= one.clientWidth)(document.getElementById('result'))")


def test_a_banner_cuts_nothing_off(small: Terminal, long_banner: Callable[[], None]) -> None:
    small.page.keyboard.type("1250")
    long_banner()
    expect_in_view(small.page, "amount", "charge")
    last_key = small.page.locator("#keypad [data-key='0']")
    expect(last_key).to_be_in_viewport(ratio=1)


def test_the_menu_shows_the_page_one_is_on(open_context: OpenContext, server: RunningServer) -> None:
    page = open_context(locale="en-GB", viewport={"width": 393, "height": 786}).new_page()
    sign_in(page, server, "owner", path="/dashboard/terminals/")
    expect(page.locator(".nav [aria-current]")).to_be_in_viewport(ratio=0.9)
    expect(page.locator(".nav")).to_contain_class("has-before")
    page.goto(f"{server.url}/dashboard/")
    expect(page.locator(".nav a").first).to_be_in_viewport(ratio=0.9)
    expect(page.locator(".nav")).to_contain_class("has-after")


def test_without_script_the_terminal_says_what_it_needs(open_context: OpenContext, server: RunningServer) -> None:
    context = open_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, server, "cashier", path="/terminal/")
    expect(page.locator("noscript")).to_be_visible()
    expect(page.locator("[data-section='loading']")).to_be_hidden()
