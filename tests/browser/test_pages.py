"""Every page in both languages, on a small phone and by keyboard."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenContext, OpenPhone, VirtualTap
from tests.browser.pages import sign_in, transactions
from tests.servers import RunningServer

pytestmark = pytest.mark.browser

NARROW = {"width": 360, "height": 740}
OWNERS_PAGES = ("/dashboard/", "/dashboard/transactions/", "/dashboard/terminals/", "/dashboard/cards/", "/terminal/")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
HTML_LANG = {"zh-CN": "zh-hans", "en-GB": "en"}
ENGLISH = re.compile(r"[A-Za-z]{4,}")
# The page's own words, less the switch to the other language.
SENTENCES = """() => {
  const own = document.body.cloneNode(true);
  own.querySelectorAll('script, template, [lang]').forEach((node) => node.remove());
  return [...own.querySelectorAll('h1, h2, button, label, th, dt, dd, legend, summary, p, a')]
    .map((node) => node.textContent.trim()).filter(Boolean);
}"""


@pytest.fixture(params=HTML_LANG, scope="module")
def language(request: pytest.FixtureRequest) -> str:
    """What the browser asks for."""
    return str(request.param)


@pytest.fixture
def owner(open_context: OpenContext, server: RunningServer, language: str) -> Page:
    """The owner on the smallest phone that is sold."""
    page = open_context(phone=True, viewport=NARROW, screen=NARROW, locale=language).new_page()
    sign_in(page, server, "owner", path="/dashboard/")
    return page


def sentences_in_the_other_language(page: Page, server: RunningServer, language: str) -> list[str]:
    """What the page says, less the names that the merchant gave, where it is not in `language`."""
    demo = server.demo
    names = ["SoftPOS", demo["merchant"]["name"], "老王会员卡", *(one["name"] for one in demo["terminals"])]
    either = re.compile("|".join(map(re.escape, names)))
    spoken = [either.sub("", sentence) for sentence in page.evaluate(SENTENCES)]
    assert spoken
    if language == "zh-CN":
        return [sentence for sentence in spoken if ENGLISH.search(sentence) and not CHINESE.search(sentence)]
    return [sentence for sentence in spoken if CHINESE.search(sentence)]


def expect_no_sideways_scroll(page: Page) -> None:
    widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths[0] <= widths[1], f"{page.url} is {widths[0]} px wide on {widths[1]}"


@pytest.mark.parametrize("path", OWNERS_PAGES)
def test_a_page_fits_a_small_phone_and_speaks_its_language(
    owner: Page, server: RunningServer, language: str, path: str
) -> None:
    owner.goto(f"{server.url}{path}")
    expect(owner.locator("html")).to_have_attribute("lang", HTML_LANG[language])
    expect_no_sideways_scroll(owner)
    assert sentences_in_the_other_language(owner, server, language) == []


def test_the_sign_in_fits_and_speaks(open_context: OpenContext, server: RunningServer, language: str) -> None:
    page = open_context(phone=True, viewport=NARROW, screen=NARROW, locale=language).new_page()
    page.goto(f"{server.url}/sign-in/")
    expect_no_sideways_scroll(page)
    assert bool(CHINESE.search(page.inner_text("h1"))) == (language == "zh-CN")


def test_the_sale_fits_at_every_step(
    open_phone: OpenPhone, virtual_tap: VirtualTap, card: str, server: RunningServer, language: str
) -> None:
    phone = open_phone(viewport=NARROW, screen=NARROW, locale=language)
    phone.expect_nfc("armed")
    expect_no_sideways_scroll(phone.page)
    phone.charge(123_45)
    expect_no_sideways_scroll(phone.page)
    assert bool(CHINESE.search(phone.page.inner_text("#present-title"))) == (language == "zh-CN")
    phone.tap(virtual_tap(card))
    phone.expect_result("approved")
    expect_no_sideways_scroll(phone.page)
    assert bool(CHINESE.search(phone.page.inner_text("#result-title"))) == (language == "zh-CN")
    phone.page.goto(f"{server.url}/receipts/{transactions(server)[0]['id']}/")
    expect_no_sideways_scroll(phone.page)


def test_the_language_is_switched_and_kept(open_context: OpenContext, server: RunningServer) -> None:
    page = open_context(locale="zh-CN").new_page()
    page.goto(f"{server.url}/sign-in/")
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    page.click("button[name='language'][value='en']")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    sign_in(page, server, "owner", path="/dashboard/")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_a_sale_by_keyboard_alone(open_phone: OpenPhone, virtual_tap: VirtualTap, card: str) -> None:
    phone = open_phone()
    phone.expect_nfc("armed")
    keyboard = phone.page.keyboard
    keyboard.type("1999")
    keyboard.press("Backspace")
    expect(phone.page.locator("#amount")).to_contain_text("1.99")
    keyboard.press("Enter")
    phone.expect_phase("present_card")
    keyboard.press("Escape")
    phone.expect_view("entry")
    expect(phone.page.locator("#amount")).to_contain_text("1.99")
    keyboard.press("Enter")
    phone.expect_phase("present_card")
    phone.tap(virtual_tap(card))
    phone.expect_result("approved")
    expect(phone.page.locator("#next")).to_be_focused()
    keyboard.press("Enter")
    phone.expect_view("entry")


def test_the_first_tab_leads_to_the_content(owner_page: Page) -> None:
    owner_page.keyboard.press("Tab")
    expect(owner_page.locator(".skip-link")).to_be_focused()
    owner_page.keyboard.press("Enter")
    expect(owner_page.locator("#main")).to_be_focused()


def test_the_accountant_cannot_sell(open_context: OpenContext, server: RunningServer) -> None:
    page = open_context().new_page()
    sign_in(page, server, "accountant", path="/dashboard/")
    answer = page.goto(f"{server.url}/terminal/")
    assert answer is not None
    assert answer.status == 403
    expect(page.locator("h1")).to_be_visible()


def test_the_cashier_sees_only_what_they_sold(
    open_phone: OpenPhone, virtual_tap: VirtualTap, card: str, server: RunningServer, open_context: OpenContext
) -> None:
    phone = open_phone()
    phone.expect_nfc("armed")
    phone.pay(3_21, virtual_tap(card))
    mine = transactions(server)[0]
    page = open_context().new_page()
    sign_in(page, server, "cashier", path="/dashboard/transactions/")
    operators = {str(one["operator"]) for one in transactions(server, status="approved", kind="purchase")}
    expect(page.locator(f"[data-transaction='{mine['id']}']")).to_be_visible()
    assert operators
    expect(page.locator("#download-csv")).to_have_count(0)
