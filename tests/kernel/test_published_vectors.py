"""The kernel agrees with everything NXP, the RFCs and other projects have published about what it does."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from softpos.kernel import NotGenuine, SunMessage, SunResult, VirtualCard, diversify, verify, verify_sun
from softpos.kernel.aes import cmac, double, encrypt_block
from softpos.kernel.lrp import Lrp, evaluate, plaintexts, updated_key
from softpos.kernel.suites import AesSuite
from softpos.kernel.sun import PiccData

from .vectors import GROUPS, each, unhex

COVERED = {
    "aes_cmac",
    "sun_aes",
    "sun_lrp",
    "lrp_eval",
    "lrp_cmac",
    "lrp_lricb",
    "lrp_session",
    "key_diversification_an10922",
    "key_derivation_sdm_backend",
}
LEFT_OUT = {
    "key_derivation_boltcard": "SoftPOS derives its keys by AN10922, never from a Bolt Card issuer key",
    "auth_ev2_aes": "talking to a card in secure messaging is the personalising tool's work",
    "auth_lrp": "as auth_ev2_aes",
    "secure_messaging": "as auth_ev2_aes",
    "change_key": "as auth_ev2_aes; JAMCRC belongs there",
    "change_file_settings": "as auth_ev2_aes",
    "file_settings_encoding": "as auth_ev2_aes",
    "originality_signature": "a phone's NDEFReader cannot ask the chip for its signature",
    "ndef_layout": "writing the NDEF file and its mirror offsets is the personalising tool's work",
}
INPUT_NOT_PRINTED = "an12196-t26-master"  # the note gives master and result, but no diversification input


def test_every_group_of_vectors_is_covered_or_left_out_for_a_reason():
    assert set(GROUPS) == COVERED | set(LEFT_OUT)
    assert not COVERED & set(LEFT_OUT)
    assert all(LEFT_OUT.values())


@each("aes_cmac")
def test_aes_cmac_gives_the_published_mac(vector):
    assert cmac(unhex(vector["key"]), unhex(vector["message"])) == unhex(vector["cmac"])


def keys_of(vector: dict[str, Any]) -> dict[str, bytes]:
    if "kdf" in vector:
        master, uid = unhex(vector["master_key"]), unhex(vector["uid"])
        return {
            "meta_read_key": sdm_backend_key(master, None, 1),
            "file_read_key": sdm_backend_key(master, uid, 2),
        }
    return {
        "meta_read_key": unhex(vector["sdm_meta_read_key"]),
        "file_read_key": unhex(vector["sdm_file_read_key"]),
    }


def url_of(vector: dict[str, Any]) -> str:
    if vector.get("url"):
        return vector["url"]
    if vector.get("mirror") == "plain":
        picc = f"uid={vector['uid']}&ctr={vector['read_ctr']:06X}"
    else:
        picc = f"picc_data={vector['picc_enc_data']}"
    enc = f"&enc={vector['enc_file_data']}" if vector["enc_file_data"] else ""
    return f"https://tag.example/?{picc}{enc}&cmac={vector['sdmmac']}"


def expect(result: SunResult | NotGenuine, vector: dict[str, Any]) -> None:
    if not vector["valid"]:
        assert result == NotGenuine(unhex(vector["uid"]))
        return
    assert isinstance(result, SunResult)
    if vector["uid"] is not None:
        assert (result.uid, result.read_counter) == (unhex(vector["uid"]), vector["read_ctr"])
    if vector["file_data"] is not None:
        assert result.file_data == unhex(vector["file_data"])


@each("sun_aes")
def test_an_aes_message_is_judged_as_published(vector):
    message = SunMessage.from_url(url_of(vector))
    expect(verify_sun(message, **keys_of(vector), mac_input=vector["mac_input_ascii"]), vector)


@each("sun_lrp")
def test_an_lrp_message_is_judged_as_published(vector):
    message = SunMessage.from_url(url_of(vector))
    expect(verify_sun(message, **keys_of(vector), mode="lrp", mac_input=vector["mac_input_ascii"]), vector)


def usual_mac_input(vector: dict[str, Any]) -> bool:
    return vector["mac_input_ascii"] in ("", f"{vector['enc_file_data']}&cmac=")


@pytest.mark.parametrize(
    ("vector", "mode"),
    [
        pytest.param(vector, mode, id=vector["id"])
        for mode in ("aes", "lrp")
        for vector in GROUPS[f"sun_{mode}"]
        if usual_mac_input(vector)
    ],
)
def test_the_url_alone_tells_what_the_mac_covers(vector, mode):
    assert SunMessage.from_url(url_of(vector)).mac_input == vector["mac_input_ascii"]
    assert verify(url_of(vector), **keys_of(vector), mode=mode).valid is vector["valid"]


@pytest.mark.parametrize(
    "vector",
    [v for v in GROUPS["sun_aes"] if v.get("picc_data") and v["url"]],
    ids=lambda vector: vector["id"],
)
def test_the_virtual_card_says_what_the_real_card_said(vector):
    template = vector["url"].replace(vector["picc_enc_data"], "{picc_data}").replace(vector["sdmmac"], "{cmac}")
    if vector["enc_file_data"]:
        template = template.replace(vector["enc_file_data"], "{enc}")
    virtual = VirtualCard(
        uid=unhex(vector["uid"]),
        **keys_of(vector),
        url_template=template,
        counter=vector["read_ctr"] - 1,
        file_data=unhex(vector["file_data"]),
    )
    _, url = virtual.tap(padding=unhex(vector["picc_data"])[11:])
    assert url == vector["url"]


@pytest.mark.parametrize(
    "vector", [v for v in GROUPS["sun_aes"] if "ksdm_mac" in v or "ksdm_enc" in v], ids=lambda v: v["id"]
)
def test_aes_session_keys_are_the_published_ones(vector):
    key, context = (
        unhex(vector["sdm_file_read_key"]),
        PiccData(unhex(vector["uid"]), vector["read_ctr"]).context,
    )
    if "ksdm_mac" in vector:
        assert AesSuite().session_mac_key(key, context) == unhex(vector["ksdm_mac"])
    if "ksdm_enc" in vector:
        assert AesSuite().session_enc_key(key, context) == unhex(vector["ksdm_enc"])


@each("lrp_eval")
def test_lrp_evaluates_as_published(vector):
    key = unhex(vector["key"])
    nibbles = [int(nibble, 16) for nibble in vector["iv_nibbles"]]
    value = evaluate(plaintexts(key), updated_key(key, vector["updated_key"]), nibbles, final=bool(vector["finalize"]))
    assert value == unhex(vector["result"])


@each("lrp_cmac")
def test_cmac_lrp_gives_the_published_mac(vector):
    assert Lrp(unhex(vector["key"])).cmac(unhex(vector["message"])) == unhex(vector["mac"])


@each("lrp_lricb")
def test_lricb_encrypts_and_decrypts_as_published(vector):
    plaintext, ciphertext = unhex(vector["plaintext"]), unhex(vector["ciphertext"])
    if vector["padding"]:  # ISO/IEC 9797-1 method 2, which SUN itself never uses
        plaintext += b"\x80" + bytes(-(len(plaintext) + 1) % 16)
    cipher, iv = Lrp(unhex(vector["key"])), unhex(vector["iv"])
    assert cipher.encrypt(iv, plaintext) == ciphertext
    assert cipher.decrypt(iv, ciphertext) == plaintext


@each("lrp_session")
def test_an_lrp_session_is_derived_as_published(vector):
    key = unhex(vector["kx"])
    assert updated_key(key, 0) == unhex(vector["auth_update_key"])
    assert plaintexts(key)[0] == unhex(vector["auth_spt_0"])
    assert plaintexts(key)[15] == unhex(vector["auth_spt_15"])
    master = Lrp(key).cmac(unhex(vector["session_vector"]))
    assert master == unhex(vector["ses_auth_master"])
    assert plaintexts(master)[0] == unhex(vector["ses_spt_0"])
    assert updated_key(master, 0) == unhex(vector["mac_update_key"])
    assert updated_key(master, 1) == unhex(vector["enc_update_key"])


@each("key_diversification_an10922", without=(INPUT_NOT_PRINTED, "legic-style-ntag424"))
def test_a_card_key_is_diversified_as_published(vector):
    master = unhex(vector["master_key"])
    assert diversify(master, unhex(vector["div_input"])) == unhex(vector["key"])
    if "k1" in vector:
        subkey0 = encrypt_block(master, bytes(16))
        assert (subkey0, double(subkey0), double(double(subkey0))) == tuple(
            unhex(vector[name]) for name in ("k0_l", "k1", "k2")
        )


def test_a_tap_of_a_card_with_a_diversified_key_is_genuine():
    vector = next(v for v in GROUPS["key_diversification_an10922"] if v["id"] == "legic-style-ntag424")
    uid = unhex(vector["uid"])
    key = diversify(unhex(vector["master_key"]), uid + unhex("3042F5") + unhex(vector["system_id"]))
    url = f"https://tag.example/?uid={vector['uid']}&ctr={vector['read_ctr']:06X}&c={vector['sdmmac']}"
    assert verify_sun(SunMessage.from_url(url), file_read_key=key) == SunResult(uid, vector["read_ctr"])


def sdm_backend_key(master_key: bytes, uid: bytes | None, number: int) -> bytes:
    """nfc-developer/sdm-backend's own derivation: here only to open its two messages of several blocks."""

    def keyed(key: bytes, text: bytes) -> bytes:
        return hmac.new(key, text, hashlib.sha256).digest()

    if uid is None:
        return keyed(master_key, b"PICCDataKey")[:16]
    slot_master = keyed(master_key, b"SlotMasterKey" + bytes([number]))[:16]
    return diversify(slot_master, keyed(keyed(master_key, b"DivBaseKey"), uid)[:16])


@each("key_derivation_sdm_backend")
def test_the_test_helper_derives_as_sdm_backend_does(vector):
    uid = None if vector["uid"] is None else unhex(vector["uid"])
    assert sdm_backend_key(unhex(vector["master_key"]), uid, vector["key_no"]) == unhex(vector["key"])
