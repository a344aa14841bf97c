"""The rules a batch is decided by, read once per batch: merchants with their fee schedules, and who asks.

Read inside the authoriser's transaction, not remembered from when a socket opened: a revoked terminal or a removed
member stops at the next tap.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from merchants.models import FeeComponent, Member, Merchant, Terminal
from transactions.decision import Attempt, Standing
from transactions.fees import Component, Schedule


@dataclass(frozen=True, slots=True)
class Policy:
    """One merchant's rules."""

    merchant_id: int
    currency: str
    zone: ZoneInfo
    day_cut_off_hour: int
    schedules: tuple[tuple[date, Schedule], ...]  # by the date they begin, oldest first

    def schedule_on(self, day: date) -> Schedule | None:
        """The fee schedule in force on a business date; None before the first one."""
        in_force = [schedule for valid_from, schedule in self.schedules if valid_from <= day]
        return in_force[-1] if in_force else None


def of_merchants(merchant_ids: Iterable[int]) -> dict[int, Policy]:
    """The policies of these merchants. Two statements."""
    wanted = set(merchant_ids)
    rows = FeeComponent.objects.filter(schedule__merchant__in=wanted).order_by("schedule__valid_from", "position")
    by_schedule: dict[tuple[int, int, date], list[Component]] = {}
    for merchant, schedule, valid_from, *parts in rows.values_list(
        "schedule__merchant_id",
        "schedule_id",
        "schedule__valid_from",
        *("rate_ppm", "fixed", "minimum", "cap", "method", "amount_from", "amount_below"),
    ):
        by_schedule.setdefault((merchant, schedule, valid_from), []).append(Component(*parts))
    schedules: dict[int, list[tuple[date, Schedule]]] = {}
    for (merchant, schedule, valid_from), components in by_schedule.items():
        schedules.setdefault(merchant, []).append((valid_from, Schedule(schedule, tuple(components))))
    merchants = Merchant.objects.filter(pk__in=wanted).values_list("pk", "currency", "time_zone", "day_cut_off_hour")
    return {
        pk: Policy(pk, currency, ZoneInfo(zone), cut_off, tuple(schedules.get(pk, ())))
        for pk, currency, zone, cut_off in merchants
    }


def standings(attempts: Iterable[Attempt]) -> dict[tuple[UUID | None, int | None], Standing]:
    """(terminal, operator) → how they stand with the attempt's merchant now. Two statements."""
    asked = {(attempt.terminal_id, attempt.operator_id): attempt.merchant_id for attempt in attempts}
    active = dict(
        Terminal.objects.filter(pk__in={t for t, _ in asked if t}, revoked_at=None)
        .exclude(enrolled_at=None)
        .values_list("pk", "merchant_id")
    )
    members = Member.objects.filter(
        user__in={o for _, o in asked if o},
        merchant__in=set(asked.values()),
        removed_at=None,
        user__is_active=True,
    )
    roles = {(user, merchant): role for user, merchant, role in members.values_list("user_id", "merchant_id", "role")}
    return {
        (terminal, operator): Standing(
            terminal_active=terminal is not None and active.get(terminal) == merchant,
            role=roles.get((operator, merchant), "") if operator else "",
        )
        for (terminal, operator), merchant in asked.items()
    }
