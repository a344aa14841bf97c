"""What a sale costs the merchant: pure arithmetic on integers.

Per component: round half up to the minor unit of amount x rate, plus a fixed part, then minimum, then cap; components
are rounded by themselves and summed (facts: fees-and-books, golden values of the 0.60 %, 0.54 % and 0.38 % schedules).
Rates are parts per million, so no floating point and no Decimal is needed for exactness.
"""

from dataclasses import dataclass

PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class Component:
    """One rate and whom it meets. Amounts in minor units; `amount_below` and `cap` may be absent."""

    rate_ppm: int
    fixed: int = 0
    minimum: int = 0
    cap: int | None = None
    method: str = ""
    amount_from: int = 0
    amount_below: int | None = None

    def meets(self, amount: int, method: str) -> bool:
        """Whether a payment falls under this component."""
        return (
            self.method in ("", method)
            and self.amount_from <= amount
            and (self.amount_below is None or amount < self.amount_below)
        )

    def fee(self, amount: int) -> int:
        """The component's fee on an amount, minor units."""
        fee = max(round_half_up(amount * self.rate_ppm, PPM) + self.fixed, self.minimum)
        return fee if self.cap is None else min(fee, self.cap)

    def __str__(self) -> str:
        return f"{self.rate_ppm}ppm+{self.fixed} min {self.minimum} cap {'-' if self.cap is None else self.cap}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """The components in force, in order, and the schedule they come from."""

    id: int
    components: tuple[Component, ...]


@dataclass(frozen=True, slots=True)
class Fee:
    """A fee with the rule that made it, as it is stored with the transaction: it is never recomputed."""

    amount: int
    rate_ppm: int
    schedule_id: int | None
    rule: str


NO_FEE = Fee(amount=0, rate_ppm=0, schedule_id=None, rule="")


def round_half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` for non-negative integers, a half rounded up (Python's round is half-even)."""
    assert numerator >= 0
    assert denominator > 0
    return (2 * numerator + denominator) // (2 * denominator)


def fee_on(amount: int, method: str, schedule: Schedule | None) -> Fee:
    """The fee on a sale of `amount` minor units. Never more than the sale itself, whatever the minimum says."""
    if schedule is None:
        return NO_FEE
    met = [component for component in schedule.components if component.meets(amount, method)]
    return Fee(
        amount=min(sum(component.fee(amount) for component in met), amount),
        rate_ppm=sum(component.rate_ppm for component in met),
        schedule_id=schedule.id,
        rule="; ".join(map(str, met))[:200],
    )
