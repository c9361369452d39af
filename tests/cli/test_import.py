"""`reclave accounts import`: what people and scripts see, and how the command ends."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from reclave.cli.import_accounts import import_accounts
from tests.cli.conftest import Installation
from tests.operations.importing import a_nit, read, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.csv"


def run(installation: Installation, *arguments: str | Path, portal: str = "pagos") -> Result:
    command = [*map(str, arguments), "--portal", portal, "--settings", str(installation.settings)]
    return CliRunner().invoke(import_accounts, command, env={"COLUMNS": "200", "NO_COLOR": "1"})


def document(result: Result) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(result.stdout)
    return found


def test_people_are_told_how_the_file_was_read_what_was_done_and_how_fast(
    installation: Installation, path: Path
) -> None:
    result = run(installation, write(path, [{"nit": a_nit(1)}, {"nit": a_nit(2)}], encoding="utf-8-sig"))
    assert result.exit_code == 0, result.output
    assert "was read as UTF-8, cells between commas" in result.stdout
    assert "added" in result.stdout
    assert "rows/s on SQLite" in result.stdout


@pytest.mark.req("S44")
def test_scripts_get_one_document_and_rows_that_were_refused_end_with_code_3(
    installation: Installation, path: Path, tmp_path: Path
) -> None:
    write(path, [{"nit": a_nit(1), "email": "a@empresa.example"}, {"nit": a_nit(2), "email": "b"}])
    letters = tmp_path / "letters.csv"
    result = run(installation, path, "--json", "--generate-passwords", letters)
    assert result.exit_code == 3, result.output
    said = document(result)
    assert (said["rows"], said["added"], said["refused"], said["engine"]) == (2, 1, 1, "SQLite")
    assert said["findings"][0] == {
        "line": 3,
        "column": "email",
        "value": "•••",
        "outcome": "refused",
        "reason": "address without at",
    }
    assert "reclave: 1 of 2 rows were refused" in result.stderr
    assert read(letters)[0]["initial_password"] not in result.output
    assert "a@empresa.example" not in result.output


def test_a_dry_run_says_that_nothing_was_written(installation: Installation, path: Path) -> None:
    result = run(installation, write(path, [{"nit": a_nit(1)}]), "--dry-run")
    assert result.exit_code == 0, result.output
    assert "Nothing was written" in result.stdout
    assert document(run(installation, path, "--json"))["added"] == 1


@pytest.mark.parametrize(
    ("row", "arguments", "portal", "said"),
    [
        ({"nitt": "1"}, [], "pagos", "'nitt' is no column of the portal pagos; did you mean 'nit'?"),
        ({"nit": "1"}, [], "pagos", "every row was refused"),
        ({"nit": "1"}, [], "pago", "no portal is called 'pago'; did you mean 'pagos'?"),
        ({"nit": "1"}, ["--accept-shared-initial-passwords"], "pagos", 'accept_risk = ["shared_initial_passwords"]'),
        ({"nit": "1"}, ["--report", "nowhere/report.csv"], "pagos", "there is no folder nowhere"),
    ],
)
def test_what_cannot_be_imported_ends_with_code_1_and_a_line_with_the_way_out(
    installation: Installation, path: Path, row: dict[str, str], arguments: list[str], portal: str, said: str
) -> None:
    result = run(installation, write(path, [row]), *arguments, portal=portal)
    assert result.exit_code == 1, result.output
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
