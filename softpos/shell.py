"""What makes the site an app on a phone: the terminal's page, its service worker and its manifest.

The terminal's page holds no data of any person, merchant or sale (name and role arrive over the socket), because the
service worker keeps a copy of it for opening offline. What the page says to people is in `terminal_messages()`: the
scripts themselves contain no words.
"""

import json
import re
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language, gettext, pgettext, to_locale
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET

from merchants.models import Member
from merchants.permissions import require

SERVICE_WORKER = "js/sw.js"
TERMINAL_SCRIPT = "js/terminal.js"
# What the terminal needs to open without a network, besides its own page and scripts.
SHELL_FILES = ("css/app.css", "css/terminal.css", "icons/softpos.svg")
COLOUR_BRAND = "#0a6a50"
COLOUR_PAGE = "#f3f5f2"


@never_cache
@require_GET
@ensure_csrf_cookie
@require("sell")
def terminal_page(request: HttpRequest, _member: Member) -> HttpResponse:
    """The phone's page, for who may sell; the socket asks again, and has the last word."""
    return render(
        request,
        "terminal/page.html",
        {
            "softpos_version": settings.SOFTPOS_VERSION,
            "terminal_messages": terminal_messages(),
            "terminal_settings": {
                "socket": "/ws/terminal/",
                "page": reverse("terminal"),
                "service_worker": reverse("service_worker"),
                "demo": settings.SOFTPOS_DEMO,
            },
        },
    )


@require_GET
@cache_control(no_cache=True, no_store=True)
def service_worker(_request: HttpRequest) -> HttpResponse:
    """The worker's script behind a line that names the version and files of this release.

    A release with another version has another first line, so that browsers notice and fetch the files anew.
    """
    shell = {
        "version": settings.SOFTPOS_VERSION,
        "page": reverse("terminal"),
        "files": [static(name) for name in (*SHELL_FILES, *terminal_modules())],
        "static": settings.STATIC_URL,
    }
    body = f"self.SHELL = {json.dumps(shell)};\n{_source(SERVICE_WORKER)}"
    return HttpResponse(body, content_type="text/javascript", headers={"Service-Worker-Allowed": "/"})


@require_GET
@cache_control(no_cache=True)
def manifest(_request: HttpRequest) -> HttpResponse:
    """The web app manifest, in the language of the person who installs it."""
    icons = [("softpos-192.png", "192x192", "any"), ("softpos-512.png", "512x512", "any")]
    icons.append(("softpos-maskable-512.png", "512x512", "maskable"))
    document = {
        "id": reverse("terminal"),
        "name": gettext("SoftPOS terminal"),
        "short_name": "SoftPOS",
        "description": gettext("Takes payments by tapping cards on this phone."),
        "lang": to_locale(get_language() or settings.LANGUAGE_CODE).replace("_", "-"),
        "dir": "ltr",
        "start_url": reverse("terminal"),
        "scope": "/",
        "display": "standalone",
        "orientation": "portrait",
        "background_color": COLOUR_PAGE,
        "theme_color": COLOUR_BRAND,
        "categories": ["business", "finance"],
        "icons": [
            {"src": static(f"icons/{name}"), "sizes": sizes, "type": "image/png", "purpose": purpose}
            for name, sizes, purpose in icons
        ],
        "shortcuts": [
            {"name": gettext("Take payment"), "url": reverse("terminal")},
            {"name": gettext("Dashboard"), "url": reverse("dashboard")},
        ],
    }
    return JsonResponse(document, content_type="application/manifest+json", json_dumps_params={"ensure_ascii": False})


@cache
def terminal_modules() -> tuple[str, ...]:
    """The terminal's script and every module it imports, so that no list can fall behind them."""
    found: dict[str, None] = {}
    waiting = [TERMINAL_SCRIPT]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            waiting += [f"js/{module}" for module in _IMPORT.findall(_source(name))]
    return tuple(sorted(found))


_IMPORT = re.compile(r"""^(?:import|export) .*from '\./([\w-]+\.js)';$""", re.MULTILINE)


@cache
def _source(name: str) -> str:
    path = finders.find(name)
    assert isinstance(path, str), f"{name} is missing from the static files"
    return Path(path).read_text(encoding="utf-8")


