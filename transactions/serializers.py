"""The shapes of what happened, in REST. A transaction is the object of `transactions.wire`, as on sockets."""

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from merchants.business_day import business_date
from merchants.models import Card, CardProgramme
from transactions.models import LedgerAccount, Transaction, Transfer
from transactions.summaries import BY_FIELD
from transactions.wire import transaction_object

SUMMARY_DAYS_MAX = 3_660  # ten years


class TerminalNameSerializer(serializers.Serializer[Any]):
    """Which terminal."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class LedgerAccountSerializer(serializers.ModelSerializer[LedgerAccount]):
    """One side of a transfer."""

    class Meta:
        model = LedgerAccount
        fields = ("kind",)
        read_only_fields = fields


class TransferSerializer(serializers.ModelSerializer[Transfer]):
    """Money that moved between two accounts of the ledger, minor units."""

    debit = LedgerAccountSerializer()
    credit = LedgerAccountSerializer()

    class Meta:
        model = Transfer
        fields = ("debit", "credit", "amount")
        read_only_fields = fields


class TransactionSerializer(serializers.Serializer[Transaction]):
    """A transaction (protocol, section 2). Amounts in minor units; `card` is masked. Wants `zone` as context."""

    id = serializers.CharField(help_text="public, begins with T")
    sequence = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=Transaction.Kind.choices)
    status = serializers.ChoiceField(choices=Transaction.Status.choices)
    amount = serializers.IntegerField()
    fee = serializers.IntegerField()
    net = serializers.IntegerField()
    currency = serializers.CharField()
    method = serializers.CharField(allow_null=True)
    card = serializers.CharField(allow_null=True)
    terminal = TerminalNameSerializer(allow_null=True)
    operator = serializers.CharField(allow_null=True)
    order_reference = serializers.CharField(allow_null=True)
    original_transaction = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    response_code = serializers.CharField(allow_null=True, help_text="ISO 8583 field 39")
    occurred_at = serializers.DateTimeField()
    business_date = serializers.DateField()
    note = serializers.CharField(allow_null=True)

    transfers = TransferSerializer(many=True, required=False, help_text="only when one is asked for")

    def __init__(self, *args: Any, with_transfers: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._with_transfers = with_transfers

    def to_representation(self, instance: Transaction) -> dict[str, Any]:
        shown = transaction_object(instance, self.context["zone"])
        if self._with_transfers:
            shown["transfers"] = TransferSerializer(instance.transfers.all(), many=True).data
        return shown


class ProgrammeNameSerializer(serializers.ModelSerializer[CardProgramme]):
    """Which card programme."""

    class Meta:
        model = CardProgramme
        fields = ("id", "name")
        read_only_fields = fields


class CardSerializer(serializers.ModelSerializer[Card]):
    """A card as its merchant sees it: masked, never its uid or a key. `balance` in minor units."""

    card = serializers.CharField(source="masked", read_only=True)
    programme = ProgrammeNameSerializer(read_only=True)
    balance = serializers.IntegerField(source="account.balance", read_only=True)
    currency = serializers.CharField(source="programme.merchant.currency", read_only=True)

    class Meta:
        model = Card
        fields = ("id", "card", "programme", "status", "balance", "currency", "expires_on", "issued_at")
        read_only_fields = fields


class SummaryQuerySerializer(serializers.Serializer[Any]):
    """What a summary is asked for: business dates, both inclusive; without them the merchant's today."""

    by = serializers.ChoiceField(choices=list(BY_FIELD), default="day")

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of Python's, so it can't be declared as an attribute.
        days = {
            name: serializers.DateField(required=False, input_formats=["%Y-%m-%d"], help_text=help_text)
            for name, help_text in (
                ("from", "first business date; unless told, `to` or today"),
                ("to", "last business date; unless told, today"),
            )
        }
        return {**days, **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        merchant = self.context["merchant"]
        today = business_date(timezone.now(), merchant.zone, merchant.day_cut_off_hour)
        last = attrs.setdefault("to", max(today, attrs.get("from", today)))
        first = attrs.setdefault("from", last)
        if last < first:
            raise serializers.ValidationError({"to": ["The period ends before it begins."]})
        if (last - first).days >= SUMMARY_DAYS_MAX:
            raise serializers.ValidationError({"to": [f"A summary spans at most {SUMMARY_DAYS_MAX} days."]})
        return attrs


class SumsSerializer(serializers.Serializer[Any]):
    """Approved movements summed, minor units; `fees` and `net` less what was given back."""

    sales = serializers.IntegerField()
    count = serializers.IntegerField()
    refunds = serializers.IntegerField()
    fees = serializers.IntegerField()
    net = serializers.IntegerField()
    top_ups = serializers.IntegerField()


class SummaryTotalsSerializer(SumsSerializer):
    """The same over the whole period, with the average purchase."""

    average = serializers.IntegerField()


@extend_schema_field(
    {
        "oneOf": [{"type": "integer", "minimum": 0, "maximum": 23}, {"type": "string"}],
        "nullable": True,
        "description": "hour 0 to 23, date, method or terminal id; null: without a terminal",
    }
)
class SummaryKeyField(serializers.Field[Any, Any, Any, Any]):
    """What a row sums."""

    def to_representation(self, value: Any) -> int | str | None:
        return value if isinstance(value, int | None) else str(value)


class SummaryRowSerializer(serializers.Serializer[Any]):
    """One hour, day, method or terminal; `name` only for terminals."""

    key = SummaryKeyField()
    name = serializers.CharField(required=False)
    sales = serializers.IntegerField(source="sums.sales")
    count = serializers.IntegerField(source="sums.count")
    refunds = serializers.IntegerField(source="sums.refunds")
    fees = serializers.IntegerField(source="sums.fees")
    net = serializers.IntegerField(source="sums.net")
    top_ups = serializers.IntegerField(source="sums.top_ups")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        row: dict[str, Any] = super().to_representation(instance)
        row["key"] = SummaryKeyField().to_representation(instance.key)
        if instance.name is None:
            del row["name"]
        return row


class SummarySerializer(serializers.Serializer[Any]):
    """Sums of a period; rows only where something moved."""

    by = serializers.ChoiceField(choices=list(BY_FIELD))
    currency = serializers.CharField()
    totals = SummaryTotalsSerializer()
    rows = SummaryRowSerializer(many=True)

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.DateField(), "to": serializers.DateField(), **super().get_fields()}


@extend_schema_field(OpenApiTypes.OBJECT)
class _RecordField(serializers.DictField):
    """One record exactly as NDEFReader hands it over (protocol, section 1, `tap`)."""


class VirtualCardSerializer(serializers.ModelSerializer[Card]):
    """A card of the demo's deck, which exists only here: hence with its uid."""

    serial_number = serializers.SerializerMethodField()
    balance = serializers.IntegerField(source="account.balance", read_only=True)
    currency = serializers.CharField(source="programme.merchant.currency", read_only=True)
    masked = serializers.CharField(read_only=True)

    class Meta:
        model = Card
        fields = ("uid", "serial_number", "balance", "currency", "masked")
        read_only_fields = fields

    def get_serial_number(self, card: Card) -> str:
        return bytes.fromhex(card.uid).hex(":")


class VirtualTapSerializer(serializers.Serializer[Any]):
    """A fresh tap of a virtual card, as the `tap` message wants it."""

    serial_number = serializers.CharField()
    records = serializers.ListField(child=_RecordField())
