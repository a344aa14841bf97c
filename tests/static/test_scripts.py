"""The front end's pure modules, tested by Node's own test runner."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("module", ["amount", "sale"])
def test_a_module_without_a_browser(module):
    ran = subprocess.run(
        ["node", "--test", f"tests/static/{module}.test.mjs"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
