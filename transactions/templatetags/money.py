"""How money and ids are written in templates: the one place where minor units become text."""

from decimal import Decimal
from string import ascii_uppercase
from uuid import UUID

from babel.numbers import format_currency, get_currency_symbol
from django import template
from django.utils.translation import get_language, to_locale

from transactions.public_id import to_public

register = template.Library()


@register.filter
def money(minor: int | None, currency: str = "CNY") -> str:
    """Minor units as the reader's language writes them: 1250 → ¥12.50. Nothing for None.

    With the narrow symbol (¥, not CN¥), as `static/js/money.js` writes it: a merchant has one currency.
    """
    if minor is None:
        return ""
    locale = _babel_locale()
    symbol = get_currency_symbol(currency, locale)
    narrow = symbol.lstrip(ascii_uppercase) or symbol
    return format_currency(Decimal(minor) / 100, currency, locale=locale).replace(symbol, narrow)


@register.filter
def percent(ppm: int) -> str:
    """Parts per million as a percentage: 6000 → 0.60 %, in Chinese 0.60%."""
    space = "" if _babel_locale().startswith("zh") else " "
    return f"{Decimal(ppm) / 10_000:.2f}{space}%"


@register.filter
def public_id(identity: UUID) -> str:
    """A transaction's id as people see it."""
    return to_public(identity)


def _babel_locale() -> str:
    language = get_language() or "en"
    return "zh_Hans_CN" if language.startswith("zh") else to_locale(language)
