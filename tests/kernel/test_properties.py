"""What must hold whatever a phone sends: the kernel answers, and only a card's own words make a CardRead."""

from __future__ import annotations

import base64
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softpos.kernel import (
    ENCRYPTED_WITH_FILE_DATA,
    PLAIN,
    READ_COUNTER_MAX,
    CardRead,
    MalformedSun,
    MalformedTap,
    NdefRecord,
    NotGenuine,
    ReadFailed,
    SunMessage,
    TapPresented,
    TryAgain,
    VirtualCard,
    parse_records,
    parse_serial_number,
    records_to_json,
)
from softpos.kernel.message import PARAMETER_ROLES
from softpos.kernel.ndef import DATA_BYTES_MAX, RECORDS_MAX

from .factories import UID, card, kernel, key_version, present, tap_url

AES, LRP = key_version(1, allow_plain=True), key_version(2, mode="lrp", allow_plain=True)
ANY_KERNEL = kernel(AES, LRP, prefixes=())
OUTCOMES = (CardRead, TryAgain, NotGenuine)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=6),
    max_leaves=20,
)
texts = st.none() | st.text(string.printable, max_size=8) | json_values
base64url = st.binary(max_size=40).map(lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode())
nearly_records = st.lists(
    st.fixed_dictionaries(
        {"record_type": st.sampled_from(["url", "text", "empty"])},
        optional=dict.fromkeys(("media_type", "encoding", "lang", "id", "later"), texts)
        | {"data": base64url | st.none() | json_values},
    ),
    max_size=RECORDS_MAX + 1,
)
ndef_records = st.builds(
    NdefRecord,
    st.sampled_from(["url", "absolute-url", "text", "empty"]),
    st.none() | st.text(),
    st.none() | st.text(),
    st.none() | st.text(),
    st.text(),
    st.binary(max_size=600) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")),
)


def hex_of(*sizes: int) -> st.SearchStrategy[str]:
    return st.sampled_from(sizes).flatmap(lambda size: st.binary(min_size=size, max_size=size)).map(bytes.hex)


hex_text = hex_of(0, 3, 7, 8, 16, 24)
parameters = st.tuples(
    st.sampled_from([*PARAMETER_ROLES, "x", ""]), hex_text | st.text(string.printable, max_size=20)
).map("=".join)
urls = st.builds(
    lambda base, parts: base + "&".join(parts),
    st.sampled_from(["https://pos.example/c/?", "lnurlw://pos.example/?", "http://x?", "https://x/#?", "?"]),
    st.lists(parameters, max_size=6),
)
messages = st.builds(
    lambda picc, enc, mac: f"https://pos.example/c/?{picc}{enc}&c={mac}",
    hex_of(16, 24).map("p={}".format) | st.builds("uid={}&ctr={}".format, hex_of(7), hex_of(3)),
    st.just("") | hex_of(16, 32, 80).map("&enc={}".format),
    hex_of(8),
)


@given(json_values | nearly_records)
def test_whatever_json_arrives_is_read_or_called_malformed(value):
    try:
        records = parse_records(value)
    except MalformedTap:
        return
    assert len(records) <= RECORDS_MAX
    assert sum(len(record.data) for record in records) <= DATA_BYTES_MAX
    assert parse_records(records_to_json(records)) == records
    assert isinstance(ANY_KERNEL.handle(TapPresented("", records)), OUTCOMES)


@given(json_values)
def test_whatever_serial_number_arrives_is_read_or_called_malformed(value):
    try:
        serial_number = parse_serial_number(value)
    except MalformedTap:
        return
    assert serial_number == str(value).lower()


@given(st.text(), st.lists(ndef_records, max_size=4).map(tuple))
def test_whatever_records_arrive_there_is_an_outcome_and_no_card(serial_number, records):
    outcome = ANY_KERNEL.handle(TapPresented(serial_number, records))
    assert isinstance(outcome, TryAgain | NotGenuine)


@given(messages | urls | st.text())
def test_whatever_url_arrives_is_one_message_or_none(url):
    try:
        message = SunMessage.from_url(url)
    except MalformedSun:
        assert ANY_KERNEL.handle(present(url.encode("utf-8", "replace").decode())) == TryAgain("unsupported_card")
        return
    assert (message.picc_enc_data is None) == (message.uid is not None and message.read_counter is not None)
    assert isinstance(ANY_KERNEL.handle(present(url)), NotGenuine)


