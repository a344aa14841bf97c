"""`manage.py verify_sun`: one SUN message checked by hand, for whoever personalises cards (protocol, section 5).

Asks the kernel with the keys on the command line; knows no card of the database and changes nothing.
"""

import json
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from softpos.kernel import verify
from softpos.kernel.keys import KEY_BYTES

NOT_GENUINE_EXIT = 1


class Command(BaseCommand):
    help = "Checks one URL of an NTAG 424 DNA: is it genuine, which card, which count? Exits 1 when not genuine."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url", help="the URL as the phone read it")
        parser.add_argument("--file-read-key", required=True, type=_key, metavar="HEX", help="K_SDMFileRead")
        parser.add_argument("--meta-read-key", type=_key, metavar="HEX", help="K_SDMMetaRead, if mirrored encrypted")
        parser.add_argument("--mode", choices=("aes", "lrp"), default="aes")
        parser.add_argument("--mac-input", metavar="TEXT", help="the text the MAC covers, where it isn't `enc`'s")
        parser.add_argument("--json", action="store_true", help="print {valid, uid, read_counter, file_data}")

    def handle(self, *_args: Any, **options: Any) -> None:
        report = verify(
            options["url"],
            file_read_key=options["file_read_key"],
            meta_read_key=options["meta_read_key"],
            mode=options["mode"],
            mac_input=options["mac_input"],
        )
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict()))
        elif report.valid:
            self.stdout.write(f"genuine: card {report.uid}, read counter {report.read_counter}")
            if report.file_data is not None:
                self.stdout.write(f"file data: {report.file_data}")
        else:
            self.stdout.write(f"not genuine: {report.problem}")
        if not report.valid:
            raise SystemExit(NOT_GENUINE_EXIT)


def _key(text: str) -> bytes:
    """An AES-128 key, for argparse, which must not show it again."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ArgumentTypeError(f"a key is {2 * KEY_BYTES} hex digits")
    return key
