"""What every test shares: clean books between tests, and their proof after each one that moved money."""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import pytest
from channels.layers import channel_layers
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase

from merchants.keys import kernels


def _with_the_triggers_off(flush: Callable[..., None]) -> Callable[..., None]:
    """The database refuses to delete transfers; emptying tables between tests has to take the refusal off."""

    @wraps(flush)
    def flushed(self: Any) -> None:
        from transactions.migrations import _append_only

        for statement in _append_only.removal(connection.vendor):
            connection.cursor().execute(statement)
        try:
            flush(self)
        finally:
            for statement in _append_only.statements(connection.vendor):
                connection.cursor().execute(statement, None)

    return flushed


def pytest_configure() -> None:
    """Passwords of tests are hashed quickly: what is tested is never the hash."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


TransactionTestCase._fixture_teardown = _with_the_triggers_off(TransactionTestCase._fixture_teardown)  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    tmp_path_factory: pytest.TempPathFactory, django_db_modify_db_settings_parallel_suffix: None
) -> None:
    """SQLite in a folder of this run: a file, which threads share, and no other run's leftovers beside it."""
    if connection.vendor == "sqlite":
        name = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
        settings.DATABASES["default"]["TEST"]["NAME"] = name
        connection.settings_dict["TEST"]["NAME"] = name


@pytest.fixture(autouse=True)
def fresh_process_state() -> Iterator[None]:
    """No keys, messages or cached rates of the test before."""
    from django.core.cache import cache

    from transactions.policy import policies

    def forget() -> None:
        kernels.forget()
        policies.forget()
        channel_layers.backends.clear()
        cache.clear()

    forget()
    yield
    forget()


@pytest.fixture(autouse=True)
def the_books_are_true(request: pytest.FixtureRequest) -> Iterator[None]:
    """`check_ledger` after every test that moves money; a test that breaks the books on purpose says so by mark."""
    database = next((name for name in ("transactional_db", "db") if name in request.fixturenames), None)
    if database is None:
        yield
        return
    request.getfixturevalue(database)
    yield
    if request.node.get_closest_marker("breaks_the_books"):
        return
    from transactions import proof

    assert list(proof.findings()) == []
