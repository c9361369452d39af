"""How the code is laid out: sizes, names, and what may not stand in a tracked file."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.requirements_ids import REQUIREMENTS, STATEMENTS, unknown_ids
from tests.servers import ROOT

MODULE_LINES = 300
FUNCTION_LINES = 40
LONGER_FUNCTIONS: frozenset[str] = frozenset()
"""`path::function` of each function that stays whole on purpose, with its reason in a comment beside it."""

VAGUE_NAMES = {"utils", "helpers", "manager", "data"}
SOMEBODYS_FOLDER = re.compile(r"(?<![\w.:/<>})-])/(?:home|root|Users|work)/\w")
SWITCHED_OFF = re.compile(r"# (?:noqa(?:: [A-Z0-9, ]+)?|type: ignore(?:\[[a-z,-]+\])?)\s*$")
"""A suppression with nothing behind it: `# noqa: X - why` and `# type: ignore[x]  # why` have their reason."""
REGISTRIES = re.compile(r"(pypi|pythonhosted|npmjs|yarnpkg|deb\.debian|crates|proxy\.golang)\.(org|com|io)\b")


def modules(folder: str) -> list[Path]:
    """The Python files under a folder of the project; a folder without any fails the test that asks."""
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"{folder}/ has no Python file"
    return found


def tracked_text_files() -> Iterator[tuple[str, str]]:
    """Path and text of each file that is in git, or would be with `git add`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    assert "Makefile" in names
    for name in names:
        content = (ROOT / name).read_bytes()
        if b"\0" not in content:
            yield name, content.decode()


def functions(module: Path) -> Iterator[tuple[str, int]]:
    """Name and length in lines, docstring included, of each function of a module."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            yield f"{module.relative_to(ROOT)}::{node.name}", node.end_lineno - node.lineno + 1


def test_no_module_is_longer_than_one_can_read_at_a_sitting() -> None:
    lengths = {str(module.relative_to(ROOT)): len(module.read_text().splitlines()) for module in modules("src")}
    assert {name: lines for name, lines in lengths.items() if lines > MODULE_LINES} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    lengths = [pair for module in modules("src") for pair in functions(module)]
    longer = [(name, lines) for name, lines in lengths if lines > FUNCTION_LINES]
    assert [pair for pair in longer if pair[0] not in LONGER_FUNCTIONS] == []
    assert {name for name, _ in longer} == LONGER_FUNCTIONS, "some of LONGER_FUNCTIONS are short by now"


def test_no_module_has_a_name_that_says_nothing() -> None:
    named = [module for folder in ("src", "tests", "bench") for module in modules(folder)]
    parts = {module: {*module.relative_to(ROOT).parent.parts, module.stem} for module in named}
    assert [str(module) for module in named if parts[module] & VAGUE_NAMES] == []


def test_every_check_that_is_switched_off_for_a_line_has_its_reason_beside_it() -> None:
    named = [module for folder in ("src", "tests", "bench", "tools") for module in modules(folder)]
    without = [
        f"{module.relative_to(ROOT)}:{number}"
        for module in named
        for number, line in enumerate(module.read_text("utf-8").splitlines(), 1)
        if SWITCHED_OFF.search(line)
    ]
    assert without == []


def test_no_tracked_file_names_a_folder_of_somebodys_machine() -> None:
    found = [
        f"{name}: {match.group()}" for name, text in tracked_text_files() for match in SOMEBODYS_FOLDER.finditer(text)
    ]
    assert found == []


def test_no_tracked_file_names_the_host_of_a_package_registry() -> None:
    found = [name for name, text in tracked_text_files() if REGISTRIES.search(text)]
    assert found == []


def test_the_checks_are_configured_without_blanket_exceptions() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert tools["mypy"]["strict"] is True
    assert {"src", "tests", "bench"} <= set(tools["mypy"]["files"])
    assert tools["ruff"]["line-length"] == 120
    assert {"E", "F", "B", "S", "PL", "ASYNC"} <= set(tools["ruff"]["lint"]["select"])
    assert not {"E", "F", "B", "S", "PL", "ALL"} & set(tools["ruff"]["lint"]["ignore"])
    layers = next(contract for contract in tools["importlinter"]["contracts"] if contract["id"] == "layers")
    assert layers["exhaustive"] is True
    assert "exhaustive_ignores" not in layers


def test_an_id_that_nobody_wrote_down_is_unknown() -> None:
    assert unknown_ids("req", ["S1", "S51", "I8", "P10", "A13", "C11", "B11"]) == []
    assert unknown_ids("req", ["S0", "S52", "s1", "I9", "X1", 7]) == ["S0", "S52", "s1", "I9", "X1", "7"]
    assert unknown_ids("statement", ["P1", "S1"]) == ["S1"]
    assert len(STATEMENTS) == 45
    assert len(REQUIREMENTS) == 104