def terminal_messages() -> dict[str, str]:
    """Every sentence the terminal's scripts may show, in the language of the request; `{name}` is filled in there."""
    return {
        # the connection
        "line_closed": gettext("Not connected"),
        "line_connecting": gettext("Connecting"),
        "line_ready": gettext("Connected"),
        "line_reconnecting": gettext("Reconnecting"),
        "line_offline": gettext("Offline"),
        "line_unauthorised": gettext("Not accepted"),
        # entering
        "charge_purchase": gettext("Charge {amount}"),
        "charge_top_up": gettext("Top up {amount}"),
        "charge_balance": gettext("Read the balance"),
        "charge_nothing": gettext("Enter an amount"),
        "charge_no_line": gettext("Waiting for the connection"),
        "hint_balance": gettext("Tap the card to see what is on it. Nothing is charged."),
        "hint_cents": gettext("Last two digits are cents: 1 2 5 0 = 12.50"),
        "hint_max": gettext("At most {amount} at once"),
        "hint_min": gettext("At least {amount}"),
        "note_add": gettext("Add a note"),
        "note_shown": gettext("Note: {note}"),
        "notice_cancelled": gettext("Cancelled. Nothing was charged."),
        "notice_expired": gettext("No card came in time. Nothing was charged."),
        "notice_not_charged": gettext("The interrupted sale was called off. Nothing was charged."),
        "notice_other_terminal": gettext(
            "A sale begun on another terminal was left open here. Look in Transactions how it ended."
        ),
        "notice_amount_first": gettext("Enter the amount first, then tap the card."),
        # presenting
        "kind_purchase": gettext("Purchase"),
        "kind_top_up": gettext("Top-up"),
        "kind_balance": gettext("Balance"),
        "present_arming": gettext("Getting ready…"),
        "present_card": gettext("Tap the card"),
        "present_help_nfc": gettext("Hold it still against the back of the phone until you hear the tone."),
        "present_help_deck": gettext("Touch one of the virtual cards."),
        "present_help_none": gettext("This device can't read cards now: see the notice above."),
        "present_deciding": gettext("Asking the server…"),
        "present_deciding_help": gettext("You can take the card away."),
        "present_cancelling": gettext("Cancelling…"),
        "present_lost": gettext("Connection lost"),
        "present_lost_help": gettext("Nothing was charged yet. Reconnecting…"),
        "present_checking": gettext("Checking what happened"),
        "present_checking_help": gettext(
            "Don't take the money twice: the answer comes as soon as the server is reached."
        ),
        "countdown": gettext("{time} left"),
        "advice_read_error": gettext(
            "The card could not be read. Hold it still a little longer. A bank card can't be read by a browser."
        ),
        "advice_unsupported_card": gettext("This is not a card of ours. Bank cards and passes don't work here."),
        "advice_several_cards": gettext("More than one card was there. Hold only one to the phone."),
        # the result
        "approved_purchase": gettext("Payment received"),
        "approved_top_up": gettext("Topped up"),
        "approved_balance": gettext("Balance on the card"),
        "declined_title": gettext("Declined"),
        "refused_title": gettext("That did not work"),
        # the phone and the browser
        "nfc_unsupported_android": gettext("This browser can't read cards. Use Chrome on the phone."),
        "nfc_unsupported_wechat": gettext(
            "WeChat can't read cards. Touch ··· above and choose “Open in browser”, with Chrome."
        ),
        "nfc_unsupported_ios": gettext(
            "An iPhone can't read cards in the browser. Use an Android phone with Chrome as the terminal."
        ),
        "nfc_unsupported_chip": gettext("This phone has no NFC, so it can't read cards."),
        "nfc_unsupported_desktop": gettext(
            "This computer can't read cards. Open the page in Chrome on an Android phone."
        ),
        "nfc_demo": gettext("Demo: use the virtual cards"),
        "nfc_demo_first": gettext("After enrolling, virtual cards appear here"),
        # enrolling
        "enrol_wrong_code": gettext("This code is unknown, used or too old. Ask the owner for a new one."),
        "enrol_name_taken": gettext("A terminal has this name already. Choose another one."),
        "enrol_too_often": gettext("Too many tries. Wait a minute."),
        "enrol_no_network": gettext("The server can't be reached. Check the network and try again."),
        "enrol_failed": gettext("That did not work. Try again."),
        "refused_terminal_revoked": gettext(
            "This terminal was revoked by the owner. It needs a new code to take payments again."
        ),
        "refused_terminal_unknown": gettext(
            "This phone is not a terminal of the merchant you are signed in for. Sign in as someone of its merchant, "
            "or enrol it here."
        ),
        "refused": gettext("The server did not accept this phone as a terminal."),
        # speech; {amount} is filled with voice_yuan or with the amount as it is written
        "voice_received": gettext("Received {amount}"),
        "voice_topped_up": gettext("Topped up {amount}"),
        "voice_yuan": gettext("{amount} yuan"),
        # the demo's cards
        "deck_failed": gettext("The virtual card did not answer. Try again."),
        "recent_approved": pgettext("transaction status", "Approved"),
        "recent_declined": pgettext("transaction status", "Declined"),
    }
