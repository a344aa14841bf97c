"""REST for what happened: the log under its filters, page by page; one transaction; cards; the schema; the deck."""

import uuid
from base64 import b64encode
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import yaml
from django.core.management import call_command
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from merchants.models import VirtualCard
from softpos.kernel import READ_COUNTER_MAX
from tests.factories import make_card, make_member, make_merchant, make_terminal, sell
from tests.rest import API, client_of, get, post
from transactions.models import Transaction
from transactions.public_id import new_id, to_public
from transactions.wire import transaction_object

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return make_member(make_merchant(), "owner", first_name="Lin")


@pytest.fixture
def cashier(owner):
    return make_member(owner.merchant)


def amounts(answer) -> list[int]:
    return [transaction["amount"] for transaction in answer["results"]]


# --- the list -------------------------------------------------------------------------------------


def test_the_list_holds_every_kind_and_status_newest_first(owner):
    card, terminal = make_card(owner.merchant, balance=20_00), make_terminal(owner.merchant)
    sell(card, 5_00, owner, terminal)
    sell(card, 99_00, owner, terminal)
    sell(card, 3_00, owner, terminal, kind="top_up")
    found = [(row["kind"], row["status"], row["amount"]) for row in get(owner, "transactions/")["results"]]
    assert found == [
        ("top_up", "approved", 3_00),
        ("purchase", "declined", 99_00),
        ("purchase", "approved", 5_00),
        ("adjustment", "approved", 20_00),
    ]


def test_a_transaction_is_the_same_object_as_on_sockets(owner):
    terminal = make_terminal(owner.merchant)
    sell(make_card(owner.merchant), 12_50, owner, terminal, note="latte")
    row = Transaction.objects.get(kind="purchase")
    listed = get(owner, "transactions/", kind="purchase")["results"][0]
    assert listed == transaction_object(row, owner.merchant.zone)
    detail = get(owner, f"transactions/{listed['id']}/")
    assert detail.pop("transfers") == [
        {"debit": {"kind": "card"}, "credit": {"kind": "settlement"}, "amount": 12_50},
        {"debit": {"kind": "settlement"}, "credit": {"kind": "fees"}, "amount": 8},
    ]
    assert detail == listed
    assert (listed["operator"], listed["note"], listed["business_date"]) == (
        "Lin",
        "latte",
        row.business_date.isoformat(),
    )


def test_a_cashier_sees_their_own_transactions_only(owner, cashier):
    card, terminal = make_card(owner.merchant), make_terminal(owner.merchant)
    mine = to_public(sell(card, 1_00, cashier, terminal).transaction.id)
    others = to_public(sell(card, 2_00, owner, terminal).transaction.id)
    assert amounts(get(cashier, "transactions/")) == [1_00]
    assert get(cashier, f"transactions/{mine}/")["amount"] == 1_00
    get(cashier, f"transactions/{others}/", expect=404)


def test_another_merchants_transaction_is_not_found(owner):
    stranger = make_member(make_merchant(), "owner")
    sold = sell(make_card(owner.merchant), 1_00, owner, make_terminal(owner.merchant)).transaction
    get(stranger, f"transactions/{to_public(sold.id)}/", expect=404)
    assert get(stranger, "transactions/")["results"] == []


@pytest.mark.parametrize("identity", ["T", "X" * 27, "T" + "U" * 26, "TZZZZZZZZZZZZZZZZZZZZZZZZZZ", "0", "é" * 27])
def test_what_is_no_transaction_id_is_not_found(owner, identity):
    get(owner, f"transactions/{identity}/", expect=404)


def test_an_unknown_id_is_not_found(owner):
    get(owner, f"transactions/{to_public(new_id())}/", expect=404)


