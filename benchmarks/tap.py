"""Taps per second over real WebSockets, and how long a cashier waits from tap to outcome.

    python -m benchmarks.tap --sockets 100 --seconds 10
    python -m benchmarks.tap --database postgresql --redis
    python -m benchmarks.tap --rate 300          # paced, for latencies without a queue

Starts its own Daphne over a database of its own, registers virtual cards and terminals through
the product's commands, and makes the taps with the kernel's virtual card. Every outcome is checked, the books are
proven at the end (`check_ledger`), and what is printed was measured in this run. The load generator shares the machine.
"""

import argparse
import asyncio
import base64
import json
import os
import platform
import statistics
import sys
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from benchmarks.websocket import connect
from softpos.kernel import VirtualCard, records_to_json, url_template
from tests.servers import RunningServer
from tests.services import find_services

AMOUNT = 1  # fen, so that a card lasts for a hundred thousand sales
CARD_BALANCE = 1_000_00
WARM_UP_S = 1.0


def base64url(data: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass(slots=True)
class Phone:
    """An enrolled terminal."""

    terminal: str
    key: ec.EllipticCurvePrivateKey

    def sign(self, nonce: str) -> str:
        """The hello signature, raw r‖s."""
        signed = f"softpos-terminal-v1\n{nonce}\n{self.terminal}".encode()
        r, s = decode_dss_signature(self.key.sign(signed, ec.ECDSA(hashes.SHA256())))
        return base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


@dataclass(slots=True)
class Measured:
    """What one run saw: seconds from tap to outcome, and outcomes by result."""

    waits_s: list[float] = field(default_factory=list)
    results: dict[str, int] = field(default_factory=dict)

    def add(self, result: str, wait_s: float) -> None:
        """Note one outcome."""
        self.results[result] = self.results.get(result, 0) + 1
        self.waits_s.append(wait_s)


def enrol(server: RunningServer, name: str) -> Phone:
    """A terminal of the demo merchant, by the command for clients without a browser."""
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256"}
    jwk |= {"x": base64url(numbers.x.to_bytes(32, "big")), "y": base64url(numbers.y.to_bytes(32, "big"))}
    merchant = server.demo["merchant"]["id"]
    told = server.manage(
        "enrol_terminal", "--merchant", merchant, "--name", name, "--public-key", json.dumps(jwk), "--json"
    )
    answer = json.loads(told)
    return Phone(answer.get("id") or answer["terminal"]["id"], key)


def issue(server: RunningServer) -> VirtualCard:
    """A card with money on it; its keys make its taps here, so that the database isn't asked for them."""
    told = server.manage("issue_card", "--virtual", "--balance", str(CARD_BALANCE), "--show-keys", "--json")
    card = json.loads(told)
    keys = {name: bytes.fromhex(value) for name, value in card["keys"].items()}
    return VirtualCard(
        uid=bytes.fromhex(card["uid"]),
        file_read_key=keys["file_read"],
        meta_read_key=keys["meta_read"],
        url_template=url_template("https://pos.example/c/"),
    )


class Till:
    """One socket with its own card, selling as fast as it may."""

    def __init__(self, server: RunningServer, phone: Phone, card: VirtualCard) -> None:
        self.server, self.phone, self.card = server, phone, card

    async def open(self) -> None:
        """Connect and prove the terminal."""
        token = self.server.person("cashier")["token"]
        self.socket = await connect(f"{self.server.ws_url}/ws/terminal/", {"Authorization": f"Token {token}"})
        challenge = orjson.loads(await self.socket.receive())
        signature = self.phone.sign(challenge["nonce"])
        ready = await self._ask(type="hello", terminal=self.phone.terminal, signature=signature)
        if ready["type"] != "ready":
            raise RuntimeError(f"not let in: {ready}")

    async def sell(self) -> tuple[str, float]:
        """One sale: the result, and the seconds from tap to outcome."""
        start_id = str(uuid.uuid4())
        armed = await self._ask(type="start", id=start_id, kind="purchase", amount=AMOUNT, currency="CNY")
        if armed["type"] != "present_card":
            return str(armed.get("code", armed)), 0.0
        self.card, url = self.card.tap(os.urandom(5))
        records = records_to_json(self.card.records(url))
        tapped_at = time.perf_counter()
        outcome = await self._ask(
            type="tap", id=start_id, tap=str(uuid.uuid4()), serial_number=self.card.serial_number, records=records
        )
        return str(outcome.get("result", outcome.get("code"))), time.perf_counter() - tapped_at

    async def _ask(self, **content: Any) -> dict[str, Any]:
        self.socket.send(orjson.dumps(content))
        answer: dict[str, Any] = orjson.loads(await self.socket.receive())
        return answer


async def run(tills: list[Till], seconds: float, rate: float | None) -> tuple[Measured, float]:
    """Sell on every socket; what was measured after the warm-up, and over how many seconds."""
    await asyncio.gather(*(till.open() for till in tills))
    measured = Measured()
    begin = time.perf_counter() + WARM_UP_S
    end = begin + seconds
    gap_s = len(tills) / rate if rate else 0.0

    async def selling(till: Till, offset_s: float) -> None:
        due = begin - WARM_UP_S + offset_s
        while (now := time.perf_counter()) < end:
            if gap_s:
                await asyncio.sleep(max(0.0, due - now))
                due += gap_s
            result, wait_s = await till.sell()
            if begin <= time.perf_counter() < end:
                measured.add(result, wait_s)

    await asyncio.gather(*(selling(till, gap_s * n / len(tills)) for n, till in enumerate(tills)))
    for till in tills:
        till.socket.close()
    return measured, seconds


def report(measured: Measured, seconds: float, arguments: argparse.Namespace) -> dict[str, Any]:
    """Print the table; the same as a value."""
    waits_ms = sorted(wait * 1_000 for wait in measured.waits_s)
    if len(waits_ms) < 2:
        raise SystemExit(f"too few outcomes to speak of: {measured.results}")
    cuts = statistics.quantiles(waits_ms, n=100)
    found = {
        "database": arguments.database,
        "layer": "redis" if arguments.redis else "in memory",
        "sockets": arguments.sockets,
        "rate_asked_per_s": arguments.rate,
        "seconds": seconds,
        "taps_per_s": round(len(waits_ms) / seconds, 1),
        "p50_ms": round(cuts[49], 2),
        "p95_ms": round(cuts[94], 2),
        "p99_ms": round(cuts[98], 2),
        "results": measured.results,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
    }
    for name, value in found.items():
        print(f"{name:>18}  {value}")
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=float, help="taps per second over all sockets; as fast as it goes when left out")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--redis", action="store_true", help="channel layer over Redis instead of in memory")
    parser.add_argument("--terminals", type=int, default=4, help="phones that share the sockets")
    parser.add_argument("--json", help="write what was measured to this file as well")
    arguments = parser.parse_args()

    redis_url = find_services().redis_url if arguments.redis else ""
    with RunningServer(
        database=arguments.database, redis_url=redis_url, env={"SOFTPOS_LOG_LEVEL": "WARNING"}
    ) as server:
        phones = [enrol(server, f"bench {n}") for n in range(arguments.terminals)]
        print(f"issuing {arguments.sockets} cards …", file=sys.stderr)
        cards = [issue(server) for _ in range(arguments.sockets)]
        tills = [Till(server, phones[n % len(phones)], card) for n, card in enumerate(cards)]
        measured, seconds = asyncio.run(run(tills, arguments.seconds, arguments.rate))
        found = report(measured, seconds, arguments)
        print(server.manage("check_ledger").splitlines()[-1])
    if set(measured.results) != {"approved"}:
        raise SystemExit(f"not every tap was approved: {measured.results}")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(found, file, indent=2)


if __name__ == "__main__":
    main()
