"""The CSV the accountant downloads: its form, its sums, its streaming (protocol, section 4)."""

import asyncio
import gc
import threading
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections
from django.test import AsyncClient
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from merchants.models import Merchant
from merchants.tokens import issue_token
from tests.factories import make_card, make_member, make_merchant, make_terminal, sell
from tests.rest import API, client_of, csv_of, get, rows_of
from transactions import export_rows, exports, selectors
from transactions.database_thread import DatabaseThread
from transactions.models import Transaction, Transfer
from transactions.public_id import from_public, to_public

HEADER = (
    "transaction_id,occurred_at,business_date,kind,status,method,card,terminal,operator,order_reference,"
    "original_transaction_id,gross,fee_rate,fee,net,currency,response_code,settlement_id,note"
)
SHANGHAI = ZoneInfo("Asia/Shanghai")
ID, ORIGINAL = uuid.UUID(int=1 << 120), uuid.UUID(int=2 << 120)


@pytest.fixture
def owner(db):
    return make_member(make_merchant(name="晨光/咖啡"), "owner", username="lin")


def row(**changes: Any) -> export_rows.Row:
    """A refund of 12.50 at 0.60 %, seen at the end of a day."""
    fields: dict[str, Any] = {
        "sequence": 7,
        "id": ID,
        "occurred_at": datetime(2026, 11, 22, 15, 59, 59, 999_000, tzinfo=UTC),
        "business_date": date(2026, 11, 22),
        "kind": "refund",
        "status": "approved",
        "method": "prepaid",
        "uid": "04AAAAAAAA3F80",
        "terminal": "Counter",
        "first_name": "",
        "last_name": "",
        "username": "lin",
        "order_reference": "",
        "original_id": ORIGINAL,
        "amount": 12_50,
        "fee_rate_ppm": 6_000,
        "fee": 8,
        "net": 12_42,
        "currency": "CNY",
        "response_code": "00",
        "note": "",
    }
    return export_rows.Row(**{**fields, **changes})


def line(**changes: Any) -> dict[str, str]:
    return dict(zip(exports.COLUMNS, export_rows.cells(row(**changes), SHANGHAI), strict=True))


# --- one row --------------------------------------------------------------------------------------


def test_a_row_has_every_column_of_the_contract():
    assert line() == {
        "transaction_id": to_public(ID),
        "occurred_at": "2026-11-22T23:59:59+08:00",
        "business_date": "2026-11-22",
        "kind": "refund",
        "status": "approved",
        "method": "prepaid",
        "card": "•••• 3F80",
        "terminal": "Counter",
        "operator": "lin",
        "order_reference": "",
        "original_transaction_id": to_public(ORIGINAL),
        "gross": "-12.50",
        "fee_rate": "0.006000",
        "fee": "-0.08",
        "net": "-12.42",
        "currency": "CNY",
        "response_code": "00",
        "settlement_id": "",
        "note": "",
    }
    assert ",".join(exports.COLUMNS) == HEADER


@pytest.mark.parametrize(
    ("kind", "gross"), [("purchase", "12.50"), ("top_up", "12.50"), ("refund", "-12.50"), ("void", "-12.50")]
)
def test_money_that_goes_back_is_negative(kind, gross):
    assert line(kind=kind)["gross"] == gross


@pytest.mark.parametrize("status", ["declined", "cancelled"])
def test_what_was_not_approved_took_nothing(status):
    shown = line(status=status, kind="purchase", fee=0, net=12_50)
    assert (shown["gross"], shown["fee"], shown["net"]) == ("0.00", "0.00", "0.00")


@pytest.mark.parametrize("column", ["terminal", "operator", "order_reference", "note"])
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_is_guarded_against_formulas(column, start):
    field = {"operator": "username"}.get(column, column)
    assert line(**{field: f"{start}1+1"})[column] == f"'{start}1+1"
    assert line(**{field: f"a{start}1"})[column] == f"a{start}1"


