"""A phone becomes a terminal with a code that works once, for ten minutes, and proves itself with its key."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import connection
from django.utils import timezone

from merchants import enrolment
from merchants.groups import TERMINALS_GROUP, merchant_group, terminal_changed, terminal_revoked
from merchants.models import Terminal
from merchants.terminal_keys import BadPublicKey, PublicKey, proves
from tests.factories import Phone, base64url, make_merchant, make_phone, make_terminal

NONCE = "bm9uY2U"


@pytest.fixture
def merchant(db):
    return make_merchant()


@pytest.fixture
def in_memory_layer(settings):
    """What is told is looked up in the layer itself, which only the one in memory lets one do."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


def received(channel: str) -> list[dict]:
    """What a channel of the in-memory layer holds."""
    layer = get_channel_layer()
    queue = layer.channels.get(channel)
    return [queue.get_nowait()[1] for _ in range(queue.qsize())] if queue else []


def listen(group: str) -> str:
    channel = f"test-{group}"
    async_to_sync(get_channel_layer().group_add)(group, channel)
    return channel


# --- enrolling ------------------------------------------------------------------------------------


def test_the_phone_that_brings_the_code_is_the_terminal(merchant):
    terminal, code = enrolment.open_terminal(merchant=merchant, name="Counter")
    phone = Phone()
    enrolled = enrolment.enrol(code=code, public_key=phone.jwk)
    assert enrolled == terminal
    terminal.refresh_from_db()
    assert terminal.public_key == phone.jwk
    assert terminal.enrolled_at is not None


def test_a_code_is_not_stored_only_its_digest(merchant):
    terminal, code = enrolment.open_terminal(merchant=merchant, name="Counter")
    stored = Terminal.objects.filter(pk=terminal.pk).values().get()
    assert code not in str(stored)
    assert code.replace("-", "") not in str(stored)


def test_a_code_serves_one_phone_only(merchant):
    _, code = enrolment.open_terminal(merchant=merchant, name="Counter")
    first = Phone()
    terminal = enrolment.enrol(code=code, public_key=first.jwk)
    with pytest.raises(enrolment.CodeRefused):
        enrolment.enrol(code=code, public_key=Phone().jwk)
    terminal.refresh_from_db()
    assert terminal.public_key == first.jwk


def test_of_eight_phones_with_one_code_at_once_one_is_enrolled(transactional_db):
    terminal, code = enrolment.open_terminal(merchant=make_merchant(), name="Counter")
    phones = [Phone() for _ in range(8)]

    def bring(phone: Phone) -> bool:
        try:
            enrolment.enrol(code=code, public_key=phone.jwk)
        except enrolment.CodeRefused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(len(phones)) as threads:
        enrolled = [phone for phone, good in zip(phones, threads.map(bring, phones), strict=True) if good]
    terminal.refresh_from_db()
    assert [phone.jwk for phone in enrolled] == [terminal.public_key]


def test_a_phone_that_lost_the_answer_asks_again_and_gets_the_same(merchant):
    _, code = enrolment.open_terminal(merchant=merchant, name="Counter")
    phone = Phone()
    first = enrolment.enrol(code=code, public_key=phone.jwk)
    again = enrolment.enrol(code=code, public_key=phone.jwk)
    assert (again.pk, again.enrolled_at) == (first.pk, first.enrolled_at)


@pytest.mark.parametrize(("age", "good"), [(timedelta(minutes=9, seconds=59), True), (timedelta(minutes=10), False)])
def test_a_code_lives_ten_minutes(merchant, age, good, monkeypatch):
    terminal, code = enrolment.open_terminal(merchant=merchant, name="Counter")
    opened_at = terminal.enrolment_expires_at - enrolment.CODE_LIFETIME
    monkeypatch.setattr(timezone, "now", lambda: opened_at + age)
    if good:
        assert enrolment.enrol(code=code, public_key=Phone().jwk) == terminal
    else:
        with pytest.raises(enrolment.CodeRefused):
            enrolment.enrol(code=code, public_key=Phone().jwk)


@pytest.mark.parametrize(
    "typed", [str.lower, lambda code: code.replace("-", ""), lambda code: f" {code[:3]} {code[3:]} "]
)
def test_a_code_may_be_typed_as_people_type(merchant, typed):
    terminal, code = enrolment.open_terminal(merchant=merchant, name="Counter")
    assert enrolment.enrol(code=typed(code), public_key=Phone().jwk) == terminal


