"""`reclave accounts …`: what people and scripts see, and how the commands end."""

import json
import stat
from pathlib import Path

import pytest

from reclave.domain.accounts import Status
from reclave.domain.outbox import Template
from reclave.journeys.services import Services
from tests.cli.conftest import Installation
from tests.world import nit

ANDINA = "900.100.001-1"
ADDRESS = "tesoreria@andina.example"


@pytest.mark.req("S44")
def test_show_masks_address_and_numbers_until_it_is_told_to_show_them(installation: Installation) -> None:
    shown = installation.document("accounts", "show", "pagos", ANDINA)
    assert (shown["status"], shown["address_provenance"]) == ("active", "confirmed")
    assert shown["address"] != ADDRESS
    assert shown["identifiers"]["nit"] != nit(0)
    full = installation.document("accounts", "show", "pagos", "--email", ADDRESS, "--full")
    assert (full["id"], full["address"], full["identifiers"]["nit"]) == (shown["id"], ADDRESS, nit(0))
    text = installation.done("accounts", "show", "pagos", "--id", shown["id"])
    assert shown["address"] in text
    assert ADDRESS not in text
    assert nit(0) not in text
    assert "America/Bogota" in text


def test_facts_are_masked_and_what_an_account_is_registered_as_is_not(installation: Installation) -> None:
    facts = installation.document("accounts", "show", "aduana", "repandes")["facts"]
    assert facts["classification"] == "legal_representative"
    assert "3059999023" not in facts["identification"]
    assert facts["identification"][:3] == "305"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "pago", ANDINA], "no portal is called 'pago'"),
        (["show", "pagos", "900.999.999-4"], "reclave: pagos has no such account"),
        (["show", "pagos", "900100001"], "did you mean 900.100.001-1?"),
        (["show", "pagos"], "name one account"),
        (["show", "pagos", "--email", "pagos@grupo.example"], "2 accounts have this address: name one with --id: "),
        (["show", "pagos", "--email", "nobody"], "no e-mail address"),
        (["enable", "pagos", ANDINA], "the account is active, not disabled"),
        (["disable", "pagos", "900.400.004-0"], "the account is pending"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line_with_the_way_out(
    installation: Installation, arguments: list[str], said: str
) -> None:
    line = installation.refused("accounts", *arguments)
    assert said in line
    assert line.count("\n") == 1


@pytest.mark.req("I2")
def test_a_disabled_account_can_be_enabled_again(installation: Installation) -> None:
    changed = installation.document("accounts", "disable", "pagos", ANDINA)
    assert (changed["was"], changed["status"]) == ("active", "disabled")
    assert "is active" in installation.done("accounts", "enable", "pagos", ANDINA)
    assert "hand over a new one" in installation.done("accounts", "disable", "pagos", "900.200.002-8") + (
        installation.done("accounts", "enable", "pagos", "900.200.002-8")
    )


@pytest.mark.req("S50")
def test_an_export_goes_to_a_file_that_only_its_owner_may_read_and_overwrites_none(
    installation: Installation, tmp_path: Path
) -> None:
    path = tmp_path / "export.json"
    assert installation.done("accounts", "export", "pagos", ANDINA, "--output", path) == ""
    held = json.loads(path.read_text("utf-8"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (held["account"]["address"], held["identifiers"]) == (ADDRESS, {"nit": nit(0)})
    assert "argon2" not in path.read_text("utf-8")
    assert [entry["event"] for entry in held["audit"]] == ["account_exported"]
    assert "export.json: File exists" in installation.refused("accounts", "export", "pagos", ANDINA, "--output", path)


@pytest.mark.req("S50")
def test_erasing_says_first_what_goes_and_asks(installation: Installation) -> None:
    assert "Nothing was done" in installation.done("accounts", "erase", "pagos", ANDINA, "--dry-run")
    assert installation.run("accounts", "erase", "pagos", ANDINA, input_="n\n").exit_code == 1
    assert installation.document("accounts", "show", "pagos", ANDINA)["status"] == "active"
    assert installation.document("accounts", "erase", "pagos", ANDINA, "--yes")["erased"]
    assert "no such account" in installation.refused("accounts", "show", "pagos", ANDINA)


def test_unlocking_says_what_was_locked(installation: Installation) -> None:
    assert "0 counters" in installation.done("accounts", "unlock", "pagos", ANDINA)
    said = installation.document("accounts", "unlock", "pagos", ANDINA, "--password")
    assert (said["counters"], said["password"]) == (0, False)


def test_a_forced_reset_says_how_many_first_then_goes_on_where_it_was_stopped(
    installation: Installation, tmp_path: Path
) -> None:
    names = tmp_path / "names"
    names.write_text(f"{ANDINA}\n\n900.300.003-4\n900.600.006-3\n", "utf-8")
    first = installation.document("accounts", "force-reset", "pagos", "--file", names)
    assert first == {"done": False, "accounts": 3, "without_mail": 1, "unknown": []}
    assert "Nothing was done; add --yes." in installation.done("accounts", "force-reset", "pagos", "--all")
    said = installation.run("accounts", "force-reset", "pagos", ANDINA, "900.999.999-4", "--yes")
    assert said.exit_code == 3
    assert "1 passwords no longer work; 1 mails are queued." in said.stdout
    assert "nobody's user names: 900.999.999-4" in said.stderr
    rest = installation.document("accounts", "force-reset", "pagos", "--file", names, "--yes")
    assert (rest["done"], rest["accounts"], rest["without_mail"]) == (True, 2, 1)
    assert installation.document("accounts", "force-reset", "pagos", "--all", "--yes")["accounts"] == 2
    assert installation.document("accounts", "force-reset", "pagos", "--all")["accounts"] == 0

    async def queued(services: Services) -> list[tuple[Template, bool]]:
        async with services.store.reading() as tx:
            return [(one.message.template, one.message.bulk) for one in await tx.outbox.listed(limit=99)]

    mails = installation.within(queued)
    assert set(mails) == {(Template.RESET_REQUIRED, True)}
    assert len(mails) == 3


@pytest.mark.parametrize(
    ("given", "accounts"),
    [
        (["--changed-before", "2020-01-01"], 0),
        (["--changed-before", "2100-01-01T08:00"], 5),
        (["--imported"], 0),
        (["--pepper", "k1"], 5),
        (["--pepper", "k2"], 0),
    ],
)
def test_a_forced_reset_takes_only_those_that_fit(installation: Installation, given: list[str], accounts: int) -> None:
    assert installation.document("accounts", "force-reset", "pagos", "--all", *given)["accounts"] == accounts


@pytest.mark.parametrize(
    "arguments", [[], [ANDINA, "--all"], ["--all", "--changed-before", "yesterday"], ["--file", "nowhere"]]
)
def test_a_forced_reset_of_nobody_in_particular_is_a_wrong_command(
    installation: Installation, arguments: list[str]
) -> None:
    assert "Error: " in installation.refused("accounts", "force-reset", "pagos", *arguments, code=2)


def test_statuses_are_said_in_the_words_of_the_domain(installation: Installation) -> None:
    assert installation.document("accounts", "show", "compras", "obra.cerrada")["status"] == Status.DISABLED
