"""Public ids: begin with T, sort by time, come back as the same id."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactions.public_id import from_public, new_id, to_public


@given(st.uuids())
def test_there_and_back(identity):
    text = to_public(identity)
    assert len(text) == 27
    assert text[0] == "T"
    assert from_public(text) == identity


@given(st.text(max_size=30) | st.text("T0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=27, max_size=27))
def test_anything_else_is_no_id_or_its_own_spelling(text):
    identity = from_public(text)
    assert identity is None or to_public(identity) == text


def test_known_spelling():
    assert to_public(uuid.UUID(int=0)) == "T" + "0" * 26
    assert to_public(uuid.UUID(int=(1 << 128) - 1)) == "T7" + "Z" * 25
    assert from_public("T8" + "0" * 25) is None


def test_ids_are_version_7_and_sort_by_time():
    first = new_id()
    assert (first.version, first.variant) == (7, uuid.RFC_4122)
    later = [new_id() for _ in range(50)]
    assert all(to_public(first)[:9] <= to_public(one)[:9] for one in later)


@pytest.mark.parametrize("text", ["", "T", "X" * 27, "T" + "I" * 26, "T" + "０" * 26])
def test_what_is_no_id(text):
    assert from_public(text) is None
