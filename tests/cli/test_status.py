"""`reclave status`: the checks as a table or JSON, and as an exit code."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reclave.cli import main


def reclave(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """The settings file of a new installation with its database."""
    assert reclave("init", tmp_path / "new", "--base-url", "https://acceso.pagos.example").exit_code == 0
    assert reclave("migrate", "--settings", tmp_path / "new" / "reclave.toml").exit_code == 0
    return tmp_path / "new" / "reclave.toml"


def test_a_sound_installation_passes_with_exit_code_0(settings: Path) -> None:
    said = json.loads(reclave("status", "--json", "--settings", settings).stdout)
    assert said["ready"] is True
    assert [check["name"] for check in said["checks"]][:3] == ["database", "migration", "keyring"]
    table = reclave("status", "--pages", "--settings", settings)
    assert table.exit_code == 0
    assert "audit_seal" not in table.stdout


def test_an_installation_that_cannot_be_opened_says_why_with_exit_code_1(settings: Path) -> None:
    (settings.parent / "keyring").chmod(0o640)
    found = reclave("status", "--json", "--settings", settings)
    assert found.exit_code == 1
    (check,) = json.loads(found.stdout)["checks"]
    assert not check["ok"]
    assert "chmod 600" in check["why"]
    assert reclave("status", "--settings", settings).exit_code == 1
