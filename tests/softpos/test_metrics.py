"""What Prometheus is told, and who else isn't."""

from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest

from tests.softpos.door import ask
from transactions import metrics
from transactions.reasons import Reason

TOKEN = "a-token-of-thirty-two-characters-"
FROM_HERE = [ip_network("127.0.0.0/8"), ip_network("10.0.0.0/24")]


@pytest.fixture(autouse=True)
def off(settings):
    settings.SOFTPOS_METRICS_TOKEN = ""
    settings.SOFTPOS_METRICS_FROM = []


def counted(name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


def made(status: str, reason: str = "", *, again: bool = False) -> Any:
    return SimpleNamespace(again=again, transaction=SimpleNamespace(status=status, reason=reason))


async def test_metrics_are_off_until_somebody_turns_them_on():
    assert (await ask("/metrics")).status_code == 404
    assert (await ask("/metrics", headers={"Authorization": "Bearer "})).status_code == 404


async def test_the_token_opens_and_no_other_does(settings):
    settings.SOFTPOS_METRICS_TOKEN = TOKEN
    answer = await ask("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, client="203.0.113.9")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    for wrong in ("", "Bearer", f"Bearer {TOKEN}x", f"Token {TOKEN}", "Basic Og=="):
        assert (await ask("/metrics", headers={"Authorization": wrong})).status_code == 404


@pytest.mark.parametrize(
    ("client", "status"), [("127.0.0.1", 200), ("10.0.0.255", 200), ("10.0.1.0", 404), ("::1", 404), ("", 404)]
)
async def test_addresses_open_for_themselves(settings, client, status):
    settings.SOFTPOS_METRICS_FROM = FROM_HERE
    assert (await ask("/metrics", client=client)).status_code == status


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
async def test_what_comes_through_a_proxy_does_not_count_as_the_proxys(settings, header):
    settings.SOFTPOS_METRICS_FROM = FROM_HERE
    assert (await ask("/metrics", headers={header: "127.0.0.1"})).status_code == 404


async def test_the_text_says_what_waits_now(settings):
    settings.SOFTPOS_METRICS_FROM = FROM_HERE
    metrics.watch_queue(depth=lambda: 12, oldest_wait_s=lambda: 0.25)
    try:
        lines = (await ask("/metrics")).text.splitlines()
    finally:
        metrics.watch_queue(depth=lambda: 0, oldest_wait_s=lambda: 0.0)
    assert "softpos_queue_depth 12.0" in lines
    assert "softpos_queue_oldest_wait_seconds 0.25" in lines
    assert any(line.startswith("process_resident_memory_bytes") for line in lines)


def test_a_batch_counts_its_outcomes_by_result_and_reason():
    names = [("approved", ""), ("declined", "insufficient_funds")]
    before = [counted("softpos_outcomes_total", result=result, reason=reason) for result, reason in names]
    again, size = counted("softpos_outcomes_told_again_total"), counted("softpos_batch_size_sum")
    short = made("declined", Reason.INSUFFICIENT_FUNDS)
    metrics.batch_decided([made("approved"), made("approved"), short, made("approved", again=True), OSError()], 0.004)
    after = [counted("softpos_outcomes_total", result=result, reason=reason) for result, reason in names]
    assert [now - then for now, then in zip(after, before, strict=True)] == [2, 1]
    assert counted("softpos_outcomes_told_again_total") - again == 1
    assert counted("softpos_batch_size_sum") - size == 5


def test_sockets_come_and_go():
    before = counted("softpos_sockets", kind="terminal")
    metrics.socket_opened("terminal")
    metrics.socket_opened("terminal")
    metrics.socket_closed("terminal")
    assert counted("softpos_sockets", kind="terminal") - before == 1


@pytest.mark.parametrize(
    ("name", "happens"),
    [
        ("softpos_busy_refusals_total", metrics.refused_busy),
        ("softpos_layer_failures_total", metrics.layer_away),
        ("softpos_slow_dashboards_total", metrics.dashboard_dropped),
        ("softpos_outcomes_unknown_total", metrics.outcome_unknown),
        ("softpos_event_lag_seconds_count", lambda: metrics.event_told(0.01)),
    ],
)
def test_what_goes_wrong_is_counted(name, happens):
    before = counted(name)
    happens()
    assert counted(name) - before == 1


def test_every_metric_is_in_the_operating_manual():
    from tests.test_docs import doc

    families = [family.name for family in metrics.registry.collect() if family.name.startswith("softpos_")]
    assert len(families) > 10
    assert [name for name in families if f"`{name}" not in doc("operating.md")] == []
