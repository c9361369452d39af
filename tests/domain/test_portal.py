from pathlib import Path

import pytest

from reclave.domain.errors import PortalRefused
from reclave.domain.limits import Limit, Scope
from reclave.domain.portal_reader import read_portal
from reclave.domain.time import DAY, HOUR, MINUTE

PORTALS = sorted((Path(__file__).parents[2] / "portals").glob("*.toml"))

SMALLEST = """
[portal]
id = "pagos"
name = "Pagos de Ejemplo"
[mail]
sender = "Pagos <no-responder@pagos.example>"
[sign_in]
identifier = "nit"
[fields.nit]
kind = "co.nit"
label = { es = "NIT" }
"""


def refusal(toml: str) -> PortalRefused:
    with pytest.raises(PortalRefused) as refused:
        read_portal(toml, source="pagos.toml")
    assert refused.value.source == "pagos.toml"
    assert str(refused.value).startswith("pagos.toml: ")
    return refused.value


@pytest.mark.req("B7")
@pytest.mark.parametrize("path", PORTALS, ids=lambda path: path.stem)
def test_each_demo_portal_is_read(path: Path) -> None:
    portal = read_portal(path.read_text(), source=path.name)
    assert portal.id == path.stem
    assert portal.identifier_field is portal.file.fields[portal.file.sign_in.identifier]


@pytest.mark.req("B7")
def test_there_are_demo_portals() -> None:
    assert "pagos" in [path.stem for path in PORTALS]


@pytest.mark.req("S8", "S29")
def test_what_a_file_leaves_out_has_safe_defaults() -> None:
    assert read_portal(SMALLEST).terms == {}
    portal = read_portal(SMALLEST + "[journeys.temporary_password]\n")
    assert portal.default_language == "es"
    assert portal.zone.key == "UTC"
    assert portal.terms["temporary_password"].lifetime == HOUR
    assert portal.first_sign_in_lifetime == 30 * DAY
    assert portal.first_sign_in_finish == DAY
    assert portal.terms["temporary_password"].cooldown == 2 * MINUTE
    assert portal.session_idle == 30 * MINUTE
    assert portal.session_absolute == 12 * HOUR
    assert portal.address_wait == DAY
    assert Limit(5, HOUR, Scope.IDENTIFIER) in portal.terms["temporary_password"].limits
    assert {limit.scope for limit in portal.terms["temporary_password"].limits} == {
        Scope.CLIENT,
        Scope.IDENTIFIER,
        Scope.PORTAL,
    }
    assert portal.file.passwords.preset == "nist"


@pytest.mark.req("B7")
@pytest.mark.parametrize(
    ("toml", "path", "nearest"),
    [
        (
            SMALLEST + '[journeys.temporary_password]\nlifetme = "1h"',
            "journeys.temporary_password.lifetme",
            "lifetime",
        ),
        (SMALLEST.replace("name =", "nmae ="), "portal.nmae", "name"),
        (SMALLEST + '[brnd]\ncolor = "#000000"', "brnd", "brand"),
        (SMALLEST + '[sessions]\nidel = "5m"', "sessions.idel", "idle"),
    ],
)
def test_an_unknown_key_is_refused_with_its_path_and_the_nearest_spelling(toml: str, path: str, nearest: str) -> None:
    error = refusal(toml)
    assert error.path == path
    assert f"did you mean '{nearest}'?" in error.why


def test_an_unknown_key_like_no_other_is_refused_without_a_guess() -> None:
    error = refusal(SMALLEST + "[zzzzzz]")
    assert error.path == "zzzzzz"
    assert "did you mean" not in error.why


def test_an_unknown_key_of_a_field_is_refused_with_the_nearest_spelling() -> None:
    error = refusal(SMALLEST.replace("kind =", "kin ="))
    assert error.path.startswith("fields")
    assert error.path.endswith(".kin")
    assert "did you mean 'kind'?" in error.why