@pytest.mark.parametrize("count", [1, 50])
def test_a_page_costs_a_fixed_number_of_statements(owner, count, django_assert_num_queries):
    card, terminal = make_card(owner.merchant), make_terminal(owner.merchant)
    for _ in range(count):
        sell(card, 1, owner, terminal)
    client = client_of(owner)
    with django_assert_num_queries(5):  # the token, the member, the period, the card, the page
        answer = client.get(f"{API}transactions/?kind=purchase&card={card.uid}&from=2020-01-01").json()
    assert len(answer["results"]) == count


# --- filters --------------------------------------------------------------------------------------


def test_kinds_and_statuses_filter(owner):
    card, terminal = make_card(owner.merchant, balance=20_00), make_terminal(owner.merchant)
    sell(card, 5_00, owner, terminal)
    sell(card, 99_00, owner, terminal)
    sell(card, 3_00, owner, terminal, kind="top_up")
    for query, expected in [
        ({}, [3_00, 99_00, 5_00, 20_00]),
        ({"kind": "all", "status": "all"}, [3_00, 99_00, 5_00, 20_00]),
        ({"kind": "", "status": ""}, [3_00, 99_00, 5_00, 20_00]),
        ({"kind": "purchase"}, [99_00, 5_00]),
        ({"kind": "sales", "status": "approved"}, [5_00]),
        ({"status": "declined"}, [99_00]),
        ({"status": "cancelled"}, []),
        ({"kind": "top_up"}, [3_00]),
        ({"kind": "adjustment"}, [20_00]),
    ]:
        assert amounts(get(owner, "transactions/", **query)) == expected, query


def test_terminal_and_card_filter(owner):
    first, second = make_terminal(owner.merchant), make_terminal(owner.merchant)
    one = make_card(owner.merchant, uid="04AAAAAAAA1234")
    other = make_card(owner.merchant, uid="04BBBBBBBB12FF")
    sell(one, 1_00, owner, first)
    sell(other, 2_00, owner, second)
    for query, expected in [
        ({"terminal": first.pk}, [1_00]),
        ({"terminal": second.pk}, [2_00]),
        ({"terminal": uuid.uuid4()}, []),
        ({"card": "1234"}, [1_00]),
        ({"card": "12ff"}, [2_00]),
        ({"card": one.uid}, [1_00]),
        ({"card": "0000"}, []),
    ]:
        assert amounts(get(owner, "transactions/", kind="purchase", **query)) == expected, query


def test_from_and_to_are_business_dates_both_inclusive(owner):
    sell(make_card(owner.merchant), 1_00, owner, make_terminal(owner.merchant))
    day = Transaction.objects.get(kind="purchase").business_date
    before, after = day - timedelta(days=1), day + timedelta(days=1)
    for first, last, count in [
        (day, day, 1),
        (before, day, 1),
        (day, after, 1),
        (before, before, 0),
        (after, after, 0),
        (None, before, 0),
        (after, None, 0),
        (None, day, 1),
    ]:
        query = {name: str(at) for name, at in (("from", first), ("to", last)) if at}
        assert len(get(owner, "transactions/", kind="purchase", **query)["results"]) == count, query


@pytest.mark.parametrize("path", ["transactions/", "transactions/export.csv"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-02-30"}, "from"),
        ({"to": "11/22/2026"}, "to"),
        ({"to": "0"}, "to"),
        ({"from": "2026-11-23", "to": "2026-11-22"}, "to"),
        ({"kind": "payment"}, "kind"),
        ({"status": "ok"}, "status"),
        ({"terminal": "7"}, "terminal"),
        ({"card": "12G4"}, "card"),
        ({"card": "123"}, "card"),
        ({"card": "12345"}, "card"),
        ({"card": "12 34"}, "card"),
        ({"card": "%" * 4}, "card"),
        ({"card": "\0" * 4}, "card"),
    ],
)
def test_a_filter_that_makes_no_sense_is_named(owner, path, query, field):
    assert list(get(owner, path, expect=400, **query)["errors"]) in ([field], [field, field])


# --- pages ----------------------------------------------------------------------------------------


