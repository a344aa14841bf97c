"""Keys are derived per card, told apart by version, and never shown."""

from __future__ import annotations

import dataclasses

import pytest

from softpos.kernel import (
    SOFTPOS_AID,
    SOFTPOS_SYSTEM_ID,
    CardKeys,
    Kernel,
    Keyring,
    KeyVersion,
    MasterKeys,
    VirtualCard,
    diversify,
)
from softpos.kernel.lrp import Lrp

from .factories import FILE_KEY, META_KEY, OTHER_UID, UID, key_version


def test_a_cards_file_read_key_is_an10922_over_uid_aid_and_system_identifier():
    keys = key_version()
    expected = diversify(keys.file_read_master_key, UID + SOFTPOS_AID + SOFTPOS_SYSTEM_ID)
    assert keys.card_file_read_key(UID) == expected


def test_the_diversification_input_stays_what_issued_cards_were_made_with():
    # A card in someone's pocket cannot be told of a new constant: this test must never need to change.
    keys = KeyVersion(1, 1, bytes(16), bytes.fromhex("00112233445566778899AABBCCDDEEFF"))
    assert bytes.fromhex("3042F5") + b"SoftPOS" == SOFTPOS_AID + SOFTPOS_SYSTEM_ID
    assert keys.card_file_read_key(bytes.fromhex("04782E21801D80")).hex() == "afe2c499af74c8a1155a137dc6efc5df"


def test_two_cards_have_different_keys_and_share_only_the_meta_read_key():
    one, other = key_version().card_keys(UID), key_version().card_keys(OTHER_UID)
    assert one.meta_read == other.meta_read == key_version().meta_read_key
    rest = [dataclasses.astuple(keys)[index] for keys in (one, other) for index in (0, 2, 3, 4)]
    assert len(set(rest)) == 8


def test_two_key_versions_give_a_card_different_keys():
    assert key_version(1).card_file_read_key(UID) != key_version(2).card_file_read_key(UID)


def test_the_card_keys_hold_the_key_the_kernel_verifies_with():
    assert key_version().card_keys(UID).file_read == key_version().card_file_read_key(UID)


def test_masters_make_the_same_key_version_as_loose_keys():
    masters = MasterKeys(meta_read=META_KEY, file_read_master=FILE_KEY)
    assert KeyVersion.from_masters(7, 3, masters, mode="lrp") == KeyVersion(7, 3, META_KEY, FILE_KEY, "lrp")


@pytest.mark.parametrize("uid", [b"", UID[:-1], UID + b"\0"])
def test_only_seven_byte_uids_have_keys(uid):
    with pytest.raises(ValueError, match="7 bytes"):
        key_version().card_file_read_key(uid)


@pytest.mark.parametrize("key", [b"", bytes(15), bytes(17), bytes(32), "0" * 16])
def test_a_key_of_another_length_is_refused_at_once(key):
    for build in (
        lambda: KeyVersion(1, 1, key, FILE_KEY),
        lambda: KeyVersion(1, 1, META_KEY, key),
        lambda: MasterKeys(key, FILE_KEY),
        lambda: MasterKeys(META_KEY, key),
    ):
        with pytest.raises(ValueError, match="16 bytes"):
            build()


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="mode"):
        KeyVersion(1, 1, META_KEY, FILE_KEY, "des")


@pytest.mark.parametrize("length", [0, 32])
def test_a_diversification_input_has_1_to_31_bytes(length):
    with pytest.raises(ValueError, match="1 to 31"):
        diversify(FILE_KEY, bytes(length))


def test_a_master_key_is_an_aes_key():
    with pytest.raises(ValueError, match="16, 24 or 32"):
        diversify(bytes(20), UID)


def test_a_key_version_cannot_be_in_a_keyring_twice():
    with pytest.raises(ValueError, match="twice"):
        Keyring((key_version(1), key_version(2), key_version(1, mode="lrp")))


def test_a_keyring_finds_a_version_by_programme_and_number():
    keyring = Keyring((key_version(1), key_version(2)))
    assert keyring.find(7, 2) == key_version(2)
    assert keyring.find(7, 3) is None
    assert keyring.find(8, 2) is None


@pytest.mark.parametrize(
    "thing",
    [
        key_version(),
        MasterKeys(META_KEY, FILE_KEY),
        Keyring((key_version(),)),
        Kernel(Keyring((key_version(),))),
        key_version().card_keys(UID),
        VirtualCard(UID, FILE_KEY, META_KEY, "https://pos.example/?p={picc_data}&c={cmac}"),
        VirtualCard.issued(key_version(), UID, "https://pos.example/"),
        Lrp(FILE_KEY),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_no_repr_shows_a_key(thing):
    keys = [META_KEY, FILE_KEY, key_version().meta_read_key, key_version().file_read_master_key]
    keys += dataclasses.astuple(key_version().card_keys(UID))
    for text in (repr(thing), str(thing), f"{thing!a}"):
        for key in keys:
            assert key.hex() not in text.lower()
            assert repr(key)[2:-1] not in text


def test_card_keys_name_the_chips_five_keys():
    assert [field.name for field in dataclasses.fields(CardKeys)] == [
        "application_master",
        "meta_read",
        "file_read",
        "key3",
        "key4",
    ]
