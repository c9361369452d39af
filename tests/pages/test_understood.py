"""What was understood, as its owner writes it."""

import msgspec
import pytest

from reclave.adapters.portal_files import read_portals
from reclave.domain.portal import Portal
from reclave.domain.portal_file import Field
from reclave.pages.i18n import translator
from reclave.pages.understood import doubts, likely_slips, shown_facts
from tests.world import PORTALS


@pytest.fixture(scope="module")
def portal() -> Portal:
    """The customs portal, with a field that takes a tax number or a passport."""
    read = read_portals(PORTALS).portals["aduana"]
    fields = read.file.fields | {
        "either": Field(kind=("co.nit", "passport")),
        "numbers": Field(kind=("co.nit", "ec.ruc")),
    }
    return msgspec.structs.replace(read, file=msgspec.structs.replace(read.file, fields=fields))


@pytest.mark.parametrize(
    ("name", "canonical", "shown"),
    [
        ("identification", "3059999015", "305999901-5"),
        ("identification", "XA123456", "XA123456"),
        ("company_ruc", "1799000039001", "1799000039001"),
        ("email", "ana@xn--and-6ma2c.example", "ana@ñandú.example"),
        ("user_id", "mlopez", "mlopez"),
        ("either", "9001234568", "900.123.456-8"),
        ("numbers", "1234567899", "1234567899"),
    ],
)
def test_a_fact_is_shown_as_its_owner_writes_it(portal: Portal, name: str, canonical: str, shown: str) -> None:
    assert shown_facts(portal, {name: canonical, "classification": "employee"}) == {name: shown}


def test_what_reads_but_is_probably_a_slip_is_pointed_at(portal: Portal) -> None:
    words = translator("es", {})
    shown = {
        "identification": "3059999016",
        "company_ruc": "1760015510001",
        "email": "a@corero.example",
        "numbers": "1",
    }
    assert doubts(words, portal, shown) == {
        "identification": "Si es una cédula, uno de sus dígitos no es correcto. Revise cada dígito.",
        "company_ruc": "Pocas empresas tienen un RUC como este. Revise cada dígito.",
    }
    assert likely_slips(portal, shown) == {"email": "a@correo.example"}
