"""The owner's and the accountant's pages of what happened: read only, scoped to the member.

Times are the merchant's. Every page is whole without script; the dashboard's script goes on from what was painted.
"""

from datetime import date, datetime
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from merchants.business_day import business_date
from merchants.models import Card, Member, Merchant, Terminal
from merchants.permissions import may, require
from transactions import list_totals, listing, selectors
from transactions.dashboard_messages import dashboard_messages
from transactions.filters import ALL, SalesFilter
from transactions.live import Snapshot, read_snapshot
from transactions.models import Transaction, Transfer
from transactions.public_id import from_public
from transactions.wire import transaction_object
from transactions.wording import KIND_NAMES, STATUS_NAMES, says_more_than_its_rate, signed

CARD_SEARCH_LENGTH_MAX = 14  # a whole uid, hex


@require_safe
@require("read_all")
def dashboard(request: HttpRequest, member: Member) -> HttpResponse:
    """Today's totals and the latest transactions, as the socket's snapshot would say them."""
    snapshot = read_snapshot(member.merchant)
    today = snapshot.totals.wire()
    context = {
        "now": timezone.now(),
        "business_date": snapshot.totals.day,
        "today": today,
        "recent": snapshot.recent,
        "terminal_lines": _terminal_lines(snapshot.terminals, today["by_terminal"]),
        "snapshot": _first_message(member.merchant, snapshot, today),
        "messages_for_script": dashboard_messages(),
    }
    return _page(request, member, "dashboard/overview.html", context)


@require_safe
@require("read_own")
def transaction_list(request: HttpRequest, member: Member) -> HttpResponse:
    """The member's transactions under a filter, with the filter's totals and the way to its CSV."""
    merchant = member.merchant
    today = _business_date(merchant, timezone.now())
    in_force = listing.parameters_in_force(request.GET, today)
    found = SalesFilter(in_force, queryset=selectors.reported(selectors.visible_to(member)), request=request)
    valid = found.is_valid()
    rows: QuerySet[Transaction] = found.qs if valid else Transaction.objects.none()
    page = listing.page_of(selectors.with_names(rows), request.GET, key="sequence", in_force=in_force)
    is_filtered = bool(set(in_force) - {"from", "to"})
    context = {
        "in_force": in_force,
        "errors": [] if valid else [error for errors in found.errors.values() for error in errors],
        "totals": list_totals.totals_of(rows, found.asked if valid else None, member),
        "page": page,
        "presets": listing.presets(in_force, today),
        "kinds": KIND_NAMES,
        "statuses": STATUS_NAMES,
        "terminals": Terminal.objects.filter(merchant=merchant),
        "export_query": listing.export_query(in_force),
        "own_only": not may(member.role, "read_all"),
        "by_kind": in_force.get("kind") == ALL,
        "is_filtered": is_filtered,
        "filter_open": is_filtered or not valid,
        "is_today": in_force["from"] == in_force["to"] == today.isoformat(),
    }
    return _page(request, member, "dashboard/transaction_list.html", context)


@require_safe
@require("read_own")
def transaction_detail(request: HttpRequest, member: Member, public_id: str) -> HttpResponse:
    """Everything of one transaction, with its transfers. What the member may not see is not found."""
    transfers = Transfer.objects.select_related("debit", "credit").order_by("pk")
    row = _visible_transaction(
        selectors.visible_to(member)
        .select_related("card__programme", "terminal", "operator", "fee_schedule", "original")
        .prefetch_related(Prefetch("transfers", transfers), "reversals"),
        public_id,
    )
    context = {
        "transaction": row,
        "amount": signed(row, row.amount),
        "fee": signed(row, row.fee),
        "net": signed(row, row.net),
        "schedule_says_more": row.fee_schedule and says_more_than_its_rate(row.fee_schedule.name, row.fee_rule),
    }
    return _page(request, member, "dashboard/transaction_detail.html", context)


@require_safe
@require("read_own")
def receipt(request: HttpRequest, member: Member, public_id: str) -> HttpResponse:
    """What the cardholder may take away: plain, printable, without the merchant's fee."""
    row = _visible_transaction(selectors.visible_to(member).select_related("card", "terminal", "operator"), public_id)
    context = {"transaction": row, "amount": signed(row, row.amount)}
    return _page(request, member, "receipts/receipt.html", context)


@require_safe
@require("read_all")
def card_list(request: HttpRequest, member: Member) -> HttpResponse:
    """The merchant's cards, newest first, with what is on them; found by the digits a card is shown with."""
    search = request.GET.get("q", "").strip().upper()[-CARD_SEARCH_LENGTH_MAX:]
    cards = selectors.reported(
        Card.objects.filter(programme__merchant=member.merchant).select_related("programme", "account")
    )
    if search:
        cards = selectors.cards_ending_in(cards, search)
    in_force = {"q": search} if search else {}
    page = listing.page_of(cards, request.GET, key="pk", in_force=in_force)
    context = {"page": page, "search": search}
    return _page(request, member, "dashboard/card_list.html", context)


def _page(request: HttpRequest, member: Member, template: str, context: dict[str, Any]) -> HttpResponse:
    """Render with times in the merchant's zone, for nobody's cache."""
    with timezone.override(member.merchant.zone):
        response = render(request, template, {"merchant": member.merchant, **context})
    response["Cache-Control"] = "private, no-store"
    return response


def _visible_transaction(rows: QuerySet[Transaction], public_id: str) -> Transaction:
    identity = from_public(public_id)
    row = rows.filter(pk=identity).first() if identity else None
    if row is None:
        raise Http404
    return row


def _business_date(merchant: Merchant, now: datetime) -> date:
    return business_date(now, merchant.zone, merchant.day_cut_off_hour)


def _first_message(merchant: Merchant, snapshot: Snapshot, today: dict[str, Any]) -> dict[str, Any]:
    """The socket's `snapshot` (protocol, section 2), so that the script starts from what is on the page."""
    return {
        "type": "snapshot",
        "cursor": snapshot.cursor,
        "today": today,
        "recent": [transaction_object(row, merchant.zone) for row in snapshot.recent],
        "terminals": snapshot.terminals,
        "merchant": {"name": merchant.name, "currency": merchant.currency, "time_zone": merchant.time_zone},
    }


def _terminal_lines(terminals: list[dict[str, str]], sold: dict[str, Any]) -> list[dict[str, Any]]:
    """Each terminal with what it sold today, the best first; revoked ones only if they sold."""
    lines = [{**terminal, "sales": 0, "count": 0, **sold.get(terminal["id"], {})} for terminal in terminals]
    standing = [line for line in lines if line["state"] != "revoked" or line["count"]]
    return sorted(standing, key=lambda line: (-line["sales"], line["name"]))
