"""Fee schedules: dated rules by which a purchase is charged.

A schedule is an ordered list of components; a blended price has one, interchange-plus several, each rounded by itself
and then summed (facts: fees-and-books). The arithmetic is `transactions.fees`; here are only the rules.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from merchants.models.places import Merchant

RATE_PPM_MAX = 1_000_000


class FeeSchedule(models.Model):
    """The fee rules of a merchant from a business date on, until a later schedule takes over."""

    class RefundPolicy(models.TextChoices):
        RECOMPUTE = "recompute", _("fee recomputed on what remains")
        KEEP = "keep", _("fee is kept")
        PROPORTIONAL = "proportional", _("fee returned in proportion")

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="fee_schedules")
    name = models.CharField(max_length=60)
    valid_from = models.DateField()
    refund_policy = models.CharField(max_length=12, choices=RefundPolicy.choices, default=RefundPolicy.RECOMPUTE)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant", "valid_from"], name="one_schedule_per_day")]
        ordering = ["valid_from"]

    def __str__(self) -> str:
        return self.name


class FeeComponent(models.Model):
    """One rate of a schedule: which payments it meets, and what it takes of them (minor units, ppm)."""

    schedule = models.ForeignKey(FeeSchedule, on_delete=models.CASCADE, related_name="components")
    position = models.PositiveSmallIntegerField(default=0)
    method = models.CharField(max_length=20, blank=True, help_text="only this method; empty: every one")
    amount_from = models.BigIntegerField(default=0, help_text="only amounts from here, inclusive")
    amount_below = models.BigIntegerField(null=True, blank=True, help_text="only amounts below; empty: no end")
    rate_ppm = models.PositiveIntegerField(help_text="parts per million: 6000 is 0.60 %")
    fixed = models.BigIntegerField(default=0)
    minimum = models.BigIntegerField(default=0)
    cap = models.BigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["schedule", "position"], name="component_position_unique"),
            models.CheckConstraint(condition=models.Q(rate_ppm__lte=RATE_PPM_MAX), name="rate_at_most_everything"),
            models.CheckConstraint(
                condition=models.Q(fixed__gte=0, minimum__gte=0, amount_from__gte=0),
                name="fee_parts_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(cap__isnull=True) | models.Q(cap__gte=models.F("minimum")),
                name="cap_not_below_minimum",
            ),
        ]
        ordering = ["position"]

    def __str__(self) -> str:
        return f"{self.rate_ppm} ppm"
