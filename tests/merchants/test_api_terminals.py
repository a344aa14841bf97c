"""REST for what stands: terminals opened, enrolled and revoked; the merchant; the fees."""

import json
import uuid
from datetime import date

import pytest
from rest_framework.test import APIClient

from merchants import enrolment
from merchants.models import FeeComponent, FeeSchedule, Terminal
from merchants.rest import BODY_BYTES_MAX
from tests.factories import Phone, make_member, make_merchant, make_terminal
from tests.rest import API, client_of, get, post

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return make_member(make_merchant(), "owner")


def test_from_opening_a_terminal_to_selling_with_it(owner):
    opened = post(owner, "terminals/", {"name": "Counter"}, expect=201)
    assert set(opened) == {"id", "name", "enrolment_code", "expires_at"}
    assert get(owner, f"terminals/{opened['id']}/")["state"] == "pending"

    enrolled = post(None, "terminals/enrol/", {"code": opened["enrolment_code"], "public_key": Phone().jwk})
    merchant = owner.merchant
    assert enrolled == {
        "terminal": {"id": opened["id"], "name": "Counter"},
        "merchant": {
            "id": merchant.slug,
            "name": merchant.name,
            "currency": "CNY",
            "time_zone": "Asia/Shanghai",
        },
    }
    assert get(owner, f"terminals/{opened['id']}/")["state"] == "offline"

    assert post(owner, f"terminals/{opened['id']}/revoke/")["state"] == "revoked"
    assert get(owner, "terminals/")["results"][0]["state"] == "revoked"


def test_a_terminal_never_shows_its_key_or_code(owner):
    make_terminal(owner.merchant)
    shown = get(owner, "terminals/")["results"][0]
    assert set(shown) == {"id", "name", "state", "created_at", "enrolled_at", "revoked_at", "last_seen_at"}


@pytest.mark.parametrize("name", ["", "   ", "n" * 61, None, 7.5e300, ["a"], "nul\0", "\ud800"])
def test_a_name_has_one_to_sixty_letters(owner, name):
    body = json.dumps({"name": name})
    response = client_of(owner).post(f"{API}terminals/", body, content_type="application/json")
    if isinstance(name, float):  # a number is text enough
        assert response.status_code == 201
    else:
        assert response.status_code == 400
        assert list(response.json()["errors"]) == ["name"]


def test_the_longest_name_is_good(owner):
    assert post(owner, "terminals/", {"name": "终" * 60}, expect=201)["name"] == "终" * 60


def test_a_name_is_taken_once_per_merchant(owner):
    post(owner, "terminals/", {"name": "Counter"}, expect=201)
    assert "name" in post(owner, "terminals/", {"name": "Counter"}, expect=400)["errors"]
    post(make_member(make_merchant(), "owner"), "terminals/", {"name": "Counter"}, expect=201)


def test_a_new_code_for_a_terminal_not_enrolled_yet(owner):
    opened = post(owner, "terminals/", {"name": "Counter"}, expect=201)
    new = post(owner, f"terminals/{opened['id']}/code/")
    assert new["enrolment_code"] != opened["enrolment_code"]
    refused = {"code": opened["enrolment_code"], "public_key": Phone().jwk}
    assert "code" in post(None, "terminals/enrol/", refused, expect=400)["errors"]
    post(None, "terminals/enrol/", {**refused, "code": new["enrolment_code"]})
    post(owner, f"terminals/{opened['id']}/code/", expect=409)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "code"),
        ({"code": "AAAAA-AAAAA"}, "public_key"),
        ({"code": "A" * 41, "public_key": {}}, "code"),
        ({"code": "AAAAA-AAAAA", "public_key": {}}, "public_key"),
        ({"code": "AAAAA-AAAAA", "public_key": "x"}, "public_key"),
        ({"code": "AAAAA-AAAAA", "public_key": None}, "public_key"),
        ({"code": ["A"], "public_key": Phone().jwk}, "code"),
        ({"code": "AAAAA-AAAAA", "public_key": {**Phone().jwk, "d": "x"}}, "public_key"),
        ({"code": "AAAAA-AAAAA", "public_key": Phone().jwk}, "code"),
        ([], "non_field_errors"),
        ("text", "non_field_errors"),
    ],
)
def test_what_is_wrong_with_an_enrolment_is_named(body, field):
    assert field in post(None, "terminals/enrol/", body, expect=400)["errors"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * BODY_BYTES_MAX, 400),
        (b'{"code": NaN}', 400),
        (b" " * (BODY_BYTES_MAX - 2) + b"{}", 400),  # as long as it may be, and empty
        (b" " * (BODY_BYTES_MAX - 1) + b"{}", 413),
        (b" " * 5_000_000, 413),
    ],
)
def test_a_body_that_is_no_json_or_too_long_is_a_problem(body, status):
    response = APIClient().post(f"{API}terminals/enrol/", body, content_type="application/json")
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")


