"""The filter of the transaction log, declared once: REST, the CSV and the page all ask through it.

`from` and `to` are business dates, both inclusive. Without `kind` and `status`, `TransactionFilter` keeps
everything; `SalesFilter`, the CSV's, the approved movements of the merchant's own money, whose sums are the
dashboard's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.core.validators import RegexValidator
from django.db.models import BooleanField, Case, Q, QuerySet, When
from django.utils.translation import gettext_lazy as _
from django_filters import (  # type: ignore[import-untyped]
    CharFilter,
    ChoiceFilter,
    DateFilter,
    Filter,
    FilterSet,
    UUIDFilter,
)

from merchants.models import Card, Merchant
from merchants.permissions import member_of
from transactions.models import Transaction
from transactions.selectors import cards_ending_in
from transactions.spans import span_of

ALL = "all"
SALES = "sales"
OWN_MONEY = (Transaction.Kind.PURCHASE, Transaction.Kind.REFUND, Transaction.Kind.VOID)
CARD_PATTERN = r"^(?:[0-9A-Fa-f]{4}|[0-9A-Fa-f]{14})\Z"


class OneOrSet(ChoiceFilter):  # type: ignore[misc]
    """One value, or the name of a set of them; `unless_told` when nothing is said. `all` is every value."""

    def __init__(
        self, *, values: Iterable[str], sets: Mapping[str, tuple[str, ...]], unless_told: str, **kwargs: Any
    ) -> None:
        self._sets = dict(sets)
        self._unless_told = unless_told
        super().__init__(choices=[(name, name) for name in (*values, *self._sets, ALL)], **kwargs)

    def meant(self, value: str | None) -> tuple[str, ...] | None:
        """The values that are let through; None: every one."""
        wanted = value or self._unless_told
        return None if wanted == ALL else self._sets.get(wanted, (wanted,))

    def filter(self, qs: QuerySet[Transaction], value: str | None) -> QuerySet[Transaction]:
        meant = self.meant(value)
        return qs if meant is None else qs.filter(**{f"{self.field_name}__in": meant})


@dataclass(frozen=True, slots=True)
class Asked:
    """What a valid filter lets through; None: whatever it is."""

    first: date | None
    last: date | None
    kinds: tuple[str, ...] | None
    statuses: tuple[str, ...] | None
    terminal: UUID | None
    card: str | None


def _kind(unless_told: str) -> OneOrSet:
    return OneOrSet(
        field_name="kind",
        values=Transaction.Kind.values,
        sets={SALES: OWN_MONEY},
        unless_told=unless_told,
        help_text=f"One kind; `sales`: purchase, refund and void; `all`. Unless told: `{unless_told}`.",
    )


def _status(unless_told: str) -> OneOrSet:
    return OneOrSet(
        field_name="status",
        values=Transaction.Status.values,
        sets={},
        unless_told=unless_told,
        help_text=f"One status or `all`. Unless told: `{unless_told}`.",
    )


class Day(DateFilter):  # type: ignore[misc]
    """One end of the period; `TransactionFilter.filter_queryset` sees to both."""

    def filter(self, qs: QuerySet[Transaction], value: date | None) -> QuerySet[Transaction]:
        return qs


def _day(lookup: str, help_text: str) -> Day:
    return Day(field_name="business_date", lookup_expr=lookup, input_formats=["%Y-%m-%d"], help_text=help_text)


class TransactionFilter(FilterSet):  # type: ignore[misc]
    """`from`, `to`, `kind`, `status`, `terminal`, `card`; without any of them, the whole log.

    The rows given are one merchant's: the signed-in member's, or those of `merchant`.
    """

    to = _day("lte", "last business date, YYYY-MM-DD, inclusive")
    kind = _kind(ALL)
    status = _status(ALL)
    terminal = UUIDFilter(field_name="terminal_id", help_text="a terminal's id")
    card = CharFilter(
        method="of_card",
        validators=[RegexValidator(CARD_PATTERN, _("Give the card's last four digits, or all fourteen."))],
        help_text="the last four digits of the card's uid, or the whole uid, hex",
    )

    class Meta:
        model = Transaction
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, merchant: Merchant | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._merchant = merchant

    @property
    def _merchant_id(self) -> int:
        if self._merchant is not None:
            return self._merchant.pk
        member = member_of(self.request.user)
        assert member is not None, "nobody else gets as far as a filter"
        return member.merchant_id

    @property
    def asked(self) -> Asked:
        """What is let through, once the filter is found valid."""
        said = self.form.cleaned_data
        meant = {name: self.filters[name].meant(said[name]) for name in ("kind", "status")}
        return Asked(said["from"], said["to"], meant["kind"], meant["status"], said["terminal"], said["card"] or None)

    def filter_queryset(self, queryset: QuerySet[Transaction]) -> QuerySet[Transaction]:
        """The rows asked for; the period in sequence numbers, which lists and files go by.

        The dates stand inside a CASE, where PostgreSQL leaves them alone: taken for one more condition beside the
        numbers, they would let it expect hardly any rows and read all of a period to show fifty.
        """
        rows: QuerySet[Transaction] = super().filter_queryset(queryset)
        asked = self.asked
        bounds = {"business_date__gte": asked.first, "business_date__lte": asked.last}
        period = Q(**{name: day for name, day in bounds.items() if day is not None})
        if not period:
            return rows
        lowest, highest = span_of(self._merchant_id, asked.first, asked.last, using=rows.db)
        within = Case(When(period, then=True), default=False, output_field=BooleanField())
        return rows.filter(within, sequence__gte=lowest, sequence__lte=highest)

    @classmethod
    def get_filters(cls) -> dict[str, Filter]:
        # `from` is a word of Python's, so it can't be declared as an attribute.
        return {"from": _day("gte", "first business date, YYYY-MM-DD, inclusive"), **super().get_filters()}

    def get_form_class(self) -> Any:
        return type("TransactionFilterForm", (_PeriodForm, super().get_form_class()), {})

    def of_card(self, queryset: QuerySet[Transaction], name: str, value: str) -> QuerySet[Transaction]:
        # The cards first: how a card's number ends is in no index of the log.
        cards = Card.objects.using(queryset.db).filter(programme__merchant=self._merchant_id)
        return queryset.filter(card__in=list(cards_ending_in(cards, value).values_list("pk", flat=True)))


class _PeriodForm:
    """What the fields can't say one by one: a period doesn't end before it begins."""

    def clean(self) -> Any:
        cleaned = super().clean()  # type: ignore[misc]
        first, last = cleaned.get("from"), cleaned.get("to")
        if first and last and last < first:
            self.add_error("to", _("The period ends before it begins."))  # type: ignore[attr-defined]
        return cleaned


class SalesFilter(TransactionFilter):
    """The same, and unless told otherwise only approved purchases, refunds and voids."""

    kind = _kind(SALES)
    status = _status(Transaction.Status.APPROVED)
