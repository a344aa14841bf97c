"""The deck of virtual cards beside the keypad, so that a newcomer can take a payment without a phone.

Routed only in demo mode (`softpos.api_urls`); outside it these addresses don't exist. A card that is not virtual,
or another merchant's, is not found: the server never computes a real card's taps.
"""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from merchants.models import Card
from merchants.permissions import Capability
from merchants.rest import Conflict, HouseView, answers
from merchants.virtual import NotVirtual, fresh_tap
from transactions.serializers import VirtualCardSerializer, VirtualTapSerializer

DECK_CARDS_MAX = 50
UID = OpenApiParameter("uid", OpenApiTypes.STR, OpenApiParameter.PATH, description="14 hex digits")


class _DeckView(HouseView):
    capability: Capability | None = "sell"

    def deck(self) -> QuerySet[Card]:
        """The virtual cards of the member's merchant."""
        virtual = Card.objects.filter(programme__merchant_id=self.member.merchant_id, virtual__isnull=False)
        return virtual.select_related("programme__merchant", "account").order_by("pk")


class DeckView(_DeckView):
    """The deck."""

    @extend_schema(operation_id="demo_cards", responses=answers(VirtualCardSerializer(many=True)))
    def get(self, request: Request) -> Response:
        return Response(VirtualCardSerializer(self.deck()[:DECK_CARDS_MAX], many=True).data)


class DeckTapView(_DeckView):
    """A tap of one of its cards."""

    @extend_schema(
        operation_id="demo_tap", parameters=[UID], request=None, responses=answers(VirtualTapSerializer, 404, 409)
    )
    def post(self, request: Request, uid: str) -> Response:
        card: Any = self.deck().filter(uid=uid.upper()).first()
        if card is None:
            raise Http404
        try:
            return Response(fresh_tap(card))
        except NotVirtual as error:  # it is virtual, so its counter stands at the limit
            raise Conflict("The card is worn out.") from error
