"""Which Chromium the browser tests drive, and the flags it needs."""

import functools
import os
import shutil

from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",  # root in a container has no user namespaces to sandbox with; loopback pages only
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-blink-features=WebNFC,MojoJS,MojoJSTest",
)


@functools.cache
def chromium_path() -> str | None:
    """The Chromium that CHROMIUM names, else the first on the path; None when there is none."""
    given = os.environ.get("CHROMIUM")
    return next(filter(None, map(shutil.which, [given] if given else NAMES)), None)


def launch(playwright: Playwright) -> Browser:
    """A headless browser; Playwright's own download of one is never used."""
    path = chromium_path()
    assert path, "Chromium is missing: `make test` installs it or says how"
    return playwright.chromium.launch(executable_path=path, args=list(FLAGS))
