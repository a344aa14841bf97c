"""Card programmes, their master keys, and the cards issued under them.

No card key is ever stored: a programme's master keys are, wrapped by the key-encryption key, and a card's keys are
derived from them with its uid (AN10922). What a tap locks (balance, counter) is `transactions.CardAccount`.
"""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Right
from django.utils.translation import gettext_lazy as _

from merchants.models.places import Merchant

UID_PATTERN = r"^04[0-9A-F]{12}\Z"  # 7 bytes, NXP's manufacturer code first (ISO 14443-3)
LAST_DIGITS_COUNT = 4  # as much of a card as people see
LAST_DIGITS = Right("uid", LAST_DIGITS_COUNT)


class CardProgramme(models.Model):
    """The rules cards are issued under. Limits in minor units of the merchant's currency.

    The defaults are those of unnamed single-purpose prepaid cards in China (2012 rules: at most 1 000 CNY on a card)
    and of what people know from contactless payment (facts: fees-and-books).
    """

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="programmes")
    name = models.CharField(max_length=60)
    tap_limit = models.BigIntegerField(default=1_000_00, help_text="largest purchase by one tap")
    daily_limit = models.BigIntegerField(default=5_000_00, help_text="approved purchases of one business day")
    balance_limit = models.BigIntegerField(default=1_000_00, help_text="most that may be on a card")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "name"], name="programme_name_unique_in_merchant"),
            models.CheckConstraint(
                condition=models.Q(tap_limit__gt=0, daily_limit__gt=0, balance_limit__gt=0),
                name="programme_limits_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ProgrammeKey(models.Model):
    """One version of a programme's master keys, wrapped (`merchants.keys`). Old versions go on serving old cards."""

    class Mode(models.TextChoices):
        AES = "aes", "AES"
        LRP = "lrp", "LRP"

    programme = models.ForeignKey(CardProgramme, on_delete=models.PROTECT, related_name="keys")
    version = models.PositiveIntegerField(default=1)
    mode = models.CharField(max_length=3, choices=Mode.choices, default=Mode.AES)
    wrapped_meta_read = models.BinaryField(help_text="K_SDMMetaRead, AES-GCM wrapped")
    wrapped_file_read_master = models.BinaryField(help_text="master of K_SDMFileRead, AES-GCM wrapped")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["programme", "version"], name="key_version_unique_in_programme"),
            models.CheckConstraint(condition=models.Q(version__gte=1), name="key_version_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.programme} v{self.version}"


class Card(models.Model):
    """A card as issued: who it is. What is on it, and its counter, is `transactions.CardAccount`."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        BLOCKED = "blocked", _("blocked")
        LOST = "lost", _("lost")
        STOLEN = "stolen", _("stolen")

    programme = models.ForeignKey(CardProgramme, on_delete=models.PROTECT, related_name="cards")
    uid = models.CharField(max_length=14, unique=True, validators=[RegexValidator(UID_PATTERN)])
    key_version = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    expires_on = models.DateField(null=True, blank=True, help_text="last good day; empty: never")
    issued_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["active", "blocked", "lost", "stolen"]),
                name="card_status_known",
            )
        ]
        indexes = [models.Index(LAST_DIGITS, name="card_by_last_digits")]

    def __str__(self) -> str:
        return self.masked

    @property
    def masked(self) -> str:
        """How the card is shown: enough to tell two cards apart, not the uid."""
        return masked_uid(self.uid)


class VirtualCard(models.Model):
    """The chip's own memory of a card that exists only here (demo, tests, benchmarks)."""

    card = models.OneToOneField(Card, on_delete=models.CASCADE, primary_key=True, related_name="virtual")
    read_counter = models.PositiveIntegerField(default=0, help_text="SDMReadCtr as the chip would hold it")

    def __str__(self) -> str:
        return f"virtual {self.card}"


def masked_uid(uid: str) -> str:
    """The last four digits of a uid (hex), behind dots."""
    return f"•••• {uid[-LAST_DIGITS_COUNT:]}"
