"""Every statement of the portals' guides has a test in a real browser, or a reason why not yet."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.requirements_ids import STATEMENTS
from tests.servers import ROOT

NOW = frozenset({"P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "B1", "B2", "B3", "B4"}) | frozenset(
    f"C{number}" for number in range(1, 11)
)
NOW |= frozenset(f"A{number}" for number in range(1, 14))
"""Must have a test in tests/browser/ that runs with `make test`. B1: for the payments and the customs portal; B3 and
B4: for the payments portal. A1: for who may recover; asking for an account and its approval come with C11."""

LATER: dict[str, str] = {
    "P9": "the illustrated guide is made from screenshots of the running portal: not built yet",
    "P10": "the portal's own application is an OIDC client: the provider is not built yet",
    "C11": "asking for an account, and an operator who approves, are not built yet",
    "B5": "the help desk's pages are not built yet",
    "B6": "the generated guides are not built yet (P9)",
    "B7": "a command, not a page: its tests are those of `reclave check`",
    "B8": "external directories are not built yet",
    "B9": "the OIDC provider, the API and webhooks are not built yet",
    "B10": "passkeys and other second factors are not built yet",
    "B11": "the audit trail is tested at its ports; funnel and deliverability check are not built yet",
}


def browser_tests() -> Iterator[tuple[str, list[pytest.Mark]]]:
    """Each test function in tests/browser/ with its marks, its module's included."""
    for path in sorted((ROOT / "tests" / "browser").glob("test_*.py")):
        module = importlib.import_module(f"tests.browser.{path.stem}")
        of_module = _marks(module)
        for name, function in vars(module).items():
            if name.startswith("test_") and getattr(function, "__module__", "") == module.__name__:
                yield f"{path.name}::{name}", [*of_module, *_marks(function)]


def _marks(marked: object) -> list[pytest.Mark]:
    found = getattr(marked, "pytestmark", [])
    found = found if isinstance(found, list) else [found]
    return [one.mark if isinstance(one, pytest.MarkDecorator) else one for one in found]


def proven_by() -> dict[str, list[str]]:
    """The browser tests of each statement that run with `make test`."""
    proven: dict[str, list[str]] = {}
    for name, marks in browser_tests():
        if {"long", "skip", "skipif", "xfail"} & {mark.name for mark in marks}:
            continue
        for statement in [one for mark in marks if mark.name == "statement" for one in mark.args]:
            proven.setdefault(statement, []).append(name)
    return proven


def test_every_statement_is_for_now_or_for_later_with_a_reason() -> None:
    assert NOW | set(LATER) == STATEMENTS
    assert not NOW & set(LATER)
    assert all(LATER.values())


@pytest.mark.parametrize("statement", sorted(NOW))
def test_a_statement_has_a_test_in_the_browser(statement: str) -> None:
    assert proven_by().get(statement), f"no test in tests/browser/ carries @pytest.mark.statement({statement!r})"


def test_a_browser_test_quotes_the_statement_that_it_proves() -> None:
    silent = []
    for path in sorted((ROOT / "tests" / "browser").glob("test_*.py")):
        module = importlib.import_module(f"tests.browser.{path.stem}")
        for name, function in vars(module).items():
            first = [one for mark in _marks(function) if mark.name == "statement" for one in mark.args][:1]
            if first and first[0] not in (function.__doc__ or ""):
                silent.append(f"{Path(path).name}::{name}")
    assert silent == []
