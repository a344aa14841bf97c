"""What every REST view of the house shares: bounded bodies, cursors, the member, problems in the schema.

Relies on Django REST framework and drf-spectacular; knows no model but the member's. Errors become problem
details (RFC 9457) in `softpos.problems`, which the settings name.
"""

import io
from http import HTTPStatus
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, NotFound, ParseError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.views import APIView

from merchants.models import Member
from merchants.permissions import Capability, member_of

BODY_BYTES_MAX = 16 * 1024  # the largest body anybody needs is a JWK with a code: under 500 bytes
CONTENT_LENGTH_DIGITS_MAX = 12
PAGE_SIZE = 50
PAGE_SIZE_MAX = 200
PROBLEM_MEDIA_TYPE = "application/problem+json"


class BodyTooLarge(APIException):
    """413: the body is longer than `BODY_BYTES_MAX`."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"The body is larger than {BODY_BYTES_MAX} bytes."
    default_code = "too_large"


class Conflict(APIException):
    """409: the request is right, but not in the state the object is in."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class BoundedJSONParser(JSONParser):
    """JSON of at most `BODY_BYTES_MAX` bytes, also without a Content-Length; nested too deep is malformed."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        body = stream.read(BODY_BYTES_MAX + 1)
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLarge
        try:
            return super().parse(io.BytesIO(body), media_type, parser_context)
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deep") from error


class KeysetPagination(CursorPagination):
    """Pages by position: each costs the same, wherever it is. A cursor that is none is a 404, never a 500."""

    page_size = PAGE_SIZE
    page_size_query_param = "page_size"
    max_page_size = PAGE_SIZE_MAX
    page_size_query_description = f"Results per page, {PAGE_SIZE} unless told, at most {PAGE_SIZE_MAX}."

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        self._model = queryset.model
        page: list[Any] | None = super().paginate_queryset(queryset, request, view)
        return page

    def decode_cursor(self, request: Request) -> Cursor | None:
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            try:
                self._check(str(cursor.position))
            except (ValidationError, ValueError) as error:
                raise NotFound(self.invalid_cursor_message) from error
        return cursor

    def _check(self, position: str) -> None:
        """Raise unless the position is a value of the field the rows are ordered by."""
        if "\0" in position:
            raise ValueError("PostgreSQL knows no NUL in text")
        self._model._meta.get_field(self.ordering[0].lstrip("-")).clean(position, None)


def ordered_by(field: str) -> type[KeysetPagination]:
    """Pages in the order of one unique field; `-field` for newest first."""
    return type("KeysetPagination", (KeysetPagination,), {"ordering": field})


class ProblemSerializer(serializers.Serializer[Any]):
    """Problem details (RFC 9457)."""

    type = serializers.CharField(default="about:blank")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(required=False)

    def get_fields(self) -> dict[str, Any]:
        # A serializer's own `errors` are something else, so this one can't be declared as an attribute.
        refused = serializers.DictField(
            child=serializers.JSONField(), required=False, help_text="Refused fields and why; only with 400."
        )
        return {**super().get_fields(), "errors": refused}


def answers(good: Any, *problems: int, created: bool = False) -> dict[Any, Any]:
    """The responses of an operation, for the schema: the good one and the problems; 401 and 403 are understood."""
    return {201 if created else 200: good, **problem_answers(401, 403, *problems)}


def problem_answers(*codes: int) -> dict[Any, Any]:
    """The problems an operation may answer with, for the schema."""
    return {
        (code, PROBLEM_MEDIA_TYPE): OpenApiResponse(ProblemSerializer, description=HTTPStatus(code).phrase)
        for code in sorted(codes)
    }


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema names `merchants.tokens.TokenAuthentication`."""

    target_class = "merchants.tokens.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`Token T`"}


class HouseView(APIView):
    """Every REST view's base: whose merchant it is, and how large a body may be.

    A view names `capability`, or `capabilities` by action (`merchants.permissions.MayDo`).
    """

    parser_classes = [BoundedJSONParser]
    capability: Capability | None = None
    capabilities: ClassVar[dict[str, Capability]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or len(length) > CONTENT_LENGTH_DIGITS_MAX or int(length) > BODY_BYTES_MAX:
            raise BodyTooLarge
        super().initial(request, *args, **kwargs)

    @property
    def member(self) -> Member:
        """Who asks. The permission has been checked, so there is one."""
        member = member_of(self.request.user)
        assert member is not None
        return member

    @property
    def describing(self) -> bool:
        """Whether only the schema is being made, so that nobody asks and nothing is to be read."""
        return getattr(self, "swagger_fake_view", False)
