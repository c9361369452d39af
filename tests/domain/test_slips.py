"""Slips in an address that reads well."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclave.domain.addresses import parse_address
from reclave.domain.slips import likely_address

USUAL = ("correo.example", "correo.com", "buzon.com.example", "me.com")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ana@corero.example", "ana@correo.example"),
        ("ana@coreo.example", "ana@correo.example"),
        ("ana@correoo.example", "ana@correo.example"),
        ("ana@correo.exampl", "ana@correo.example"),
        ("ana@correo.con", "ana@correo.com"),
        ("ana@corero.con", "ana@correo.com"),
        ("ana@bozon.com.example", "ana@buzon.com.example"),
        ("ana@empresa.comm", "ana@empresa.com"),
        ("ana@empresa.example", None),
        ("ana@empresa.com.co", None),
        ("ana@correo.com", None),
        ("ana@ne.com", None),
        ("ana@xn--and-6ma2c.example", None),
    ],
)
def test_a_likely_slip_in_a_domain_is_named(typed: str, meant: str | None) -> None:
    assert likely_address(typed, USUAL) == meant


def test_a_portal_without_usual_domains_asks_only_about_endings_that_no_domain_has() -> None:
    assert likely_address("ana@corero.example", ()) is None
    assert likely_address("ana@empresa.con", ()) == "ana@empresa.com"


@given(st.sampled_from(USUAL))
def test_a_usual_domain_is_never_asked_about(domain: str) -> None:
    assert likely_address(f"ana@{domain}", USUAL) is None


@given(st.sampled_from(USUAL), st.integers(0, 20), st.sampled_from("abcmnou.-"))
def test_what_is_asked_about_is_an_address_and_keeps_the_name(domain: str, at: int, letter: str) -> None:
    meant = likely_address(f"ana.perez@{domain[:at]}{letter}{domain[at:]}", USUAL)
    if meant is not None:
        assert parse_address(meant).canonical == meant
        assert meant.startswith("ana.perez@")