def test_numbers_are_never_guarded():
    assert all(
        not line(kind=kind)[name].startswith("'") for kind in ("refund", "purchase") for name in ("gross", "fee", "net")
    )


def test_nothing_given_back_has_no_minus():
    assert line(fee=0)["fee"] == "0.00"


@pytest.mark.parametrize(
    ("zone", "at", "shown"),
    [
        ("America/New_York", datetime(2026, 11, 1, 5, 30, tzinfo=UTC), "2026-11-01T01:30:00-04:00"),
        ("America/New_York", datetime(2026, 11, 1, 6, 30, tzinfo=UTC), "2026-11-01T01:30:00-05:00"),
        ("Asia/Kolkata", datetime(2026, 11, 1, tzinfo=UTC), "2026-11-01T05:30:00+05:30"),
    ],
)
def test_times_are_local_with_their_offset(zone, at, shown):
    assert export_rows.cells(row(occurred_at=at), ZoneInfo(zone))[1] == shown


@given(st.integers(-(2**62), 2**62))
def test_an_amount_read_back_is_the_amount(minor):
    text = export_rows.decimal(minor)
    assert Decimal(text) * 100 == minor
    assert len(text.partition(".")[2]) == 2


@given(st.integers(0, 1_000_000))
def test_a_rate_read_back_is_the_rate(ppm):
    assert Decimal(export_rows.fraction(ppm)) * 1_000_000 == ppm


# --- the file -------------------------------------------------------------------------------------


def test_the_file_is_what_excel_opens_right(owner):
    sell(make_card(owner.merchant), 12_50, owner, make_terminal(owner.merchant), note='a "quoted", note\nof two lines')
    response = client_of(owner).get(f"{API}transactions/export.csv", {"from": "2026-01-01", "to": "2030-12-31"})
    file = b"".join(response.streaming_content)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == (
        'attachment; filename="transactions.csv"; '
        "filename*=UTF-8''%E6%99%A8%E5%85%89-%E5%92%96%E5%95%A1%202026-01-01%20%E2%80%93%202030-12-31.csv"
    )
    assert file.startswith(b"\xef\xbb\xbf" + HEADER.encode() + b"\r\nT")
    assert file.count(b"\xef\xbb\xbf") == 1
    (sold,) = rows_of(file)
    assert sold["note"] == 'a "quoted", note\nof two lines'


def test_an_empty_export_is_a_header(owner):
    assert csv_of(owner) == []


def test_rows_are_the_approved_movements_of_the_merchants_money_oldest_first(owner):
    card, terminal = make_card(owner.merchant, balance=20_00), make_terminal(owner.merchant)
    sell(card, 5_00, owner, terminal)
    sell(card, 99_00, owner, terminal)
    sell(card, 3_00, owner, terminal, kind="top_up")
    sell(card, 6_00, owner, terminal)
    for query, expected in [
        ({}, ["5.00", "6.00"]),
        ({"status": "all"}, ["5.00", "0.00", "6.00"]),
        ({"status": "declined"}, ["0.00"]),
        ({"kind": "top_up"}, ["3.00"]),
        ({"kind": "adjustment"}, ["20.00"]),
        ({"kind": "all"}, ["20.00", "5.00", "3.00", "6.00"]),
        ({"kind": "refund"}, []),
        ({"card": card.uid[-4:], "terminal": str(terminal.pk)}, ["5.00", "6.00"]),
        ({"to": "2020-01-01"}, []),
    ]:
        assert [sold["gross"] for sold in csv_of(owner, **query)] == expected, query


