"""After a change of the key-encryption key: wrap every programme's master keys under the present one."""

from typing import Any

from cryptography.exceptions import InvalidTag
from django.core.management.base import BaseCommand, CommandError

from merchants.keys import rewrap_keys


class Command(BaseCommand):
    """All or none; safe while selling goes on, and to run again."""

    help = "Wrap the master keys of all card programmes under the present SOFTPOS_KEY_ENCRYPTION_KEY."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = rewrap_keys()
        except InvalidTag:
            raise CommandError(
                "a key is wrapped under none of the key-encryption keys given: "
                "name the one before in SOFTPOS_EARLIER_KEY_ENCRYPTION_KEYS. Nothing was changed."
            ) from None
        self.stdout.write(f"{count} key versions are wrapped under the present key-encryption key.")