def test_letters_that_look_like_digits_are_those_digits(merchant, monkeypatch):
    monkeypatch.setattr(enrolment, "_new_code", lambda: "01ABC-10XYZ")
    terminal, _ = enrolment.open_terminal(merchant=merchant, name="Counter")
    assert enrolment.enrol(code="oiabc-lOxyz", public_key=Phone().jwk) == terminal


@pytest.mark.parametrize("code", ["", "-", "AAAAA-AAAAA", "\ud800", "x" * 1000])
def test_an_unknown_code_is_refused(merchant, code):
    enrolment.open_terminal(merchant=merchant, name="Counter")
    make_terminal(merchant)  # its digest is empty, and no code may match that
    with pytest.raises(enrolment.CodeRefused):
        enrolment.enrol(code=code, public_key=Phone().jwk)


def test_a_bad_key_leaves_the_code_good(merchant):
    terminal, code = enrolment.open_terminal(merchant=merchant, name="Counter")
    with pytest.raises(BadPublicKey):
        enrolment.enrol(code=code, public_key={"kty": "RSA"})
    assert enrolment.enrol(code=code, public_key=Phone().jwk) == terminal


def test_a_new_code_ends_the_old_one(merchant):
    terminal, old = enrolment.open_terminal(merchant=merchant, name="Counter")
    _, new = enrolment.reissue_code(terminal=terminal)
    with pytest.raises(enrolment.CodeRefused):
        enrolment.enrol(code=old, public_key=Phone().jwk)
    assert enrolment.enrol(code=new, public_key=Phone().jwk) == terminal


def test_an_enrolled_or_revoked_terminal_gets_no_new_code(merchant):
    enrolled = make_terminal(merchant)
    opened, _ = enrolment.open_terminal(merchant=merchant, name="Counter")
    revoked = enrolment.revoke(terminal=opened)
    for terminal in (enrolled, revoked):
        with pytest.raises(enrolment.NotPending):
            enrolment.reissue_code(terminal=terminal)


def test_two_terminals_of_a_merchant_never_have_one_name(merchant):
    enrolment.open_terminal(merchant=merchant, name="Counter")
    with pytest.raises(enrolment.NameTaken):
        enrolment.open_terminal(merchant=merchant, name="Counter")
    with pytest.raises(enrolment.NameTaken):
        enrolment.enrol_with_key(merchant=merchant, name="Counter", public_key=Phone().jwk)
    enrolment.open_terminal(merchant=make_merchant(), name="Counter")


# --- revoking -------------------------------------------------------------------------------------


def test_revoking_ends_the_terminal_and_its_code(merchant):
    terminal, code = enrolment.open_terminal(merchant=merchant, name="Counter")
    enrolment.revoke(terminal=terminal)
    with pytest.raises(enrolment.CodeRefused):
        enrolment.enrol(code=code, public_key=Phone().jwk)
    terminal.refresh_from_db()
    assert terminal.state_at(timezone.now()) == "revoked"


def test_revoking_twice_changes_nothing(merchant):
    terminal = make_terminal(merchant)
    first = enrolment.revoke(terminal=terminal).revoked_at
    assert enrolment.revoke(terminal=terminal).revoked_at == first


def test_sockets_hear_of_a_revocation_after_the_commit_and_not_before(
    merchant, in_memory_layer, django_capture_on_commit_callbacks
):
    terminal = make_terminal(merchant)
    sockets, dashboards = listen(TERMINALS_GROUP), listen(merchant_group(merchant.pk))
    with django_capture_on_commit_callbacks() as callbacks:
        enrolment.revoke(terminal=terminal)
    assert received(sockets) == received(dashboards) == []
    for tell in callbacks:
        tell()
    assert received(sockets) == [terminal_revoked(terminal.pk)]
    assert received(dashboards) == [terminal_changed(merchant.pk, terminal.pk)]


def test_a_channel_layer_that_is_away_does_not_undo_a_revocation(
    merchant, monkeypatch, django_capture_on_commit_callbacks, caplog
):
    terminal = make_terminal(merchant)
    monkeypatch.setattr(enrolment, "_send", lambda *_: 1 / 0)
    with django_capture_on_commit_callbacks(execute=True):
        enrolment.revoke(terminal=terminal)
    terminal.refresh_from_db()
    assert terminal.revoked_at is not None
    assert "division by zero" in caplog.text


