"""`manage.py export_transactions`: the CSV of protocol section 4 on standard output, the same as from REST."""

from argparse import ArgumentTypeError
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from merchants.models import Merchant
from transactions.exports import export_of, pages
from transactions.filters import SalesFilter
from transactions.models import Transaction


class Command(BaseCommand):
    help = "Writes the approved purchases, refunds and voids of the business dates from … to …, as CSV."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--merchant", required=True, metavar="M", help="the merchant's slug")
        parser.add_argument("--from", required=True, type=_day, metavar="D", help="first business date, YYYY-MM-DD")
        parser.add_argument("--to", required=True, type=_day, metavar="D", help="last business date, inclusive")

    def handle(self, *_args: Any, **options: Any) -> None:
        merchant = Merchant.objects.named(options["merchant"])
        if merchant is None:
            raise CommandError(f"there is no merchant {options['merchant']!r}")
        period = {name: options[name].isoformat() for name in ("from", "to")}
        chosen = SalesFilter(period, queryset=Transaction.objects.filter(merchant=merchant), merchant=merchant)
        if not chosen.is_valid():
            raise CommandError(" ".join(error for errors in chosen.errors.values() for error in errors))
        # Bytes where standard output has them: its text layer would know neither the BOM nor CRLF.
        binary = getattr(self.stdout, "buffer", None)
        for piece in pages(export_of(chosen.qs, merchant)):
            if binary is not None:
                binary.write(piece)
            else:
                self.stdout.write(piece.decode(), ending="")
        if binary is not None:
            binary.flush()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no date: YYYY-MM-DD") from error
