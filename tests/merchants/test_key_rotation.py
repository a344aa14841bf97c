"""Another key-encryption key: cards go on being read before, while and after their keys are wrapped anew."""

import pytest
from django.core.management import CommandError, call_command

from merchants.keys import kernels
from merchants.models import ProgrammeKey
from tests.factories import make_card, make_merchant, read_card

pytestmark = pytest.mark.django_db

OLD, NEW = bytes(range(32)), bytes(range(32, 64))


@pytest.fixture
def card(settings):
    settings.SOFTPOS_KEY_ENCRYPTION_KEY = OLD
    return make_card(make_merchant())


def test_the_key_is_changed_while_selling_goes_on(card, settings, capsys):
    wrapped = bytes(ProgrammeKey.objects.get().wrapped_meta_read)
    settings.SOFTPOS_KEY_ENCRYPTION_KEY, settings.SOFTPOS_EARLIER_KEY_ENCRYPTION_KEYS = NEW, [OLD]
    kernels.forget()
    assert read_card(card).uid  # under the earlier one still
    call_command("rewrap_keys")
    assert "1 key versions" in capsys.readouterr().out
    assert bytes(ProgrammeKey.objects.get().wrapped_meta_read) != wrapped
    settings.SOFTPOS_EARLIER_KEY_ENCRYPTION_KEYS = []
    kernels.forget()
    assert read_card(card).uid


def test_without_the_earlier_key_nothing_is_changed(card, settings):
    before = ProgrammeKey.objects.values_list("wrapped_meta_read", "wrapped_file_read_master").get()
    settings.SOFTPOS_KEY_ENCRYPTION_KEY = NEW
    with pytest.raises(CommandError, match="SOFTPOS_EARLIER_KEY_ENCRYPTION_KEYS"):
        call_command("rewrap_keys")
    assert ProgrammeKey.objects.values_list("wrapped_meta_read", "wrapped_file_read_master").get() == before
