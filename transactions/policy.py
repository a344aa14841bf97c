"""The rules a batch is decided by: merchants with their fee schedules and accounts, and who asks.

Who asks is read inside every batch: a revoked terminal or a removed member stops at the next tap. What the merchant has
settled (currency, time zone, fee schedules, account numbers) is remembered for a second, because it changes a few times
a year and is asked for thousands of times a second; a fee schedule begins on a date, not at an instant.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from merchants.models import FeeComponent, Merchant
from transactions import ledger, store
from transactions.decision import Attempt, Standing
from transactions.fees import Component, Schedule

REMEMBERED_FOR_S = 1.0
REMEMBERED_MAX = 10_000  # merchants


@dataclass(frozen=True, slots=True)
class Policy:
    """One merchant's rules, and its own accounts by kind."""

    merchant_id: int
    currency: str
    amount_max: int
    zone: ZoneInfo
    day_cut_off_hour: int
    schedules: tuple[tuple[date, Schedule], ...]  # by the date they begin, oldest first
    accounts: dict[str, int]

    def schedule_on(self, day: date) -> Schedule | None:
        """The fee schedule in force on a business date; None before the first one."""
        for valid_from, schedule in reversed(self.schedules):
            if valid_from <= day:
                return schedule
        return None


class Policies:
    """Reads policies, and remembers them for a moment. Shared by the threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._remembered: dict[int, tuple[float, Policy]] = {}

    def of_merchants(self, merchant_ids: Iterable[int]) -> dict[int, Policy]:
        """The policies of these merchants: three statements, or none while they are remembered."""
        now = time.monotonic()
        with self._lock:
            known = {pk: self._remembered.get(pk) for pk in set(merchant_ids)}
        found = {pk: held[1] for pk, held in known.items() if held and now - held[0] < REMEMBERED_FOR_S}
        missing = known.keys() - found.keys()
        if missing:
            read = read_policies(missing)
            # Only once it is committed: what a transaction read of its own writes is gone when it rolls back.
            transaction.on_commit(lambda: self._remember(now, read))
            found |= read
        return found

    def _remember(self, now: float, read: dict[int, Policy]) -> None:
        with self._lock:
            if len(self._remembered) > REMEMBERED_MAX:
                self._remembered.clear()
            self._remembered |= {pk: (now, policy) for pk, policy in read.items()}

    def forget(self) -> None:
        """Read again at the next use (tests, which change the rules under a running process)."""
        with self._lock:
            self._remembered.clear()


policies = Policies()


def read_policies(merchant_ids: Iterable[int]) -> dict[int, Policy]:
    """The policies of these merchants as they stand. Three statements."""
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
    accounts = ledger.merchant_accounts(wanted)
    merchants = Merchant.objects.filter(pk__in=wanted).values_list(
        "pk", "currency", "amount_max", "time_zone", "day_cut_off_hour"
    )
    return {
        pk: Policy(pk, currency, amount_max, ZoneInfo(zone), cut_off, tuple(schedules.get(pk, ())), accounts[pk])
        for pk, currency, amount_max, zone, cut_off in merchants
    }


Asking = tuple[int, UUID | None, int | None]  # merchant, terminal, operator


def asking(attempt: Attempt) -> Asking:
    """Who makes an attempt."""
    return attempt.merchant_id, attempt.terminal_id, attempt.operator_id


def standings(attempts: Iterable[Attempt]) -> dict[Asking, Standing]:
    """How those who ask stand with the attempt's merchant now. One statement."""
    asked = {asking(attempt) for attempt in attempts}
    return {who: Standing(active, role) for who, active, role in store.standings(asked)}
