"""The owner's page of terminals: open one, show its code once, give a new code, revoke.

The code is in the answer to the press that made it and nowhere else (only its digest is stored), so that answer is
a page and no redirect. An address that only takes presses leads back to the list when it is merely visited, as
after a change of language.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import segno
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from merchants import enrolment
from merchants.models import Member, Terminal
from merchants.permissions import require

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
STATE_ORDER = ("online", "offline", "pending", "revoked")


@require_safe
@require("manage_terminals")
def terminal_list(request: HttpRequest, member: Member) -> HttpResponse:
    """The merchant's terminals with their states."""
    return _list_page(request, member)


@require_http_methods(["GET", "HEAD", "POST"])
@require("manage_terminals")
def terminal_add(request: HttpRequest, member: Member) -> HttpResponse:
    """Open a terminal of the name given, and show how a phone becomes it."""
    if request.method != "POST":
        return redirect("terminal_list")
    name = " ".join(request.POST.get("name", "").split())
    error = _fault_of(name)
    if error:
        return _list_page(request, member, name=name, error=error, status=400)
    try:
        terminal, code = enrolment.open_terminal(merchant=member.merchant, name=name)
    except enrolment.NameTaken:
        error = _("There is a terminal of this name already. Choose another one.")
        return _list_page(request, member, name=name, error=error, status=409)
    return _list_page(request, member, invitation=_invitation(request, terminal, code))


@require_http_methods(["GET", "HEAD", "POST"])
@require("manage_terminals")
def terminal_new_code(request: HttpRequest, member: Member, terminal_id: UUID) -> HttpResponse:
    """Another code for a terminal no phone has come for yet; the one before it stops working."""
    terminal = _terminal_of(member, terminal_id)
    if request.method != "POST":
        return redirect("terminal_list")
    try:
        terminal, code = enrolment.reissue_code(terminal=terminal)
    except enrolment.NotPending:
        messages.error(request, _("A phone is enrolled as this terminal already, or it was revoked."))
        return redirect("terminal_list")
    return _list_page(request, member, invitation=_invitation(request, terminal, code))


@require_http_methods(["GET", "HEAD", "POST"])
@require("manage_terminals")
def terminal_revoke(request: HttpRequest, member: Member, terminal_id: UUID) -> HttpResponse:
    """Ask once more, then take the terminal out of service for good."""
    terminal = _terminal_of(member, terminal_id)
    if terminal.revoked_at:
        return redirect("terminal_list")
    if request.method != "POST":
        context = {"terminal": terminal, "state": terminal.state_at(timezone.now())}
        return _page(request, member, "dashboard/terminal_revoke.html", context)
    enrolment.revoke(terminal=terminal)
    messages.success(request, _("%(name)s is revoked and can take no more payments.") % {"name": terminal.name})
    return redirect("terminal_list")


def _list_page(request: HttpRequest, member: Member, *, status: int = 200, **context: Any) -> HttpResponse:
    now = timezone.now()
    rows = [
        {"terminal": terminal, "state": terminal.state_at(now)}
        for terminal in Terminal.objects.filter(merchant=member.merchant)
    ]
    rows.sort(key=lambda row: STATE_ORDER.index(str(row["state"])))
    context = {
        "standing": [row for row in rows if row["state"] != "revoked"],
        "revoked": [row for row in rows if row["state"] == "revoked"],
        "name_letters_max": enrolment.NAME_LETTERS_MAX,
        "messages_for_script": _messages_for_script(),
        **context,
    }
    return _page(request, member, "dashboard/terminal_list.html", context, status=status)


def _page(
    request: HttpRequest, member: Member, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render with times in the merchant's zone, for nobody's cache."""
    with timezone.override(member.merchant.zone):
        response = render(request, template, {"merchant": member.merchant, **context}, status=status)
    response["Cache-Control"] = "private, no-store"
    return response


def _terminal_of(member: Member, terminal_id: UUID) -> Terminal:
    return get_object_or_404(Terminal, pk=terminal_id, merchant=member.merchant)


def _fault_of(name: str) -> str:
    """What is wrong with a name, in words; empty when nothing is."""
    if not name:
        return _("Give the terminal a name, such as the place where it stands.")
    if len(name) > enrolment.NAME_LETTERS_MAX or not name.isprintable():
        return _("Choose a shorter name, of letters and digits.")
    return ""


def _invitation(request: HttpRequest, terminal: Terminal, code: str) -> dict[str, Any]:
    """What the phone needs: the code, and the link with it in the fragment (which no server logs), also as QR."""
    link = f"{request.build_absolute_uri(reverse('terminal'))}#code={code}"
    expires_at = terminal.enrolment_expires_at or timezone.now()
    return {
        "terminal": terminal,
        "code": code,
        "link": link,
        "qr": segno.make(link, error="m", micro=False).svg_inline(omitsize=True, svgclass="qr", lineclass="qr__ink"),
        "only_here": request.get_host().rpartition(":")[0].strip("[]") in LOOPBACK_HOSTS,
        "expires_at": expires_at,
        "seconds_left": _seconds_until(expires_at),
    }


def _seconds_until(at: datetime) -> int:
    return max(0, int((at - timezone.now()).total_seconds()))


def _messages_for_script() -> dict[str, str]:
    return {
        "countdown": _("Valid for another {minutes}:{seconds}"),
        "expired": _("This code has expired. Ask for a new one."),
        "enrolled": _("Enrolled: {name} is ready to take payments."),
        "copied": _("Copied"),
        "state.online": _("online"),
        "state.offline": _("offline"),
        "state.pending": _("waiting to be enrolled"),
        "state.revoked": _("revoked"),
    }