def test_sums_are_those_of_dashboard_summary_and_ledger_to_the_fen(owner):
    merchant = owner.merchant
    card, terminal = make_card(merchant, balance=1_000_00), make_terminal(merchant)
    for amount in (1, 83, 84, 1_00, 5_00, 9_99, 100_00, 88_88, 900_00):
        sell(card, amount, owner, terminal)
    sell(card, 4_00, owner, terminal, kind="top_up")
    rows = csv_of(owner)
    gross, fee, net = (int(sum(Decimal(sold[name]) for sold in rows) * 100) for name in ("gross", "fee", "net"))
    today = selectors.today(merchant, timezone.now()).wire()
    assert (gross, fee, net) == (today["sales"], today["fees"], today["net"])
    totals = get(owner, "summary/")["totals"]
    assert (gross, fee, net, len(rows)) == (totals["sales"], totals["fees"], totals["net"], totals["count"])
    transfers = Transfer.objects.filter(transaction__kind="purchase")
    for account, total in (("settlement", gross), ("fees", fee)):
        assert sum(transfer.amount for transfer in transfers.filter(credit__kind=account)) == total
    assert [from_public(sold["transaction_id"]) for sold in rows] == list(
        Transaction.objects.filter(kind="purchase", status="approved").order_by("sequence").values_list("pk", flat=True)
    )


def test_another_merchants_rows_are_in_nobody_elses_file(owner):
    stranger = make_member(make_merchant(), "owner")
    sell(make_card(owner.merchant), 1_00, owner, make_terminal(owner.merchant))
    assert csv_of(stranger, kind="all", status="all") == []


def test_a_client_may_ask_for_csv_and_still_gets_problems_as_json(owner):
    client = client_of(owner)
    assert client.get(f"{API}transactions/export.csv", HTTP_ACCEPT="text/csv").status_code == 200
    refused = client.get(f"{API}transactions/export.csv", {"from": "x"}, HTTP_ACCEPT="text/csv")
    assert (refused.status_code, refused["Content-Type"]) == (400, "application/problem+json")
    assert list(refused.json()["errors"]) == ["from"]


# --- reading in stretches -------------------------------------------------------------------------


@pytest.fixture
def stretches_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """So many numbers of the log at a time."""

    def set_size(rows: int) -> None:
        monkeypatch.setattr(exports, "STRETCH_ROWS", rows)
        monkeypatch.setattr(exports, "STRETCH_ROWS_POSTGRESQL", rows)

    return set_size


def test_a_few_rows_in_a_long_log_are_one_stretch(owner, stretches_of):
    stretches_of(2)
    card, terminal = make_card(owner.merchant), make_terminal(owner.merchant)
    for kind in ("top_up", "purchase", "purchase", "purchase", "purchase", "top_up"):
        sell(card, 1_00, owner, terminal, kind=kind)
    export = exports.export_of(selectors.visible_to(owner).filter(kind="top_up"), owner.merchant)
    stretch = export.stretch(export.first)
    assert stretch == range(export.first, export.last + 1)
    assert len(stretch) == 6


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
def test_a_file_ends_where_the_rows_do(owner, count, stretches_of):
    stretches_of(2)
    card, terminal = make_card(owner.merchant), make_terminal(owner.merchant)
    for amount in range(1, count + 1):
        sell(card, amount, owner, terminal)
    assert [sold["gross"] for sold in csv_of(owner)] == [f"0.0{amount}" for amount in range(1, count + 1)]


def test_what_is_sold_during_an_export_is_not_in_it(owner, stretches_of):
    stretches_of(1)
    card, terminal = make_card(owner.merchant), make_terminal(owner.merchant)
    sell(card, 1, owner, terminal)
    pieces = exports.pages(exports.export_of(selectors.visible_to(owner).filter(kind="purchase"), owner.merchant))
    file = next(pieces)
    sell(card, 2, owner, terminal)
    assert [sold["gross"] for sold in rows_of(file + b"".join(pieces))] == ["0.01"]


