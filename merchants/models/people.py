"""People: the sign-in, the role a person has at a merchant, and tokens for clients that are no browser."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from merchants.models.places import Merchant


class User(AbstractUser):
    """Only the sign-in. What a person may do is said by their memberships."""

    language = models.CharField(max_length=10, blank=True, help_text="preferred language; empty: the browser's")


class Role(models.TextChoices):
    """What a member is at a merchant."""

    OWNER = "owner", _("owner")
    CASHIER = "cashier", _("cashier")
    ACCOUNTANT = "accountant", _("accountant")


class Member(models.Model):
    """A person of a merchant. Removal keeps the row, because past transactions name their operator."""

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="members")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "user"], name="one_membership_per_person_and_merchant"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="member_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"

    @property
    def name(self) -> str:
        """How the person is shown to others of the merchant."""
        return self.user.get_full_name() or self.user.get_username()


class ApiToken(models.Model):
    """A bearer token of a person. Only its digest is kept: a stolen database opens no door."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token, hex")
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"token of {self.user} from {self.created_at:%Y-%m-%d}"
