"""REST as a client sees it: signed in by token, JSON in and out."""

import csv
import io
from typing import Any

from rest_framework.test import APIClient

from merchants.models import Member
from merchants.tokens import issue_token

API = "/api/v1/"


def client_of(member: Member | None) -> APIClient:
    """A client with the member's token; None: nobody is signed in."""
    client = APIClient()
    if member is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Token {issue_token(member.user)}")
    return client


def get(member: Member | None, path: str, expect: int = 200, **query: Any) -> Any:
    """The body of a GET below `/api/v1/`, after checking its status, and that a problem is told as one."""
    return _answer(client_of(member).get(API + path, query), expect)


def post(member: Member | None, path: str, body: Any = None, expect: int = 200) -> Any:
    """The body of a POST below `/api/v1/`, checked likewise."""
    return _answer(client_of(member).post(API + path, body, format="json"), expect)


def _answer(response: Any, status: int) -> Any:
    assert response.status_code == status, response.content
    if status >= 400:
        assert response["Content-Type"] == "application/problem+json"
        assert response.json()["status"] == status
    return response.json()


def csv_of(member: Member, **query: Any) -> list[dict[str, str]]:
    """The rows of the CSV under these parameters, by column."""
    response = client_of(member).get(API + "transactions/export.csv", query)
    assert response.status_code == 200, response.content
    return rows_of(b"".join(response.streaming_content))


def rows_of(file: bytes) -> list[dict[str, str]]:
    """A CSV of the house taken apart; checks what every one must have."""
    assert file.startswith(b"\xef\xbb\xbf")
    text = file.decode("utf-8-sig")
    assert text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline="")))
