"""The risks that a configuration accepts are all named."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reclave.bootstrap import check_portals
from reclave.installation.in_force import MASK, portal_in_force, settings_in_force
from reclave.installation.risks import risks
from reclave.settings import Settings, read_with_origins
from tests.servers import ROOT

PORTALS = check_portals(ROOT / "portals").portals
SAFE = Settings(
    base_url="https://acceso.example",
    database="sqlite+aiosqlite:////var/lib/reclave/reclave.sqlite",
    keyring=Path("/etc/reclave/keyring"),
    portals=ROOT / "portals",
    security_contact="mailto:seguridad@pagos.example",
)


def named(settings: Settings, *portals: str) -> set[str]:
    return {risk.id for risk in risks(settings, {name: PORTALS[name] for name in portals})}


def test_a_careful_configuration_takes_no_risk() -> None:
    assert named(SAFE, "compras") == set()


@pytest.mark.parametrize(
    ("given", "risk"),
    [
        ({"base_url": "http://localhost:8000"}, "plain_http"),
        ({"smtp_security": "none"}, "plain_smtp"),
        ({"special_use_domains": True}, "special_use_domains"),
        ({"clock_offset": 1}, "clock_offset"),
        ({"security_contact": ""}, "no_security_contact"),
        ({"operations_host": "192.0.2.10", "operations_port": 8001}, "open_operations_port"),
        ({"trusted_proxies": ("0.0.0.0/0",)}, "wide_trusted_proxies"),
        ({"keyring": Path("/var/lib/reclave/keyring")}, "keyring_beside_database"),
        ({"database": "postgresql+psycopg://reclave@db.pagos.example/reclave"}, "database_without_tls"),
        (
            {"database": "postgresql+psycopg://reclave@/reclave?host=localhost:1&host=b.example:5"},
            "database_without_tls",
        ),
        ({"database": "postgresql+psycopg://reclave@/reclave?host=a.example,b.example"}, "database_without_tls"),
    ],
)
def test_each_risky_setting_is_named(given: dict[str, Any], risk: str) -> None:
    assert named(replace(SAFE, **given), "compras") == {risk}


@pytest.mark.parametrize("hosts", ["host=/run/postgresql", "host=localhost:5432&host=127.0.0.1:5433"])
def test_a_database_on_this_machine_needs_no_tls(hosts: str) -> None:
    assert named(replace(SAFE, database=f"postgresql+psycopg://reclave@/reclave?{hosts}"), "compras") == set()


@pytest.mark.req("S1")
def test_user_ids_on_the_screen_and_a_shared_host_are_named() -> None:
    found = named(SAFE, "aduana", "compras")
    assert {"id_on_screen:aduana", "shared_host"} <= found
    assert "shared_host" not in named(SAFE, "aduana")


def test_every_risk_tells_what_it_gives_away_and_the_way_out() -> None:
    for risk in risks(replace(SAFE, smtp_security="none", security_contact=""), PORTALS):
        assert risk.what.endswith("."), risk
        assert risk.remedy, risk


def test_what_is_in_force_says_where_it_came_from_and_masks_secrets(tmp_path: Path) -> None:
    file = tmp_path / "reclave.toml"
    file.write_text(
        'base_url = "https://acceso.example"\nkeyring = "keyring"\nportals = "portals"\n'
        'database = "postgresql+psycopg://reclave:0pen-sesame@localhost/reclave"\nsmtp_password = "hunter2"\n'
    )
    settings, origins = read_with_origins(file, {"RECLAVE_SMTP_HOST": "correo.example"})
    found = {each.name: each for each in settings_in_force(settings, origins)}
    assert (found["smtp_password"].value, found["smtp_password"].origin) == (MASK, str(file))
    assert "0pen-sesame" not in found["database"].value
    assert found["smtp_host"].origin == "environment: RECLAVE_SMTP_HOST"
    assert found["log_level"].origin == "default"


def test_every_key_of_a_portal_is_in_force_from_its_file_or_by_default() -> None:
    found = {each.name: each for each in portal_in_force(PORTALS["aduana"], ROOT / "portals" / "aduana.toml")}
    assert (found["journeys.find_user_id.reveal"].value, found["journeys.find_user_id.reveal"].origin) == (
        "screen",
        "aduana.toml",
    )
    assert found["classification[0].requires"].origin == "aduana.toml"
    assert found["sessions.idle"].origin == "default"
