"""What has to come from Debian: installed where we may, named where we may not."""

import subprocess

from tests.databases import ROOT


def install_debian_package(name: str, what: str) -> bool:
    """Whether it is there now; `what` says in a few words what needs it."""
    command = ["sh", "scripts/install_debian_package.sh", name, what]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0
