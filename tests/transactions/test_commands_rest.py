"""The commands that do without a browser: tokens, terminals, SUN by hand, the CSV (protocol, section 5)."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from rest_framework.test import APIClient

from merchants.models import ApiToken, Terminal
from tests.factories import Phone, make_card, make_member, make_merchant, make_terminal, sell
from tests.rest import API, client_of, rows_of

ROOT = Path(__file__).resolve().parents[2]
GENUINE = "https://ntag.nxp.com/424?e=EF963FF7828658A599F3041510671E88&c=94EED9EE65337086"  # AN12196, table 5
KEYS = ("--file-read-key", "00" * 16, "--meta-read-key", "00" * 16)


def said(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


# --- api_token ------------------------------------------------------------------------------------


def test_a_token_signs_its_person_in(db):
    owner = make_member(make_merchant(), "owner")
    token = said("api_token", owner.user.username).strip()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    assert client.get(f"{API}merchant/").json()["id"] == owner.merchant.slug
    assert token not in str(list(ApiToken.objects.values()))


def test_there_is_no_token_for_nobody(db):
    with pytest.raises(CommandError, match="there is no active user 'nobody'"):
        said("api_token", "nobody")


# --- enrol_terminal -------------------------------------------------------------------------------


def test_a_terminal_is_enrolled_without_the_browser(db):
    merchant, phone = make_merchant(), Phone()
    arguments = ("--merchant", merchant.slug, "--name", " Till  1 ", "--public-key", json.dumps(phone.jwk), "--json")
    answer = json.loads(said("enrol_terminal", *arguments))
    terminal = Terminal.objects.get()
    named = {"id": str(terminal.pk), "name": "Till 1"}
    assert answer == {**named, "terminal": named, "merchant": merchant.slug}
    assert (terminal.public_key, terminal.merchant) == (phone.jwk, merchant)
    assert terminal.enrolled_at is not None


def test_without_json_only_the_id_is_printed(db):
    merchant = make_merchant()
    out = said("enrol_terminal", "--merchant", merchant.slug, "--name", "Till", "--public-key", json.dumps(Phone().jwk))
    assert out == f"{Terminal.objects.get().pk}\n"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"--merchant": "nowhere"}, "no merchant"),
        ({"--name": "  "}, "1 to 60 letters"),
        ({"--name": "n" * 61}, "1 to 60 letters"),
        ({"--name": "Taken"}, "already"),
        ({"--public-key": "{"}, "not JSON"),
        ({"--public-key": "[]"}, "not a JWK"),
        ({"--public-key": json.dumps({**Phone().jwk, "d": "x"})}, "private"),
    ],
)
def test_what_can_not_be_enrolled_is_said(db, changes, reason):
    merchant = make_merchant(slug="here")
    make_terminal(merchant, "Taken")
    arguments = {"--merchant": "here", "--name": "Till", "--public-key": json.dumps(Phone().jwk), **changes}
    with pytest.raises(CommandError, match=reason):
        said("enrol_terminal", *(word for pair in arguments.items() for word in pair))
    assert Terminal.objects.count() == 1


# --- verify_sun -----------------------------------------------------------------------------------


def test_a_genuine_message_is_told_as_such():
    answer = json.loads(said("verify_sun", GENUINE, *KEYS, "--json"))
    assert answer.pop("uid").upper() == "04DE5F1EACC040"
    assert answer == {"valid": True, "read_counter": 61, "file_data": None}
    assert "read counter 61" in said("verify_sun", GENUINE, *KEYS)


@pytest.mark.parametrize(
    "url", [GENUINE[:-1] + "7", GENUINE.replace("e=", "x="), "https://ntag.nxp.com/", "", "\n", GENUINE + "&uid=04"]
)
def test_anything_else_exits_with_one(url):
    out = StringIO()
    with pytest.raises(SystemExit) as exit_:
        call_command("verify_sun", url, *KEYS, "--json", stdout=out)
    assert exit_.value.code == 1
    assert json.loads(out.getvalue()) == {"valid": False, "uid": None, "read_counter": None, "file_data": None}


@pytest.mark.parametrize("key", ["", "00", "0" * 31, "g" * 32, "00" * 17])
def test_a_key_is_sixteen_bytes(key):
    with pytest.raises(CommandError, match="32 hex digits"):
        said("verify_sun", GENUINE, "--file-read-key", key)


def test_the_mac_may_cover_other_text():
    with pytest.raises(SystemExit):
        said("verify_sun", GENUINE, *KEYS, "--mac-input", "other")


def test_an_encrypted_mirror_needs_the_meta_read_key():
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_sun", GENUINE, "--file-read-key", "00" * 16, stdout=out)
    assert "meta read key" in out.getvalue()


# --- export_transactions --------------------------------------------------------------------------

PERIOD = ("--from", "2026-01-01", "--to", "2099-12-31")


def test_the_command_and_rest_write_the_same_file(db):
    owner = make_member(make_merchant(), "owner")
    card, terminal = make_card(owner.merchant), make_terminal(owner.merchant, "收银台")
    for amount in (1_00, 12_50):
        sell(card, amount, owner, terminal)
    response = client_of(owner).get(f"{API}transactions/export.csv", {"from": "2026-01-01", "to": "2099-12-31"})
    file = b"".join(response.streaming_content)
    assert said("export_transactions", "--merchant", owner.merchant.slug, *PERIOD).encode() == file
    assert len(rows_of(file)) == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--merchant", "nowhere", *PERIOD), "no merchant"),
        (("--merchant", "here", "--from", "x", "--to", "2026-01-01"), "YYYY-MM-DD"),
        (("--merchant", "here", "--from", "2026-01-02", "--to", "2026-01-01"), "."),
        (("--merchant", "here", "--from", "2026-01-02"), "--to"),
    ],
)
def test_what_can_not_be_exported_is_said(db, arguments, reason):
    make_merchant(slug="here")
    with pytest.raises(CommandError, match=reason):
        said("export_transactions", *arguments)


def test_standard_output_gets_bytes_with_bom_and_crlf(transactional_db):
    merchant = make_merchant(slug="piped")
    name = str(connection.settings_dict["NAME"])
    code = (
        "import os, sys, django; from django.conf import settings; "
        f"settings.DATABASES['default']['NAME'] = {name!r}; django.setup(); "
        "from django.core.management import call_command; "
        f"call_command('export_transactions', '--merchant', {merchant.slug!r}, *{PERIOD!r})"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "softpos.settings", "PYTHONIOENCODING": "ascii"}
    written = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert written.stdout.startswith(b"\xef\xbb\xbftransaction_id,")
    assert written.stdout.endswith(b",note\r\n")
