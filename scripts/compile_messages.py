"""Compile gettext catalogues with Babel, so that no gettext tools have to be installed.

    python -m scripts.compile_messages [FILE.po …]      without arguments: every locale/*/LC_MESSAGES/*.po

Stops with the place and the reason when a translation asks for what its original does not have (`%(nmae)s`).
"""

import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

ROOT = Path(__file__).resolve().parent.parent


def compile_catalogue(path: Path) -> list[str]:
    """Write the `.mo` beside `path`; returns what is wrong with the catalogue, one line each."""
    with path.open("rb") as source:
        catalogue = read_po(source, locale=path.parent.parent.name, abort_invalid=True)
    wrong = [
        f"{path}:{message.lineno}: {message.id!r}: {error}" for message, errors in catalogue.check() for error in errors
    ]
    if not wrong:
        with path.with_suffix(".mo").open("wb") as target:
            write_mo(target, catalogue)
    return wrong


def main(arguments: list[str]) -> int:
    paths = [Path(name) for name in arguments] or sorted(ROOT.glob("locale/*/LC_MESSAGES/*.po"))
    wrong = []
    for path in paths:
        try:
            wrong += compile_catalogue(path)
        except PoFileError as error:
            wrong.append(f"{path}: {error}")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
