"""The front end's pure modules, tested by Node's own test runner."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_state_machine_of_a_sale():
    ran = subprocess.run(
        ["node", "--test", "tests/static/sale.test.mjs"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
