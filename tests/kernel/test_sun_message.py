"""What counts as a SUN message: exactly one whole message in the URL, or none at all."""

from __future__ import annotations

import pytest

from softpos.kernel import MalformedSun, SunMessage
from softpos.kernel.message import URL_CHARS_MAX

P = "EF963FF7828658A599F3041510671E88"
P_LRP = "07D9CA2545881D4BFDD920BE1603268C0714420DD893A497"
C = "94EED9EE65337086"
ENC = "CEE9A53E3E463EF1F459635736738962"
UID = "04DE5F1EACC040"
CTR = "00003D"


def parse(query: str, base: str = "https://pos.example/c/?") -> SunMessage:
    return SunMessage.from_url(base + query)


@pytest.mark.parametrize("picc_name", ["p", "picc_data", "e"])
@pytest.mark.parametrize("mac_name", ["c", "cmac", "m"])
def test_every_documented_parameter_name_is_understood(picc_name, mac_name):
    message = parse(f"{picc_name}={P}&{mac_name}={C}")
    assert message.picc_enc_data == bytes.fromhex(P)
    assert message.sdm_mac == bytes.fromhex(C)
    assert message.mac_input == ""


@pytest.mark.parametrize("scheme", ["https", "http", "lnurlw", "HTTPS", "LNURLW"])
def test_a_card_may_carry_any_of_our_schemes(scheme):
    assert parse(f"p={P}&c={C}", f"{scheme}://pos.example/?") == parse(f"p={P}&c={C}")


def test_a_longer_picc_data_is_lrp():
    assert parse(f"p={P_LRP}&c={C}").picc_enc_data == bytes.fromhex(P_LRP)


def test_other_parameters_and_a_fragment_may_stand_around():
    assert parse(f"lang=zh&p={P}&flag&c={C}&x=1#top") == parse(f"p={P}&c={C}")


def test_lower_case_hex_says_the_same():
    assert parse(f"p={P.lower()}&c={C.lower()}") == parse(f"p={P}&c={C}")


def test_a_plain_mirror_has_its_counter_most_significant_byte_first():
    message = parse(f"uid={UID}&ctr={CTR}&c={C}")
    assert message.picc_enc_data is None
    assert (message.uid, message.read_counter) == (bytes.fromhex(UID), 61)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (f"p={P}&enc={ENC}&c={C}", f"{ENC}&c="),
        (f"p={P}&enc={ENC}&cmac={C}", f"{ENC}&cmac="),
        (f"enc={ENC}&p={P}&c={C}", f"{ENC}&p={P}&c="),
        (f"p={P}&enc={ENC}&v=2&m={C}", f"{ENC}&v=2&m="),
    ],
)
def test_the_mac_covers_the_text_from_the_file_data_up_to_itself(query, text):
    message = parse(query)
    assert message.enc_file_data == bytes.fromhex(ENC)
    assert message.mac_input == text


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("", "no MAC"),
        (f"p={P}", "no MAC"),
        (f"c={C}", "not both"),
        (f"p={P}&c={C}&c={C}", "twice"),
        (f"p={P}&p={P}&c={C}", "twice"),
        (f"p={P}&e={P}&c={C}", "twice"),
        (f"p={P}&c={C}&cmac={C}", "twice"),
        (f"p={P}&c={C[:-1]}", "not hexadecimal"),
        (f"p={P}&c={C[:-2]}", "8 bytes"),
        (f"p={P}&c={C}00", "8 bytes"),
        (f"p={P[:-2]}&c={C}", "wrong length"),
        (f"p={P}00&c={C}", "wrong length"),
        (f"p=&c={C}", "wrong length"),
        (f"p=0x{P[2:]}&c={C}", "not hexadecimal"),
        (f"p={P[:-1]}G&c={C}", "not hexadecimal"),
        (f"p=%45{P[1:]}&c={C}", "not hexadecimal"),
        (f"P={P}&C={C}", "no MAC"),
        (f"p={P}&enc=&c={C}", "whole blocks"),
        (f"p={P}&enc={ENC[:-2]}&c={C}", "whole blocks"),
        (f"p={P}&c={C}&enc={ENC}", "behind the MAC"),
        (f"p={P}&uid={UID}&c={C}", "both encrypted and plain"),
        (f"p={P}&ctr={CTR}&c={C}", "both encrypted and plain"),
        (f"uid={UID}&c={C}", "not both"),
        (f"ctr={CTR}&c={C}", "not both"),
        (f"uid={UID}00&ctr={CTR}&c={C}", "7 bytes"),
        (f"uid={UID}&ctr=61&c={C}", "3 bytes"),
    ],
)
def test_anything_less_or_more_is_no_sun_message(query, why):
    with pytest.raises(MalformedSun, match=why):
        parse(query)


@pytest.mark.parametrize(
    "url",
    [
        f"ftp://pos.example/?p={P}&c={C}",
        f"//pos.example/?p={P}&c={C}",
        f"javascript:alert(1)?p={P}&c={C}",
        f" https://pos.example/?p={P}&c={C}",
        f"https://pos.example/?p={P}&c={C}\n",
        f"https://pos.example/?p={P} &c={C}",
        f"https://pos.example/?p={P}&c={C[:-1]}６",
        f"https://pos.example/p={P}&c={C}",
        f"https://pos.example/#?p={P}&c={C}",
        "",
    ],
)
def test_a_url_of_another_kind_is_no_sun_message(url):
    with pytest.raises(MalformedSun):
        SunMessage.from_url(url)


def test_a_url_is_read_up_to_the_limit_and_not_one_character_further():
    url = f"https://pos.example/?p={P}&c={C}&x="
    longest = url + "1" * (URL_CHARS_MAX - len(url))
    assert SunMessage.from_url(longest) == parse(f"p={P}&c={C}")
    with pytest.raises(MalformedSun, match="longer"):
        SunMessage.from_url(longest + "1")


def test_a_message_in_a_log_cannot_be_used_as_a_tap():
    message = parse(f"p={P}&enc={ENC}&c={C}")
    for secret in (P, C, ENC):
        assert secret not in repr(message)
        assert repr(bytes.fromhex(secret)) not in repr(message)


def test_the_reason_never_quotes_the_url():
    with pytest.raises(MalformedSun) as raised:
        parse(f"p={P}&c=SECRET")
    assert "SECRET" not in str(raised.value)
    assert P not in str(raised.value)
