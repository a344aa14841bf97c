"""Renders the app's icons from static/icons/softpos.svg through headless Chromium (Playwright).

    python scripts/make_icons.py [--chromium /usr/bin/chromium]

The PNGs are committed, so this runs only when the drawing changes. The maskable one fills the square and keeps the
drawing inside the middle 80 %, which is all a launcher promises to show.
"""

import argparse
from pathlib import Path

from playwright.sync_api import sync_playwright

ICONS = Path(__file__).resolve().parent.parent / "static" / "icons"
BRAND = "#0a6a50"
# file, edge in pixels, share of the edge the drawing takes, what is behind it
RENDERINGS = (
    ("softpos-192.png", 192, 1.0, "transparent"),
    ("softpos-512.png", 512, 1.0, "transparent"),
    ("softpos-maskable-512.png", 512, 0.8, BRAND),
)
PAGE = """<!doctype html><style>html,body{{margin:0;height:100%;background:{behind}}}
body{{display:grid;place-items:center}}svg{{width:{share:.0%};height:{share:.0%}}}</style>{svg}"""


def main() -> None:
    """Write every rendering next to the drawing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="the browser to draw with")
    arguments = parser.parse_args()
    svg = (ICONS / "softpos.svg").read_text(encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
        for name, edge, share, behind in RENDERINGS:
            page = browser.new_page(viewport={"width": edge, "height": edge})
            page.set_content(PAGE.format(behind=behind, share=share, svg=svg))
            page.screenshot(path=ICONS / name, omit_background=behind == "transparent")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
