"""The virtual card behaves as the chip does, in every mode and at the end of its life."""

from __future__ import annotations

import base64

import pytest

from softpos.kernel import (
    ENCRYPTED,
    ENCRYPTED_WITH_FILE_DATA,
    PLAIN,
    READ_COUNTER_MAX,
    CardWornOut,
    ReadFailed,
    SunMessage,
    SunResult,
    TapPresented,
    VirtualCard,
    records_to_json,
    url_template,
    verify_sun,
)

from .factories import BASE_URL, FILE_KEY, META_KEY, PADDING, PICC_RANDOM, UID, card, key_version, tap_url

FILE_DATA = b"sixteen bytes!!!" * 3
MODES = ["aes", "lrp"]
LAYOUTS = [ENCRYPTED, ENCRYPTED_WITH_FILE_DATA, PLAIN, "uid={uid}&ctr={ctr}&enc={enc}&c={cmac}"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("counter", [0, 1, 255, 256, 65535, READ_COUNTER_MAX - 1])
def test_what_the_card_says_is_verified_in_every_mode(mode, layout, counter):
    file_data = FILE_DATA if "{enc}" in layout else b""
    keys = key_version(mode=mode)
    issued = card(keys, layout=layout, counter=counter, file_data=file_data)
    message = SunMessage.from_url(tap_url(issued))
    result = verify_sun(message, file_read_key=issued.file_read_key, meta_read_key=issued.meta_read_key, mode=mode)
    assert result == SunResult(UID, counter + 1, file_data or None)


def test_the_first_tap_of_a_new_card_says_one_and_each_tap_one_more():
    a_card = card()
    counters = []
    for _ in range(3):
        a_card, url = a_card.tap(PADDING)
        message = SunMessage.from_url(url)
        result = verify_sun(message, file_read_key=a_card.file_read_key, meta_read_key=a_card.meta_read_key)
        assert isinstance(result, SunResult)
        counters.append(result.read_counter)
    assert counters == [1, 2, 3]
    assert a_card.counter == 3


def test_no_two_taps_look_alike():
    a_card, first = card().tap(PADDING)
    _, second = a_card.tap(PADDING)
    _, other_padding = card().tap(bytes(5))
    assert len({first, second, other_padding}) == 3


def test_android_reading_before_chrome_costs_one_count():
    a_card = card().advance()
    assert a_card.counter == 1
    assert a_card.tap(PADDING)[0].counter == 2


def test_advancing_never_goes_back_and_stops_at_the_limit():
    assert card(counter_limit=10).advance(50).counter == 10
    assert card(counter=20, counter_limit=10).advance(5).counter == 20
    with pytest.raises(ValueError, match="never goes back"):
        card().advance(-1)


@pytest.mark.parametrize("limit", [1, 100, READ_COUNTER_MAX])
def test_at_its_limit_the_card_fails_to_read_and_stays_there(limit):
    last = card(counter=limit - 1, counter_limit=limit)
    worn_out, event = last.present(PADDING)
    assert isinstance(event, TapPresented)
    assert worn_out.counter == limit
    assert worn_out.worn_out
    assert worn_out.present(PADDING) == (worn_out, ReadFailed())
    with pytest.raises(CardWornOut):
        worn_out.tap(PADDING)


def test_a_tap_is_handed_over_as_ndefreader_does():
    _, event = card().present(PADDING)
    assert isinstance(event, TapPresented)
    assert event.serial_number == "04:a1:b2:c3:d4:e5:f6"
    (record,) = records_to_json(event.records)
    assert {name: record[name] for name in record if name != "data"} == {
        "record_type": "url",
        "media_type": None,
        "encoding": None,
        "lang": None,
        "id": "",
    }
    data = record["data"] + "=" * (-len(record["data"]) % 4)
    assert base64.urlsafe_b64decode(data).decode() == tap_url(card())
    assert tap_url(card()).startswith(f"{BASE_URL}?p=")


def test_mirrors_are_upper_case_hex():
    query = tap_url(card()).partition("?")[2]
    assert query.replace("p=", "").replace("c=", "").replace("&", "").isupper()


def test_a_base_url_with_a_query_is_continued():
    assert url_template("https://pos.example/?card=1") == "https://pos.example/?card=1&p={picc_data}&c={cmac}"
    assert url_template("lnurlw://pos.example/c", PLAIN) == ("lnurlw://pos.example/c?uid={uid}&ctr={ctr}&c={cmac}")


def test_the_mac_may_cover_other_text_when_the_verifier_is_told_so():
    template = "https://pos.example/?p={picc_data}&{mac_from}shop=7&c={cmac}"
    a_card = VirtualCard(UID, FILE_KEY, META_KEY, template)
    message = SunMessage.from_url(tap_url(a_card))
    keys = {"file_read_key": FILE_KEY, "meta_read_key": META_KEY}
    assert verify_sun(message, **keys, mac_input="shop=7&c=") == SunResult(UID, 1)
    assert verify_sun(message, **keys) != SunResult(UID, 1)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"uid": UID[:4]}, "UID"),
        ({"file_read_key": b""}, "key"),
        ({"meta_read_key": bytes(24)}, "key"),
        ({"counter": -1}, "24 bits"),
        ({"counter": READ_COUNTER_MAX + 1}, "24 bits"),
        ({"counter_limit": READ_COUNTER_MAX + 1}, "24 bits"),
        ({"file_data": bytes(16)}, "file data"),
        ({"url_template": url_template(BASE_URL, ENCRYPTED_WITH_FILE_DATA)}, "file data"),
        ({"url_template": url_template(BASE_URL, ENCRYPTED_WITH_FILE_DATA), "file_data": b"x"}, "file data"),
    ],
)
def test_an_impossible_card_cannot_be_made(wrong, why):
    parts = {
        "uid": UID,
        "file_read_key": FILE_KEY,
        "meta_read_key": META_KEY,
        "url_template": "https://x/?c={cmac}",
    }
    VirtualCard(**parts)
    with pytest.raises(ValueError, match=why):
        VirtualCard(**parts | wrong)


def test_randomness_is_asked_for_not_made():
    with pytest.raises(ValueError, match="5 bytes"):
        card().tap(b"")
    for missing in (None, b"", bytes(7)):
        with pytest.raises(ValueError, match="8 random bytes"):
            card(key_version(mode="lrp")).tap(PADDING, missing)
    assert card(key_version(mode="lrp")).tap(PADDING, PICC_RANDOM)
