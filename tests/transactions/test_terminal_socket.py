"""The phone's socket: the protocol's messages, exactly once, and every bad input answered."""

import asyncio
import base64
import uuid

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from merchants import enrolment
from merchants.models import ApiToken, Member, Merchant, Terminal
from tests.clients import Till, gather
from tests.factories import Phone, base64url, make_card, make_merchant, make_phone
from transactions import consumers
from transactions import door as door_module
from transactions.database_thread import DatabaseLost
from transactions.desk import desk
from transactions.models import Transaction
from transactions.policy import policies


async def rows() -> list[tuple[str, str, str]]:
    """(kind, status, reason) of the log, without the values put on cards at issue."""
    found = Transaction.objects.exclude(kind="adjustment").order_by("merchant", "sequence")
    return await sync_to_async(list)(found.values_list("kind", "status", "reason"))


# --- who may come in ----------------------------------------------------------------------------------


async def test_the_phone_proves_itself_and_is_told_where_it_is(stall, open_line):
    till = Till(await open_line("/ws/terminal/", stall.cashier), stall.phone)
    ready = await till.ready()
    assert ready["merchant"]["name"] == stall.merchant.name
    assert ready["terminal"] == {"id": str(stall.phone.terminal.id), "name": stall.phone.terminal.name}
    assert ready["operator"] == {"name": stall.cashier.name, "role": "cashier"}
    assert ready["limits"]["amount_max"] == stall.merchant.amount_max


async def test_nobody_signed_in_is_turned_away_in_words(stall, open_line):
    line = await open_line("/ws/terminal/")
    assert (await line.receive())["code"] == "unauthorised"
    assert await line.closed() == 4401


async def test_another_phones_signature_is_turned_away(stall, open_line):
    line = await open_line("/ws/terminal/", stall.cashier)
    answer = await Till(line, Phone(), stall.phone.terminal.id).ready()
    assert (answer["type"], answer["code"]) == ("error", "unauthorised")
    assert await line.closed() == 4401


async def test_a_terminal_of_another_merchant_is_turned_away(stall, open_line):
    other = await sync_to_async(lambda: make_phone(make_merchant()))()
    line = await open_line("/ws/terminal/", stall.cashier)
    assert (await Till(line, other).ready())["code"] == "unauthorised"


async def test_a_page_of_another_site_is_turned_away(stall):
    from tests.clients import InProcessLine

    headers = ((b"origin", b"https://evil.example"),)
    assert not await InProcessLine("/ws/terminal/", token=stall.tokens[stall.cashier.pk], headers=headers).open()


async def test_nothing_is_taken_before_hello(stall, open_line):
    line = await open_line("/ws/terminal/", stall.cashier)
    till = Till(line, stall.phone)
    challenge = await line.receive()
    assert (await till.start(10_00))["code"] == "not_ready"
    signature = stall.phone.sign(challenge["nonce"], stall.phone.terminal.id)
    answer = await till.ask("hello", terminal=str(stall.phone.terminal.id), signature=signature)
    assert answer["type"] == "ready"


async def test_revoking_closes_the_socket_at_once(stall, open_till):
    till = await open_till()
    await sync_to_async(enrolment.revoke)(terminal=stall.phone.terminal)
    told = await till.line.receive()
    assert (told["code"], told["reason"]) == ("unauthorised", "terminal_revoked")
    assert await till.line.closed() == 4401


async def test_a_terminal_revoked_behind_the_sockets_back_is_declined_at_the_tap(stall, open_till):
    till = await open_till()
    await Terminal.objects.filter(pk=stall.phone.terminal.pk).aupdate(revoked_at=timezone.now())
    outcome = await till.sell(10_00, await stall.tapped())
    assert (outcome["reason"], outcome["response_code"]) == ("terminal_revoked", "58")


# --- a sale -------------------------------------------------------------------------------------------


