"""What people read of a long history: each page, list and file once, by name.

    python -m benchmarks.history_reads               # with a server's environment; prints milliseconds as JSON

In process, through Django's test client: what is measured is the database and the code around it, not a socket. The
plans of the same reads are tested in tests/transactions/test_plans.py.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "softpos.settings")
django.setup()

from django.test import Client  # noqa: E402

from benchmarks.history_load import History  # noqa: E402
from merchants.models import Card, Member, Terminal  # noqa: E402
from transactions.exports import export_of, pages  # noqa: E402
from transactions.filters import SalesFilter  # noqa: E402
from transactions.live import _stretch, read_snapshot  # noqa: E402
from transactions.models import MerchantLog, Transaction  # noqa: E402
from transactions.public_id import to_public  # noqa: E402

TIMES = 10
LIST = "/dashboard/transactions/"
REST = "/api/v1/transactions/"
EVER = "from=&to="


def history() -> History:
    """The loaded merchant of this database."""
    owner = Member.objects.select_related("merchant", "user").get(user__username="history-owner")
    cashier = Member.objects.select_related("merchant", "user").get(user__username="history-cashier0")
    days = Transaction.objects.filter(merchant=owner.merchant).order_by("sequence").values_list("business_date")
    return History(owner.merchant, owner, cashier, days[0][0], days.reverse()[0][0])


def reads(of: History) -> dict[str, Callable[[], object]]:
    """Everything hot that reads the log, by what people call it."""
    merchant = of.merchant
    owner, cashier = _signed_in(of.owner), _signed_in(of.cashier)
    terminal = Terminal.objects.filter(merchant=merchant).order_by("name")[2]
    card = Card.objects.filter(programme__merchant=merchant).order_by("pk")[7]
    count = MerchantLog.objects.get(merchant=merchant).sequence
    old = Transaction.objects.get(merchant=merchant, sequence=count // 2)
    days = f"from={of.last_day - timedelta(days=1)}&to={of.last_day}"  # as far back as the short history goes
    cursor = owner.get(REST, {"page_size": "200"}).json()["next"]
    pages_of = {
        "dashboard page": "/dashboard/",
        "list, today": LIST,
        "list, two days": f"{LIST}?{days}",
        "list, ever": f"{LIST}?{EVER}",
        "list, one old day": f"{LIST}?from={old.business_date}&to={old.business_date}",
        "list, all kinds and statuses": f"{LIST}?{EVER}&kind=all&status=all",
        "list, top-ups": f"{LIST}?{EVER}&kind=top_up",
        "list, refunds (none)": f"{LIST}?{EVER}&kind=refund",
        "list, declined": f"{LIST}?{EVER}&status=declined",
        "list, a terminal": f"{LIST}?{EVER}&terminal={terminal.pk}",
        "list, a card's last four": f"{LIST}?{EVER}&card={card.uid[-4:]}",
        "list, a whole uid": f"{LIST}?{EVER}&card={card.uid}",
        "list, page in the middle": f"{LIST}?{EVER}&before={count // 2}",
        "list, first page of all": f"{LIST}?{EVER}&after=0",
        "detail": f"{LIST}{to_public(old.pk)}/",
        "cards, last four": f"/dashboard/cards/?q={card.uid[-4:]}",
        "REST list": REST,
        "REST list, next page": cursor,
        "REST list, refunds (none)": f"{REST}?kind=refund",
        "REST list, a card": f"{REST}?card={card.uid[-4:]}&{days}",
        "REST detail": f"{REST}{to_public(old.pk)}/",
        "summary, two days by day": f"/api/v1/summary/?{days}&by=day",
    }
    return {
        "snapshot of the socket": lambda: read_snapshot(merchant),
        "stretch of the feed": lambda: _stretch(merchant.pk, count - 100, None),
        **{name: _get(owner, path) for name, path in pages_of.items()},
        "cashier's own, ever": _get(cashier, f"{LIST}?{EVER}"),
        "cashier's own, declined": _get(cashier, f"{LIST}?{EVER}&status=declined"),
        "CSV of one old day": lambda: _csv(of, {"from": f"{old.business_date}", "to": f"{old.business_date}"}),
        "CSV of a card, ever": lambda: _csv(of, {"card": card.uid}),
    }


def _signed_in(member: Member) -> Client:
    client = Client(SERVER_NAME="localhost")
    client.force_login(member.user)
    return client


def _get(client: Client, path: str) -> Callable[[], object]:
    def asked() -> object:
        response = client.get(path)
        if response.status_code != 200:
            raise RuntimeError(f"{path} answered {response.status_code}")
        return response

    return asked


def _csv(of: History, query: dict[str, str]) -> int:
    rows = Transaction.objects.filter(merchant=of.merchant)
    chosen = SalesFilter(query, queryset=rows, merchant=of.merchant)
    return sum(map(len, pages(export_of(chosen.qs, of.merchant))))


def milliseconds(read: Callable[[], object]) -> float:
    """The least of some calls, after two that warm up."""
    waits = []
    for _ in range(TIMES + 2):
        began_at = time.perf_counter()
        read()
        waits.append((time.perf_counter() - began_at) * 1_000)
    return min(waits[2:])


def main() -> None:
    """Measure all of them."""
    json.dump({name: round(milliseconds(read), 2) for name, read in reads(history()).items()}, sys.stdout)


if __name__ == "__main__":
    main()
