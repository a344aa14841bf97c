"""What the terminal may cost a phone: bytes on the first load, and long tasks between tap and painted result.

Budgets, not timings: bytes are counted, and a long task is what the browser itself calls one (50 ms, W3C Long Tasks)
on a CPU slowed four times.
"""

import gzip

from playwright.sync_api import Page, Response

from tests.browser.conftest import OpenPhone, VirtualTap

FIRST_LOAD_BYTES_MAX = 100 * 1024
SLOWED_BY = 4

WATCH_LONG_TASKS = """() => {
  window.longTasks = [];
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.longTasks.push(Math.round(task.duration));
  }).observe({type: 'longtask'});
}"""
AFTER_THE_PAINT = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"


def test_the_first_load_of_the_terminal_is_under_100_kb_compressed(open_phone: OpenPhone) -> None:
    phone = open_phone()
    page: Page = phone.page.context.new_page()
    sizes: dict[str, int] = {}

    def weigh(response: Response) -> None:
        kind = response.request.resource_type
        if response.ok and kind not in ("image", "websocket"):
            sizes[response.url] = len(gzip.compress(response.body()))

    page.on("response", weigh)
    page.goto(f"{phone.server.url}/terminal/", wait_until="networkidle")
    assert any(url.endswith("terminal.js") for url in sizes), sizes
    assert sum(sizes.values()) < FIRST_LOAD_BYTES_MAX, sizes


def test_no_long_task_between_tap_and_painted_result(
    open_phone: OpenPhone, virtual_tap: VirtualTap, cards: list[str]
) -> None:
    phone = open_phone()
    phone.expect_nfc("armed")
    phone.pay(1_00, virtual_tap(cards[0]))  # the first sale warms what a day of sales would
    phone.charge(2_00)
    slowed = phone.page.context.new_cdp_session(phone.page)
    slowed.send("Emulation.setCPUThrottlingRate", {"rate": SLOWED_BY})
    phone.page.evaluate(WATCH_LONG_TASKS)
    phone.tap(virtual_tap(cards[1]))
    phone.expect_result("approved")
    phone.page.evaluate(AFTER_THE_PAINT)
    assert phone.page.evaluate("() => window.longTasks") == []
