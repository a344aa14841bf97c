"""The filter of the transaction log, declared once: REST, the CSV and the page all ask through it.

`from` and `to` are business dates, both inclusive. Without `kind` and `status`, `TransactionFilter` keeps
everything; `SalesFilter`, the CSV's, the approved movements of the merchant's own money, whose sums are the
dashboard's.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import (  # type: ignore[import-untyped]
    CharFilter,
    ChoiceFilter,
    DateFilter,
    Filter,
    FilterSet,
    UUIDFilter,
)

from transactions.models import Transaction

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

    def filter(self, qs: QuerySet[Transaction], value: str | None) -> QuerySet[Transaction]:
        wanted = value or self._unless_told
        if wanted == ALL:
            return qs
        return qs.filter(**{f"{self.field_name}__in": self._sets.get(wanted, (wanted,))})


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


def _day(lookup: str, help_text: str) -> DateFilter:
    return DateFilter(field_name="business_date", lookup_expr=lookup, input_formats=["%Y-%m-%d"], help_text=help_text)


class TransactionFilter(FilterSet):  # type: ignore[misc]
    """`from`, `to`, `kind`, `status`, `terminal`, `card`; without any of them, the whole log."""

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

    @classmethod
    def get_filters(cls) -> dict[str, Filter]:
        # `from` is a word of Python's, so it can't be declared as an attribute.
        return {"from": _day("gte", "first business date, YYYY-MM-DD, inclusive"), **super().get_filters()}

    def get_form_class(self) -> Any:
        return type("TransactionFilterForm", (_PeriodForm, super().get_form_class()), {})

    def of_card(self, queryset: QuerySet[Transaction], name: str, value: str) -> QuerySet[Transaction]:
        return queryset.filter(card__uid__endswith=value.upper())


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
