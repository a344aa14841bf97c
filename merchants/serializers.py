"""The shapes of what stands, in REST: merchant, terminal, fee schedule; and the checks of what comes in."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from merchants.enrolment import CODE_LETTERS_TYPED_MAX, NAME_LETTERS_MAX
from merchants.models import FeeComponent, FeeSchedule, Merchant, Terminal
from merchants.terminal_keys import BadPublicKey, PublicKey

TERMINAL_STATES = [(state, state) for state in ("online", "offline", "pending", "revoked")]


class MerchantSerializer(serializers.ModelSerializer[Merchant]):
    """Who sells. `amount_max` in minor units."""

    id = serializers.SlugField(source="slug", read_only=True)

    class Meta:
        model = Merchant
        fields = ("id", "name", "currency", "time_zone", "day_cut_off_hour", "amount_max")
        read_only_fields = fields


class TerminalSerializer(serializers.ModelSerializer[Terminal]):
    """A terminal as its merchant sees it. Its public key is nobody's business."""

    state = serializers.SerializerMethodField()

    class Meta:
        model = Terminal
        fields = ("id", "name", "state", "created_at", "enrolled_at", "revoked_at", "last_seen_at")
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=TERMINAL_STATES))
    def get_state(self, terminal: Terminal) -> str:
        return terminal.state_at(timezone.now())


class NewTerminalSerializer(serializers.Serializer[Any]):
    """What it takes to open a terminal."""

    name = serializers.CharField(max_length=NAME_LETTERS_MAX)


class EnrolmentSerializer(serializers.ModelSerializer[Terminal]):
    """A terminal that waits for its phone, with the code to enrol it: shown this once."""

    enrolment_code = serializers.SerializerMethodField()
    expires_at = serializers.DateTimeField(source="enrolment_expires_at", read_only=True)

    class Meta:
        model = Terminal
        fields = ("id", "name", "enrolment_code", "expires_at")
        read_only_fields = fields

    def get_enrolment_code(self, terminal: Terminal) -> str:
        return str(self.context["code"])


@extend_schema_field(
    {
        "type": "object",
        "required": ["kty", "crv", "x", "y"],
        "properties": {
            "kty": {"type": "string", "enum": ["EC"]},
            "crv": {"type": "string", "enum": ["P-256"]},
            "x": {"type": "string", "description": "32 bytes, base64url without padding"},
            "y": {"type": "string", "description": "32 bytes, base64url without padding"},
        },
    }
)
class PublicKeyField(serializers.Field[Any, Any, Any, Any]):
    """A public P-256 key as a JWK; other members than these are dropped, a private one is refused."""

    def to_internal_value(self, data: Any) -> dict[str, str]:
        try:
            return PublicKey.from_jwk(data).as_jwk()
        except BadPublicKey as error:
            raise serializers.ValidationError(str(error)) from error

    def to_representation(self, value: Any) -> Any:
        return value


class EnrolRequestSerializer(serializers.Serializer[Any]):
    """What the phone sends to become a terminal."""

    code = serializers.CharField(max_length=CODE_LETTERS_TYPED_MAX)
    public_key = PublicKeyField()


class EnrolledSerializer(serializers.Serializer[Any]):
    """What the phone has become."""

    class _Terminal(serializers.ModelSerializer[Terminal]):
        class Meta:
            model = Terminal
            fields = ("id", "name")
            ref_name = "TerminalReference"

    class _Merchant(serializers.ModelSerializer[Merchant]):
        id = serializers.SlugField(source="slug")

        class Meta:
            model = Merchant
            fields = ("id", "name", "currency", "time_zone")
            ref_name = "MerchantReference"

    terminal = _Terminal(source="*")
    merchant = _Merchant()


class FeeComponentSerializer(serializers.ModelSerializer[FeeComponent]):
    """One rate: amounts in minor units, `rate_ppm` in parts per million; empty `method`: every one."""

    class Meta:
        model = FeeComponent
        fields = ("method", "amount_from", "amount_below", "rate_ppm", "fixed", "minimum", "cap")
        read_only_fields = fields


class FeeScheduleSerializer(serializers.ModelSerializer[FeeSchedule]):
    """Fee rules from a business date on, until the next schedule's."""

    components = FeeComponentSerializer(many=True, read_only=True)

    class Meta:
        model = FeeSchedule
        fields = ("id", "name", "valid_from", "refund_policy", "components")
        read_only_fields = fields
