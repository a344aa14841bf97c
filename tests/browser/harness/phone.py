"""A Xiaomi-sized page with an NFC chip, and the watch over what no page of ours may put in the console."""

from collections.abc import Mapping
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.browser.harness import nfc

# Of a Xiaomi 14 class phone: 1200 x 2670 pixels, 393 CSS pixels wide.
WIDTH_PX, HEIGHT_PX, SCREEN_HEIGHT_PX, PIXEL_RATIO = 393, 786, 873, 3
FORBIDDEN_IN_CONSOLE = (
    "unknown mojo message id",  # the browser's NFC interface has changed: mend the harness
    "the page tried to write",
    "Content Security Policy",
    "Uncaught",
)


def xiaomi(browser: Browser, *, hardware: nfc.Hardware = "enabled", **options: Any) -> BrowserContext:
    """A context as Chrome on such a phone has it, with an NFC chip; `options` go to Playwright."""
    major = browser.version.split(".")[0]
    settings: Mapping[str, Any] = {
        "viewport": {"width": WIDTH_PX, "height": HEIGHT_PX},
        "screen": {"width": WIDTH_PX, "height": SCREEN_HEIGHT_PX},
        "device_scale_factor": PIXEL_RATIO,
        "is_mobile": True,
        "has_touch": True,
        "locale": "zh-CN",
        "user_agent": f"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
        f"Chrome/{major}.0.0.0 Mobile Safari/537.36",
    }
    context = browser.new_context(**{**settings, **options})
    nfc.install(context, hardware=hardware)
    return context


def has_real_nfc(page: Page) -> bool:
    """Whether the page's `NDEFReader` is the browser's own code."""
    return bool(
        page.evaluate("typeof NDEFReader === 'function' && /native code/.test(NDEFReader.prototype.scan.toString())")
    )


def set_visible(page: Page, visible: bool) -> None:
    """Headless pages are always visible: fake the property, fire the event (the device suspends on it)."""
    page.evaluate(
        """(visible) => {
          const state = visible ? 'visible' : 'hidden';
          Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state });
          Object.defineProperty(document, 'hidden', { configurable: true, get: () => !visible });
          document.dispatchEvent(new Event('visibilitychange'));
        }""",
        visible,
    )


class ConsoleWatch:
    """Collects what a context's pages must not say; `check` fails the test on it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.problems: list[str] = []

    def over(self, context: BrowserContext) -> None:
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self.problems.append(f"uncaught in the page: {error.error}"))

    def check(self) -> None:
        assert not self.problems, "\n".join(self.problems)

    def _on_console(self, message: ConsoleMessage) -> None:
        self.lines.append(f"{message.type}: {message.text}")
        if any(forbidden in message.text for forbidden in FORBIDDEN_IN_CONSOLE):
            self.problems.append(message.text)