uids = st.binary(min_size=6, max_size=6).map(lambda rest: b"\x04" + rest)
counters = st.integers(0, READ_COUNTER_MAX - 1)


@given(uids, counters, st.binary(min_size=5, max_size=5))
def test_every_tap_of_every_card_is_read_as_what_it_is(uid, counter, padding):
    _, url = card(AES, uid=uid, counter=counter).tap(padding)
    assert ANY_KERNEL.handle(present(url)) == CardRead(uid, counter + 1, 7, 1)


@settings(max_examples=25)
@given(uids, counters, st.binary(min_size=5, max_size=5), st.binary(min_size=8, max_size=8))
def test_every_tap_of_every_lrp_card_is_read_as_what_it_is(uid, counter, padding, picc_random):
    _, url = card(LRP, uid=uid, counter=counter).tap(padding, picc_random)
    assert ANY_KERNEL.handle(present(url)) == CardRead(uid, counter + 1, 7, 2)


GENUINE = {
    "aes": card(AES),
    "aes with file data": card(AES, layout=ENCRYPTED_WITH_FILE_DATA, file_data=bytes(16)),
    "plain": card(AES, layout=PLAIN),
}


def flipped(url: str, position: int, bit: int) -> bytes:
    data = bytearray(url.encode())
    data[position] ^= 1 << bit
    return bytes(data)


@pytest.mark.parametrize("a_card", GENUINE.values(), ids=GENUINE.keys())
def test_no_single_flipped_bit_makes_another_card_of_a_tap(a_card):
    # Every bit of every character behind the question mark. Flipping a letter's case changes nothing it says.
    url = tap_url(a_card)
    truth = ANY_KERNEL.handle(present(url))
    assert isinstance(truth, CardRead)
    for position in range(url.index("?"), len(url)):
        for bit in range(8):
            data = flipped(url, position, bit)
            record = NdefRecord("url", None, None, None, "", data)
            outcome = ANY_KERNEL.handle(TapPresented("", (record,)))
            assert isinstance(outcome, OUTCOMES)
            if isinstance(outcome, CardRead):
                assert outcome == truth
                assert data.lower() == url.encode().lower()


def hex_at(url: str, name: str) -> tuple[int, int]:
    start = url.index(f"{name}=") + len(name) + 1
    return start, url.find("&", start) if "&" in url[start:] else len(url)


@pytest.mark.parametrize("mode_card", [card(AES), card(LRP)], ids=["aes", "lrp"])
@pytest.mark.parametrize("name", ["p", "c"])
def test_no_single_bit_of_picc_data_or_mac_can_be_flipped(mode_card, name):
    url = tap_url(mode_card)
    start, end = hex_at(url, name)
    value = bytes.fromhex(url[start:end])
    step = 1 if mode_card.mode == "aes" else 5  # an LRP tap costs half a millisecond
    for bit in range(0, len(value) * 8, step):
        forged = (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(len(value), "big").hex().upper()
        outcome = ANY_KERNEL.handle(present(url[:start] + forged + url[end:]))
        assert isinstance(outcome, NotGenuine)
        assert outcome == NotGenuine(UID) or name == "p"


@given(st.data())
def test_a_cut_or_mixed_up_tap_is_never_another_card(data):
    url = tap_url(card(AES))
    truth = ANY_KERNEL.handle(present(url))
    start = data.draw(st.integers(0, len(url)))
    end = data.draw(st.integers(start, len(url)))
    other = data.draw(st.text(string.printable, max_size=40))
    outcome = ANY_KERNEL.handle(present(url[:start] + other + url[end:]))
    assert isinstance(outcome, TryAgain | NotGenuine) or outcome == truth


@settings(max_examples=30)
@given(st.lists(st.sampled_from(["tap", "advance", "fail"]), max_size=12), st.integers(0, 8))
def test_a_cards_counter_only_ever_rises_until_it_is_worn_out(steps, limit):
    a_card: VirtualCard = card(AES, counter_limit=limit)
    seen = [0]
    for step in steps:
        if step == "advance":
            a_card = a_card.advance()
            continue
        a_card, event = a_card.present(bytes(5)) if step == "tap" else (a_card, ReadFailed())
        outcome = ANY_KERNEL.handle(event)
        if isinstance(outcome, CardRead):
            seen.append(outcome.read_counter)
        else:
            assert outcome == TryAgain("read_error")
    assert seen == sorted(set(seen))
    assert seen[-1] <= limit
