from pathlib import Path

import pytest

from reclave.bootstrap import check_portals
from reclave.domain.accounts import Status
from reclave.operations.import_accounts.findings import Finding
from reclave.operations.import_accounts.reading import ImportRefused, Record
from reclave.operations.import_accounts.rows import LONGEST_CELL, ImportedRow, RowReader
from tests.operations.importing import a_nit
from tests.world import PORTALS

_PORTALS = check_portals(PORTALS).portals
BCRYPT = "$2b$12$" + "abcdefghijklmnopqrstuu" + "9" * 31


def read(portal: str, **cells: str) -> ImportedRow | list[Finding] | None:
    return RowReader(_PORTALS[portal], list(cells)).read(Record(1, 2, cells))


def reasons(portal: str, **cells: str) -> dict[str, str]:
    found = read(portal, **cells)
    assert isinstance(found, list), found
    return {finding.column: finding.reason for finding in found}


def a_row(portal: str, **cells: str) -> ImportedRow:
    found = read(portal, **cells)
    assert isinstance(found, ImportedRow), found
    return found


def test_cells_become_canonical() -> None:
    row = a_row(
        "aduana",
        user_id=" MLopez ",
        email=" Maria@Correo.Example ",
        classification="employee",
        identification="305999903-1",
        company_ruc="1799000012001",
        language="es",
        status="active",
    )
    assert row.identifier == "mlopez"
    assert row.address is not None
    assert (row.address.stored, row.address.canonical) == ("Maria@Correo.Example", "maria@correo.example")
    assert row.facts == {
        "classification": "employee",
        "company_ruc": "1799000012001",
        "identification": "3059999031",
    }
    assert (row.language, row.status) == ("es", Status.ACTIVE)


@pytest.mark.parametrize(
    ("cells", "status"),
    [
        ({}, None),
        ({"initial_password": "una clave cualquiera"}, Status.AWAITING_FIRST_SIGN_IN),
        ({"password_hash": BCRYPT}, Status.ACTIVE),
        ({"password_hash": BCRYPT, "status": "awaiting_first_sign_in"}, Status.AWAITING_FIRST_SIGN_IN),
        ({"password_hash": BCRYPT, "status": "disabled"}, Status.DISABLED),
        ({"status": "pending"}, Status.PENDING),
    ],
)
def test_a_password_or_a_hash_implies_a_status(cells: dict[str, str], status: Status | None) -> None:
    assert a_row("pagos", nit=a_nit(1), **cells).status is status


@pytest.mark.req("S33", "S34", "S42", "S44")
def test_what_cannot_be_right_is_refused_cell_by_cell_and_masked() -> None:
    found = read(
        "pagos",
        nit="800.500.001",
        email="Maria <maria@empresa.example>",
        status="actve",
        language="fr",
        initial_password="x" * (LONGEST_CELL + 1),
    )
    assert isinstance(found, list)
    assert {each.column: (each.line, each.value, each.reason) for each in found} == {
        "nit": (2, "80•••", "nit without check digit"),
        "email": (2, "M•••@e•••.•••", "address angle brackets"),
        "status": (
            2,
            "ac•••",
            "none of active, awaiting_first_sign_in, disabled, pending, rejected; did you mean 'active'?",
        ),
        "language": (2, "•••", "none of en, es, pt"),
        "initial_password": (2, "•••", "longer than a password can be"),
    }


def test_rows_that_contradict_themselves_are_refused() -> None:
    nit = a_nit(1)
    both = reasons("pagos", nit=nit, initial_password="una clave", password_hash=BCRYPT)
    assert both == {"initial_password": "the row has a password_hash too: leave one of them empty"}
    active = reasons("pagos", nit=nit, initial_password="una clave", status="active")
    assert active == {"initial_password": "an initial password is for the status awaiting_first_sign_in"}
    nowhere = reasons("compras", user_name="mlopez", initial_password="una clave")
    assert nowhere == {"initial_password": "the portal has no [journeys.first_sign_in]"}
    unknown = reasons("pagos", nit=nit, password_hash="plain text")
    assert unknown["password_hash"].startswith("unknown scheme: this kind of hash is not supported")
    assert reasons("pagos", nit=" ", email="a@b.example") == {"nit": "missing"}


def test_an_empty_row_says_nothing_and_one_with_too_many_cells_is_refused() -> None:
    reader = RowReader(_PORTALS["pagos"], ["nit", "email"])
    assert reader.read(Record(1, 2, {"nit": "", "email": ""})) is None
    found = reader.read(Record(1, 2, {"nit": a_nit(1), "email": ""}, ("x",)))
    assert isinstance(found, list)
    assert [finding.reason for finding in found] == ["more cells than columns"]


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (["nit", "e_mail"], "'e_mail' is no column of the portal pagos; did you mean 'email'?"),
        (["nit", "classification"], "'classification' is no column of the portal pagos"),
        (["nit", "nit"], "the column 'nit' stands there twice"),
        (["email"], "there is no column 'nit'"),
        (["nit", ""], "'' is no column"),
    ],
)
def test_columns_that_nobody_knows_refuse_the_file(columns: list[str], why: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        RowReader(_PORTALS["pagos"], columns)
    assert why in str(refused.value)


def test_the_address_names_the_account_where_people_sign_in_with_it() -> None:
    portal = check_portals(Path(__file__).parents[1] / "portals").portals["matriculas"]
    row = RowReader(portal, ["email"]).read(Record(1, 2, {"email": "Ana@Correo.Example"}))
    assert isinstance(row, ImportedRow)
    assert row.address is not None
    assert (row.identifier, row.address.stored, row.facts) == ("ana@correo.example", "Ana@Correo.Example", {})