async def test_a_sale_is_approved_with_everything_the_phone_shows(stall, open_till):
    till = await open_till()
    outcome = await till.sell(12_50, await stall.tapped(), note="apples")
    assert outcome["result"] == "approved"
    assert (outcome["amount"], outcome["fee"], outcome["net"], outcome["balance"]) == (12_50, 8, 12_42, 87_50)
    assert outcome["card"] == stall.card.masked
    assert outcome["transaction"].startswith("T")
    assert outcome["receipt_url"] == f"/receipts/{outcome['transaction']}/"
    assert outcome["approved_at"].endswith("+08:00")
    row = await Transaction.objects.aget(kind="purchase")
    assert (row.note, row.operator_id, row.terminal_id) == ("apples", stall.cashier.user_id, stall.phone.terminal.id)


async def test_a_load_and_a_balance_enquiry(stall, open_till):
    till = await open_till()
    assert (await till.sell(50_00, await stall.tapped(), kind="top_up"))["balance"] == 150_00
    asked = await till.start(None, kind="balance")
    outcome = await till.tap(asked["id"], await stall.tapped())
    assert (outcome["result"], outcome["balance"], outcome["amount"]) == ("approved", 150_00, 0)


async def test_kinds_that_are_not_offered_yet_are_not_permitted(stall, open_till):
    till = await open_till()
    for kind in ("refund", "void", "payout", "adjustment"):
        outcome = await till.start(10_00, kind=kind)
        assert (outcome["result"], outcome["reason"]) == ("declined", "not_permitted")


async def test_a_decline_speaks_the_operators_language(stall, open_line):
    texts = set()
    for language in (b"zh-CN,zh;q=0.9", b"en"):
        line = await open_line("/ws/terminal/", stall.cashier, headers=((b"accept-language", language),))
        till = Till(line, stall.phone)
        await till.ready()
        outcome = await till.sell(500_00, await stall.tapped())
        assert outcome["reason"] == "insufficient_funds"
        assert outcome["balance"] == 100_00  # the card is genuine, so the cashier may say what is left
        texts.add(outcome["message"])
    assert len(texts) == 2


# --- exactly once -------------------------------------------------------------------------------------


async def test_a_lost_answer_is_found_again_on_another_socket(stall, open_till):
    till = await open_till()
    armed = await till.start(10_00)
    tap = await stall.tapped()
    await till.line.send({"type": "tap", "id": armed["id"], "tap": str(uuid.uuid4()), **tap})
    await till.line.close()  # gone before the answer
    other = await open_till()
    for _ in range(200):
        outcome = await other.start(10_00, armed["id"])
        if outcome["type"] == "outcome":
            break
        await asyncio.sleep(0.02)  # the first socket's tap is still on its way
    assert outcome["result"] == "approved"
    assert await other.tap(armed["id"], tap) == outcome
    assert await sync_to_async(stall.balance)() == 90_00


async def test_the_very_tap_sent_again_gets_the_stored_outcome(stall, open_till):
    till = await open_till()
    armed, tap = await till.start(10_00), await stall.tapped()
    first = await till.tap(armed["id"], tap)
    assert await till.tap(armed["id"], tap) == first
    assert await till.start(99_00, armed["id"]) == first


async def test_a_tap_used_for_one_sale_is_a_replay_in_the_next(stall, open_till):
    till = await open_till()
    tap = await stall.tapped()
    assert (await till.sell(10_00, tap))["result"] == "approved"
    outcome = await till.sell(10_00, tap)
    assert (outcome["result"], outcome["reason"], outcome["response_code"]) == ("declined", "replayed_tap", "94")


async def test_two_readings_of_one_hold_charge_once(stall, open_till):
    till = await open_till()
    armed = await till.start(10_00)
    first = await till.tap(armed["id"], await stall.tapped())
    assert await till.tap(armed["id"], await stall.tapped()) == first
    assert await sync_to_async(stall.balance)() == 90_00


async def test_one_tap_sent_fifty_times_at_once_pays_once(stall, open_till):
    tills = [await open_till() for _ in range(10)]
    tap = await stall.tapped()
    armed = await gather(*(till.start(1_00) for till in tills))
    outcomes = await gather(*(till.tap(a["id"], tap) for till, a in zip(tills, armed, strict=True) for _ in range(1)))
    assert [outcome["result"] for outcome in outcomes].count("approved") == 1
    assert await sync_to_async(stall.balance)() == 99_00


