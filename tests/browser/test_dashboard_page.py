"""The owner's dashboard in a browser: live, over lost connections and gaps, in two languages, on a phone."""

import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.browser.conftest import OpenContext, VirtualTap
from tests.browser.pages import Terminal, sign_in, transactions
from tests.servers import RunningServer

pytestmark = pytest.mark.browser

PHONE = {"width": 393, "height": 786}
SMALLEST = {"width": 360, "height": 640}
TERMINAL_ID = "11111111-1111-1111-1111-111111111111"


class FakeServer:
    """The dashboard's socket as the test wants it; the page, its data and its script are the real ones."""

    def __init__(self, page: Page) -> None:
        self.lines: list[WebSocketRoute] = []
        self.after: list[str | None] = []
        self.answer: Callable[[FakeServer, int | None], None] | None = None
        page.route_web_socket("**/ws/dashboard/*", self._connected)
        page.route_web_socket("**/ws/dashboard/", self._connected)

    def _connected(self, line: WebSocketRoute) -> None:
        after = parse_qs(urlsplit(line.url).query).get("after", [None])[0]
        self.lines.append(line)
        self.after.append(after)
        if self.answer:
            self.answer(self, int(after) if after else None)

    def say(self, *messages: dict[str, Any]) -> None:
        for message in messages:
            self.lines[-1].send(json.dumps(message))


def totals(sales: int, count: int, **more: Any) -> dict[str, Any]:
    line = {"sales": sales, "count": count, "fees": 0}
    return {
        "business_date": "2026-11-22",
        "ends_at": "2099-01-01T00:00:00+08:00",
        "currency": "CNY",
        **line,
        "refunds": 0,
        "net": sales,
        "average": sales // count if count else 0,
        "top_ups": 0,
        "by_hour": [{"hour": (4 + n) % 24, **(line if n == 5 else dict.fromkeys(line, 0))} for n in range(24)],
        "by_method": {"prepaid": line},
        "by_terminal": {TERMINAL_ID: {"name": "Bar", **line}},
        **more,
    }


def snapshot(cursor: int, today: dict[str, Any], *recent: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "snapshot",
        "cursor": cursor,
        "today": today,
        "recent": list(recent),
        "terminals": [{"id": TERMINAL_ID, "name": "Bar", "state": "online"}],
        "merchant": {"name": "M", "currency": "CNY", "time_zone": "Asia/Shanghai"},
    }


def transaction(sequence: int, amount: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"T{sequence:026d}",
        "sequence": sequence,
        "kind": "purchase",
        "status": "approved",
        "amount": amount,
        "fee": 0,
        "net": amount,
        "currency": "CNY",
        "card": "•••• 3F80",
        "terminal": {"id": TERMINAL_ID, "name": "Bar"},
        "operator": "Li",
        "reason": None,
        "occurred_at": "2026-11-22T13:05:09.000+08:00",
        "business_date": "2026-11-22",
        **more,
    }


def event(sequence: int, today: dict[str, Any], **more: Any) -> dict[str, Any]:
    shown = transaction(sequence, 1_00, **more)
    return {"type": "transaction", "cursor": sequence, "transaction": shown, "today": today}


def feed(page: Page) -> Locator:
    return page.locator("#feed li")


def expect_state(page: Page, state: str) -> None:
    expect(page.locator("#connection")).to_have_attribute("data-state", state)


def expect_sales(page: Page, minor: int) -> None:
    expect(page.locator("#sales")).to_have_attribute("data-minor", str(minor))


@pytest.fixture
def fake(open_context: OpenContext, server: RunningServer) -> tuple[Page, FakeServer]:
    """The owner's dashboard over a fake socket that begins at cursor 10 with one sale of 5.00."""
    page = open_context(locale="en-GB", viewport={"width": 1280, "height": 800}).new_page()
    socket = FakeServer(page)
    socket.answer = lambda self, _: self.say(snapshot(10, totals(5_00, 1), transaction(10, 5_00)))
    sign_in(page, server, "owner", path="/dashboard/")
    expect_state(page, "live")
    expect_sales(page, 5_00)
    return page, socket


def test_it_starts_from_the_cursor_the_page_was_painted_at(fake: tuple[Page, FakeServer]) -> None:
    page, socket = fake
    painted = page.evaluate("JSON.parse(document.getElementById('dashboard-snapshot').textContent).cursor")
    assert socket.after == [str(painted)]


