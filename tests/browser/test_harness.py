"""The harness itself: a bare page sees what Chrome on a phone would show it."""

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.harness import nfc
from tests.browser.harness.phone import ConsoleWatch, has_real_nfc, set_visible, xiaomi

pytestmark = pytest.mark.browser

ORIGIN = "http://127.0.0.1:9"
CARD = nfc.url_reading("04:a1:b2:c3:d4:e5:80", "https://pos.example/c/?p=EF96&c=94EE")
BARE_PAGE = "<!doctype html><link rel=icon href=data:,><title>bare</title>"
LISTEN = """() => {
  window.seen = [];
  window.scan = (options) => {
    const reader = new NDEFReader();
    const text = (record) => record.data ? new TextDecoder().decode(record.data) : null;
    const flat = (record) => [record.recordType, record.id, text(record)];
    reader.onreading = (event) => seen.push([event.serialNumber, ...event.message.records.map(flat)]);
    reader.onreadingerror = () => seen.push(['readingerror']);
    return reader.scan(options).then(() => 'armed', (error) => error.name);
  };
}"""


@pytest.fixture
def page(browser: Browser, console: ConsoleWatch) -> Page:
    context = xiaomi(browser)
    console.over(context)
    page = context.new_page()
    # Answered inside the browser: the bare page needs no server.
    page.route(f"{ORIGIN}/**", lambda route: route.fulfill(body=BARE_PAGE, content_type="text/html"))
    page.goto(ORIGIN)
    nfc.set_nfc_permission(page, "granted")
    page.evaluate(LISTEN)
    return page


def seen(page: Page) -> list:
    page.wait_for_timeout(60)
    return page.evaluate("seen.splice(0)")


def test_the_reader_is_the_browsers_own(page: Page):
    assert has_real_nfc(page)
    assert page.evaluate("typeof Mojo") == "undefined"


def test_an_armed_scan_reads_a_card_and_an_unarmed_one_leaves_it_to_android(page: Page):
    assert nfc.tap(page, CARD) is False
    assert page.evaluate("scan()") == "armed"
    assert nfc.tap(page, CARD) is True
    assert seen(page) == [["04:a1:b2:c3:d4:e5:80", ["url", "", "https://pos.example/c/?p=EF96&c=94EE"]]]


def test_a_bank_card_and_a_torn_tap_are_bare_reading_errors(page: Page):
    page.evaluate("scan()")
    assert nfc.tap_unsupported(page)
    assert nfc.tear(page)
    assert seen(page) == [["readingerror"], ["readingerror"]]


def test_a_blank_card_gives_one_empty_record(page: Page):
    page.evaluate("scan()")
    nfc.tap(page, {"serial_number": "04:01", "records": [{"record_type": "empty"}]})
    assert seen(page) == [["04:01", ["empty", None, None]]]


def test_a_held_card_is_read_by_each_new_scan(page: Page):
    page.evaluate("scan()")
    nfc.hold(page, CARD)
    page.evaluate("scan()")
    assert len(seen(page)) == 3  # the second scan's delivery reaches both readers
    nfc.release(page)
    page.evaluate("scan()")
    assert seen(page) == []


@pytest.mark.parametrize(("hardware", "error"), [("disabled", "NotReadableError"), ("absent", "NotSupportedError")])
def test_a_scan_without_nfc_is_refused(page: Page, hardware, error):
    nfc.set_hardware(page, hardware)
    assert page.evaluate("scan()") == error


def test_a_denied_permission_refuses_the_scan(page: Page):
    nfc.set_nfc_permission(page, "denied")
    assert page.evaluate("scan()") == "NotAllowedError"


def test_nfc_off_and_on_loses_the_scan_until_it_was_at_rest_for_600_ms(page: Page):
    page.evaluate("window.stop = new AbortController(), scan({ signal: stop.signal })")
    nfc.set_hardware(page, "disabled")
    nfc.set_hardware(page, "enabled")
    assert nfc.tap(page, CARD) is False
    page.evaluate("stop.abort(), window.stop = new AbortController(), scan({ signal: stop.signal })")
    assert nfc.tap(page, CARD) is False, "armed again too soon"
    page.evaluate("stop.abort()")
    page.wait_for_timeout(650)
    page.evaluate("scan()")
    assert nfc.tap(page, CARD) is True


def test_a_hidden_page_reads_nothing_and_resumes_by_itself(page: Page):
    page.evaluate("scan()")
    set_visible(page, False)
    assert nfc.tap(page, CARD) is False
    set_visible(page, True)
    assert nfc.tap(page, CARD) is True


def test_a_withdrawn_permission_silences_the_scan(page: Page):
    page.evaluate("scan()")
    nfc.lose_service(page)
    assert nfc.tap(page, CARD) is False
    assert seen(page) == []


def test_a_page_that_writes_is_caught(page: Page, console: ConsoleWatch):
    assert page.evaluate("new NDEFReader().write('hello').catch((error) => error.name)") == "NotAllowedError"
    assert console.problems
    console.problems.clear()
