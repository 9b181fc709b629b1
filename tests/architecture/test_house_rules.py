"""The rules of the house that a linter does not know."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("lifecycle", "assets", "resources", "bench", "tests")
MODULES = sorted(path.relative_to(REPOSITORY) for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py"))
FRAMEWORK = [path for path in MODULES if path.parts[0] == "lifecycle"]
LONGEST = 400
#: Names of rooms without a trade.
LOFTS = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc", "core"}


def tree(module: Path) -> ast.Module:
    return ast.parse((REPOSITORY / module).read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_has_one_trade(module: Path) -> None:
    """No module is longer than one trade needs, and none is named after nothing."""
    assert len((REPOSITORY / module).read_text(encoding="utf-8").splitlines()) <= LONGEST
    assert not {part.removesuffix(".py") for part in module.parts} & LOFTS


@pytest.mark.parametrize("module", FRAMEWORK, ids=str)
def test_a_module_of_the_framework_says_what_it_is(module: Path) -> None:
    """Every module opens with a docstring; Alembic's migrations do as well."""
    assert ast.get_docstring(tree(module))


@pytest.mark.parametrize("module", FRAMEWORK, ids=str)
def test_nothing_is_fetched_by_a_name_that_says_get(module: Path) -> None:
    """Functions are named after what they give; click's own `get_command` is click's."""
    named = {node.name for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert not {name for name in named if name.startswith("get_")} - {"get_command"}


@pytest.mark.parametrize("module", FRAMEWORK, ids=str)
def test_no_module_keeps_state_of_its_own(module: Path) -> None:
    """`global` stands nowhere."""
    assert not [node.lineno for node in ast.walk(tree(module)) if isinstance(node, ast.Global)]


@pytest.mark.parametrize("module", [path for path in MODULES if path.parts[0] == "tests" and path.name.startswith("test_")], ids=str)
def test_every_test_states_one_expectation(module: Path) -> None:
    """Each test has a docstring that says what is expected."""
    silent = [
        node.name
        for node in ast.walk(tree(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert not silent
