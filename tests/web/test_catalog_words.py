"""Every code that the domain can raise at a field has words of its own or of its family."""

import ast
from pathlib import Path

from reclave.pages.words import ERROR_PAGES, FIELD_MESSAGES

ROOT = Path(__file__).parents[2] / "src" / "reclave"
RAISERS = {"FieldRefused": 1, "IdentifierRefused": 0, "AddressRefused": 0, "PasswordRefused": 0}
OF_LATER_PORTALS = ("ci_", "ruc_", "passport_", "user_name_")


def raised_codes() -> set[str]:
    """The literal codes in the domain and the journeys."""
    codes = set()
    for path in [*(ROOT / "domain").glob("*.py"), *(ROOT / "journeys").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISERS:
                at = RAISERS[node.func.id]
                if len(node.args) > at and isinstance(node.args[at], ast.Constant):
                    codes.add(str(ast.literal_eval(node.args[at])))
    return codes


def test_every_code_at_a_field_has_words() -> None:
    codes = {code for code in raised_codes() if not code.startswith(OF_LATER_PORTALS)}
    assert len(codes) > 30
    without = {code for code in codes if code not in FIELD_MESSAGES and not code.startswith("address_")}
    assert without == set()


def test_every_status_that_a_page_may_answer_has_words() -> None:
    assert {400, 403, 404, 405, 408, 413, 415, 429, 500, 503} <= set(ERROR_PAGES)
