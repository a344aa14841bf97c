"""The mistakes others have made with SUN, each shown not to be ours."""

from __future__ import annotations

import hmac as standard_hmac

import pytest

from softpos.kernel import (
    ENCRYPTED_WITH_FILE_DATA,
    PLAIN,
    CardRead,
    NotGenuine,
    SunMessage,
    SunResult,
    TryAgain,
    verify,
    verify_sun,
)
from softpos.kernel import sun as sun_module
from softpos.kernel.aes import cmac, encrypt_block
from softpos.kernel.suites import AesSuite

from .factories import OTHER_UID, PADDING, UID, card, kernel, key_version, present, read_of, tap_url

COUNTER = 1
CONTEXT = UID + COUNTER.to_bytes(3, "little")


def crafted(plain: bytes, mac: bytes) -> str:
    """A message by someone who has every key of the card: any PICC data, any MAC."""
    picc = encrypt_block(key_version().meta_read_key, plain)
    return f"https://pos.example/c/?p={picc.hex()}&c={mac.hex()}"


def right_mac() -> bytes:
    return AesSuite().sdm_mac(key_version().card_file_read_key(UID), CONTEXT, b"")


def test_the_crafted_message_is_good_with_the_right_tag():
    assert read_of(kernel().handle(present(crafted(b"\xc7" + CONTEXT + PADDING, right_mac())))) == (UID, 1)


@pytest.mark.parametrize("tag", [tag for tag in range(256) if tag != 0xC7])
def test_every_other_picc_data_tag_is_refused_even_with_a_right_mac(tag):
    url = crafted(bytes([tag]) + CONTEXT + PADDING, right_mac())
    assert kernel().handle(present(url)) == NotGenuine(None)


def test_an_encrypted_mirror_of_the_uid_alone_is_refused():
    # Tag 87: such a card's session vector lacks the counter, so its MAC is the same on every tap.
    key = key_version().card_file_read_key(UID)
    session = cmac(key, bytes.fromhex("3CC300010080") + UID + bytes(3))
    url = crafted(b"\x87" + UID + bytes(8), cmac(session, b"")[1::2])
    assert kernel().handle(present(url)) == NotGenuine(None)


def test_a_plain_mirror_of_the_uid_alone_is_refused():
    lax = key_version(allow_plain=True)
    key = lax.card_file_read_key(UID)
    session = cmac(key, bytes.fromhex("3CC300010080") + UID + bytes(3))
    url = f"https://pos.example/c/?uid={UID.hex()}&c={cmac(session, b'')[1::2].hex()}"
    assert kernel(lax).handle(present(url)) == TryAgain("unsupported_card")
    assert verify(url, file_read_key=key).valid is False


def test_the_plain_counter_is_read_most_significant_byte_first():
    lax = key_version(allow_plain=True)
    url = tap_url(card(lax, layout=PLAIN, counter=0x010202))
    assert "ctr=010203" in url
    assert read_of(kernel(lax).handle(present(url))) == (UID, 0x010203)
    swapped = url.replace("ctr=010203", "ctr=030201")
    assert kernel(lax).handle(present(swapped)) == NotGenuine(UID)


def test_the_encrypted_counter_is_read_least_significant_byte_first():
    plain = b"\xc7" + UID + bytes.fromhex("030201") + PADDING
    mac = AesSuite().sdm_mac(key_version().card_file_read_key(UID), UID + bytes.fromhex("030201"), b"")
    assert read_of(kernel().handle(present(crafted(plain, mac)))) == (UID, 0x010203)


def test_one_hold_may_yield_two_taps_both_genuine():
    # Android reads once and Chrome again: telling them apart is the authoriser's work, not the kernel's.
    first, url = card().tap(PADDING)
    _, next_url = first.tap(PADDING)
    counters = [read_of(kernel().handle(present(tapped)))[1] for tapped in (url, next_url)]
    assert counters == [1, 2]


def test_a_card_personalised_again_is_told_by_its_key_version_not_its_counter():
    first, second = key_version(1), key_version(2)
    worn, again = card(first, counter=500), card(second, counter=0)
    both = kernel(first, second)
    assert both.handle(present(tap_url(worn))) == CardRead(UID, 501, 7, 1)
    assert both.handle(present(tap_url(again))) == CardRead(UID, 1, 7, 2)


