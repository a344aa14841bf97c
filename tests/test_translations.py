"""Chinese is the default language: no sentence may be missing from it, and none may lose a placeholder."""

import re
from pathlib import Path

from babel.messages.pofile import read_po

CATALOGUE = Path(__file__).resolve().parents[1] / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
PLACEHOLDERS = re.compile(r"%\(\w+\)s|\{\w+\}")


def messages():
    with CATALOGUE.open("rb") as file:
        return [message for message in read_po(file, locale="zh_Hans") if message.id]


def test_every_sentence_is_translated():
    found = messages()
    assert len(found) > 200
    for message in found:
        texts = [message.string] if isinstance(message.string, str) else message.string
        assert all(texts), message.id
        assert not message.fuzzy, message.id


def test_no_translation_loses_a_placeholder():
    for message in messages():
        wanted = set(PLACEHOLDERS.findall(message.id if isinstance(message.id, str) else message.id[-1]))
        text = message.string if isinstance(message.string, str) else message.string[0]
        assert set(PLACEHOLDERS.findall(text)) == wanted, message.id
