"""`reclave audit …`."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from reclave.journeys.services import Services
from reclave.worker.housekeeping import seal_audit
from tests.cli.conftest import Installation


def lines(written: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.splitlines()]


@pytest.fixture
def installation(installation: Installation) -> Installation:
    installation.done("accounts", "disable", "pagos", "900.100.001-1")
    installation.done("accounts", "enable", "pagos", "900.100.001-1")
    installation.done("accounts", "unlock", "compras", "aseo.norte")
    return installation


@pytest.mark.req("S43")
def test_tail_shows_who_did_what_to_whom(installation: Installation) -> None:
    last = lines(installation.done("audit", "tail", "--json", "--limit", "2"))
    assert [one["event"] for one in last] == ["account_enabled", "account_unlocked"]
    assert last[0]["detail"]["by"]
    own = installation.done(
        "audit", "tail", "--portal", "pagos", "--account-identifier", "900.100.001-1", "--event", "account_disabled"
    )
    assert "account_disabled" in own
    assert "account_enabled" not in own
    assert installation.done("audit", "tail", "--since", "2100-01-01") == "None.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--event", "signed"], "no event is called 'signed'"),
        (["--account-identifier", "x"], "needs --portal"),
        (["--since", "yesterday"], "'yesterday' is no time"),
    ],
)
def test_a_wrong_filter_is_a_wrong_command(installation: Installation, arguments: list[str], said: str) -> None:
    assert said in installation.refused("audit", "tail", *arguments, code=2)


@pytest.mark.req("S45")
def test_an_export_is_json_lines_with_numbers_and_seals_in_a_file_for_its_owner_alone(
    installation: Installation, tmp_path: Path
) -> None:
    async def seal(services: Services) -> int:
        return await seal_audit(services)

    sealed = installation.within(seal)
    path = tmp_path / "trail.jsonl"
    assert installation.done("audit", "export", "--output", path) == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    *entries, batch = lines(path.read_text("utf-8"))
    assert [entry["number"] for entry in entries] == list(range(1, sealed + 1))
    assert (batch["batch"], batch["last"], batch["key"], len(batch["seal"])) == (1, sealed, "k1", 64)
    assert installation.done("audit", "export", "--until", "2020-01-01") == ""