def test_a_stretch_is_two_statements_whatever_it_holds(owner, django_assert_num_queries):
    card, terminal = make_card(owner.merchant), make_terminal(owner.merchant)
    for _ in range(30):
        sell(card, 1, owner, terminal)
    setting = 3 if connection.vendor == "postgresql" else 0  # savepoint, the time zone, release
    export = exports.export_of(selectors.visible_to(owner), owner.merchant)
    with django_assert_num_queries(1 + 1 + setting):  # where the stretch ends, its rows
        stretch = export.stretch(export.first)
        assert stretch is not None
        assert export.lines(stretch).count(b"\r\n") == 31  # and the card's issue
    assert export.stretch(stretch.stop) is None


# --- PostgreSQL makes the lines itself ------------------------------------------------------------

TEXTS = (
    "",
    "plain",
    "大杯拿铁，去冰",
    "=1+1",
    "+86 138",
    "-5",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "a,b",
    'say "hi"',
    '="x",1',
    "two\nlines",
    "two\r\nlines",
    "'quoted'",
    " spaces ",
    "\\N \\x41 %s {} $1",
    "🍵 ½ \u2028",
    '"',
    "T",
)
INSTANTS = (
    datetime(2026, 3, 8, 6, 59, 59, 999_999, tzinfo=UTC),  # a second before New York's clocks go on
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 11, 1, 5, 30, tzinfo=UTC),  # half past one, twice
    datetime(2026, 11, 1, 6, 30, tzinfo=UTC),
    datetime(1999, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC),
    datetime(2026, 7, 1, 12, 0, 0, 1, tzinfo=UTC),
)
AMOUNTS = (0, 1, 9, 99, 100, 12_50, 99_999_999_99, 2**62)
IDS = (uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), uuid.UUID("0199feea-6c00-7001-8000-0123456789ab"))


