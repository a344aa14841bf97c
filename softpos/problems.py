"""Errors of the REST interface as problem details (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler


def problem_details(exception: Exception, context: dict[str, Any]) -> Response | None:
    """Django REST framework's exception handler: the same statuses, told in `application/problem+json`.

    `errors` (an extension member) names the fields of a refused body. Returns None for what nobody expected.
    """
    response = exception_handler(exception, context)
    if response is None:
        return None
    title = HTTPStatus(response.status_code).phrase
    problem: dict[str, Any] = {"type": "about:blank", "title": title, "status": response.status_code}
    if isinstance(exception, ValidationError):
        problem["detail"] = "Some fields are not valid."
        problem["errors"] = response.data
    elif isinstance(response.data, dict) and "detail" in response.data:
        problem["detail"] = str(response.data["detail"])
    response.data = problem
    response.content_type = "application/problem+json"
    return response
