"""The published test vectors, by group; each carries its source in `ntag424_vectors.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

GROUPS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "ntag424_vectors.json").read_text(encoding="utf-8")
)["vectors"]


def each(group: str, *, without: tuple[str, ...] = ()) -> pytest.MarkDecorator:
    """Run a test with `vector` for each vector of the group, named by its id."""
    chosen = [vector for vector in GROUPS[group] if vector["id"] not in without]
    return pytest.mark.parametrize("vector", chosen, ids=[vector["id"] for vector in chosen])


def unhex(text: str | None) -> bytes:
    return bytes.fromhex(text or "")