@pytest.mark.parametrize(
    ("line", "path", "missing"),
    [('name = "Pagos de Ejemplo"\n', "portal", "name"), ('kind = "co.nit"\n', "fields", "kind")],
)
def test_a_missing_key_is_refused_by_name(line: str, path: str, missing: str) -> None:
    error = refusal(SMALLEST.replace(line, ""))
    assert error.path.startswith(path)
    assert missing in error.why


def test_a_missing_table_is_refused_by_name() -> None:
    assert "mail" in refusal(SMALLEST.replace('[mail]\nsender = "Pagos <no-responder@pagos.example>"', "")).why


def test_an_identifier_that_no_field_describes_is_refused() -> None:
    error = refusal(SMALLEST.replace('identifier = "nit"', 'identifier = "ruc"'))
    assert error.path == "sign_in.identifier"
    assert "[fields.ruc]" in error.why


@pytest.mark.req("S8")
@pytest.mark.parametrize(
    ("table", "key", "over", "at_most"),
    [
        ("journeys.temporary_password", "lifetime", "25h", "24h"),
        ("journeys.temporary_password", "cooldown", "61m", "1h"),
        ("journeys.first_sign_in", "lifetime", "31d", "30d"),
        ("journeys.first_sign_in", "finish", "2d", "1d"),
        ("sessions", "idle", "25h", "24h"),
        ("sessions", "absolute", "31d", "30d"),
        ("addresses", "wait", "25h", "24h"),
    ],
)
def test_a_length_of_time_over_its_ceiling_is_refused(table: str, key: str, over: str, at_most: str) -> None:
    error = refusal(f'{SMALLEST}[{table}]\n{key} = "{over}"')
    assert error.path == f"{table}.{key}"
    assert over in error.why
    assert read_portal(f'{SMALLEST}[{table}]\n{key} = "{at_most}"').id == "pagos"


@pytest.mark.parametrize("written", ["0s", "1 hour", "-1h", ""])
def test_what_is_no_length_of_time_is_refused_at_its_key(written: str) -> None:
    assert refusal(f'{SMALLEST}[sessions]\nidle = "{written}"').path == "sessions.idle"


def test_a_limit_that_cannot_be_read_is_refused_at_its_place() -> None:
    limits = '["5/hour per identifier", "5 per fortnight"]'
    error = refusal(f"{SMALLEST}[journeys.temporary_password]\nlimits = {limits}")
    assert error.path == "journeys.temporary_password.limits[1]"
    assert "5 per fortnight" in error.why


@pytest.mark.parametrize(
    ("toml", "path"),
    [
        (SMALLEST.replace('id = "pagos"', 'id = "Pagos!"'), "portal.id"),
        (SMALLEST.replace('id = "pagos"', 'id = "pagos"\nlanguages = []'), "portal.languages"),
        (SMALLEST.replace('id = "pagos"', 'id = "pagos"\ntime_zone = "Mars/Olympus"'), "portal.time_zone"),
        (
            SMALLEST.replace('id = "pagos"', 'id = "pagos"\ntime_zone = "../../etc/passwd"'),
            "portal.time_zone",
        ),
        (SMALLEST.replace('id = "pagos"', "id = 7"), "portal.id"),
        (SMALLEST + '[brand]\ncolor = "red"', "brand.color"),
        (SMALLEST + '[passwords]\npreset = "weak"', "passwords.preset"),
        (SMALLEST + '[help]\nonline = "http://ayuda.pagos.example/"', "help.online"),
        (SMALLEST + '[help]\nprivacy = "javascript:alert(1)"', "help.privacy"),
    ],
)
def test_a_value_out_of_range_is_refused_at_its_key(toml: str, path: str) -> None:
    assert refusal(toml).path.startswith(path)


def test_a_file_that_is_not_toml_is_refused_with_the_line() -> None:
    assert "line 2" in refusal("[portal]\nid = pagos").why