def test_pages_follow_each_other_and_no_arrival_moves_a_row(owner):
    card, terminal = make_card(owner.merchant), make_terminal(owner.merchant)
    for amount in range(1, 8):
        sell(card, amount, owner, terminal)
    client = client_of(owner)
    first = client.get(f"{API}transactions/?kind=purchase&page_size=3").json()
    sell(card, 99, owner, terminal)
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()
    assert [amounts(page) for page in (first, second, third)] == [[7, 6, 5], [4, 3, 2], [1]]
    assert third["next"] is None
    assert amounts(client.get(third["previous"]).json()) == [4, 3, 2]


@pytest.mark.parametrize(
    ("asked", "given"), [("1", 1), ("200", 200), ("201", 200), ("1000000", 200), ("0", 50), ("x", 50)]
)
def test_a_page_has_at_most_two_hundred_rows(owner, asked, given):
    from transactions.api import TransactionViewSet

    request = type("Request", (), {"query_params": {"page_size": asked}})()
    assert TransactionViewSet.pagination_class().get_page_size(request) == given


def cursor(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize("path", ["transactions/", "terminals/", "cards/", "fees/"])
@pytest.mark.parametrize(
    "position",
    ["abc", "p=abc", "p=9" + "9" * 30, "p=-1e5", "p=%00", "p=%ED%A0%80", "o=-1", "o=9" * 9, "p=1.5", "p=2026-13-01"],
)
def test_a_cursor_that_is_none_is_never_a_server_error(owner, path, position):
    response = client_of(owner).get(f"{API}{path}?{urlencode({'cursor': cursor(position)})}")
    assert response.status_code in (200, 404)


@pytest.mark.parametrize("text", ["%", "a", "é", "\0"])
def test_a_cursor_of_noise_is_no_server_error_either(owner, text):
    response = client_of(owner).get(f"{API}transactions/?{urlencode({'cursor': text})}")
    assert response.status_code in (200, 404)  # what is no base64 at all is an empty cursor


# --- cards ----------------------------------------------------------------------------------------


def test_cards_are_masked_and_carry_their_balance(owner):
    card = make_card(owner.merchant, balance=42_00)
    make_card(make_merchant())
    (shown,) = get(owner, "cards/")["results"]
    assert shown == {
        "id": card.pk,
        "card": f"•••• {card.uid[-4:]}",
        "programme": {"id": card.programme_id, "name": "card"},
        "status": "active",
        "balance": 42_00,
        "currency": "CNY",
        "expires_on": None,
        "issued_at": shown["issued_at"],
    }
    assert card.uid not in str(shown)
    assert get(owner, f"cards/{card.pk}/") == shown


@pytest.mark.parametrize("count", [1, 50])
def test_a_page_of_cards_costs_three_statements(owner, count, django_assert_num_queries):
    for _ in range(count):
        make_card(owner.merchant, balance=0)
    client = client_of(owner)
    with django_assert_num_queries(3):
        assert len(client.get(f"{API}cards/").json()["results"]) == count


def test_another_merchants_card_is_not_found(owner):
    get(owner, f"cards/{make_card(make_merchant()).pk}/", expect=404)


# --- signing in -----------------------------------------------------------------------------------


def test_nobody_signed_in_is_asked_for_a_token():
    response = client_of(None).get(f"{API}transactions/")
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Token")
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("header", ["Token", "Token ", "Token x", "Token a b", "Token " + "x" * 5_000, "token é"])
def test_a_wrong_token_is_a_401_even_beside_a_session(owner, header):
    client = client_of(None)
    client.force_login(owner.user)
    assert client.get(f"{API}transactions/", HTTP_AUTHORIZATION=header).status_code == 401


def test_a_token_ends_with_its_person(owner):
    client = client_of(owner)
    owner.user.is_active = False
    owner.user.save()
    assert client.get(f"{API}merchant/").status_code == 401


def test_who_left_the_merchant_may_nothing(owner):
    client = client_of(owner)
    owner.removed_at = timezone.now()
    owner.save()
    assert client.get(f"{API}transactions/").status_code == 403


def test_a_session_signs_in_too(owner, client):
    client.force_login(owner.user)
    assert client.get(f"{API}merchant/").status_code == 200


# --- the schema -----------------------------------------------------------------------------------


def test_the_schema_is_complete_and_valid(capsys):
    call_command("spectacular", "--validate", "--fail-on-warn")
    schema = yaml.safe_load(capsys.readouterr().out)
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            good = next(iter(operation["responses"].values()))
            assert "content" in good, (method, path)
            if path != "/api/v1/schema/" and path != "/api/v1/terminals/enrol/":
                assert {"401", "403"} <= set(operation["responses"]), (method, path)
    wanted = {
        parameter["name"] for parameter in schema["paths"]["/api/v1/transactions/export.csv"]["get"]["parameters"]
    }
    assert wanted == {"from", "to", "kind", "status", "terminal", "card"}


def test_the_schema_names_exactly_what_a_transaction_has(owner, client):
    schema = yaml.safe_load(client.get(reverse("api-schema")).content)
    described = schema["components"]["schemas"]["Transaction"]["properties"]
    sold = sell(make_card(owner.merchant), 1_00, owner, make_terminal(owner.merchant)).transaction
    assert set(described) == set(get(owner, f"transactions/{to_public(sold.id)}/"))


# --- the deck of the demo -------------------------------------------------------------------------


@pytest.mark.skipif("__import__('django.conf').conf.settings.SOFTPOS_DEMO")
def test_outside_demo_mode_the_deck_does_not_exist():
    with pytest.raises(NoReverseMatch):
        reverse("api-demo-cards")
    assert client_of(None).get(f"{API}demo/cards/").status_code == 404


@pytest.mark.urls("tests.demo_urls")
def test_the_deck_is_the_merchants_virtual_cards(cashier):
    card = make_card(cashier.merchant, balance=10_00)
    plastic = make_card(cashier.merchant)
    VirtualCard.objects.filter(card=plastic).delete()
    foreign = make_card(make_merchant())
    assert get(cashier, "demo/cards/") == [
        {
            "uid": card.uid,
            "serial_number": ":".join(card.uid[at : at + 2].lower() for at in range(0, 14, 2)),
            "balance": 10_00,
            "currency": "CNY",
            "masked": card.masked,
        }
    ]
    for refused in (plastic.uid, foreign.uid, "04", "x" * 200):
        post(cashier, f"demo/cards/{refused}/tap/", expect=404)


@pytest.mark.urls("tests.demo_urls")
def test_each_tap_of_the_deck_is_a_fresh_one(cashier):
    card = make_card(cashier.merchant)
    taps = [post(cashier, f"demo/cards/{card.uid}/tap/") for _ in range(2)]
    assert taps[0]["serial_number"] == taps[1]["serial_number"]
    assert taps[0]["records"] != taps[1]["records"]
    assert set(taps[0]["records"][0]) == {"record_type", "media_type", "encoding", "lang", "id", "data"}


@pytest.mark.urls("tests.demo_urls")
def test_a_worn_out_card_of_the_deck_is_a_conflict(cashier):
    card = make_card(cashier.merchant)
    VirtualCard.objects.filter(card=card).update(read_counter=READ_COUNTER_MAX)
    post(cashier, f"demo/cards/{card.uid}/tap/", expect=409)


@pytest.mark.urls("tests.demo_urls")
def test_a_browser_needs_its_csrf_header_to_tap(cashier):
    card = make_card(cashier.merchant)
    browser = type(client_of(None))(enforce_csrf_checks=True)
    browser.force_login(cashier.user)
    assert browser.post(f"{API}demo/cards/{card.uid}/tap/").status_code == 403
