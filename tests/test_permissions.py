"""Who gets what at every address of the site: one table, walked for every role.

An address (or a method of one) that is not in the table fails the test, so a new route is decided on before it is
there. `stranger` is the owner of another merchant: what isn't theirs is not found, never forbidden.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from merchants import enrolment
from merchants.models import Member, User
from tests.factories import Phone, make_card, make_member, make_merchant, make_terminal, sell
from transactions.public_id import to_public

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.demo_urls")]

ROLES = ("anonymous", "nobody", "owner", "cashier", "accountant", "stranger")
TO_SIGN_IN = 302  # where every page sends who isn't signed in


@dataclass(frozen=True)
class Case:
    """A method of an address, and the status each role gets; `nobody` is signed in, but member of nothing."""

    method: str
    route: str
    anonymous: int
    nobody: int
    owner: int
    cashier: int
    accountant: int
    stranger: int
    body: str = "{}"

    @property
    def key(self) -> tuple[str, str]:
        return self.method, self.route


def page(
    route: str, *, owner: int, cashier: int, accountant: int, stranger: int, method: str = "GET", **more: Any
) -> Case:
    """A page: signs in whoever isn't, and is forbidden to who belongs nowhere."""
    return Case(method, route, TO_SIGN_IN, 403, owner, cashier, accountant, stranger, **more)


def rest(
    route: str, *, owner: int, cashier: int, accountant: int, stranger: int, method: str = "GET", **more: Any
) -> Case:
    """REST: 401 for whoever isn't signed in."""
    return Case(method, f"api/v1/{route}", 401, 403, owner, cashier, accountant, stranger, **more)


def public(route: str, status: int = 200, *, method: str = "GET", **more: Any) -> Case:
    """The same for everybody."""
    return Case(method, route, *[status] * len(ROLES), **more)


ADD = "dashboard/terminals/add/"
NEW_TERMINAL = json.dumps({"name": "New"})
REVOKE = "dashboard/terminals/<uuid:terminal_id>/revoke/"
CODE = "dashboard/terminals/<uuid:terminal_id>/code/"
SAME_AS_POST = {("PUT", "sign-in/")}  # Django's own view

# fmt: off
TABLE = [
    # --- pages
    Case("GET", "", anonymous=302, nobody=403, owner=302, cashier=302, accountant=302, stranger=302),
    public("sign-in/"),
    public("sign-in/", method="POST"),
    public("sign-out/", 302, method="POST"),
    public("i18n/setlang/", 302, method="POST"),
    public("sw.js"),
    public("manifest.webmanifest"),
    page("terminal/", owner=200, cashier=200, accountant=403, stranger=200),
    page("dashboard/", owner=200, cashier=403, accountant=200, stranger=200),
    page("dashboard/transactions/", owner=200, cashier=200, accountant=200, stranger=200),
    page("dashboard/transactions/<str:public_id>/", owner=200, cashier=404, accountant=200, stranger=404),
    page("dashboard/cards/", owner=200, cashier=403, accountant=200, stranger=200),
    page("dashboard/terminals/", owner=200, cashier=403, accountant=403, stranger=200),
    page(ADD, owner=302, cashier=403, accountant=403, stranger=302),
    page(ADD, method="POST", body="name=New", owner=200, cashier=403, accountant=403, stranger=200),
    page(REVOKE, owner=200, cashier=403, accountant=403, stranger=404),
    page(REVOKE, method="POST", owner=302, cashier=403, accountant=403, stranger=404),
    page(CODE, owner=302, cashier=403, accountant=403, stranger=404),
    page(CODE, method="POST", owner=200, cashier=403, accountant=403, stranger=404),
    page("receipts/<str:public_id>/", owner=200, cashier=404, accountant=200, stranger=404),
    # --- REST
    public("api/v1/schema/"),
    rest("merchant/", owner=200, cashier=200, accountant=200, stranger=200),
    rest("summary/", owner=200, cashier=403, accountant=200, stranger=200),
    rest("transactions/", owner=200, cashier=200, accountant=200, stranger=200),
    rest("transactions/<str:id>/", owner=200, cashier=404, accountant=200, stranger=404),
    rest("transactions/export.csv", owner=200, cashier=403, accountant=200, stranger=200),
    rest("cards/", owner=200, cashier=403, accountant=200, stranger=200),
    rest("cards/<int:pk>/", owner=200, cashier=403, accountant=200, stranger=404),
    rest("fees/", owner=200, cashier=403, accountant=200, stranger=200),
    rest("terminals/", owner=200, cashier=403, accountant=200, stranger=200),
    rest("terminals/", method="POST", body=NEW_TERMINAL, owner=201, cashier=403, accountant=403, stranger=201),
    rest("terminals/<uuid:pk>/", owner=200, cashier=403, accountant=200, stranger=404),
    rest("terminals/<uuid:pk>/revoke/", method="POST", owner=200, cashier=403, accountant=403, stranger=404),
    rest("terminals/<uuid:pk>/code/", method="POST", owner=200, cashier=403, accountant=403, stranger=404),
    public("api/v1/terminals/enrol/", 400, method="POST"),
    # --- demo mode only
    rest("demo/cards/", owner=200, cashier=200, accountant=403, stranger=200),
    rest("demo/cards/<str:uid>/tap/", method="POST", owner=200, cashier=200, accountant=403, stranger=404),
]
# fmt: on


