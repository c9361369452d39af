"""`reclave init`, `check`, `config dump` and `migrate` as people and scripts use them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reclave.cli import main


def reclave(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """The settings file of a new installation."""
    begun = reclave("init", tmp_path / "new", "--base-url", "https://acceso.pagos.example")
    assert begun.exit_code == 0, begun.stderr
    return tmp_path / "new" / "reclave.toml"


def test_init_tells_what_to_do_next_and_never_writes_over_anything(settings: Path) -> None:
    again = reclave("init", settings.parent)
    assert again.exit_code == 1
    assert again.stderr == f"reclave: {settings.parent} is not empty: name a new folder\n"


def test_migrate_says_its_plan_without_doing_it(settings: Path) -> None:
    plan = json.loads(reclave("migrate", "--plan", "--json", "--settings", settings).stdout)
    assert [step["revision"] for step in plan["pending"]] == ["0001", "0002", "0003", "0004", "0005", "0006"]
    assert reclave("check", "--settings", settings).exit_code == 1
    assert reclave("migrate", "--settings", settings).exit_code == 0
    assert "nothing to do" in reclave("migrate", "--plan", "--settings", settings).stdout


def test_check_is_strict_about_risks_that_nobody_accepted_in_writing(settings: Path) -> None:
    reclave("migrate", "--settings", settings)
    assert reclave("check", "--settings", settings).exit_code == 0
    strict = reclave("check", "--strict", "--json", "--settings", settings)
    assert strict.exit_code == 1
    taken = [risk["id"] for risk in json.loads(strict.stdout)["risks"]]
    assert taken == ["plain_smtp", "no_security_contact", "no_privacy_notice:portal", "untested_access:portal"]
    settings.write_text(settings.read_text() + f"\naccepted_risks = {json.dumps(taken)}\n")
    assert reclave("check", "--strict", "--settings", settings).exit_code == 0


def test_an_accepted_risk_that_is_not_taken_is_a_mistake(settings: Path) -> None:
    reclave("migrate", "--settings", settings)
    settings.write_text(settings.read_text() + '\naccepted_risks = ["plain_smpt"]\n')
    found = reclave("check", "--json", "--settings", settings)
    assert found.exit_code == 1
    assert json.loads(found.stdout)["problems"] == [
        "accepted_risks: 'plain_smpt' is no risk that is taken; did you mean 'plain_smtp'?"
    ]


def test_every_problem_is_said_at_once_a_line_each(settings: Path) -> None:
    (settings.parent / "keyring").chmod(0o644)
    (settings.parent / "portals" / "portal.toml").write_text('[portal]\nid = "portal"\n')
    refused = reclave("check", "--json", "--settings", settings)
    problems = json.loads(refused.stdout)["problems"]
    assert refused.exit_code == 1
    assert [line.partition(":")[0].rpartition("/")[2] for line in problems] == [
        "keyring",
        "portal.toml",
        "there is no database yet",
    ]


def test_config_dump_shows_what_is_in_force_and_where_it_came_from(settings: Path) -> None:
    dumped = json.loads(reclave("config", "dump", "--json", "--settings", settings).stdout)
    assert dumped["base_url"] == {"value": "https://acceso.pagos.example", "origin": str(settings)}
    assert dumped["port"] == {"value": 8000, "origin": "default"}
    of_portal = json.loads(reclave("config", "dump", "--portal", "portal", "--json", "--settings", settings).stdout)
    assert of_portal["journeys.reset_link.lifetime"] == {"value": "1h", "origin": "portal.toml"}
    assert "no portal is called 'x'" in reclave("config", "dump", "--portal", "x", "--settings", settings).stderr


def test_the_embedded_database_is_not_made_by_looking(settings: Path) -> None:
    reclave("check", "--settings", settings)
    reclave("migrate", "--plan", "--settings", settings)
    assert list((settings.parent / "database").iterdir()) == []
