"""The owner's page of terminals."""

import html
import re

import pytest
from django.test import Client

from merchants import enrolment
from merchants.models import Member, Role, Terminal
from tests.factories import Phone, make_member, make_merchant, make_terminal

pytestmark = pytest.mark.django_db

PAGE = "/dashboard/terminals/"
ADD = f"{PAGE}add/"


@pytest.fixture
def owner() -> Member:
    return make_member(make_merchant(), Role.OWNER)


@pytest.fixture
def page(owner: Member) -> Client:
    """The owner's browser."""
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(owner.user)
    return client


def shown_code(content: bytes) -> str:
    found = re.search(r'id="enrolment-code">([0-9A-Z]{5}-[0-9A-Z]{5})<', content.decode())
    assert found, "no code on the page"
    return found[1]


@pytest.mark.parametrize("role", [Role.CASHIER, Role.ACCOUNTANT])
def test_only_the_owner_manages_terminals(owner: Member, role: Role) -> None:
    terminal = make_terminal(owner.merchant)
    client = Client()
    client.force_login(make_member(owner.merchant, role).user)
    for path in (PAGE, ADD, f"{PAGE}{terminal.pk}/revoke/", f"{PAGE}{terminal.pk}/code/"):
        assert client.get(path).status_code == 403
        assert client.post(path, {"name": "x"}).status_code in (403, 405)
    terminal.refresh_from_db()
    assert terminal.revoked_at is None
    assert Terminal.objects.count() == 1


def test_without_a_terminal_the_page_says_what_to_do(page: Client) -> None:
    assert "No terminal yet." in page.get(PAGE).content.decode()


def test_a_new_terminal_shows_its_code_once_as_text_link_and_qr(page: Client, owner: Member) -> None:
    answer = page.post(ADD, {"name": "  Front   counter "})
    code = shown_code(answer.content)
    text = html.unescape(answer.content.decode())
    assert f"http://testserver/terminal/#code={code}" in text
    assert re.search(r'<svg [^>]*class="qr">', text)
    assert not re.search(r"<style|\sstyle=|\son\w+=", text)
    assert "no-store" in answer["Cache-Control"]
    assert code not in page.get(PAGE).content.decode()
    terminal = enrolment.enrol(code=code, public_key=Phone().jwk)
    assert (terminal.merchant, terminal.name) == (owner.merchant, "Front counter")


@pytest.mark.parametrize(("name", "status"), [("", 400), ("   ", 400), ("x" * 61, 400), ("a\x00b", 400)])
def test_a_name_that_cannot_be_is_said_so_and_kept_in_the_field(page: Client, name: str, status: int) -> None:
    answer = page.post(ADD, {"name": name})
    assert answer.status_code == status
    assert b'id="name-error"' in answer.content
    assert not Terminal.objects.exists()


def test_a_name_of_the_greatest_length_is_taken(page: Client) -> None:
    assert page.post(ADD, {"name": "x" * 60}).status_code == 200


def test_a_name_is_taken_once(page: Client, owner: Member) -> None:
    make_terminal(owner.merchant, "Bar")
    answer = page.post(ADD, {"name": "Bar"})
    assert answer.status_code == 409
    assert b'value="Bar"' in answer.content
    assert Terminal.objects.count() == 1


def test_a_new_code_replaces_the_one_before(page: Client) -> None:
    old = shown_code(page.post(ADD, {"name": "Bar"}).content)
    terminal = Terminal.objects.get()
    new = shown_code(page.post(f"{PAGE}{terminal.pk}/code/").content)
    with pytest.raises(enrolment.CodeRefused):
        enrolment.enrol(code=old, public_key=Phone().jwk)
    assert enrolment.enrol(code=new, public_key=Phone().jwk).pk == terminal.pk


def test_an_enrolled_terminal_gets_no_new_code(page: Client, owner: Member) -> None:
    terminal = make_terminal(owner.merchant)
    answer = page.post(f"{PAGE}{terminal.pk}/code/", follow=True)
    assert answer.redirect_chain == [(PAGE, 302)]
    assert b"enrolment-code" not in answer.content
    assert "enrolled as this terminal already" in answer.content.decode()


def test_revoking_asks_first_and_is_for_good(page: Client, owner: Member) -> None:
    terminal = make_terminal(owner.merchant, "Bar")
    path = f"{PAGE}{terminal.pk}/revoke/"
    assert "Revoke “Bar”?" in page.get(path).content.decode()
    terminal.refresh_from_db()
    assert terminal.revoked_at is None
    answer = page.post(path, follow=True)
    assert "Bar is revoked" in answer.content.decode()
    assert 'data-state="revoked"' in answer.content.decode()
    terminal.refresh_from_db()
    assert terminal.revoked_at is not None
    assert page.post(path).status_code == 302  # a second press changes nothing


def test_another_merchants_terminal_is_not_found(page: Client) -> None:
    foreign = make_terminal(make_merchant(), "Foreign counter")
    for path in (f"{PAGE}{foreign.pk}/revoke/", f"{PAGE}{foreign.pk}/code/"):
        assert page.get(path).status_code == 404
        assert page.post(path).status_code == 404
    foreign.refresh_from_db()
    assert foreign.revoked_at is None
    assert "Foreign counter" not in page.get(PAGE).content.decode()


def test_an_address_that_only_takes_presses_leads_back_when_visited(page: Client, owner: Member) -> None:
    terminal = make_terminal(owner.merchant)
    for path in (ADD, f"{PAGE}{terminal.pk}/code/"):
        answer = page.get(path)
        assert (answer.status_code, answer["Location"]) == (302, PAGE)


def test_the_list_asks_the_database_as_often_for_many_as_for_few(
    page: Client, owner: Member, django_assert_max_num_queries: object
) -> None:
    for _ in range(5):
        make_terminal(owner.merchant)
    with django_assert_max_num_queries(4):  # type: ignore[operator]
        page.get(PAGE)


@pytest.mark.parametrize(("language", "tag"), [("en", "en"), ("zh-CN", "zh-hans")])
def test_the_page_comes_in_both_languages(owner: Member, language: str, tag: str) -> None:
    client = Client(headers={"Accept-Language": language})
    client.force_login(owner.user)
    terminal = make_terminal(owner.merchant)
    for path in (PAGE, f"{PAGE}{terminal.pk}/revoke/"):
        assert f'<html lang="{tag}">' in client.get(path).content.decode()