def test_a_sale_appears_is_highlighted_and_told(fake: tuple[Page, FakeServer]) -> None:
    page, socket = fake
    socket.say(event(11, totals(6_00, 2), fee=3))
    expect_sales(page, 6_00)
    first = feed(page).first
    expect(first).to_have_attribute("data-transaction", f"T{11:026d}")
    expect(first).to_have_class("feed__row is-new")
    expect(first.locator("[data-fee]")).to_have_text("Fee ¥0.03")
    expect(first.locator("time")).to_have_text("13:05:09")
    expect(first.locator("a")).to_have_attribute("href", f"/dashboard/transactions/T{11:026d}/")
    expect(page.locator("#announcer")).to_contain_text("¥1.00")
    expect(page.locator("#chart")).to_have_attribute("data-sum", "600")
    expect(page.locator("#terminals li")).to_have_count(1)


def test_a_decline_is_quiet_and_says_why(fake: tuple[Page, FakeServer]) -> None:
    page, socket = fake
    socket.say(event(11, totals(5_00, 1), status="declined", reason="insufficient_funds"))
    first = feed(page).first
    expect(first).to_have_attribute("data-status", "declined")
    expect(first.locator("[data-badge]")).to_have_text("Declined")
    expect(first.locator("[data-reason]")).to_have_text("not enough money on the card")
    expect_sales(page, 5_00)


def test_a_lost_connection_is_shown_and_nothing_is_missed(fake: tuple[Page, FakeServer]) -> None:
    page, socket = fake
    socket.answer = None
    socket.lines[-1].close(code=1011)
    expect_state(page, "reconnecting")

    def answer(self: FakeServer, after: int | None) -> None:
        assert after == 10
        self.say(
            snapshot(10, totals(5_00, 1), transaction(10, 5_00)), event(11, totals(6_00, 2)), event(12, totals(7_00, 3))
        )

    socket.answer = answer
    for line in socket.lines[1:]:  # the try that began before the answer was there
        line.close(code=1011)
    expect_state(page, "live")
    expect_sales(page, 7_00)
    expect(feed(page)).to_have_count(3)
    assert set(socket.after[1:]) == {"10"}


def test_a_gap_makes_it_ask_again_after_the_last_it_has(fake: tuple[Page, FakeServer]) -> None:
    page, socket = fake
    known = [transaction(11, 1_00), transaction(10, 5_00)]
    socket.say(event(11, totals(6_00, 2)))
    expect_sales(page, 6_00)
    socket.answer = lambda self, _: self.say(
        snapshot(11, totals(6_00, 2), *known), event(12, totals(7_00, 3)), event(13, totals(8_00, 4))
    )
    socket.say(event(13, totals(8_00, 4)))
    expect_sales(page, 8_00)
    expect(feed(page)).to_have_count(4)
    assert socket.after[-1] == "11"
    expect_state(page, "live")


def test_an_event_that_comes_twice_counts_once(fake: tuple[Page, FakeServer]) -> None:
    page, socket = fake
    socket.say(event(11, totals(6_00, 2)), event(11, totals(99_00, 9)), event(12, totals(7_00, 3)))
    expect_sales(page, 7_00)
    expect(feed(page)).to_have_count(3)
    assert len(socket.lines) == 1


def test_without_a_network_it_says_offline_and_since_when(fake: tuple[Page, FakeServer]) -> None:
    page, socket = fake
    socket.answer = None
    page.evaluate("dispatchEvent(new Event('offline'))")
    page.evaluate("Object.defineProperty(navigator, 'onLine', { configurable: true, get: () => false })")
    for line in socket.lines[1:]:
        line.close(code=1006)
    page.context.set_offline(True)
    expect_state(page, "offline")
    expect(page.locator("#connection")).to_contain_text("data of")
    page.context.set_offline(False)
    page.evaluate("delete navigator.onLine")
    socket.answer = lambda self, _: self.say(snapshot(10, totals(5_00, 1), transaction(10, 5_00)))
    page.evaluate("dispatchEvent(new Event('online'))")
    expect_state(page, "live")


def test_signed_out_it_offers_to_sign_in_and_stops_asking(fake: tuple[Page, FakeServer]) -> None:
    page, socket = fake
    socket.lines[-1].close(code=4401)
    expect_state(page, "offline")
    expect(page.locator("#connection [data-sign-in]")).to_be_visible()
    page.wait_for_timeout(1_500)
    assert len(socket.lines) == 1


