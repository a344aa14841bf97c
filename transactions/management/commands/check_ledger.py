"""`manage.py check_ledger`: proves the books, or says what is wrong and exits 1 (protocol, section 5)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from transactions import proof


class Command(BaseCommand):
    help = "Proves the books: balances, transfers, sequences and totals. Exits 1 and says what is wrong otherwise."

    def handle(self, *args: Any, **options: Any) -> None:
        def report(name: str, count: int) -> None:
            self.stdout.write(f"{'ok ' if not count else 'NOT'} {name}")

        wrong = list(proof.findings(report))
        for sentence in wrong:
            self.stderr.write(sentence)
        if wrong:
            raise CommandError(f"the books are not true: {len(wrong)} findings")
        self.stdout.write("The books are true.")
