"""Log lines: what they carry, and what they never do."""

import io
import json
import logging
import uuid
from types import SimpleNamespace

import pytest
from django.core.exceptions import ImproperlyConfigured

from softpos import environment, logs
from tests.softpos.door import ask
from transactions import decision_log
from transactions.public_id import new_id, to_public

UID = "04A1B2C3D4E5F6"
TAP_URL = "https://pos.example/c/?p=EF963FF7828658A599F3041510671E88&c=94EED9EE65337086"


def written(formatter, say):
    """What one use of a logger put out."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    log = logging.getLogger(f"test.{uuid.uuid4()}")
    log.propagate = False
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    say(log)
    return out.getvalue()


def test_a_line_is_one_object_with_its_ids():
    start_id = uuid.uuid4()
    text = written(
        logs.JsonFormatter(),
        lambda log: log.warning("refused\nby %s", "the database", extra={"start_id": start_id, "merchant": 7}),
    )
    assert text.count("\n") == 1
    said = json.loads(text)
    assert said["message"] == "refused\nby the database"
    assert (said["level"], said["start_id"], said["merchant"]) == ("WARNING", str(start_id), 7)
    assert said["time"].endswith("+00:00")


def test_nothing_but_the_known_fields_leaves():
    text = written(logs.JsonFormatter(), lambda log: log.info("x", extra={"card": UID, "pin": "1234", "reason": ""}))
    assert set(json.loads(text)) == {"time", "level", "logger", "message", "process"}


@pytest.mark.parametrize("formatter", [logs.JsonFormatter(), logs.LineFormatter()])
def test_card_data_is_blotted_out_wherever_it_stands(formatter):
    def say(log):
        log.info("read %s from %s", TAP_URL, UID, extra={"reason": TAP_URL})
        try:
            raise ValueError(f"Failing row contains ({UID}, {TAP_URL})")
        except ValueError:
            log.exception("refused")

    text = written(formatter, say)
    for secret in (UID, "EF963FF7828658A599F3041510671E88", "94EED9EE65337086"):
        assert secret not in text
    assert "https://pos.example/c/?p=…&c=…" in text


def test_ids_are_not_taken_for_cards():
    text = f"{uuid.uuid4()} {to_public(new_id())} 04a1b2c3d4e5f6a7b8 T04A1B2C3D4E5F6"
    assert logs.blotted(text) == text


@pytest.fixture
def decisions():
    """The decision log's lines, as an operator who asked for them sees them."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logs.JsonFormatter())
    level = decision_log.log.level
    decision_log.log.addHandler(handler)
    yield out
    decision_log.log.removeHandler(handler)
    decision_log.log.setLevel(level)


def decided():
    transaction = SimpleNamespace(
        id=new_id(), start_id=uuid.uuid4(), merchant_id=3, terminal_id=uuid.uuid4(), kind="purchase", status="declined",
        reason="insufficient_funds", card_uid=UID, amount=1250,
    )  # fmt: skip
    return SimpleNamespace(again=False, transaction=transaction)


def test_decisions_are_not_written_unless_asked_for(decisions):
    decision_log.note([decided()])
    assert decisions.getvalue() == ""


def test_a_decision_is_found_by_its_ids_and_tells_no_card(decisions):
    decision_log.log.setLevel(logging.INFO)
    made = decided()
    decision_log.note([made, OSError()])
    said = json.loads(decisions.getvalue())
    assert said["transaction"] == to_public(made.transaction.id)
    assert said["start_id"] == str(made.transaction.start_id)
    assert (said["result"], said["reason"], said["batch"]) == ("declined", "insufficient_funds", 2)
    assert UID not in decisions.getvalue()
    assert "1250" not in decisions.getvalue()


@pytest.mark.django_db(transaction=True)
async def test_a_request_has_an_id_that_its_client_learns(settings):
    settings.ALLOWED_HOSTS = ["*"]
    given = {"X-Request-Id": "from-the-proxy-0001"}
    settings.SOFTPOS_PROXIES = 1
    assert (await ask("/sign-in/", headers=given)).headers["x-request-id"] == "from-the-proxy-0001"
    made = [(await ask("/sign-in/")).headers["x-request-id"] for _ in range(2)]
    assert len(set(made)) == 2
    bad = {"X-Request-Id": 'x"} {"forged": 1'}
    assert (await ask("/sign-in/", headers=bad)).headers["x-request-id"] != bad["X-Request-Id"]
    settings.SOFTPOS_PROXIES = 0  # nobody of ours stands before: a client names no requests
    assert (await ask("/sign-in/", headers=given)).headers["x-request-id"] != "from-the-proxy-0001"


def test_lines_of_a_request_carry_its_id():
    token = logs.request_id.set("abc12345")
    try:
        assert json.loads(written(logs.JsonFormatter(), lambda log: log.info("x")))["request"] == "abc12345"
        assert written(logs.LineFormatter(), lambda log: log.info("x")).endswith("x [abc12345]\n")
    finally:
        logs.request_id.reset(token)


def test_another_format_is_refused_at_the_door():
    assert environment.choice({}, "SOFTPOS_LOG_FORMAT", ("line", "json")) == "line"
    with pytest.raises(ImproperlyConfigured, match="SOFTPOS_LOG_FORMAT is one of: line, json"):
        environment.choice({"SOFTPOS_LOG_FORMAT": "xml"}, "SOFTPOS_LOG_FORMAT", ("line", "json"))