async def test_one_card_on_twenty_sockets_with_money_for_seven(stall, open_till):
    tills = [await open_till() for _ in range(20)]
    armed = await gather(*(till.start(14_00) for till in tills))
    taps = await stall.taps(20)
    outcomes = await gather(*(till.tap(a["id"], tap) for till, a, tap in zip(tills, armed, taps, strict=True)))
    assert [outcome["result"] for outcome in outcomes].count("approved") == 7
    assert {o["reason"] for o in outcomes if o["result"] == "declined"} <= {"insufficient_funds", "replayed_tap"}
    assert await sync_to_async(stall.balance)() == 2_00


async def test_two_phones_tapping_the_same_card_at_once(stall, open_till):
    second = await sync_to_async(make_phone)(stall.merchant)
    tills = [await open_till(), await open_till(second)]
    taps = await stall.taps(2)
    outcomes = await gather(*(till.sell(60_00, tap) for till, tap in zip(tills, taps, strict=True)))
    assert sorted(outcome["result"] for outcome in outcomes) == ["approved", "declined"]


# --- nothing decided ----------------------------------------------------------------------------------


async def test_a_torn_tap_leaves_the_sale_armed(stall, open_till):
    till = await open_till()
    armed = await till.start(10_00)
    again = await till.ask("read_error", id=armed["id"])
    assert (again["result"], again["reason"]) == ("try_again", "read_error")
    assert (await till.tap(armed["id"], await stall.tapped()))["result"] == "approved"


async def test_a_tag_that_is_none_of_ours_leaves_the_sale_armed(stall, open_till):
    till = await open_till()
    armed = await till.start(10_00)
    empty = {"serial_number": "04:a1:b2:c3:d4:e5:80", "records": []}
    assert (await till.tap(armed["id"], empty))["reason"] == "unsupported_card"
    two = {"serial_number": "", "records": [r for tap in await stall.taps(1) for r in tap["records"]]}
    two["records"] += (await stall.tapped(await sync_to_async(make_card)(stall.merchant)))["records"]
    assert (await till.tap(armed["id"], two))["reason"] == "several_cards"
    assert (await till.tap(armed["id"], await stall.tapped()))["result"] == "approved"


async def test_a_cancelled_sale_stays_cancelled(stall, open_till):
    till = await open_till()
    armed = await till.start(10_00)
    assert (await till.ask("cancel", id=armed["id"]))["result"] == "cancelled"
    assert (await till.start(10_00, armed["id"]))["result"] == "cancelled"
    assert (await till.tap(armed["id"], await stall.tapped()))["result"] == "cancelled"
    assert await rows() == [("purchase", "cancelled", "")]


async def test_an_armed_sale_expires(stall, open_till, monkeypatch):
    monkeypatch.setattr(consumers, "ARMED_FOR_S", 0.05)
    till = await open_till()
    armed = await till.start(10_00)
    expired = await till.line.receive()
    assert (expired["id"], expired["result"], expired["reason"]) == (armed["id"], "cancelled", "expired")
    assert (await till.tap(armed["id"], await stall.tapped()))["result"] == "cancelled"


async def test_a_cancel_after_the_outcome_gets_the_outcome(stall, open_till):
    till = await open_till()
    outcome = await till.sell(10_00, await stall.tapped())
    assert await till.ask("cancel", id=outcome["id"]) == outcome


# --- bad input ----------------------------------------------------------------------------------------


