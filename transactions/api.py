"""REST for what happened, and for what is on the cards (protocol, section 3). Read only.

Every queryset begins at what the member may see (`selectors.visible_to`); everything else is not found.
"""

from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.db.models import Prefetch, QuerySet
from django.http import Http404, StreamingHttpResponse
from django_filters.rest_framework import DjangoFilterBackend  # type: ignore[import-untyped]
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.generics import GenericAPIView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from merchants.models import Card
from merchants.permissions import Capability
from merchants.rest import HouseView, answers, ordered_by, problem_answers
from transactions import exports, selectors
from transactions.export_rows import COLUMNS
from transactions.filters import SalesFilter, TransactionFilter
from transactions.models import Transaction, Transfer
from transactions.public_id import from_public
from transactions.serializers import (
    CardSerializer,
    SummaryQuerySerializer,
    SummarySerializer,
    TransactionSerializer,
)
from transactions.summaries import summarise

FILE = OpenApiResponse(OpenApiTypes.STR, description="UTF-8 with BOM, CRLF: " + ", ".join(COLUMNS))
PUBLIC_ID = OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH, description="begins with T")


@extend_schema_view(
    list=extend_schema(
        summary="The log, newest first; a cashier sees their own sales",
        responses=answers(TransactionSerializer(many=True), 400, 404),
    ),
    retrieve=extend_schema(
        summary="One transaction with its transfers",
        parameters=[PUBLIC_ID],
        responses=answers(TransactionSerializer, 404),
    ),
)
class TransactionViewSet(HouseView, ReadOnlyModelViewSet[Transaction]):
    """The transaction log."""

    capability: Capability | None = "read_own"
    serializer_class = TransactionSerializer
    pagination_class = ordered_by("-sequence")
    filter_backends = [DjangoFilterBackend]
    filterset_class = TransactionFilter
    queryset = Transaction.objects.none()
    lookup_url_kwarg = "id"

    def get_queryset(self) -> QuerySet[Transaction]:
        if self.describing:
            return self.queryset
        rows = selectors.visible_to(self.member)
        return selectors.with_names(selectors.reported(rows) if self.action == "list" else rows)

    def get_serializer_context(self) -> dict[str, Any]:
        zone = None if self.describing else self.member.merchant.zone
        return {**super().get_serializer_context(), "zone": zone}

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        identity = from_public(kwargs["id"])
        transfers = Prefetch("transfers", Transfer.objects.select_related("debit", "credit").order_by("pk"))
        rows = self.get_queryset().prefetch_related(transfers)
        found = rows.filter(pk=identity).first() if identity else None
        if found is None:
            raise Http404
        return Response(self.get_serializer(found, with_transfers=True).data)


class CsvRenderer(JSONRenderer):
    """Lets a client ask for `text/csv`. The file is streamed past it; only problems are rendered, as JSON."""

    media_type = exports.CSV_MEDIA_TYPE
    format = "csv"


class ExportView(HouseView, GenericAPIView[Transaction]):
    """The CSV (protocol, section 4). Without `kind` and `status`: approved purchases, refunds and voids."""

    capability: Capability | None = "export"
    renderer_classes = [CsvRenderer, JSONRenderer]
    filter_backends = [DjangoFilterBackend]
    filterset_class = SalesFilter
    queryset = Transaction.objects.none()
    http_method_names = ["get", "options"]

    @extend_schema(
        summary="The transactions as CSV, oldest first, streamed",
        operation_id="transactions_export",
        filters=True,
        parameters=[OpenApiParameter("format", exclude=True)],
        responses={(200, exports.CSV_MEDIA_TYPE): FILE, **problem_answers(400, 401, 403)},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        merchant = self.member.merchant
        rows = selectors.reported(selectors.visible_to(self.member))
        export = exports.export_of(self.filter_queryset(rows), merchant)
        # Whoever serves decides who pulls: under ASGI the pages are read in threads, beside the event loop.
        served_by_asgi = isinstance(request._request, ASGIRequest)
        response = StreamingHttpResponse(
            exports.pages_async(export) if served_by_asgi else exports.pages(export),
            content_type=f"{exports.CSV_MEDIA_TYPE}; charset=utf-8",
        )
        first, last = (request.query_params.get(name, "") for name in ("from", "to"))
        name = exports.file_name(merchant.name, first, last)
        response["Content-Disposition"] = exports.content_disposition(name)
        response["Cache-Control"] = "private, no-store"
        return response


class SummaryView(HouseView):
    """Sums of a period from the running totals."""

    capability: Capability | None = "read_all"

    @extend_schema(
        summary="Sales, fees and net of a period, by hour, day, method or terminal",
        operation_id="summary",
        parameters=[SummaryQuerySerializer],
        responses=answers(SummarySerializer, 400),
    )
    def get(self, request: Request) -> Response:
        merchant = self.member.merchant
        query = SummaryQuerySerializer(data=request.query_params, context={"merchant": merchant})
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        found = summarise(merchant=merchant, first=asked["from"], last=asked["to"], by=asked["by"])
        answer = {**asked, "currency": merchant.currency, "totals": found.totals, "rows": found.rows}
        return Response(SummarySerializer(answer).data)


@extend_schema_view(
    list=extend_schema(summary="The merchant's cards, newest first", responses=answers(CardSerializer(many=True), 404)),
    retrieve=extend_schema(summary="One card", responses=answers(CardSerializer, 404)),
)
class CardViewSet(HouseView, ReadOnlyModelViewSet[Card]):
    """Cards and what is on them; masked."""

    capability: Capability | None = "read_all"
    serializer_class = CardSerializer
    pagination_class = ordered_by("-id")
    queryset = Card.objects.none()
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[Card]:
        if self.describing:
            return self.queryset
        of_merchant = Card.objects.filter(programme__merchant_id=self.member.merchant_id)
        return of_merchant.select_related("programme__merchant", "account")