def test_the_log_says_what_happened_in_ids_only(merchant, caplog):
    with caplog.at_level(logging.INFO, "merchants.enrolment"):
        terminal, code = enrolment.open_terminal(merchant=merchant, name="Counter")
        enrolment.enrol(code=code, public_key=Phone().jwk)
        enrolment.revoke(terminal=terminal)
    said = [record.getMessage() for record in caplog.records]
    assert said == [f"terminal {what} id={terminal.pk} merchant={merchant.pk}" for what in ("enrolled", "revoked")]


# --- states ---------------------------------------------------------------------------------------


def test_states():
    now = timezone.now()
    moment = timedelta(seconds=1)
    assert Terminal().state_at(now) == "pending"
    assert Terminal(enrolled_at=now).state_at(now) == "offline"
    assert Terminal(enrolled_at=now, online_until=now).state_at(now) == "offline"
    assert Terminal(enrolled_at=now, online_until=now + moment).state_at(now) == "online"
    revoked = Terminal(enrolled_at=now, online_until=now + moment, revoked_at=now)
    assert revoked.state_at(now) == "revoked"


# --- proving --------------------------------------------------------------------------------------


def test_a_phone_proves_itself_with_its_key(merchant):
    phone = make_phone(merchant)
    terminal = phone.terminal
    signature = phone.sign(NONCE, terminal.pk)
    assert proves(terminal.public_key, NONCE, terminal.pk, signature)
    assert proves(terminal.public_key, NONCE, str(terminal.pk), signature)


def test_nothing_else_proves_anything(merchant):
    phone, other = make_phone(merchant), make_phone(merchant)
    key, identity = phone.jwk, phone.terminal.pk
    good = phone.sign(NONCE, identity)
    raw = bytes.fromhex("00" * 64)
    refused = [
        (key, "other nonce", identity, good),
        (key, NONCE, other.terminal.pk, good),
        (other.jwk, NONCE, identity, good),
        (None, NONCE, identity, good),
        ({}, NONCE, identity, good),
        (key, "\ud800", identity, good),
        (key, NONCE, identity, base64url(raw)),
        (key, NONCE, identity, base64url(bytes.fromhex("ff" * 64))),
        *((key, NONCE, identity, bad) for bad in ("", "é", good + "=", good[:-1], good + "A", None, 7, b"x", [])),
    ]
    for attempt in refused:
        assert not proves(*attempt), attempt


def test_a_signature_has_one_spelling(merchant):
    phone = make_phone(merchant)
    good = phone.sign(NONCE, phone.terminal.pk)
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        if good[:-1] + last != good:
            assert not proves(phone.jwk, NONCE, phone.terminal.pk, good[:-1] + last)


def test_a_public_key_is_kept_without_what_the_browser_adds():
    phone = Phone()
    exported = {**phone.jwk, "ext": True, "key_ops": ["verify"]}
    assert PublicKey.from_jwk(exported).as_jwk() == phone.jwk


def _without(member: str) -> dict[str, str]:
    return {name: value for name, value in Phone().jwk.items() if name != member}


@pytest.mark.parametrize(
    "jwk",
    [
        None,
        [],
        "EC",
        {},
        _without("x"),
        _without("kty"),
        {**Phone().jwk, "crv": "P-384"},
        {**Phone().jwk, "d": base64url(bytes(32))},
        {**Phone().jwk, "x": base64url(bytes(31))},
        {**Phone().jwk, "x": base64url(bytes(33))},
        {**Phone().jwk, "x": base64url(bytes(32)) + "="},
        {**Phone().jwk, "x": 7},
        {**Phone().jwk, "x": "é" * 43},
        {**Phone().jwk, "x": base64url(bytes(32)), "y": base64url(bytes(32))},  # not on the curve
        {**Phone().jwk, "y": Phone().jwk["y"]},  # nor is a point of two halves
        {**Phone().jwk, "x": base64url(b"\xff" * 32)},  # beyond the field
        {**Phone().jwk, **{str(number): "" for number in range(20)}},
    ],
)
def test_what_is_no_public_p256_key_is_refused(jwk):
    with pytest.raises(BadPublicKey):
        PublicKey.from_jwk(jwk)


def test_another_curve_of_the_same_size_is_refused():
    numbers = ec.generate_private_key(ec.SECP256K1()).public_key().public_numbers()
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": base64url(numbers.x.to_bytes(32, "big")),
        "y": base64url(numbers.y.to_bytes(32, "big")),
    }
    with pytest.raises(BadPublicKey):
        PublicKey.from_jwk(jwk)