GOOD_ID = "3f2b6f3e-8f0e-4f6e-9b8e-5a0f6f1d2c3b"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", "malformed"),
        (" ", "malformed"),
        ("[1]", "malformed"),
        ('"start"', "malformed"),
        ("[" * 60_000, "malformed"),
        (b"\x00\x01", "malformed"),
        ("x" * (64 * 1024 + 1), "too_large"),
        ("文" * (64 * 1024 // 3 + 1), "too_large"),
        ({"type": "transfer"}, "unknown_message"),
        ({"type": 5}, "unknown_message"),
        ({"type": ["start"]}, "unknown_message"),
        ({}, "unknown_message"),
        ({"type": "start"}, "invalid_message"),
        ({"type": "start", "id": "7", "kind": "purchase", "amount": 1, "currency": "CNY"}, "invalid_message"),
        ({"type": "start", "id": GOOD_ID, "kind": "gift", "amount": 1, "currency": "CNY"}, "invalid_message"),
        ({"type": "start", "id": GOOD_ID, "kind": "purchase", "amount": "1", "currency": "CNY"}, "invalid_message"),
        ({"type": "start", "id": GOOD_ID, "kind": "purchase", "amount": True, "currency": "CNY"}, "invalid_message"),
        ({"type": "start", "id": GOOD_ID, "kind": "purchase", "amount": None, "currency": "CNY"}, "invalid_message"),
        ({"type": "start", "id": GOOD_ID, "kind": "purchase", "amount": 1, "currency": 156}, "invalid_message"),
        (
            {"type": "start", "id": GOOD_ID, "kind": "purchase", "amount": 1, "currency": "CNY", "note": "x" * 141},
            "invalid_message",
        ),
        (
            {"type": "start", "id": GOOD_ID, "kind": "purchase", "amount": 1, "currency": "CNY", "note": "a\u0000b"},
            "invalid_message",
        ),
        ({"type": "tap", "id": GOOD_ID, "tap": GOOD_ID, "serial_number": "", "records": []}, "not_armed"),
        ({"type": "tap", "id": GOOD_ID, "tap": GOOD_ID, "serial_number": 4, "records": []}, "invalid_message"),
        ({"type": "tap", "id": GOOD_ID, "tap": GOOD_ID, "serial_number": "", "records": "x"}, "invalid_message"),
        ({"type": "tap", "id": GOOD_ID, "tap": GOOD_ID, "serial_number": "", "records": [{}] * 99}, "invalid_message"),
        ({"type": "read_error", "id": GOOD_ID}, "not_armed"),
        ({"type": "cancel", "id": GOOD_ID}, "not_armed"),
        ({"type": "cancel"}, "invalid_message"),
        ({"type": "pin", "id": GOOD_ID, "jwe": "…"}, "not_armed"),
        ({"type": "hello", "terminal": GOOD_ID, "signature": "x"}, "invalid_message"),
    ],
    ids=lambda value: str(value)[:40] if not isinstance(value, str) else value[:20],
)
async def test_what_is_wrong_gets_an_error_and_the_socket_stays_usable(stall, open_till, frame, code):
    till = await open_till()
    await till.line.send(frame)
    answer = await till.line.receive()
    assert (answer["type"], answer["code"]) == ("error", code)
    if isinstance(frame, dict) and frame.get("id") == GOOD_ID:
        assert answer["id"] == GOOD_ID
    assert (await till.sell(10_00, await stall.tapped()))["result"] == "approved"


async def test_a_pin_nobody_asked_for_is_unexpected_and_one_too_late_gets_the_outcome(stall, open_till):
    till = await open_till()
    armed = await till.start(10_00)
    assert (await till.ask("pin", id=armed["id"], jwe="…"))["code"] == "unexpected"
    outcome = await till.tap(armed["id"], await stall.tapped())
    assert await till.ask("pin", id=armed["id"], jwe="…") == outcome


async def test_answers_repeat_an_id_as_the_client_spells_it(stall, open_line):
    till = Till(await open_line("/ws/terminal/", stall.cashier), stall.phone, str(stall.phone.terminal.id).upper())
    assert (await till.ready())["type"] == "ready"
    spelled = str(uuid.uuid4()).upper()
    assert (await till.start(10_00, spelled))["id"] == spelled
    outcome = await till.tap(spelled, await stall.tapped())
    assert (outcome["id"], outcome["result"]) == (spelled, "approved")
    again = await till.start(10_00, spelled.lower())
    assert (again["id"], again["transaction"]) == (spelled.lower(), outcome["transaction"])


async def test_a_whole_number_is_whole_however_it_is_written(stall, open_till):
    till = await open_till()
    assert (await till.sell(1e3, await stall.tapped()))["amount"] == 10_00


async def test_a_note_with_a_line_break_is_kept_on_one_line(stall, open_till):
    till = await open_till()
    await till.sell(10_00, await stall.tapped(), note="two\nlines")
    assert (await Transaction.objects.aget(kind="purchase")).note == "two lines"


async def test_a_limit_lowered_under_an_open_socket_holds_at_the_next_tap(stall, open_till):
    till = await open_till()
    armed = await till.start(10_00)
    await Merchant.objects.filter(pk=stall.merchant.pk).aupdate(amount_max=5_00)
    await sync_to_async(policies.forget)()
    assert (await till.tap(armed["id"], await stall.tapped()))["reason"] == "invalid_amount"


