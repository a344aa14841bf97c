"""What a tap means: one table of events and outcomes, row by row."""

from __future__ import annotations

import pytest

from softpos.kernel import (
    ENCRYPTED_WITH_FILE_DATA,
    PLAIN,
    CardRead,
    Kernel,
    Keyring,
    NdefRecord,
    NotGenuine,
    ReadFailed,
    TapPresented,
    TryAgain,
    url_record,
    url_template,
)

from .factories import OTHER_UID, PADDING, PREFIXES, UID, card, kernel, key_version, present, read_of, tap_url

FILE_DATA = b"sixteen bytes!!!"


@pytest.mark.parametrize("mode", ["aes", "lrp"])
def test_a_card_of_the_programme_is_read(mode):
    keys = key_version(3, mode=mode)
    outcome = kernel(keys).handle(present(tap_url(card(keys, counter=41))))
    assert outcome == CardRead(uid=UID, read_counter=42, programme_id=7, key_version=3)


def test_a_card_with_file_data_is_read():
    a_card = card(layout=ENCRYPTED_WITH_FILE_DATA, file_data=FILE_DATA)
    assert read_of(kernel().handle(present(tap_url(a_card)))) == (UID, 1)


def test_a_card_written_by_the_bolt_card_programmer_is_read():
    a_card = card(base_url="lnurlw://pos.example/c")
    assert read_of(kernel().handle(present(tap_url(a_card)))) == (UID, 1)


def test_an_absolute_url_record_is_read_like_a_url_record():
    url = tap_url(card())
    event = TapPresented("", (NdefRecord("absolute-url", None, None, None, "", url.encode()),))
    assert read_of(kernel().handle(event)) == (UID, 1)


def test_the_virtual_cards_own_tap_is_read():
    _, event = card().present(PADDING)
    assert read_of(kernel().handle(event)) == (UID, 1)


def test_the_serial_number_decides_nothing():
    url = tap_url(card())
    for serial_number in ("", "04:ff:ff:ff:ff:ff:ff", "08:12:34:56"):
        assert read_of(kernel().handle(TapPresented(serial_number, (url_record(url),)))) == (UID, 1)


def test_the_same_tap_is_read_the_same_way_again():
    # Freshness is the authoriser's: the kernel keeps no state, so any process may serve any tap.
    one, event = kernel(), present(tap_url(card()))
    assert one.handle(event) == one.handle(event) == kernel().handle(event)


def test_a_failed_reading_is_tried_again():
    assert kernel().handle(ReadFailed()) == TryAgain("read_error")


@pytest.mark.parametrize(
    "event",
    [
        TapPresented("", ()),
        TapPresented("04:11:22:33", (NdefRecord("empty", None, None, None, "", b""),)),
        TapPresented("", (NdefRecord("text", None, "utf-8", "en", "", b"hello"),)),
        TapPresented("", (NdefRecord("url", None, None, None, "", b"\xff\xfe\xfd"),)),
        TapPresented("", (NdefRecord("text", None, None, None, "", tap_url(card()).encode()),)),
        present("https://example.com/"),
        present("https://pos.example/c/"),
        present("https://pos.example/c/?p=00&c=00"),
        present("tel:+8610000000"),
    ],
    ids=["no message", "blank", "text", "bytes", "our url as text", "other url", "bare", "short", "tel"],
)
def test_a_tag_that_is_not_ours_is_unsupported(event):
    assert kernel().handle(event) == TryAgain("unsupported_card")


@pytest.mark.parametrize(
    "base_url",
    [
        "https://evil.example/c/",
        "https://pos.example.evil/c/",
        "https://pos.example/d/",
        "https://pos.example/C/",
        "https://pos.example:444/c/",
        "https://pos.example@evil.example/c/",
        "https://pos.example%2Fc/",
        "http://pos.example/c/",
        "lnurlw://pos.example.evil/",
    ],
)
def test_a_genuine_message_under_another_address_is_not_ours(base_url):
    tapped = present(tap_url(card(base_url=base_url)))
    assert kernel().handle(tapped) == TryAgain("unsupported_card")
    assert read_of(kernel(prefixes=()).handle(tapped)) == (UID, 1)


@pytest.mark.parametrize("base_url", ["HTTPS://POS.example/c/", "https://pos.example/c/x/y", "LNURLW://Pos.Example/"])
def test_scheme_and_host_count_in_any_case_and_a_path_may_go_on(base_url):
    assert read_of(kernel().handle(present(tap_url(card(base_url=base_url))))) == (UID, 1)


@pytest.mark.parametrize("prefix", ["https://pos.example", "https://pos.example/c", "HTTPS://POS.EXAMPLE/c"])
def test_a_prefix_without_a_slash_ends_at_a_boundary(prefix):
    narrow = kernel(prefixes=(prefix,))
    for good in (prefix, prefix + "/", prefix + "/c/"):
        assert read_of(narrow.handle(present(tap_url(card(base_url=good))))) == (UID, 1)
    for bad in (prefix + ".net/", prefix + "ard/", prefix + "@evil.example/"):
        assert narrow.handle(present(tap_url(card(base_url=bad)))) == TryAgain("unsupported_card")


