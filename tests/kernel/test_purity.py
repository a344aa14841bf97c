"""The kernel's promises about itself: pure, bounded, documented."""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path

import pytest

from softpos import kernel

FOLDER = Path(kernel.__file__).parent
MODULES = sorted(FOLDER.glob("*.py"))
IMPURE = {
    "asyncio",
    "datetime",
    "io",
    "logging",
    "os",
    "random",
    "secrets",
    "socket",
    "sqlite3",
    "time",
    "uuid",
}
BUILTIN_IO = {"open", "print", "input", "eval", "exec"}


def tree_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def imported_by(module: Path) -> set[str]:
    names = set()
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_module_needs_only_the_standard_library_and_cryptography(module):
    assert imported_by(module) <= sys.stdlib_module_names | {"cryptography"}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_module_has_no_clock_no_randomness_no_log_and_no_io(module):
    assert not imported_by(module) & IMPURE
    called = {
        node.func.id
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & BUILTIN_IO


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_module_is_short_and_says_what_it_will_never_do(module):
    assert len(module.read_text(encoding="utf-8").splitlines()) < 250
    assert "never" in (ast.get_docstring(tree_of(module)) or "")


def test_every_exported_class_and_function_says_what_it_is():
    for name in kernel.__all__:
        thing = getattr(kernel, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert (inspect.getdoc(thing) or "") != "", name
            if inspect.isclass(thing) and thing.__module__.startswith("softpos"):
                public = [part for key, part in vars(thing).items() if not key.startswith("_")]
                functions = [part for part in public if inspect.isfunction(part) or isinstance(part, property)]
                assert all(inspect.getdoc(part) for part in functions), name


def test_all_that_is_exported_is_sorted_and_there():
    assert len(set(kernel.__all__)) == len(kernel.__all__)
    assert all(hasattr(kernel, name) for name in kernel.__all__)
