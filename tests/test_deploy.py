"""What operators start: the files of `deploy/` say what the code does, and the same parts run here."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import uuid
from typing import Any

import httpx
import pytest
import yaml

from deploy.clusters import postgresql_programs
from deploy.local import Site
from tests.clients import RealLine, Till
from tests.databases import ROOT, environment, manage
from tests.factories import Phone

DEPLOY = ROOT / "deploy"
SETTINGS = "".join((ROOT / "softpos" / name).read_text() for name in ("settings.py", "environment.py"))
NOT_THE_APPLICATIONS = {"SOFTPOS_SITE", "POSTGRES_PASSWORD"}  # Caddy's and compose's own


def names_in(text: str) -> set[str]:
    return set(re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE))


def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_the_example_names_settings_that_exist_and_holds_no_secret():
    text = (DEPLOY / "softpos.env.example").read_text()
    names = names_in(text)
    assert len(names) > 8
    assert [name for name in names - NOT_THE_APPLICATIONS if f'"{name}"' not in SETTINGS] == []
    for name in ("SECRET_KEY", "SOFTPOS_KEY_ENCRYPTION_KEY", "POSTGRES_PASSWORD", "SOFTPOS_METRICS_TOKEN"):
        assert f"\n{name}=\n" in text


def test_the_example_once_filled_in_passes_djangos_deployment_check(tmp_path):
    text = (DEPLOY / "softpos.env.example").read_text().replace("<the password>", "x")
    given = dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))
    secrets = {
        "SECRET_KEY": "hSlp0aQ8mXc2dYt7RzB4nW9vKfJ1uE6gLqPoZsTxYwVrUiMb-0123456789",
        "SOFTPOS_KEY_ENCRYPTION_KEY": "A" * 43,
    }
    env = environment(**{**given, **secrets, "SOFTPOS_VAR_DIR": str(tmp_path)})
    manage("check", "--deploy", "--fail-level", "WARNING", env=env)


def test_compose_starts_every_part_in_order():
    services = compose()["services"]
    assert set(services) == {"migrate", "app", "postgres", "redis", "caddy"}
    assert services["app"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert services["caddy"]["depends_on"]["app"] == {"condition": "service_healthy"}
    assert services["app"]["depends_on"]["redis"] == {"condition": "service_started"}  # selling needs none
    assert "healthcheck" in services["postgres"]
    assert "healthcheck" in services["redis"]
    for published in (service for name, service in services.items() if name != "caddy"):
        assert "ports" not in published


def test_the_image_holds_every_room_and_no_secret():
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    for room in ("softpos", "merchants", "transactions", "templates", "static", "locale"):
        assert f"COPY {room} {room}\n" in dockerfile
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert ignored[0] == "*"  # what isn't named doesn't get in: var/, .env files, .git
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    assert {name.split("/")[0] for line in copied for name in line.split()} <= {name[1:] for name in ignored}


def test_the_units_start_what_is_there():
    unit = (DEPLOY / "systemd" / "softpos@.service").read_text()
    assert "daphne -v 0 -b 127.0.0.1 -p %i softpos.asgi:application" in unit
    for hardening in ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=\n", "UMask=0027"):
        assert hardening in unit


@pytest.mark.skipif(shutil.which("caddy") is None, reason="Caddy is not installed")
@pytest.mark.parametrize("upstreams", ["ports", "compose"])
def test_caddy_takes_its_file(upstreams, tmp_path):
    env = {**os.environ, "SOFTPOS_UPSTREAMS_FROM": upstreams, "HOME": str(tmp_path)}
    command = ["caddy", "validate", "--config", "Caddyfile", "--adapter", "caddyfile"]
    told = subprocess.run(command, cwd=DEPLOY, env=env, capture_output=True, text=True, check=False)
    assert "Valid configuration" in told.stdout + told.stderr, told.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_units(tmp_path):
    for unit in (DEPLOY / "systemd").iterdir():
        text = re.sub(r"/srv/softpos/\.venv/bin/\w+", "/bin/true", unit.read_text())
        (tmp_path / unit.name.replace("@.", "@8001.")).write_text(text)
    units = sorted(str(path) for path in tmp_path.iterdir())
    told = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.slow
async def test_all_of_it_serves_without_containers():
    """Two processes with PostgreSQL, Redis and, where it is installed, Caddy before them."""
    try:
        postgresql_programs()
    except RuntimeError as missing:
        pytest.skip(str(missing))
    # What configures the tests themselves is not handed on: `Site` says where its own services are.
    with Site(processes=2, env={"SOFTPOS_LAYER_PREFIX": "softpos", "SOFTPOS_LOG_FORMAT": "json"}) as site:
        demo = json.loads(manage("demo", "--json", env=site.env))
        people = {person["role"]: {"Authorization": f"Token {person['token']}"} for person in demo["people"]}
        await asyncio.to_thread(_one_process_is_lost, site)
        await _sell_through_the_front_door(site, demo)
        async with httpx.AsyncClient(base_url=site.url, headers=people["owner"]) as http:
            assert (await http.get("/api/v1/transactions/export.csv")).text.count("\r\n") == 2
            if site.url not in site.processes:
                await _the_proxy_keeps_its_limits(http)
        async with httpx.AsyncClient() as scraper:
            assert (await scraper.get(f"{site.processes[1]}/ready")).json()["status"] == "ready"
            assert "softpos_batch_size_count" in (await scraper.get(f"{site.processes[1]}/metrics")).text


def _one_process_is_lost(site: Site) -> None:
    if site.url not in site.processes:  # without a proxy, people are at the first process themselves
        site.stop_process(0)


async def _sell_through_the_front_door(site: Site, demo: Any) -> None:
    phone, uid = Phone(), demo["cards"][0]["uid"]
    enrolment = ("enrol_terminal", "--merchant", demo["merchant"]["id"], "--name", "deployed", "--json")
    terminal = json.loads(manage(*enrolment, "--public-key", json.dumps(phone.jwk), env=site.env))["id"]
    tap = json.loads(manage("virtual_tap", uid, "--count", "2", "--json", env=site.env))[0]
    token = next(person["token"] for person in demo["people"] if person["role"] == "cashier")
    line = await RealLine(site.url.replace("http", "ws") + "/ws/terminal/", token=token).open()
    till = Till(line, phone, terminal)
    assert (await till.ready())["type"] == "ready"
    assert (await till.sell(1_00, tap, start_id=str(uuid.uuid4())))["result"] == "approved"
    await line.close()


async def _the_proxy_keeps_its_limits(http: httpx.AsyncClient) -> None:
    assert (await http.get("/live")).status_code == 200
    assert (await http.get("/ready")).status_code == 404
    assert (await http.get("/metrics")).status_code == 404
    for _ in range(5):
        assert (await http.post("/sign-in/", content=b"x" * 65_537)).status_code in (413, 502)
        assert (await http.get("/sign-in/")).status_code == 200  # and nobody else pays for it
    assert (await http.post("/sign-in/", content=b"x" * 65_536)).status_code == 403  # CSRF: it got through
    assert (await http.get("/sign-in/", headers={"X-Request-Id": "chosen-by-client"})).headers["x-request-id"] != (
        "chosen-by-client"
    )
