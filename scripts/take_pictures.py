"""`make pictures`: docs/images/*.png, taken from the running site in both languages.

A demo server of its own, a Xiaomi-sized page whose NFC reads a virtual card, and the owner's dashboard beside it.
"""

import json
import subprocess
import sys

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from scripts.packages import install_debian_package
from tests.browser.harness import nfc
from tests.browser.harness.chromium import chromium_path, launch
from tests.browser.harness.phone import xiaomi
from tests.browser.pages import Terminal, sign_in
from tests.databases import ROOT
from tests.servers import RunningServer

IMAGES = ROOT / "docs" / "images"
# By the suffix of the files: what the browser asks for.
LANGUAGES = {"": "en-GB", ".zh-CN": "zh-CN"}
LAPTOP: ViewportSize = {"width": 1280, "height": 800}
SETTLED_MS = 1_500


def main() -> int:
    if chromium_path() is None and not install_debian_package("chromium", "the pictures need Chromium"):
        return 1
    chromium_path.cache_clear()
    if not has_chinese_letters():
        install_debian_package("fonts-noto-cjk", "the pictures need Chinese letters")
    IMAGES.mkdir(parents=True, exist_ok=True)
    for suffix, locale in LANGUAGES.items():
        with RunningServer() as server, sync_playwright() as playwright:
            browser = launch(playwright)
            take(browser, server, suffix, locale)
            browser.close()
    return 0


def take(browser: Browser, server: RunningServer, suffix: str, locale: str) -> None:
    phone = enrolled_phone(browser, server, locale)
    subprocess.run([sys.executable, "-m", "scripts.picture_day"], cwd=ROOT, env=server.env, check=True)
    phone.page.reload()  # the terminal learns the merchant's time zone when it connects
    phone.expect_line("ready")
    phone.expect_nfc("armed")
    dashboard = browser.new_context(viewport=LAPTOP, device_scale_factor=1.5, locale=locale).new_page()
    sign_in(dashboard, server, "owner", path="/dashboard/")
    expect(dashboard.locator("#connection")).to_have_attribute("data-state", "live")
    card = server.demo["cards"][0]["uid"]
    phone.charge(12_50)
    phone.tap(json.loads(server.manage("virtual_tap", card, "--json")))
    phone.expect_result("approved")
    picture(phone.page, f"terminal{suffix}.png")
    picture(dashboard, f"dashboard{suffix}.png")


def enrolled_phone(browser: Browser, server: RunningServer, locale: str) -> Terminal:
    page = xiaomi(browser, device_scale_factor=2, locale=locale).new_page()
    page.goto(f"{server.url}/sign-in/")
    nfc.set_nfc_permission(page, "granted")
    sign_in(page, server, "cashier", path="/terminal/")
    phone = Terminal(page, server)
    phone.page.fill("#enrol-code", server.demo["terminals"][0]["enrolment_code"])
    phone.page.click("#enrol-submit")
    phone.expect_line("ready")
    phone.expect_nfc("armed")
    return phone


def picture(page: Page, name: str) -> None:
    page.wait_for_timeout(SETTLED_MS)  # what moves has come to rest
    page.screenshot(path=IMAGES / name)
    print(f"docs/images/{name}")


def has_chinese_letters() -> bool:
    try:
        return bool(subprocess.run(["fc-list", ":lang=zh"], capture_output=True, check=False).stdout.strip())
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    sys.exit(main())
