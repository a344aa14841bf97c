"""The double-entry ledger: accounts, append-only transfers, and the hot row of a card.

Every account is credit-normal: balance = credits - debits. A transfer is one debit, one credit and a positive amount,
so the books balance by construction. The database refuses to change or delete a transfer (migration 0002).
"""

from django.db import models
from django.db.models import F, Q

from merchants.models import Card, Merchant

NO_COUNTER_YET = -1  # any counter a chip can show is greater; it counts from 0 (AN12196, section 3.3)


class LedgerAccount(models.Model):
    """One side of a transfer."""

    class Kind(models.TextChoices):
        CARD = "card"  # what is owed to the cardholder
        SETTLEMENT = "settlement"  # what is owed to the merchant: gross taken less fees
        FEES = "fees"  # what the acquirer or programme has kept
        CASH = "cash"  # cash taken for loads; negative: the till holds it for the programme
        ISSUANCE = "issuance"  # value put on cards when issued; negative: put into circulation

    kind = models.CharField(max_length=10, choices=Kind.choices)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="ledger_accounts")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "kind"],
                condition=~Q(kind="card"),
                name="one_account_of_a_kind_per_merchant",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["card", "settlement", "fees", "cash", "issuance"]),
                name="account_kind_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} account {self.pk}"


class CardAccount(models.Model):
    """Everything a tap must lock, in one row: balance, last counter, spent today.

    Changed only by `transactions.authorisation`, under the row's lock. The database refuses a balance below zero
    and a counter that goes back within a key version (migration 0002).
    """

    account = models.OneToOneField(
        LedgerAccount, on_delete=models.PROTECT, primary_key=True, related_name="card_account"
    )
    card = models.OneToOneField(Card, on_delete=models.PROTECT, related_name="account")
    balance = models.BigIntegerField(default=0)
    key_version = models.PositiveIntegerField(default=1, help_text="the key version `last_counter` counts under")
    last_counter = models.IntegerField(default=NO_COUNTER_YET, help_text="SDMReadCtr of the last genuine tap")
    spent_on = models.DateField(null=True, blank=True, help_text="business date of `spent`")
    spent = models.BigIntegerField(default=0, help_text="approved purchases on `spent_on`")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(balance__gte=0), name="card_balance_never_below_zero"),
            models.CheckConstraint(condition=Q(spent__gte=0), name="card_spent_never_below_zero"),
            models.CheckConstraint(
                condition=Q(last_counter__gte=-1, last_counter__lt=1 << 24), name="counter_is_24_bit"
            ),
        ]

    def __str__(self) -> str:
        return f"account of {self.card}"


class Transfer(models.Model):
    """The ledger's unit: `amount` minor units from the debited to the credited account."""

    transaction = models.ForeignKey("transactions.Transaction", on_delete=models.PROTECT, related_name="transfers")
    debit = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="debits", db_index=False)
    credit = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="credits", db_index=False)
    amount = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="transfer_amount_positive"),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="transfer_between_two_accounts"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} from {self.debit_id} to {self.credit_id}"
