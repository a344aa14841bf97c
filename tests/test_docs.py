"""The docs say what the code does: settings, commands, error codes and reasons are compared with it."""

import re
from pathlib import Path

from transactions.reasons import EXPLANATIONS

ROOT = Path(__file__).resolve().parents[1]


def doc(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_every_setting_from_the_environment_is_documented():
    source = (ROOT / "softpos" / "settings.py").read_text() + (ROOT / "softpos" / "environment.py").read_text()
    used = set(re.findall(r'os\.environ, "(\w+)"|os\.environ\.get\("(\w+)"|environ, "(\w+)"', source))
    names = {name for groups in used for name in groups if name}
    assert len(names) > 8
    missing = {name for name in names if f"`{name}`" not in doc("operating.md")}
    assert not missing


def test_every_documented_setting_exists():
    source = (ROOT / "softpos" / "settings.py").read_text()
    documented = re.findall(r"^\| `([A-Z_]+)` \|", doc("operating.md"), re.MULTILINE)
    assert [name for name in documented if name not in source] == []


def test_every_command_is_documented_and_exists():
    commands = {
        path.stem
        for path in ROOT.glob("*/management/commands/*.py")
        if path.stem != "__init__" and ".venv" not in path.parts
    }
    documented = set(re.findall(r"^\| `manage\.py (\w+)` \|", doc("protocol.md"), re.MULTILINE))
    assert documented == commands


def test_every_error_code_is_documented():
    source = "".join(
        (ROOT / "transactions" / name).read_text() for name in ("messages.py", "consumers.py", "sockets.py")
    )
    used = set(re.findall(r'(?:InvalidMessage|_say_error)\(\s*"(\w+)"', source)) | {"unauthorised"}
    documented = set(re.findall(r"^\| `(\w+)` \| [^|]+ \|$", doc("protocol.md"), re.MULTILINE))
    assert documented == used


def test_every_reason_is_documented_with_its_code():
    documented = dict(re.findall(r"\| `(\w+)` \| (\d\d) \|", doc("protocol.md")))
    documented |= dict(re.findall(r"\| \| `(\w+)` \| (\d\d) \|", doc("protocol.md")))
    assert documented == {str(reason): explanation.response_code for reason, explanation in EXPLANATIONS.items()}


def test_no_secret_or_machine_path_is_in_the_docs():
    for path in (ROOT / "docs").glob("*.md"):
        assert "/work/" not in path.read_text(encoding="utf-8"), path
