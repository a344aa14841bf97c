"""The Makefile's helpers, as far as they can be wrong without anybody noticing."""

import datetime
import ipaddress
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from scripts import certificate, compile_messages, serve_phone, serving
from tests.databases import ROOT
from tests.services import with_database, without_password
from tests.workers import redis_url_of

HOME = "192.168.1.20"
NOW = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)


def names_in(path: Path) -> set[str]:
    read = x509.load_pem_x509_certificate(path.read_bytes())
    named = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in named}


def test_the_certificate_names_every_address_and_localhost(tmp_path):
    path, key = certificate.certificate_for([HOME, "10.0.0.5"], tmp_path, NOW)
    assert names_in(path) == {"localhost", "127.0.0.1", "::1", HOME, "10.0.0.5"}
    assert key.stat().st_mode & 0o777 == 0o600


def test_the_certificate_is_kept_until_the_address_changes(tmp_path):
    path, _ = certificate.certificate_for([HOME], tmp_path, NOW)
    first = path.read_bytes()
    certificate.certificate_for([HOME], tmp_path, NOW)
    assert path.read_bytes() == first
    certificate.certificate_for(["192.168.1.21"], tmp_path, NOW)
    assert path.read_bytes() != first


def test_the_certificate_is_made_anew_before_it_expires(tmp_path):
    path, _ = certificate.certificate_for([HOME], tmp_path, NOW)
    first = path.read_bytes()
    certificate.certificate_for([HOME], tmp_path, NOW + datetime.timedelta(days=certificate.VALID_DAYS - 10))
    assert path.read_bytes() == first
    certificate.certificate_for([HOME], tmp_path, NOW + datetime.timedelta(days=certificate.VALID_DAYS - 3))
    assert path.read_bytes() != first


def test_the_address_of_this_machine_may_be_said(monkeypatch):
    monkeypatch.setenv("LAN_ADDRESS", HOME)
    assert serve_phone.lan_addresses() == [HOME]
    monkeypatch.delenv("LAN_ADDRESS")
    assert not any(ipaddress.ip_address(found).is_loopback for found in serve_phone.lan_addresses())


def test_a_taken_port_is_told_in_words(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        with pytest.raises(SystemExit, match=f"Port {port} cannot be used.*\n.*make run PORT={port + 1}"):
            serving.chosen_port("PORT", 8000, host="127.0.0.1")


@pytest.mark.parametrize("text", ["abc", "0", "65536", "-1"])
def test_a_port_that_is_none_is_told_in_words(monkeypatch, text):
    monkeypatch.setenv("PORT", text)
    with pytest.raises(SystemExit, match="is no port"):
        serving.chosen_port("PORT", 8000, host="127.0.0.1")


CATALOGUE = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Hello %(name)s"\nmsgstr "{}"\n'


@pytest.mark.parametrize(("translation", "exit_code"), [("你好 %(name)s", 0), ("你好 %(nmae)s", 1)])
def test_a_translation_that_does_not_fit_is_refused(tmp_path, translation, exit_code):
    path = tmp_path / "zh_Hans" / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True)
    path.write_text(CATALOGUE.format(translation))
    assert compile_messages.main([str(path)]) == exit_code
    assert path.with_suffix(".mo").exists() == (exit_code == 0)


def test_the_lock_file_names_no_download_addresses():
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_every_python_requirement_is_pinned():
    lines = [line for name in ("", "-dev") for line in (ROOT / f"requirements{name}.txt").read_text().splitlines()]
    wanted = [line for line in lines if line and not line.startswith(("#", "-r "))]
    assert wanted
    assert [line for line in wanted if "==" not in line] == []


@pytest.mark.parametrize(
    ("script", "missing"), [("create_venv.sh .venv-of-no-python", "Python 3.11"), ("check_node.sh", "Node 18")]
)
def test_a_missing_tool_is_told_in_words(tmp_path, script, missing):
    finished = subprocess.run(
        ["/bin/sh", *f"{ROOT}/scripts/{script}".split()],
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        text=True,
        capture_output=True,
        check=False,
    )
    assert finished.returncode == 1
    assert missing in finished.stderr
    assert "apt-get install" in finished.stderr


def test_help_lists_every_command():
    listed = subprocess.run(["make", "help"], cwd=ROOT, text=True, capture_output=True, check=True).stdout
    for command in ("setup", "run", "phone", "test", "test-fast", "lint", "bench", "pictures", "clean"):
        assert f"make {command} " in listed


def test_workers_share_no_redis_database():
    assert {redis_url_of(n, "redis://h:6379/15") for n in range(3)} == {f"redis://h:6379/{n}" for n in (15, 14, 13)}
    assert redis_url_of(1, "redis://h") == "redis://h/15"


def test_addresses_of_services_are_shown_without_their_password():
    url = "postgres://me:secret@db:5432/softpos"
    assert without_password(url) == "postgres://db:5432/softpos"
    assert with_database(url, "other") == "postgres://me:secret@db:5432/other"


def test_missing_services_are_told_aloud_and_fail_only_where_they_are_required():
    env = {**os.environ, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
    script = "from scripts.run_tests import on_postgresql, report; raise SystemExit(report([on_postgresql([])], 0))"
    env.pop("SOFTPOS_REQUIRE_SERVICES", None)
    for required, exit_code in (("", 0), ("1", 1)):
        finished = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**env, "SOFTPOS_REQUIRE_SERVICES": required},
            text=True,
            capture_output=True,
            check=False,
        )
        assert finished.returncode == exit_code
        assert "did NOT run: PostgreSQL at" in finished.stdout
