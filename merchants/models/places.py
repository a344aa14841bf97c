"""The merchant, and the phones enrolled as its terminals."""

import uuid
from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

# Currencies with two decimals, because the CSV (protocol, section 4) and the keypad have exactly two.
CURRENCIES = ("CNY", "HKD", "MOP", "TWD", "USD", "EUR", "GBP", "SGD", "MYR", "THB", "AUD", "CAD")
AMOUNT_MAX_LIMIT = 100_000_000_00  # a hundred million, in minor units: far below 2^53, where JavaScript counts


def _known_time_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(_("“%(name)s” is not a time zone."), params={"name": name})


class MerchantManager(models.Manager["Merchant"]):
    """Merchants, and one of them by what people call it."""

    def named(self, text: str) -> "Merchant | None":
        """The merchant with this slug, or else the only one with this name; None when there is none."""
        by_slug = self.filter(slug=text).first()
        by_name = list(self.filter(name=text)[:2])
        return by_slug or (by_name[0] if len(by_name) == 1 else None)


class Merchant(models.Model):
    """Who sells. Has one settlement account, one currency and one business day."""

    slug = models.SlugField(unique=True, max_length=40)
    name = models.CharField(max_length=80)
    currency = models.CharField(max_length=3, default="CNY", choices=[(code, code) for code in CURRENCIES])
    time_zone = models.CharField(max_length=64, default="Asia/Shanghai", validators=[_known_time_zone])
    day_cut_off_hour = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(23)], help_text="local hour at which the business day begins"
    )
    amount_max = models.BigIntegerField(
        default=50_000_00,
        validators=[MinValueValidator(1), MaxValueValidator(AMOUNT_MAX_LIMIT)],
        help_text="largest amount the keypad takes, in minor units",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MerchantManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(day_cut_off_hour__lte=23), name="merchant_cut_off_is_an_hour"),
            models.CheckConstraint(
                condition=models.Q(amount_max__gte=1, amount_max__lte=AMOUNT_MAX_LIMIT),
                name="merchant_amount_max_bounded",
            ),
            models.CheckConstraint(condition=models.Q(currency__in=CURRENCIES), name="merchant_currency_known"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The merchant's time zone."""
        return ZoneInfo(self.time_zone)


class Terminal(models.Model):
    """A phone enrolled for one merchant, proven by the P-256 key that never leaves it (protocol, section 1.1)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="terminals")
    name = models.CharField(max_length=60)
    public_key = models.JSONField(null=True, blank=True, help_text="JWK: kty, crv, x, y")
    enrolment_code_digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the one-time code")
    enrolment_expires_at = models.DateTimeField(null=True, blank=True)
    enrolled_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    online_until = models.DateTimeField(null=True, blank=True, help_text="its socket said so, a heartbeat ahead")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "name"], name="terminal_name_unique_in_merchant"),
            models.UniqueConstraint(
                fields=["enrolment_code_digest"],
                condition=~models.Q(enrolment_code_digest=""),
                name="enrolment_code_unique",
            ),
            models.CheckConstraint(
                condition=models.Q(enrolled_at__isnull=True) | models.Q(public_key__isnull=False),
                name="enrolled_terminal_has_a_key",
            ),
        ]
        ordering = ["created_at", "name"]

    def __str__(self) -> str:
        return self.name

    def state_at(self, now: datetime) -> str:
        """`revoked`, `pending` (not enrolled yet), `online` or `offline`, as the protocol has it (section 2)."""
        if self.revoked_at:
            return "revoked"
        if not self.enrolled_at:
            return "pending"
        return "online" if self.online_until and self.online_until > now else "offline"