def test_the_new_day_begins_without_a_reload(open_context: OpenContext, server: RunningServer) -> None:
    page = open_context(locale="en-GB").new_page()
    page.clock.install()
    socket = FakeServer(page)
    days = [
        totals(5_00, 1, ends_at=page.evaluate("new Date(Date.now() + 3600_000).toISOString()")),
        totals(0, 0, business_date="2026-11-23"),
    ]
    socket.answer = lambda self, _: self.say(snapshot(10, days[0], transaction(10, 5_00)))
    sign_in(page, server, "owner", path="/dashboard/")
    expect_sales(page, 5_00)
    page.clock.run_for(59_000)
    socket.answer = lambda self, _: self.say(snapshot(10, days[1], transaction(10, 5_00)))
    page.clock.run_for(3_600_000)
    expect_sales(page, 0)
    expect(page.locator("#business-date")).to_have_attribute("datetime", "2026-11-23")
    expect(page.locator("#no-sales")).to_be_visible()
    expect(feed(page).first.locator("time")).to_have_text("11-22 13:05")


def test_the_chart_is_read_with_the_arrow_keys(fake: tuple[Page, FakeServer]) -> None:
    page, _ = fake
    page.focus("#chart")
    page.keyboard.press("Home")
    tip = page.locator(".chart__tip")
    expect(tip).to_contain_text("4:00–5:00")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(tip).to_contain_text("9:00–10:00")
    expect(tip).to_contain_text("¥5.00")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()


def test_a_terminal_that_comes_and_goes_is_shown(fake: tuple[Page, FakeServer]) -> None:
    page, socket = fake
    terminal = {"id": TERMINAL_ID, "name": "Bar", "state": "offline"}
    socket.say({"type": "terminal", "cursor": 10, "terminal": terminal})
    expect(page.locator("#terminals .conn")).to_have_attribute("data-state", "offline")


def test_over_a_restart_of_the_server_nothing_is_missed(
    phone: Terminal, owner_page: Page, server: RunningServer, virtual_tap: VirtualTap, card: str
) -> None:
    phone.pay(3_21, virtual_tap(card))
    before = str(transactions(server)[0]["id"])
    expect(owner_page.locator(f"#feed [data-transaction='{before}']")).to_be_visible()
    server.stop()
    # Both have noticed before it comes back: what follows goes over new connections.
    expect(owner_page.locator("#connection")).not_to_have_attribute("data-state", "live")
    expect(phone.page.locator("#connection")).not_to_have_attribute("data-state", "ready")
    server.start()
    expect_state(owner_page, "live")
    phone.expect_line("ready")
    other_card = next(one["uid"] for one in server.demo["cards"] if one["uid"] != card and one["balance"] > 4_56)
    phone.pay(4_56, virtual_tap(other_card))  # another, as the phone takes one card at most every two seconds
    newest = str(transactions(server)[0]["id"])
    expect(owner_page.locator(f"#feed [data-transaction='{newest}']")).to_be_visible()
    expect(owner_page.locator(f"#feed [data-transaction='{before}']")).to_have_count(1)


def test_the_code_on_the_owners_page_gives_way_when_the_phone_is_enrolled(
    open_context: OpenContext, server: RunningServer
) -> None:
    page = open_context(locale="en-GB").new_page()
    sign_in(page, server, "owner", path="/dashboard/terminals/")
    page.fill("#terminal-name", f"Counter {uuid.uuid4().hex[:6]}")
    page.click("#add-terminal button")
    expect(page.locator("#countdown")).to_contain_text("9:5")
    code = page.locator("#enrolment-code").inner_text()
    expect(page.locator("#enrolment-link")).to_have_attribute("href", f"{server.url}/terminal/#code={code}")
    answer = httpx.post(
        f"{server.url}/api/v1/terminals/enrol/",
        json={"code": code, "public_key": page.evaluate(_NEW_KEY)},
        trust_env=False,
    )
    assert answer.is_success, answer.text
    expect(page.locator("#enrolled")).to_be_visible()


@pytest.mark.parametrize("size", [PHONE, SMALLEST, {"width": 1280, "height": 800}])
@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_no_page_scrolls_sideways(
    open_context: OpenContext, server: RunningServer, size: dict[str, int], locale: str
) -> None:
    page = open_context(viewport=size, locale=locale).new_page()
    sign_in(page, server, "owner", path="/dashboard/")
    newest = transactions(server)[0]["id"]
    paths = ["", "transactions/?kind=all&status=all&from=&to=", f"transactions/{newest}/", "terminals/", "cards/"]
    for path in [f"/dashboard/{path}" for path in paths] + [f"/receipts/{newest}/"]:
        page.goto(server.url + path)
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider == 0, f"{path} is {wider} px too wide at {size['width']}"


_NEW_KEY = """async () => {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey);
  return { kty, crv, x, y };
}"""
