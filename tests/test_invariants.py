"""Each of the architecture's invariants has a property test or a race test of its own."""

import ast
from collections import defaultdict

import pytest

from tests.requirements_ids import REQUIREMENTS
from tests.servers import ROOT

INVARIANTS = sorted(one for one in REQUIREMENTS if one.startswith("I"))


def proofs() -> dict[str, list[str]]:
    """The tests that carry `@pytest.mark.req(...)`, by the ids that they name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for mark in node.decorator_list:
                    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.req":
                        for argument in mark.args:
                            found[str(ast.literal_eval(argument))].append(f"{path.name}::{node.name}")
    return found


@pytest.mark.parametrize("invariant", INVARIANTS)
def test_an_invariant_has_tests(invariant: str) -> None:
    assert proofs()[invariant]


def test_there_are_eight_invariants() -> None:
    assert [f"I{number}" for number in range(1, 9)] == INVARIANTS
