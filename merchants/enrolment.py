"""Enrolling a phone as a terminal, and revoking it (protocol, section 1.1).

The owner opens a terminal and gets a one-time code; the phone that brings the code brings its public key and is
the terminal from then on. Of the code only a digest is stored. Each service is one database transaction; sockets
hear of it after the commit, never of something that was rolled back.
"""

import hashlib
import logging
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import IntegrityError, transaction
from django.utils import timezone

from merchants.groups import terminal_changed, terminal_revoked
from merchants.models import Merchant, Terminal
from merchants.terminal_keys import BadPublicKey, PublicKey, proves

__all__ = [
    "BadPublicKey",
    "CodeRefused",
    "NameTaken",
    "NotPending",
    "announce_change",
    "announce_revocation",
    "enrol",
    "enrol_with_key",
    "open_terminal",
    "proves",
    "reissue_code",
    "revoke",
]

logger = logging.getLogger(__name__)

CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no letter is taken for a digit
CODE_LETTERS = 10  # 50 bits: ten minutes at 20 tries a minute reach one in 5 * 10^12
CODE_LETTERS_TYPED_MAX = 40  # with the spaces and hyphens people type
CODE_LIFETIME = timedelta(minutes=10)
NAME_LETTERS_MAX = 60
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


class NameTaken(Exception):
    """The merchant has a terminal of this name already."""


class CodeRefused(Exception):
    """The code is unknown, used or too old. Which of them is not said."""


class NotPending(Exception):
    """The terminal is enrolled or revoked, so there is nothing to enrol."""


@transaction.atomic
def open_terminal(*, merchant: Merchant, name: str) -> tuple[Terminal, str]:
    """A new terminal of the merchant that waits for its phone, and the code to enrol it, which is shown once.

    Raises `NameTaken`.
    """
    code = _new_code()
    terminal = _create(
        merchant=merchant,
        name=name,
        enrolment_code_digest=_digest(code),
        enrolment_expires_at=timezone.now() + CODE_LIFETIME,
    )
    announce_change(terminal)
    return terminal, code


@transaction.atomic
def reissue_code(*, terminal: Terminal) -> tuple[Terminal, str]:
    """A new code for a terminal whose phone has not come yet; the old one is worth nothing from now on.

    Raises `NotPending`.
    """
    terminal = _locked(terminal)
    if terminal.enrolled_at or terminal.revoked_at:
        raise NotPending
    code = _new_code()
    terminal.enrolment_code_digest = _digest(code)
    terminal.enrolment_expires_at = timezone.now() + CODE_LIFETIME
    terminal.save(update_fields=["enrolment_code_digest", "enrolment_expires_at"])
    return terminal, code


@transaction.atomic
def enrol(*, code: str, public_key: Mapping[str, Any]) -> Terminal:
    """Make the phone with this key the terminal the code was given for; the code then serves no other key.

    A phone whose answer got lost may send the same code and key again while the code lives, and gets the same.
    Raises `BadPublicKey` (the code stays good) or `CodeRefused`.
    """
    key = PublicKey.from_jwk(public_key)
    now = timezone.now()
    # Found by its digest: the time the search takes says nothing about the code itself. The row is locked, so of
    # two phones with one code the second reads what the first has made of it.
    terminal = (
        Terminal.objects.select_for_update(of=("self",))
        .select_related("merchant")
        .filter(enrolment_code_digest=_digest(code), enrolment_expires_at__gt=now, revoked_at=None)
        .first()
    )
    if terminal is None or terminal.public_key not in (None, key.as_jwk()):
        raise CodeRefused
    if terminal.enrolled_at is None:
        terminal.public_key = key.as_jwk()
        terminal.enrolled_at = now
        terminal.save(update_fields=["public_key", "enrolled_at"])
        _enrolled(terminal)
    return terminal


@transaction.atomic
def enrol_with_key(*, merchant: Merchant, name: str, public_key: Mapping[str, Any]) -> Terminal:
    """A new terminal with its key in one step, without a code: for whoever runs the server.

    Raises `BadPublicKey` or `NameTaken`.
    """
    key = PublicKey.from_jwk(public_key)
    terminal = _create(merchant=merchant, name=name, public_key=key.as_jwk(), enrolled_at=timezone.now())
    _enrolled(terminal)
    return terminal


@transaction.atomic
def revoke(*, terminal: Terminal) -> Terminal:
    """Take the terminal out of service for good and close its sockets. A second call changes nothing."""
    terminal = _locked(terminal)
    if terminal.revoked_at:
        return terminal
    terminal.revoked_at = timezone.now()
    terminal.online_until = None
    terminal.enrolment_code_digest = ""
    terminal.enrolment_expires_at = None
    terminal.save(update_fields=["revoked_at", "online_until", "enrolment_code_digest", "enrolment_expires_at"])
    logger.info("terminal revoked id=%s merchant=%s", terminal.id, terminal.merchant_id)
    identity = terminal.id
    transaction.on_commit(lambda: announce_revocation(identity), robust=True)
    announce_change(terminal)
    return terminal


def announce_revocation(terminal_id: UUID) -> None:
    """Tell the terminal's own sockets, in whatever process they are, to close."""
    _send(terminal_revoked(terminal_id))


def announce_change(terminal: Terminal) -> None:
    """After the commit, tell the merchant's dashboards that this terminal is to be read again."""
    message = terminal_changed(terminal.merchant_id, terminal.id)
    # A channel layer that is away must not seem to undo what is committed: hence robust (it is logged).
    transaction.on_commit(lambda: _send(message), robust=True)


def _new_code() -> str:
    letters = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LETTERS))
    half = CODE_LETTERS // 2
    return f"{letters[:half]}-{letters[half:]}"


def _digest(code: str) -> str:
    """SHA-256 of the code as it was meant: case, hyphens, spaces and O for 0, I and L for 1 don't matter."""
    letters = code.upper().translate(_READ_AS)
    return hashlib.sha256(letters.encode(errors="replace")).hexdigest()


def _create(*, merchant: Merchant, name: str, **fields: Any) -> Terminal:
    """Insert under the name's unique key: the database has the last word between two owners at once."""
    terminal = Terminal(merchant=merchant, name=name, **fields)
    try:
        with transaction.atomic():
            terminal.save(force_insert=True)
    except IntegrityError as error:
        if Terminal.objects.filter(merchant=merchant, name=name).exists():
            raise NameTaken from error
        raise
    return terminal


def _enrolled(terminal: Terminal) -> None:
    logger.info("terminal enrolled id=%s merchant=%s", terminal.id, terminal.merchant_id)
    announce_change(terminal)


def _locked(terminal: Terminal) -> Terminal:
    return Terminal.objects.select_for_update(of=("self",)).select_related("merchant").get(pk=terminal.pk)


def _send(message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is not None:
        async_to_sync(layer.group_send)(message["group"], message)
