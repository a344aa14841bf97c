"""`manage.py api_token USER`: a token for a client that is no browser (protocol, section 5)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from merchants.models import User
from merchants.tokens import issue_token


class Command(BaseCommand):
    help = "Makes a token for `Authorization: Token …` and prints it. It is shown this once: only its digest is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="the username")

    def handle(self, *_args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(f"there is no active user {options['user']!r}")
        self.stdout.write(issue_token(user))
