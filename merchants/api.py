"""REST for what stands: merchant, fee schedules, terminals (protocol, sections 1.1 and 3).

Views translate; `merchants.enrolment` decides. Every queryset begins at the member's merchant, so that what
belongs to another is not found.
"""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.viewsets import GenericViewSet, ReadOnlyModelViewSet

from merchants import enrolment
from merchants.models import FeeSchedule, Terminal
from merchants.permissions import Capability
from merchants.rest import Conflict, HouseView, answers, ordered_by, problem_answers
from merchants.serializers import (
    EnrolledSerializer,
    EnrolmentSerializer,
    EnrolRequestSerializer,
    FeeScheduleSerializer,
    MerchantSerializer,
    NewTerminalSerializer,
    TerminalSerializer,
)


class MerchantView(HouseView):
    """The merchant of the signed-in person."""

    capability: Capability | None = "read_own"

    @extend_schema(operation_id="merchant", responses=answers(MerchantSerializer))
    def get(self, request: Request) -> Response:
        return Response(MerchantSerializer(self.member.merchant).data)


@extend_schema_view(
    list=extend_schema(
        summary="The fee schedules with their components, newest first",
        responses=answers(FeeScheduleSerializer(many=True), 404),
    )
)
class FeeViewSet(HouseView, mixins.ListModelMixin, GenericViewSet[FeeSchedule]):
    """What is kept of a purchase, by business date."""

    capability: Capability | None = "read_all"
    serializer_class = FeeScheduleSerializer
    pagination_class = ordered_by("-valid_from")
    queryset = FeeSchedule.objects.none()

    def get_queryset(self) -> QuerySet[FeeSchedule]:
        if self.describing:
            return self.queryset
        of_merchant = FeeSchedule.objects.filter(merchant_id=self.member.merchant_id)
        return of_merchant.prefetch_related("components")


@extend_schema_view(
    list=extend_schema(
        summary="The merchant's terminals, by name", responses=answers(TerminalSerializer(many=True), 404)
    ),
    retrieve=extend_schema(summary="One terminal", responses=answers(TerminalSerializer, 404)),
)
class TerminalViewSet(HouseView, ReadOnlyModelViewSet[Terminal]):
    """Terminals: opened by the owner, enrolled by the phone, revoked by the owner."""

    capabilities: ClassVar[dict[str, Capability]] = {
        "list": "read_all",
        "retrieve": "read_all",
        "create": "manage_terminals",
        "code": "manage_terminals",
        "revoke": "manage_terminals",
    }
    serializer_class = TerminalSerializer
    pagination_class = ordered_by("name")
    queryset = Terminal.objects.none()
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Terminal]:
        if self.describing:
            return self.queryset
        return Terminal.objects.filter(merchant_id=self.member.merchant_id)

    @extend_schema(
        summary="Open a terminal: the code enrols one phone within ten minutes",
        request=NewTerminalSerializer,
        responses=answers(EnrolmentSerializer, 400, 413, 415, created=True),
    )
    def create(self, request: Request) -> Response:
        name = _valid(NewTerminalSerializer, request)["name"]
        try:
            terminal, code = enrolment.open_terminal(merchant=self.member.merchant, name=name)
        except enrolment.NameTaken as error:
            raise ValidationError({"name": [_("There is a terminal of this name already.")]}) from error
        return Response(EnrolmentSerializer(terminal, context={"code": code}).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="A new code for a terminal not enrolled yet; the old one stops working",
        request=None,
        responses=answers(EnrolmentSerializer, 404, 409),
    )
    @action(detail=True, methods=["post"])
    def code(self, request: Request, pk: Any = None) -> Response:
        try:
            terminal, code = enrolment.reissue_code(terminal=self.get_object())
        except enrolment.NotPending as error:
            raise Conflict(_("The terminal is enrolled or revoked; open a new one.")) from error
        return Response(EnrolmentSerializer(terminal, context={"code": code}).data)

    @extend_schema(
        summary="Revoke a terminal for good; its sockets are closed at once",
        request=None,
        responses=answers(TerminalSerializer, 404),
    )
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: Any = None) -> Response:
        return Response(TerminalSerializer(enrolment.revoke(terminal=self.get_object())).data)


class EnrolView(HouseView):
    """The phone's side of enrolment. The code is the bearer: nobody need be signed in."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "enrol"

    @extend_schema(
        summary="Enrol this phone with a one-time code and its public key",
        operation_id="terminals_enrol",
        request=EnrolRequestSerializer,
        responses={200: EnrolledSerializer, **problem_answers(400, 413, 415, 429)},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        wanted = _valid(EnrolRequestSerializer, request)
        try:
            terminal = enrolment.enrol(code=wanted["code"], public_key=wanted["public_key"])
        except enrolment.CodeRefused as error:
            raise ValidationError({"code": [_("The code is unknown, used or too old.")]}) from error
        return Response(EnrolledSerializer(terminal).data)


def _valid(serializer_class: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The checked body. Raises `ValidationError` (400), which names the fields."""
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    values: dict[str, Any] = serializer.validated_data
    return values
