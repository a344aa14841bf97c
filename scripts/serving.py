"""What `make run` and `make phone` share: prepare the demo site, then serve it on Daphne until Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("SOFTPOS_VAR_DIR", ROOT / "var"))
STOP_SECONDS_MAX = 15


def demo_environment(**settings: str) -> dict[str, str]:
    """This shell's environment, demo mode on, plus `settings`."""
    return {**os.environ, "SOFTPOS_DEMO": "1", **settings}


def chosen_port(name: str, standard: int, *, host: str) -> int:
    """The port that the environment's `name` asks for; leaves with a plain sentence when it cannot be had."""
    text = os.environ.get(name) or str(standard)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        sys.exit(f"{name}={text} is no port: a number from 1 to 65535 is wanted.")
    port = int(text)
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((host, port))
        except OSError as error:
            goal = "phone" if name == "PHONE_PORT" else "run"
            sys.exit(
                f"Port {port} cannot be used ({error.strerror}): another program, perhaps another SoftPOS, "
                f"has it.\nStop that one, or choose another port: make {goal} {name}={port + 1}"
            )
    return port


def prepare(env: Mapping[str, str]) -> None:
    """Bring the database up to date, make the demo merchant unless it is there, print its sign-ins."""
    VAR_DIR.mkdir(parents=True, exist_ok=True)
    for command in (["migrate", "--verbosity=0"], ["demo"]):
        finished = subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=dict(env), check=False)
        if finished.returncode:
            sys.exit(f"manage.py {command[0]} failed, see above.")


def serve(endpoint: Sequence[str], env: Mapping[str, str]) -> int:
    """Run Daphne on `endpoint` (its own options) until it ends or somebody ends it; returns the exit code."""
    options = ["-v", "0", *endpoint, *sys.argv[1:]]
    command = [sys.executable, "-m", "daphne", *options, "softpos.asgi:application"]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    daphne = subprocess.Popen(command, cwd=ROOT, env=dict(env))
    try:
        return daphne.wait()
    except KeyboardInterrupt:
        daphne.terminate()
        try:
            daphne.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            daphne.kill()
        print("\nSoftPOS has stopped. What was sold is kept; the same command goes on from here.")
        return 0
