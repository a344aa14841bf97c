"""Django's deployment check with production settings, as an operator would set them (docs/operating.md)."""

import base64
import secrets
import subprocess
import sys
import tempfile

from tests.databases import ROOT, environment


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="softpos-check-") as folder:
        env = environment(
            SOFTPOS_PRODUCTION="1",
            SOFTPOS_VAR_DIR=folder,
            SECRET_KEY=secrets.token_urlsafe(64),
            SOFTPOS_KEY_ENCRYPTION_KEY=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("="),
            ALLOWED_HOSTS="pos.example",
            CSRF_TRUSTED_ORIGINS="https://pos.example",
        )
        command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
        return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