@pytest.mark.parametrize("prefix", ["", "pos.example", "ftp://pos.example/", "//pos.example/"])
def test_a_prefix_no_card_can_have_is_refused_at_the_start(prefix):
    with pytest.raises(ValueError, match="URL prefix"):
        kernel(prefixes=(prefix,))


def test_our_record_is_found_among_others():
    event = TapPresented(
        "",
        (
            NdefRecord("text", None, "utf-8", "en", "", b"tap me"),
            url_record("https://example.com/?p=1"),
            url_record(tap_url(card())),
            NdefRecord("mime", "image/png", None, None, "", b"\x89PNG"),
        ),
    )
    assert read_of(kernel().handle(event)) == (UID, 1)


def test_the_same_message_twice_is_one_card():
    url = tap_url(card())
    assert read_of(kernel().handle(present(url, url))) == (UID, 1)


def test_two_different_cards_are_several():
    event = present(tap_url(card()), tap_url(card(uid=OTHER_UID)))
    assert kernel().handle(event) == TryAgain("several_cards")


def test_a_genuine_and_a_forged_message_are_several_so_that_neither_is_chosen():
    genuine = tap_url(card())
    for event in (present(genuine, genuine[:-2] + "00"), present(genuine[:-2] + "00", genuine)):
        assert kernel().handle(event) == TryAgain("several_cards")


def test_a_card_of_an_older_key_version_is_still_read():
    old, new = key_version(1), key_version(2)
    both = kernel(new, old)
    assert both.handle(present(tap_url(card(old)))) == CardRead(UID, 1, 7, 1)
    assert both.handle(present(tap_url(card(new)))) == CardRead(UID, 1, 7, 2)


def test_aes_and_lrp_cards_live_in_one_keyring():
    versions = [key_version(1), key_version(2, mode="lrp"), key_version(3), key_version(4, mode="lrp")]
    for version in versions:
        outcome = kernel(*versions).handle(present(tap_url(card(version))))
        assert outcome == CardRead(UID, 1, 7, version.version)


@pytest.mark.parametrize("mode", ["aes", "lrp"])
def test_a_wrong_mac_names_the_card_it_claims_to_be(mode):
    keys = key_version(mode=mode)
    forged = tap_url(card(keys))[:-16] + "0" * 16
    assert kernel(keys).handle(present(forged)) == NotGenuine(claimed_uid=UID)


@pytest.mark.parametrize("mode", ["aes", "lrp"])
def test_a_card_of_another_programme_claims_nothing(mode):
    stranger = tap_url(card(key_version(9, mode=mode)))
    assert kernel(key_version(1), key_version(2, mode="lrp")).handle(present(stranger)) == NotGenuine(None)


def test_a_card_that_was_never_personalised_is_not_genuine():
    placeholders = f"https://pos.example/c/?p={'0' * 32}&c={'0' * 16}"
    assert kernel().handle(present(placeholders)) == NotGenuine(None)


def test_without_keys_nothing_is_genuine():
    assert Kernel(Keyring(()), PREFIXES).handle(present(tap_url(card()))) == NotGenuine(None)


def test_a_plain_mirror_is_read_only_where_the_key_version_allows_it():
    strict, lax = key_version(1), key_version(1, allow_plain=True)
    tapped = present(tap_url(card(strict, layout=PLAIN)))
    assert kernel(strict).handle(tapped) == NotGenuine(None)
    assert kernel(lax).handle(tapped) == CardRead(UID, 1, 7, 1)
    assert read_of(kernel(lax).handle(present(tap_url(card(lax))))) == (UID, 1)


def test_a_plain_mirror_allowed_for_one_version_opens_no_other():
    lax, strict = key_version(1, allow_plain=True), key_version(2)
    tapped = present(tap_url(card(strict, layout=PLAIN)))
    assert kernel(lax, strict).handle(tapped) == NotGenuine(claimed_uid=UID)


def test_a_forged_plain_mirror_is_not_genuine():
    lax = key_version(allow_plain=True)
    genuine = tap_url(card(lax, layout=PLAIN))
    other_card = genuine.replace(UID.hex().upper(), OTHER_UID.hex().upper())
    later = genuine.replace("ctr=000001", "ctr=000002")
    assert kernel(lax).handle(present(other_card)) == NotGenuine(claimed_uid=OTHER_UID)
    assert kernel(lax).handle(present(later)) == NotGenuine(claimed_uid=UID)


def test_a_card_url_with_a_query_of_its_own_is_read():
    a_card = card(base_url="https://pos.example/c/?shop=7")
    assert a_card.url_template == url_template("https://pos.example/c/?shop=7")
    assert read_of(kernel().handle(present(tap_url(a_card)))) == (UID, 1)
