"""What a test does with a card and the phone's NFC switch.

`install` once per browser context, before any page is opened; then the functions below on any of its pages.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal
from weakref import WeakKeyDictionary

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

from tests.browser.harness.mojo_ids import method_ids

HERE = Path(__file__).parent
HOOK = "__nfcDevice"
Permission = Literal["granted", "denied", "prompt"]
Hardware = Literal["enabled", "disabled", "absent"]
Tap = Mapping[str, Any]
"""One reading, as the protocol's `tap` message has it: `serial_number` and `records`."""
Failure = Callable[[Page], bool]
"""`tear` or `tap_unsupported`."""

# The override of a permission lives as long as the session that made it.
_permission_sessions: WeakKeyDictionary[Browser, CDPSession] = WeakKeyDictionary()


def install(context: BrowserContext, *, hardware: Hardware = "enabled") -> None:
    """Give every page that this context will open an NFC chip, switched on or off as each of them loads."""
    browser = context.browser
    assert browser is not None
    context.add_init_script(device_script(browser.version, hardware))


@cache
def device_script(browser_version: str, hardware: Hardware) -> str:
    configuration = json.dumps({"ids": method_ids(browser_version), "hook": HOOK, "hardware": hardware})
    sources = "\n".join((HERE / name).read_text() for name in ("mojo_codec.js", "device.js"))
    # Frames and pages without the flags (an error page of the browser) have no interceptor and no NFC.
    has_interceptor = "typeof MojoInterfaceInterceptor !== 'undefined' && window === window.top"
    return f"if ({has_interceptor}) ((CONFIGURATION) => {{\n'use strict';\n{sources}\n}})({configuration});"


def set_nfc_permission(page: Page, setting: Permission) -> None:
    """What the person answered for the page's origin. Without this call desktop Chromium says `denied`."""
    browser = page.context.browser
    assert browser is not None
    own = page.context.new_cdp_session(page)
    target = own.send("Target.getTargetInfo")["targetInfo"]
    own.detach()
    if browser not in _permission_sessions:
        _permission_sessions[browser] = browser.new_browser_cdp_session()
    _permission_sessions[browser].send(
        "Browser.setPermission",
        {
            "permission": {"name": "nfc"},
            "setting": setting,
            "origin": page.evaluate("location.origin"),
            "browserContextId": target["browserContextId"],
        },
    )


def tap(page: Page, reading: Tap, *, times: int = 1) -> bool:
    """Present a card: `times` readings of one hold. False: no scan is armed, Android would have taken it."""
    return bool(_hands(page, "tap", _card(reading), {"times": times}))


def hold(page: Page, reading: Tap) -> bool:
    """Leave the card lying on the phone until `release`: each new scan reads it at once."""
    return bool(_hands(page, "hold", _card(reading)))


def release(page: Page) -> None:
    _hands(page, "release")


def tap_unsupported(page: Page) -> bool:
    """Present a bank card or a wallet phone: a bare `readingerror`."""
    return bool(_hands(page, "tapUnsupported"))


def tear(page: Page) -> bool:
    """Take the card away before it was read: a bare `readingerror` too."""
    return bool(_hands(page, "tear"))


def set_hardware(page: Page, state: Hardware) -> None:
    """The phone's NFC switch, or no chip at all. An armed scan is lost by it, silently, as on a phone."""
    _hands(page, "setHardware", state)


def lose_service(page: Page) -> None:
    """The permission is withdrawn while a scan is armed; no event says so."""
    _hands(page, "closePipe")


def state(page: Page) -> dict[str, Any]:
    """`armed`: would a tap reach the page now; `watches`, `lost`; `calls`: what the page asked for so far."""
    found: dict[str, Any] = _hands(page, "state")
    return found


def url_reading(serial_number: str, url: str) -> Tap:
    """A reading of a card that holds one URL."""
    data = base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
    return {"serial_number": serial_number, "records": [{"record_type": "url", "id": "", "data": data}]}


def _hands(page: Page, name: str, *arguments: object) -> Any:
    return page.evaluate(f"([name, args]) => {HOOK}[name](...args)", [name, list(arguments)])


def _card(reading: Tap) -> dict[str, Any]:
    records: Sequence[Mapping[str, Any]] = reading["records"]
    return {
        "serialNumber": reading["serial_number"],
        "records": [
            {
                "recordType": record["record_type"],
                "mediaType": record.get("media_type"),
                "encoding": record.get("encoding"),
                "lang": record.get("lang"),
                "id": record.get("id") or "",
                "data": _standard_base64(record.get("data") or ""),
            }
            for record in records
        ],
    }


def _standard_base64(text: str) -> str:
    """base64url without padding, as on the wire, in the alphabet that the browser's `atob` reads."""
    return text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4)