def test_whoever_knows_only_the_meta_key_can_claim_but_not_be_a_card():
    # Forging PICC data with a high counter must not pass, or any card could be burnt from afar.
    plain = b"\xc7" + UID + bytes.fromhex("ffffff") + PADDING
    assert kernel().handle(present(crafted(plain, bytes(8)))) == NotGenuine(claimed_uid=UID)


def test_noise_that_happens_to_decrypt_to_the_tag_claims_no_uid():
    plain = b"\xc7" + b"\x99" + UID[1:] + bytes(8)
    assert kernel().handle(present(crafted(plain, bytes(8)))) == NotGenuine(None)


def test_one_cards_mac_is_worth_nothing_on_another():
    mine, theirs = tap_url(card()), tap_url(card(uid=OTHER_UID))
    mixed = mine[:-16] + theirs[-16:]
    assert kernel().handle(present(mixed)) == NotGenuine(claimed_uid=UID)


def test_yesterdays_mac_is_worth_nothing_with_todays_picc_data():
    older, newer = tap_url(card(counter=1)), tap_url(card(counter=2))
    assert kernel().handle(present(newer[:-16] + older[-16:])) == NotGenuine(claimed_uid=UID)


def test_file_data_can_be_neither_added_nor_dropped_nor_changed():
    with_file = card(layout=ENCRYPTED_WITH_FILE_DATA, file_data=bytes(16))
    url = tap_url(with_file)
    enc = url.partition("enc=")[2][:32]
    dropped = url.replace(f"&enc={enc}", "")
    changed = url.replace(enc, "00" + enc[2:])
    added = tap_url(card()).replace("&c=", f"&enc={enc}&c=")
    for forged in (dropped, changed, added):
        assert forged != url
        assert kernel().handle(present(forged)) == NotGenuine(claimed_uid=UID)


def test_text_between_file_data_and_mac_cannot_be_changed():
    url = tap_url(card(layout=ENCRYPTED_WITH_FILE_DATA, file_data=bytes(16)))
    assert kernel().handle(present(url.replace("&c=", "&x=1&c="))) == NotGenuine(claimed_uid=UID)
    assert kernel().handle(present(url.replace("&c=", "&cmac="))) == NotGenuine(claimed_uid=UID)


def test_the_sdm_mac_is_the_odd_bytes_not_the_first_eight():
    key = key_version().card_file_read_key(UID)
    whole = cmac(AesSuite().session_mac_key(key, CONTEXT), b"")
    plain = b"\xc7" + CONTEXT + PADDING
    for wrong in (whole[:8], whole[8:], whole[0::2]):
        assert kernel().handle(present(crafted(plain, wrong))) == NotGenuine(claimed_uid=UID)


def test_macs_are_compared_in_constant_time(monkeypatch):
    compared = []

    class Hmac:
        @staticmethod
        def compare_digest(left, right):
            compared.append((left, right))
            return standard_hmac.compare_digest(left, right)

    monkeypatch.setattr(sun_module, "hmac", Hmac)
    assert read_of(kernel().handle(present(tap_url(card())))) == (UID, 1)
    assert compared == [(right_mac(), right_mac())]


def test_a_person_checking_a_card_by_hand_is_told_what_is_wrong():
    a_card = card()
    url, keys = (
        tap_url(a_card),
        {"file_read_key": a_card.file_read_key, "meta_read_key": a_card.meta_read_key},
    )
    report = verify(url, **keys)
    assert report.as_dict() == {"valid": True, "uid": UID.hex(), "read_counter": 1, "file_data": None}
    nothing = {"valid": False, "uid": None, "read_counter": None, "file_data": None}
    for bad, why in (
        (verify(url[:-1] + "G", **keys), "not hexadecimal"),
        (verify(url, **keys | {"file_read_key": bytes(16)}), f"names card {UID.hex()}"),
        (verify(url, **keys | {"meta_read_key": bytes(16)}), "cannot be decrypted"),
        (verify(url, **keys, mode="lrp"), "cannot be decrypted"),
        (verify(url, file_read_key=a_card.file_read_key), "meta read key is needed"),
        (verify("https://pos.example/", **keys), "no MAC"),
        (verify(url, **keys, mac_input="\ud800"), "MAC is wrong"),
    ):
        assert bad.as_dict() == nothing
        assert why in (bad.problem or "")


def test_a_plain_message_needs_no_meta_read_key():
    a_card = card(layout=PLAIN)
    message = SunMessage.from_url(tap_url(a_card))
    assert verify_sun(message, file_read_key=a_card.file_read_key) == SunResult(UID, 1)
