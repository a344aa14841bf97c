"""The door of the kernel: the records of a `tap` message are checked before anything looks at them."""

from __future__ import annotations

import base64

import pytest

from softpos.kernel import (
    MalformedTap,
    NdefRecord,
    parse_records,
    parse_serial_number,
    records_to_json,
    url_record,
)
from softpos.kernel.ndef import DATA_BYTES_MAX, RECORDS_MAX, TEXT_CHARS_MAX

URL = "https://pos.example/c/?p=00&c=11"


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def record(**changes: object) -> dict[str, object]:
    plain = {"record_type": "url", "media_type": None, "encoding": None, "lang": None, "id": ""}
    return plain | {"data": encode(URL.encode())} | changes


def test_a_url_record_is_read_as_the_protocol_shows_it():
    assert parse_records([record()]) == (url_record(URL),)
    assert parse_records([record()])[0].url == URL


def test_a_tag_without_a_message_has_no_records():
    assert parse_records([]) == ()


def test_a_blank_tags_empty_record_has_neither_id_nor_data():
    blank = record(record_type="empty", id=None, data=None)
    assert parse_records([blank]) == (NdefRecord("empty", None, None, None, "", b""),)
    assert parse_records([{"record_type": "empty"}]) == parse_records([blank])


def test_only_url_records_have_a_url():
    assert parse_records([record(record_type="absolute-url")])[0].url == URL
    assert parse_records([record(record_type="text")])[0].url is None
    assert parse_records([record(data=encode("https://例え.example/".encode()))])[0].url is None
    assert parse_records([record(data=encode(b"\xff\xfe"))])[0].url is None


def test_records_survive_the_way_to_json_and_back():
    records = (
        url_record(URL),
        NdefRecord("mime", "application/json", None, None, "1", b"{}"),
        NdefRecord("text", None, "utf-8", "zh", "", "茶".encode()),
    )
    assert parse_records(records_to_json(records)) == records


def test_a_field_of_a_later_protocol_is_ignored():
    assert parse_records([record(signal_strength=3)]) == parse_records([record()])


@pytest.mark.parametrize("value", [None, {}, "[]", 1, True, b"", ([record()],), {"0": record()}])
def test_records_that_are_no_list_are_refused(value):
    with pytest.raises(MalformedTap):
        parse_records(value)


@pytest.mark.parametrize(
    "changes",
    [
        {"record_type": None},
        {"record_type": ""},
        {"record_type": 1},
        {"record_type": ["url"]},
        {"media_type": 5},
        {"encoding": {}},
        {"lang": False},
        {"id": 0},
        {"id": "a\0b"},
        {"id": "\ud800"},
        {"lang": "\n"},
        {"data": 5},
        {"data": b"aGk"},
        {"data": ["a"]},
        {"data": "aGk="},
        {"data": "a"},
        {"data": "a b"},
        {"data": "a+/b"},
        {"data": "aGk\n"},
        {"data": "ａＧｋ"},
    ],
)
def test_a_record_of_the_wrong_shape_is_refused(changes):
    with pytest.raises(MalformedTap):
        parse_records([record(**changes)])


@pytest.mark.parametrize("item", [None, [], "url", 3])
def test_a_record_that_is_no_object_is_refused(item):
    with pytest.raises(MalformedTap, match="not an object"):
        parse_records([item])


def test_as_many_records_as_the_limit_and_not_one_more():
    assert len(parse_records([record()] * RECORDS_MAX)) == RECORDS_MAX
    with pytest.raises(MalformedTap, match="records"):
        parse_records([record()] * (RECORDS_MAX + 1))


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_as_much_data_as_the_limit_over_all_records_and_not_one_byte_more(parts):
    sizes = [DATA_BYTES_MAX // parts] * parts
    sizes[-1] += DATA_BYTES_MAX - sum(sizes)
    assert len(parse_records([record(data=encode(bytes(size))) for size in sizes])) == parts
    sizes[-1] += 1
    with pytest.raises(MalformedTap, match="bytes of data"):
        parse_records([record(data=encode(bytes(size))) for size in sizes])


@pytest.mark.parametrize("name", ["record_type", "media_type", "encoding", "lang", "id"])
def test_texts_are_as_long_as_ndef_allows_and_not_longer(name):
    assert parse_records([record(**{name: "x" * TEXT_CHARS_MAX})])
    with pytest.raises(MalformedTap, match=name):
        parse_records([record(**{name: "x" * (TEXT_CHARS_MAX + 1)})])


def test_the_refusal_never_quotes_what_was_sent():
    with pytest.raises(MalformedTap) as raised:
        parse_records([record(data="SECRET!")])
    assert "SECRET" not in str(raised.value)


def test_a_record_in_a_log_cannot_be_used_as_a_tap():
    assert URL not in repr(url_record(URL))


@pytest.mark.parametrize(
    ("given", "kept"),
    [("04:a1:b2:c3:d4:e5:f6", "04:a1:b2:c3:d4:e5:f6"), ("04:A1:B2:C3", "04:a1:b2:c3"), ("", "")],
)
def test_a_serial_number_is_kept_in_lower_case(given, kept):
    assert parse_serial_number(given) == kept


@pytest.mark.parametrize("value", [None, 4, b"04", "04a1b2c3", "04:", ":04", "0g:00", "04:a1\n", ":".join(["00"] * 11)])
def test_anything_else_is_no_serial_number(value):
    with pytest.raises(MalformedTap, match="serial_number"):
        parse_serial_number(value)
