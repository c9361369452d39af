"""`reclave pause`, `resume`, `banner` and `switches` as people and scripts use them."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reclave.cli import main


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """The settings file of a new, migrated installation."""
    assert reclave("init", tmp_path / "new", "--json").exit_code == 0
    assert reclave("migrate", "--settings", tmp_path / "new" / "reclave.toml").exit_code == 0
    return tmp_path / "new" / "reclave.toml"


def reclave(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments], env=environment)


def test_a_pause_and_a_banner_are_listed_until_they_are_taken_back(settings: Path) -> None:
    where = ("--settings", settings, "--json")
    paused = reclave("pause", "portal", "reset_link", "--until", "2100-01-01T08:00", *where)
    assert json.loads(paused.stdout)["until"] == 4102491600000000  # 08:00 in Bogotá
    reclave("banner", "set", "portal", "--text", "es=Hoy hay demoras.", *where)
    listed = json.loads(reclave("switches", *where).stdout)
    assert [(each["journey"], each["paused"], each["banner"]) for each in listed] == [
        ("", False, {"es": "Hoy hay demoras."}),
        ("reset_link", True, {}),
    ]
    assert json.loads(reclave("resume", "portal", "reset_link", *where).stdout) == {"changed": True}
    assert json.loads(reclave("banner", "clear", "portal", *where).stdout) == {"changed": True}
    assert json.loads(reclave("switches", *where).stdout) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pause", "portall"), "no portal is called 'portall'; did you mean 'portal'?"),
        (("pause", "portal", "reset"), "has no journey 'reset'"),
        (("pause", "portal", "--until", "tomorrow"), "is no time: write for example"),
        (("banner", "set", "portal", "--text", "Hola"), "write the language first"),
    ],
)
def test_what_cannot_be_meant_is_one_line_with_the_way_out(
    settings: Path, arguments: tuple[str, ...], said: str
) -> None:
    refused = reclave(*arguments, "--settings", settings)
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert said in refused.stderr


def test_tables_have_no_colours_where_nobody_wants_them(settings: Path) -> None:
    environment = {"NO_COLOR": "1", "FORCE_COLOR": "1"}
    reclave("pause", "portal", "--settings", settings)
    shown = reclave("switches", "--settings", settings, environment=environment)
    assert "paused" in shown.stdout
    assert "\x1b[3" not in shown.stdout
