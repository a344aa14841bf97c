"""Fees to the fen: golden values, and what must hold for every amount and schedule (facts: fees-and-books)."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactions.fees import NO_FEE, Component, Schedule, fee_on, round_half_up

amounts = st.integers(min_value=1, max_value=10**10)
rates = st.integers(min_value=0, max_value=1_000_000)
components = st.builds(
    Component,
    rate_ppm=rates,
    fixed=st.integers(0, 500),
    minimum=st.integers(0, 500),
    cap=st.none() | st.integers(500, 5_000),
    amount_from=st.integers(0, 10_000),
    amount_below=st.none() | st.integers(10_000, 10**9),
    method=st.sampled_from(["", "prepaid", "other"]),
)


def blended(rate_ppm: int, **more: int) -> Schedule:
    return Schedule(1, (Component(rate_ppm, **more),))


@pytest.mark.parametrize(
    ("amount", "at_060", "at_054", "at_038"),
    [
        (1, 0, 0, 0),
        (84, 1, 0, 0),
        (100, 1, 1, 0),
        (500, 3, 3, 2),
        (999, 6, 5, 4),
        (100_00, 60, 54, 38),
        (888_88, 533, 480, 338),
    ],
)
def test_golden_values(amount, at_060, at_054, at_038):
    fees = [fee_on(amount, "prepaid", blended(rate)).amount for rate in (6_000, 5_400, 3_800)]
    assert fees == [at_060, at_054, at_038]


def test_eighty_three_fen_cost_nothing_and_eighty_four_cost_one():
    assert [fee_on(amount, "prepaid", blended(6_000)).amount for amount in (83, 84)] == [0, 1]


@pytest.mark.parametrize(("amount", "fee"), [(3, 1), (1, 0)])
def test_the_official_bill_at_39_percent(amount, fee):
    assert fee_on(amount, "prepaid", blended(390_000)).amount == fee


def test_the_debit_cap_is_reached_where_the_rules_say():
    debit = blended(3_500, cap=13_00)
    assert fee_on(3_714_28, "prepaid", debit).amount == 13_00
    assert fee_on(3_714_29, "prepaid", debit).amount == 13_00
    assert fee_on(9_999_999, "prepaid", debit).amount == 13_00
    assert fee_on(3_700_00, "prepaid", debit).amount == 12_95


def test_interchange_plus_rounds_each_part_by_itself():
    parts = Schedule(1, (Component(3_500, cap=13_00), Component(325, cap=3_25), Component(1_000)))
    fee = fee_on(100_00, "prepaid", parts)
    assert (fee.amount, fee.rate_ppm) == (35 + 3 + 10, 4_825)
    assert fee.rule.count(";") == 2


def test_without_a_schedule_there_is_no_fee():
    assert fee_on(100_00, "prepaid", None) == NO_FEE


@given(amounts, rates)
def test_rounding_is_decimals_half_up(amount, rate):
    exact = (Decimal(amount) * rate / 1_000_000).quantize(Decimal(1), ROUND_HALF_UP)
    assert round_half_up(amount * rate, 1_000_000) == exact


@given(amounts, st.lists(components, max_size=4))
def test_a_fee_is_never_negative_and_never_more_than_the_sale(amount, parts):
    fee = fee_on(amount, "prepaid", Schedule(1, tuple(parts)))
    assert 0 <= fee.amount <= amount
    met = [part for part in parts if part.meets(amount, "prepaid")]
    assert fee.amount == min(amount, sum(part.fee(amount) for part in met))
    assert len(fee.rule) <= 200


@given(amounts, amounts, rates)
def test_a_larger_sale_never_costs_less(one, other, rate):
    small, large = sorted((one, other))
    assert fee_on(small, "", blended(rate)).amount <= fee_on(large, "", blended(rate)).amount
