"""The transaction log, which is the event log, and the running totals kept in the same commit.

A merchant's transactions carry a `sequence` without gaps, given inside the database transaction that commits them: the
dashboard's cursor. Rows are never changed or deleted (migration 0002).
"""

import uuid

from django.db import models
from django.db.models import F, Q

from merchants.models import Card, FeeSchedule, Merchant, Terminal, User

NOTE_LENGTH_MAX = 140
NO_TERMINAL = uuid.UUID(int=0)  # the totals' key for what was done without a terminal


class Transaction(models.Model):
    """One attempted movement, approved, declined or given up. Amounts in minor units of `currency`; times in UTC.

    References to rows that stand for years and are never deleted (PROTECT) carry no foreign key in the database: each
    would be one more trigger call per row and commit. `check_ledger` looks for dangling ones. Indexes are the reads'.
    """

    class Kind(models.TextChoices):
        PURCHASE = "purchase"
        REFUND = "refund"
        VOID = "void"
        TOP_UP = "top_up"
        BALANCE = "balance"
        PAYOUT = "payout"
        ADJUSTMENT = "adjustment"

    class Status(models.TextChoices):
        APPROVED = "approved"
        DECLINED = "declined"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, editable=False, help_text="UUIDv7; shown as T… (transactions.public_id)")
    merchant = models.ForeignKey(
        Merchant, on_delete=models.PROTECT, related_name="transactions", db_constraint=False, db_index=False
    )
    sequence = models.BigIntegerField()
    start_id = models.UUIDField(help_text="the id the client gave with `start`: names the transaction for good")
    tap_id = models.UUIDField(null=True, blank=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    status = models.CharField(max_length=9, choices=Status.choices)
    reason = models.CharField(max_length=24, blank=True)
    response_code = models.CharField(max_length=2, blank=True, help_text="ISO 8583 field 39")
    amount = models.BigIntegerField()
    fee = models.BigIntegerField(default=0)
    net = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    fee_rate_ppm = models.PositiveIntegerField(default=0)
    fee_schedule = models.ForeignKey(
        FeeSchedule,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    fee_rule = models.CharField(max_length=200, blank=True, help_text="the components as they were applied")
    method = models.CharField(max_length=20, blank=True)
    card = models.ForeignKey(
        Card, on_delete=models.PROTECT, null=True, blank=True, related_name="transactions", db_index=False
    )
    key_version = models.PositiveIntegerField(
        null=True, blank=True, help_text="the card's, which `read_counter` counts under"
    )
    read_counter = models.IntegerField(null=True, blank=True)
    balance_after = models.BigIntegerField(null=True, blank=True)
    terminal = models.ForeignKey(
        Terminal,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="transactions",
        db_constraint=False,
        db_index=False,
    )
    operator = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="transactions",
        db_constraint=False,
        db_index=False,
    )
    original = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversals", db_index=False
    )
    order_reference = models.CharField(max_length=64, blank=True)
    note = models.CharField(max_length=NOTE_LENGTH_MAX, blank=True)
    occurred_at = models.DateTimeField()
    business_date = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "sequence"], name="sequence_unique_in_merchant"),
            models.UniqueConstraint(fields=["merchant", "start_id"], name="start_names_one_transaction"),
            # One accepted tap pays once, whatever else fails: the counter of an approved row is spent.
            models.UniqueConstraint(
                fields=["card", "key_version", "read_counter"],
                condition=Q(status="approved", read_counter__isnull=False),
                name="one_approval_per_tap",
            ),
            models.CheckConstraint(condition=Q(amount__gte=0, fee__gte=0), name="amounts_not_negative"),
            models.CheckConstraint(condition=Q(net=F("amount") - F("fee")), name="net_is_amount_less_fee"),
            models.CheckConstraint(
                condition=~Q(status="approved") | Q(kind="balance", amount=0) | (~Q(kind="balance") & Q(amount__gt=0)),
                name="approved_moves_something",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["approved", "declined", "cancelled"]), name="transaction_status_known"
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "business_date", "sequence"], name="log_by_day"),
            models.Index(fields=["merchant", "operator", "sequence"], name="log_by_operator"),
            models.Index(fields=["card", "sequence"], name="log_by_card"),
            models.Index(fields=["terminal", "sequence"], name="log_by_terminal"),
            models.Index(fields=["original"], name="log_by_original", condition=Q(original__isnull=False)),
            # What a till rarely does, found without walking through all it does; an approved sale is in neither.
            models.Index(
                fields=["merchant", "status", "sequence"],
                condition=~Q(status="approved"),
                name="log_of_refusals",
            ),
            models.Index(
                fields=["merchant", "kind", "sequence"], condition=~Q(kind="purchase"), name="log_of_other_kinds"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.status} #{self.sequence}"


class MerchantLog(models.Model):
    """The last sequence number given in a merchant's log. Taken last in a batch, so its lock is short."""

    merchant = models.OneToOneField(Merchant, on_delete=models.PROTECT, primary_key=True, related_name="log")
    sequence = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"log of {self.merchant_id} at {self.sequence}"


class HourTotal(models.Model):
    """Approved movements of one merchant, business date, local hour, terminal, method and kind, summed."""

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="hour_totals")
    business_date = models.DateField()
    hour = models.PositiveSmallIntegerField()
    terminal_key = models.UUIDField(default=NO_TERMINAL)
    method = models.CharField(max_length=20, blank=True)
    kind = models.CharField(max_length=10, choices=Transaction.Kind.choices)
    count = models.BigIntegerField()
    gross = models.BigIntegerField()
    fee = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "business_date", "hour", "terminal_key", "method", "kind"],
                name="one_total_per_key",
            ),
            models.CheckConstraint(condition=Q(hour__lte=23), name="hour_is_an_hour"),
        ]
        indexes = [models.Index(fields=["merchant", "kind", "business_date"], name="totals_by_kind")]

    def __str__(self) -> str:
        return f"{self.business_date} {self.hour}h {self.kind}"