def test_only_json_is_taken(owner):
    response = client_of(owner).post(f"{API}terminals/", {"name": "Counter"}, format="multipart")
    assert response.status_code == 415


def test_guessing_codes_is_slowed_down():
    guess = {"code": "AAAAA-AAAAA", "public_key": Phone().jwk}
    for _ in range(20):
        post(None, "terminals/enrol/", guess, expect=400)
    response = APIClient().post(f"{API}terminals/enrol/", guess, format="json")
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0


def test_a_signed_in_browser_needs_its_csrf_header_to_open_a_terminal(owner):
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(owner.user)
    assert browser.post(f"{API}terminals/", {"name": "Counter"}, format="json").status_code == 403
    assert browser.get(f"{API}terminals/").status_code == 200
    assert not Terminal.objects.exists()


def test_another_merchants_terminal_is_not_found(owner):
    foreign = make_terminal(make_merchant())
    for identity in (foreign.pk, uuid.uuid4()):
        get(owner, f"terminals/{identity}/", expect=404)
        post(owner, f"terminals/{identity}/revoke/", expect=404)
        post(owner, f"terminals/{identity}/code/", expect=404)
    foreign.refresh_from_db()
    assert foreign.revoked_at is None


@pytest.mark.parametrize("count", [1, 50])
def test_a_list_of_terminals_costs_three_statements(owner, count, django_assert_num_queries):
    for number in range(count):
        enrolment.open_terminal(merchant=owner.merchant, name=f"Counter {number}")
    client = client_of(owner)
    with django_assert_num_queries(3):  # the token, the member, the page
        assert len(client.get(f"{API}terminals/").json()["results"]) == count


def test_pages_of_terminals_follow_each_other_by_name(owner):
    names = [f"{letter}-{number}" for letter in "ABC" for number in range(5)]
    for name in reversed(names):
        enrolment.open_terminal(merchant=owner.merchant, name=name)
    client, seen, address = client_of(owner), [], f"{API}terminals/?page_size=4"
    while address:
        page = client.get(address).json()
        seen += [terminal["name"] for terminal in page["results"]]
        address = page["next"]
    assert seen == names


def test_the_merchant_is_the_signed_in_persons(owner):
    assert get(owner, "merchant/") == {
        "id": owner.merchant.slug,
        "name": owner.merchant.name,
        "currency": "CNY",
        "time_zone": "Asia/Shanghai",
        "day_cut_off_hour": 0,
        "amount_max": 50_000_00,
    }


def test_fees_are_the_schedules_with_their_components(owner):
    later = FeeSchedule.objects.create(merchant=owner.merchant, name="plus", valid_from=date(2026, 1, 1))
    FeeComponent.objects.create(schedule=later, position=1, rate_ppm=3_500, cap=13_00)
    FeeComponent.objects.create(schedule=later, position=0, rate_ppm=325, cap=3_25, amount_below=1_000_00)
    make_merchant()  # whose schedule is not shown
    newest, oldest = get(owner, "fees/")["results"]
    assert (newest["name"], newest["valid_from"], newest["refund_policy"]) == ("plus", "2026-01-01", "recompute")
    assert [component["rate_ppm"] for component in newest["components"]] == [325, 3_500]
    assert newest["components"][0] == {
        "method": "",
        "amount_from": 0,
        "amount_below": 1_000_00,
        "rate_ppm": 325,
        "fixed": 0,
        "minimum": 0,
        "cap": 3_25,
    }
    assert [component["rate_ppm"] for component in oldest["components"]] == [6_000]
