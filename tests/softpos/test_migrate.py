"""Migrations step aside for those who sell."""

import pytest
from django.core.management import CommandError, call_command
from django.core.management.commands import migrate
from django.db import OperationalError, connection

from softpos.management.commands import migrate as polite

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer anyway"),
]


class Lock(Exception):
    sqlstate = "55P03"


def refuse(*, times: int, cause: Exception):
    """Django's own migrate, refused so often; the lock timeouts it ran under are collected."""
    seen = []

    def handle(self, *args, **options):
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            seen.append(cursor.fetchone()[0])
        if len(seen) <= times:
            raise OperationalError("canceling statement") from cause

    return handle, seen


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(polite, "PAUSE_S", 0)
    yield
    connection.cursor().execute("SET lock_timeout = 0")


def test_a_table_in_use_is_tried_again(monkeypatch):
    handle, seen = refuse(times=2, cause=Lock())
    monkeypatch.setattr(migrate.Command, "handle", handle)
    call_command("migrate", verbosity=0)
    assert seen == ["1s"] * 3


def test_a_table_that_stays_in_use_is_said(monkeypatch):
    handle, seen = refuse(times=99, cause=Lock())
    monkeypatch.setattr(migrate.Command, "handle", handle)
    with pytest.raises(CommandError, match="in use for too long"):
        call_command("migrate", verbosity=0)
    assert len(seen) == polite.ATTEMPTS_MAX


def test_another_error_is_not_hidden(monkeypatch):
    handle, seen = refuse(times=1, cause=ValueError())
    monkeypatch.setattr(migrate.Command, "handle", handle)
    with pytest.raises(OperationalError):
        call_command("migrate", verbosity=0)
    assert len(seen) == 1
