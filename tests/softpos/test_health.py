"""What load balancers are told: whether the process lives, and whether taps can be sent to it."""

import asyncio
import logging
import threading

import pytest
from channels.layers import get_channel_layer
from django.db import OperationalError

from softpos import health
from softpos.health import readiness
from tests.softpos.door import ask
from transactions import metrics

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "password=geheim host=10.1.2.3"


@pytest.fixture(autouse=True)
async def fresh():
    await readiness.close()
    yield
    await readiness.close()
    metrics.watch_queue(depth=lambda: 0, oldest_wait_s=lambda: 0.0)


@pytest.fixture
def database(monkeypatch):
    """Sets what asking the database does."""
    return lambda answer: monkeypatch.setattr(health, "_ask_database", answer)


def failing(error):
    def fail(alias):
        raise error

    return fail


async def test_live_asks_nobody(database, monkeypatch):
    database(failing(OperationalError()))
    monkeypatch.setattr(health, "_ask_layer", failing(OSError()))
    answer = await ask("/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})


async def test_ready_tells_the_state_of_each_part():
    answer = await ask("/ready")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "parts": {
            "database": {"state": "ok"},
            "committer": {"state": "ok", "oldest_wait_s": 0.0, "queue_depth": 0},
            "layer": {"state": "ok"},
        },
    }


async def test_without_a_database_it_is_not_ready_and_tells_no_secret(database, caplog):
    database(failing(OperationalError(SECRET)))
    answer = await ask("/ready")
    assert answer.status_code == 503
    assert answer.json()["status"] == "not_ready"
    assert answer.json()["parts"]["database"] == {"state": "away"}
    assert "geheim" not in answer.text
    assert "default: away" in caplog.text


async def test_an_outage_is_logged_when_it_begins_and_when_it_ends(database, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(health, "KEPT_FOR_S", 0)
    database(failing(OperationalError()))
    for _ in range(3):
        await ask("/ready")
    database(lambda alias: None)
    for _ in range(3):
        assert (await ask("/ready")).status_code == 200
    told = [record.getMessage() for record in caplog.records if record.name == "softpos.health"]
    assert told == ["default: away", "default: ok"]


async def test_a_database_that_hangs_is_waited_for_briefly_and_asked_once(database, monkeypatch):
    monkeypatch.setattr(health, "ANSWER_S_MAX", 0.05)
    monkeypatch.setattr(health, "KEPT_FOR_S", 0)
    asked, go_on = [], threading.Event()

    def hang(alias):
        asked.append(alias)
        go_on.wait(20)

    database(hang)
    try:
        for _ in range(3):
            answer = await ask("/ready")
            assert answer.status_code == 503
            assert answer.json()["parts"]["database"] == {"state": "no_answer"}
        assert asked == ["default"]
    finally:
        go_on.set()
    await asyncio.gather(*(part._asking for part in readiness()._databases.values() if part._asking))
    assert (await ask("/ready")).status_code == 200


async def test_a_standby_is_not_sold_on(database):
    database(failing(health.ReadOnly()))
    answer = await ask("/ready")
    assert answer.status_code == 503
    assert answer.json()["parts"]["database"] == {"state": "read_only"}


async def test_without_the_channel_layer_selling_goes_on(monkeypatch):
    async def away(*args):
        raise OSError(SECRET)

    monkeypatch.setattr(get_channel_layer(), "group_send", away)
    answer = await ask("/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["parts"]["layer"] == {"state": "away"}
    assert "geheim" not in answer.text


@pytest.mark.parametrize(("waited_s", "status"), [(5.0, 200), (5.1, 503)])
async def test_a_committer_that_falls_behind_gets_no_more_taps(waited_s, status):
    metrics.watch_queue(depth=lambda: 7, oldest_wait_s=lambda: waited_s)
    answer = await ask("/ready")
    assert answer.status_code == status
    assert answer.json()["parts"]["committer"]["queue_depth"] == 7
    assert answer.json()["parts"]["committer"]["state"] == ("ok" if status == 200 else "behind")


async def test_a_hundred_probes_ask_the_database_once(database):
    asked: list[str] = []
    database(asked.append)
    answers = await asyncio.gather(*(ask("/ready") for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert asked == ["default"]


@pytest.mark.parametrize("path", ["/live", "/ready"])
async def test_probes_need_no_host_name_no_https_and_no_cookie(settings, path):
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["pos.example"]
    assert (await ask(path)).status_code == 200
    assert (await ask(path, method="HEAD")).text == ""
    assert (await ask(path, method="POST")).status_code == 405
    assert (await ask(path)).headers["cache-control"] == "no-store"