async def test_a_removed_member_is_shown_out(stall, open_line, monkeypatch):
    monkeypatch.setattr(door_module, "ASK_EVERY_S", 0.05)
    line = await open_line("/ws/dashboard/", stall.owner)
    assert (await line.receive())["type"] == "snapshot"
    await Member.objects.filter(pk=stall.owner.pk).aupdate(removed_at=timezone.now())
    assert (await line.receive())["code"] == "unauthorised"
    assert await line.closed() == 4401


async def test_a_revoked_token_is_shown_out(stall, open_till, monkeypatch):
    monkeypatch.setattr(door_module, "ASK_EVERY_S", 0.05)
    till = await open_till()
    await ApiToken.objects.filter(user=stall.cashier.user).aupdate(revoked_at=timezone.now())
    assert (await till.line.receive())["code"] == "unauthorised"


async def test_a_database_that_is_away_means_busy_and_the_socket_stays(stall, open_till, monkeypatch):
    till = await open_till()
    armed, tap = await till.start(10_00), await stall.tapped()
    for broken in ("authorise", "stored_outcome"):
        with monkeypatch.context() as away:
            away.setattr(desk(), broken, _lost)
            busy = await till.tap(armed["id"], tap) if broken == "authorise" else await till.start(5_00)
            assert (busy["type"], busy["code"]) == ("error", "busy")
    assert (await till.tap(armed["id"], tap))["result"] == "approved"


async def _lost(*_args):
    raise DatabaseLost


@pytest.mark.parametrize("amount", [0, -1, -(10**30), 10**30, 50_000_01, 12.5, 1e300, -0.0])
async def test_an_impossible_amount_is_declined_for_good(stall, open_till, amount):
    till = await open_till()
    outcome = await till.start(amount)
    assert (outcome["result"], outcome["reason"], outcome["response_code"]) == ("declined", "invalid_amount", "13")
    assert await till.start(10_00, outcome["id"]) == outcome
    assert await rows() == [("purchase", "declined", "invalid_amount")]
    assert (await till.sell(10_00, await stall.tapped()))["result"] == "approved"


async def test_the_largest_amount_is_good(stall, open_till):
    till = await open_till()
    assert (await till.start(50_000_00))["type"] == "present_card"


async def test_another_currency_is_declined(stall, open_till):
    till = await open_till()
    outcome = await till.start(10_00, currency="USD")
    assert (outcome["reason"], outcome["response_code"]) == ("invalid_transaction", "12")


async def test_an_armed_id_with_other_content_is_refused(stall, open_till):
    till = await open_till()
    armed = await till.start(10_00)
    assert (await till.start(20_00, armed["id"]))["code"] == "id_reused"
    assert (await till.start(10_00, armed["id"]))["type"] == "present_card"
    outcome = await till.tap(armed["id"], await stall.tapped())
    assert outcome["amount"] == 10_00


async def test_a_forged_cryptogram_is_declined_and_the_card_goes_on_working(stall, open_till):
    till = await open_till()
    tap = await stall.tapped()
    url = base64.urlsafe_b64decode(tap["records"][0]["data"] + "==").decode()
    wrong = url[:-1] + ("0" if url[-1] != "0" else "1")
    forged = {**tap, "records": [{**tap["records"][0], "data": base64url(wrong.encode())}]}
    outcome = await till.sell(10_00, forged)
    assert (outcome["result"], outcome["reason"], outcome["response_code"]) == ("declined", "not_genuine", "63")
    assert await sync_to_async(stall.balance)() == 100_00
    assert (await till.sell(10_00, tap))["result"] == "approved"


async def test_an_unknown_card_is_declined(stall, open_till):
    till = await open_till()
    stranger = await sync_to_async(make_card)(stall.merchant, balance=0)
    tap = await stall.tapped(stranger)
    await type(stranger).objects.filter(pk=stranger.pk).aupdate(uid="04FFFFFFFFFFFF")
    outcome = await till.sell(10_00, tap)
    assert (outcome["reason"], outcome["response_code"]) == ("unknown_card", "14")