@dataclass
class World:
    """A merchant with its people, a sale of the owner's, a terminal without a phone yet, a card; and a stranger."""

    people: dict[str, Member | None]
    nobody: User
    values: dict[str, str]

    def client(self, role: str) -> Client:
        client = Client()
        member = self.people.get(role)
        if role == "nobody":
            client.force_login(self.nobody)
        elif member is not None:
            client.force_login(member.user)
        return client


@pytest.fixture
def world() -> World:
    merchant = make_merchant()
    people: dict[str, Member | None] = {
        role: make_member(merchant, role) for role in ("owner", "cashier", "accountant")
    }
    people["stranger"] = make_member(make_merchant(), "owner")
    card = make_card(merchant)
    owner = people["owner"]
    assert owner is not None
    sold = to_public(sell(card, 1_00, owner, make_terminal(merchant)).transaction.id)
    pending, _ = enrolment.open_terminal(merchant=merchant, name="Pending")
    values = {
        "<str:public_id>": sold,
        "<str:id>": sold,
        "<uuid:terminal_id>": str(pending.pk),
        "<uuid:pk>": str(pending.pk),
        "<int:pk>": str(card.pk),
        "<str:uid>": card.uid,
    }
    return World(people, User.objects.create_user("nobody", password="nobody"), values)


def ask(world: World, case: Case, role: str) -> int:
    path = "/" + case.route
    for placeholder, value in world.values.items():
        path = path.replace(placeholder, value)
    form = not case.route.startswith("api/")
    content_type = "application/x-www-form-urlencoded" if form else "application/json"
    body = "" if case.method == "GET" or (form and case.body == "{}") else case.body
    response = world.client(role).generic(case.method, path, body, content_type=content_type)
    if response.status_code == TO_SIGN_IN and case.anonymous == TO_SIGN_IN and role == "anonymous":
        assert "/sign-in/" in response["Location"] or case.nobody == TO_SIGN_IN
    return response.status_code


@pytest.mark.parametrize("case", TABLE, ids=lambda case: f"{case.method} {case.route}")
def test_every_role_gets_what_the_table_says(world, case):
    got = {}
    for role in ROLES:
        undo = transaction.savepoint()
        got[role] = ask(world, case, role)
        transaction.savepoint_rollback(undo)
    assert got == {role: getattr(case, role) for role in ROLES}


def routes(resolver: Any = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every address of the site with what answers there."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern).lstrip("^")
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        elif isinstance(entry, URLPattern):
            yield route, entry.callback


def methods(callback: Any) -> set[str]:
    """The methods that do something at an address; for a plain view, none is known beforehand."""
    actions = getattr(callback, "actions", None)
    if actions:
        return {method.upper() for method in actions if method not in ("head", "options")}
    view = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
    if view is None:
        return set()
    offered = set(view.http_method_names) & {"get", "post", "put", "patch", "delete"}
    return {method.upper() for method in offered if hasattr(view, method)}


def test_every_address_is_in_the_table():
    decided = {case.key for case in TABLE}
    decided_routes = {case.route for case in TABLE}
    missing = []
    for route, callback in routes():
        if route not in decided_routes:
            missing.append(route)
        missing += [
            (method, route)
            for method in methods(callback)
            if (method, route) not in decided and (method, route) not in SAME_AS_POST
        ]
    assert missing == []


def test_the_table_holds_nothing_that_is_gone():
    there = {route for route, _ in routes()}
    assert {case.route for case in TABLE} - there == set()


def test_the_table_says_each_thing_once():
    keys = [case.key for case in TABLE]
    assert len(keys) == len(set(keys))


def test_a_stranger_never_learns_that_something_is_there():
    """404 and never 403 wherever an address names an object of another merchant's."""
    naming = [case for case in TABLE if "<" in case.route]
    assert naming
    assert {case.stranger for case in naming} == {404}


def test_enrolling_needs_the_code_and_nothing_else(world):
    terminal, code = enrolment.open_terminal(merchant=make_merchant(), name="Far away")
    body = json.dumps({"code": code, "public_key": Phone().jwk})
    response = world.client("anonymous").post("/api/v1/terminals/enrol/", body, content_type="application/json")
    assert response.json()["terminal"]["id"] == str(terminal.pk)