def every_kind_of_row(merchant: Merchant) -> list[Transaction]:
    """Rows that no till could have made all of: each text, instant, amount and kind in turn."""
    card, plain = make_card(merchant), make_member(merchant, username="plain")
    people = [
        plain,
        make_member(merchant, username="=cmd", first_name=" 林", last_name="小姐 "),
        make_member(merchant, username="half", last_name="+only"),
    ]
    terminals = [make_terminal(merchant, name) for name in ("Counter", '=2" 台,柜', "a\nb")]
    kinds = [(kind, status) for kind in Transaction.Kind.values for status in Transaction.Status.values]
    rows = []
    for n in range(len(TEXTS) * 6):
        kind, status = kinds[n % len(kinds)]
        amount, fee = AMOUNTS[n % len(AMOUNTS)], AMOUNTS[n // 3 % 5]
        if status == "approved":
            amount, fee = (0, 0) if kind == "balance" else (amount or 1, fee)
        rows.append(
            Transaction(
                id=IDS[n] if n < len(IDS) else uuid.uuid4(),
                merchant=merchant,
                sequence=1_000 + n,
                start_id=uuid.uuid4(),
                kind=kind,
                status=status,
                amount=amount,
                fee=fee,
                net=amount - fee,
                currency="CNY",
                fee_rate_ppm=(0, 6_000, 1, 999_999, 1_000_000)[n % 5],
                method=("prepaid", "")[n % 2],
                card=(card, None)[n % 2],
                terminal=(*terminals, None)[n % 4],
                operator=(*(person.user for person in people), None)[n // 2 % 4],
                original_id=IDS[n % 3] if n % 5 == 4 else None,
                order_reference=TEXTS[-n % len(TEXTS)],
                response_code=("00", "")[n % 2],
                note=TEXTS[n % len(TEXTS)],
                occurred_at=INSTANTS[n % len(INSTANTS)],
                business_date=INSTANTS[n % len(INSTANTS)].date(),
            )
        )
    return Transaction.objects.bulk_create(rows)


@pytest.mark.services
@pytest.mark.breaks_the_books
@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL makes lines")
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Asia/Kolkata", "Pacific/Chatham", "UTC"])
def test_postgresql_makes_the_bytes_that_python_makes(owner, zone):
    owner.merchant.time_zone = zone
    every_kind_of_row(owner.merchant)
    rows = selectors.visible_to(owner).filter(sequence__gte=1_000)
    export = exports.export_of(rows, owner.merchant)
    here = export._made_here(rows.order_by("sequence"))
    assert len(rows_of(exports._head() + here)) == rows.count()
    assert export._made_by_postgresql(rows.order_by("sequence")).splitlines() == here.splitlines()
    assert b"".join(exports.pages(export)) == exports._head() + here


# --- under ASGI -----------------------------------------------------------------------------------


@pytest.fixture
def big_owner(transactional_db):
    owner = make_member(make_merchant(), "owner")
    card, terminal = make_card(owner.merchant), make_terminal(owner.merchant)
    for amount in range(1, 6):
        sell(card, amount, owner, terminal)
    return owner, {"Authorization": f"Token {issue_token(owner.user)}"}


@pytest.fixture
async def closed_connections() -> AsyncIterator[None]:
    """The thread that serves this process's requests under ASGI keeps its connection; the test database has to go."""
    yield
    await sync_to_async(connections.close_all)()


async def happens(what: Callable[[], bool]) -> bool:
    """Whether it comes true within ten seconds."""
    for _ in range(1_000):
        if what():
            return True
        await asyncio.sleep(0.01)
    return False


async def test_under_asgi_a_little_is_read_ahead_and_off_the_loop(
    big_owner, closed_connections, stretches_of, monkeypatch
):
    _, headers = big_owner
    stretches_of(1)
    threads: list[str] = []
    read = exports.Export.lines

    def noted(self, stretch):
        threads.append(threading.current_thread().name)
        return read(self, stretch)

    monkeypatch.setattr(exports.Export, "lines", noted)
    response = await AsyncClient().get(f"{API}transactions/export.csv", headers=headers)
    assert response.is_async
    pieces = aiter(response.streaming_content)
    file = await anext(pieces)
    assert threads == []  # the header left before a row was read
    file += await anext(pieces)
    assert await happens(lambda: len(threads) == 1 + exports.STRETCHES_AHEAD)
    await asyncio.sleep(0.1)
    assert len(threads) == 1 + exports.STRETCHES_AHEAD  # what nobody takes is not read
    async for piece in pieces:
        file += piece
    assert all(name.startswith("export") for name in threads)
    assert [sold["gross"] for sold in rows_of(file)] == ["0.01", "0.02", "0.03", "0.04", "0.05"]


async def test_an_export_given_up_midway_leaves_nothing_open(big_owner, closed_connections, stretches_of, monkeypatch):
    _, headers = big_owner
    stretches_of(1)
    opened: list[DatabaseThread] = []
    closed: list[DatabaseThread] = []
    make, close = DatabaseThread.__init__, DatabaseThread.close

    async def closing(self):
        closed.append(self)
        await close(self)

    monkeypatch.setattr(DatabaseThread, "__init__", lambda self, name: opened.append(self) or make(self, name))
    monkeypatch.setattr(DatabaseThread, "close", closing)
    response = await AsyncClient().get(f"{API}transactions/export.csv", headers=headers)
    pieces = aiter(response.streaming_content)
    await anext(pieces)
    await anext(pieces)
    await pieces.aclose()
    del pieces, response  # as Django's handler lets them go

    def all_closed() -> bool:
        gc.collect()  # the test client's own circle of references
        return bool(opened) and set(closed) == set(opened)

    assert await happens(all_closed)


async def test_many_exports_at_once_are_each_whole(big_owner, closed_connections, stretches_of):
    _, headers = big_owner
    stretches_of(1)

    async def download() -> int:
        response = await AsyncClient().get(f"{API}transactions/export.csv", headers=headers)
        return len(rows_of(b"".join([piece async for piece in response.streaming_content])))

    assert await asyncio.gather(*(download() for _ in range(12))) == [5] * 12
