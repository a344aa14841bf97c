"""Bearer tokens for clients that are no browser: `Authorization: Token T` (protocol, section 1).

A token is 32 random bytes; only its SHA-256 digest is stored. A plain digest is enough, because the token itself has
full entropy (a slow hash protects guessable secrets).
"""

import hashlib
import secrets

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from merchants.models import ApiToken, User

TOKEN_LENGTH_MAX = 200


def digest_of(token: str) -> str:
    """SHA-256 of the token, hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def issue_token(user: User, token: str | None = None) -> str:
    """Make (or keep, if it already stands) a token for the user and return it; it can't be shown again."""
    token = token or secrets.token_urlsafe(32)
    ApiToken.objects.get_or_create(digest=digest_of(token), defaults={"user": user})
    return token


def token_of(header: bytes) -> ApiToken | None:
    """The standing token an `Authorization` header carries, with its active person; None when it carries none."""
    scheme, _, token = header.decode("latin-1").partition(" ")
    token = token.strip()
    if scheme.lower() != "token" or not token or len(token) > TOKEN_LENGTH_MAX:
        return None
    return (
        ApiToken.objects.select_related("user")
        .filter(digest=digest_of(token), revoked_at=None, user__is_active=True)
        .first()
    )


class TokenAuthentication(BaseAuthentication):
    """Django REST framework's side of `token_of`."""

    def authenticate(self, request: Request) -> tuple[User, str] | None:
        header = get_authorization_header(request)
        if not header.lower().startswith(b"token"):
            return None
        token = token_of(header)
        if token is None:
            raise AuthenticationFailed("The token is not valid.")
        return token.user, "token"

    def authenticate_header(self, request: Request) -> str:
        return "Token"
