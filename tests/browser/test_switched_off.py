"""Each statement's tests fail when the behaviour behind it is switched off; with nothing switched off they pass."""

import inspect
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Error, expect

from tests.browser import test_b1_access as b1
from tests.browser import test_b1_languages as b1_languages
from tests.browser import test_b3_b4_not_me as b3_b4
from tests.browser import test_p1_p2_sign_in_page as p1_p2
from tests.browser import test_p3_first_sign_in as p3
from tests.browser import test_p4_p5_recover as p4_p5
from tests.browser import test_p6_p7_mail as p6_p7
from tests.browser import test_p8_forced_change as p8
from tests.browser.noticed_aduana import NOTICED_BY_ADUANA, blueprint_for
from tests.browser.noticed_compras import NOTICED_BY_COMPRAS
from tests.browser.person import PHONE, TIMEOUT
from tests.browser.service import Blueprint, Service, running
from tests.browser.switched_off import SWITCHES
from tests.servers import ROOT

StatementTest = Callable[..., Awaitable[None]]

NOTICED_BY: Mapping[str, tuple[StatementTest, str]] = {
    "no_motto": (p1_p2.test_the_sign_in_page_shows_brand_fields_and_ways_out, "De principio a fin"),
    "no_service": (p1_p2.test_the_sign_in_page_shows_brand_fields_and_ways_out, "Pagos en línea"),
    "no_placeholder": (p1_p2.test_the_sign_in_page_shows_brand_fields_and_ways_out, "000.000.000-0"),
    "no_way_to_recover": (p1_p2.test_the_sign_in_page_shows_brand_fields_and_ways_out, "Olvidó"),
    "no_guide": (p1_p2.test_the_sign_in_page_shows_brand_fields_and_ways_out, "instructivo de uso"),
    "no_online_help": (p1_p2.test_the_sign_in_page_shows_brand_fields_and_ways_out, "Ayuda en línea"),
    "no_rights": (p1_p2.test_the_sign_in_page_shows_brand_fields_and_ways_out, "derechos reservados"),
    "no_first_use_notice": (
        p1_p2.test_the_first_use_notice_says_what_to_type_and_what_comes_then,
        "primera vez",
    ),
    "no_code_is_asked_for": (
        p3.test_the_first_sign_in_ends_with_a_code_typed_in_the_same_session,
        "Confirme su dirección",
    ),
    "any_code_is_right": (p3.test_the_first_sign_in_ends_with_a_code_typed_in_the_same_session, "restantes: 4"),
    "change_only_sessions_open_everything": (
        p3.test_an_initial_password_opens_nothing_but_the_registration,
        "/pagos/cuenta",
    ),
    "no_notice_at_recovery": (
        p4_p5.test_recover_password_asks_for_the_registered_address_and_offers_help_and_a_way_back,
        "debe ingresar",
    ),
    "no_recovery_guide": (
        p4_p5.test_recover_password_asks_for_the_registered_address_and_offers_help_and_a_way_back,
        "instructivo para recuperar",
    ),
    "no_way_back": (
        p4_p5.test_recover_password_asks_for_the_registered_address_and_offers_help_and_a_way_back,
        "Volver",
    ),
    "no_if_registered": (
        p4_p5.test_after_asking_the_page_says_where_the_mail_went_if_anywhere,
        "Si la dirección está registrada",
    ),
    "unknown_addresses_are_refused": (
        p4_p5.test_the_answer_is_the_same_byte_for_byte_for_known_and_unknown_addresses,
        'event "response"',
    ),
    "known_addresses_get_one_more_byte": (
        p4_p5.test_the_answer_is_the_same_byte_for_byte_for_known_and_unknown_addresses,
        "nadie@ninguna.example",
    ),
    "every_account_seems_active": (
        p4_p5.test_the_answer_is_the_same_byte_for_byte_for_known_and_unknown_addresses,
        "nueva@pendiente.example",
    ),
    "no_nit_in_the_mail": (p6_p7.test_the_mail_carries_the_user_name_and_a_temporary_password, "900.100.001-1"),
    "only_the_first_account_is_listed": (
        p6_p7.test_one_address_with_two_nits_gets_one_mail_with_a_password_for_each,
        "900.300.0",
    ),
    "every_account_gets_the_same_password": (
        p6_p7.test_one_address_with_two_nits_gets_one_mail_with_a_password_for_each,
        "1 == 2",
    ),
    "a_nit_needs_its_dots_and_dash": (
        p6_p7.test_the_mailed_password_signs_in_however_the_nit_is_written,
        "Registro de datos de ingreso",
    ),
    "mailed_passwords_do_not_sign_in": (
        p6_p7.test_the_mailed_password_signs_in_however_the_nit_is_written,
        "Registro de datos de ingreso",
    ),
    "the_address_is_not_filled_in": (
        p8.test_a_recovery_goes_from_the_forgotten_password_to_a_normal_sign_in,
        "tesoreria@andina.example",
    ),
    "no_form_but_the_password": (
        p8.test_a_recovery_goes_from_the_forgotten_password_to_a_normal_sign_in,
        "Actualizar",
    ),
    "the_change_signs_in": (
        p8.test_a_recovery_goes_from_the_forgotten_password_to_a_normal_sign_in,
        "Pagos en línea",
    ),
    "any_password_signs_in": (
        p8.test_a_recovery_goes_from_the_forgotten_password_to_a_normal_sign_in,
        "no son correctos|Registro de datos de ingreso",
    ),
    "ended_passwords_are_not_explained": (
        p8.test_a_recovery_goes_from_the_forgotten_password_to_a_normal_sign_in,
        "ya se usó",
    ),
    "temporary_passwords_work_twice": (
        p8.test_a_recovery_goes_from_the_forgotten_password_to_a_normal_sign_in,
        "ya se usó",
    ),
    "a_field_without_a_label": (
        b1.test_the_way_to_the_mail_passes_axe_in_light_and_dark_and_fits_320_pixels,
        "sign-in(.|\n)*label",
    ),
    "a_page_too_wide": (b1.test_the_way_to_the_mail_passes_axe_in_light_and_dark_and_fits_320_pixels, "<= 320"),
    "a_button_out_of_reach": (b1.test_a_recovery_needs_no_more_than_the_keyboard, "did not reach"),
    "a_cookie_before_sign_in": (
        b1.test_no_cookie_is_set_before_sign_in_but_that_of_the_waiting_page,
        "seen",
    ),
    "only_spanish": (b1_languages.test_a_recovery_speaks_the_language_of_the_browser, "lang"),
    "a_third_party_is_asked": (
        b1.test_the_way_to_the_mail_passes_axe_in_light_and_dark_and_fits_320_pixels,
        "fonts.example",
    ),
    "a_request_ends_the_owners_sessions": (
        b3_b4.test_a_strangers_request_changes_nothing_until_the_new_password_is_set,
        "Mi cuenta",
    ),
    "reports_change_nothing": (
        b3_b4.test_not_me_before_the_change_ends_the_temporary_password_and_opens_a_case,
        "se anuló",
    ),
    "opening_the_link_reports": (
        b3_b4.test_a_mail_scanner_that_follows_the_link_changes_nothing,
        "410|Marque la casilla|500",
    ),
    "the_token_stays_in_the_address": (
        b3_b4.test_the_token_of_a_link_leaves_the_address_bar_and_the_page,
        "token=",
    ),
    **NOTICED_BY_ADUANA,
    **NOTICED_BY_COMPRAS,
}
"""For each behaviour that can be switched off: the test that must notice, and what its failure says."""

CONTROLS = [next(iter(noticed.values()))[0] for noticed in (NOTICED_BY, NOTICED_BY_ADUANA, NOTICED_BY_COMPRAS)]
"""One test of each portal: that all of them pass as things are, the ordinary run shows."""

PATIENCE = 6_000
"""Milliseconds that a test waits for what is switched off, and so never comes."""


@pytest.fixture
def less_patience() -> Iterator[None]:
    """Nearly every one of these tests waits in vain."""
    expect.set_options(timeout=PATIENCE)
    yield
    expect.set_options(timeout=TIMEOUT)


@pytest.mark.long
@pytest.mark.usefixtures("less_patience")
@pytest.mark.parametrize("name", NOTICED_BY)
async def test_a_behaviour_that_is_switched_off_is_noticed(
    browser: Browser, blueprint: Blueprint, tmp_path: Path, name: str
) -> None:
    test, said = NOTICED_BY[name]
    async with running(browser, blueprint_for(test, blueprint, tmp_path), tmp_path, switched_off=name) as service:
        with pytest.raises((AssertionError, Error), match=said):
            await run(test, service)


@pytest.mark.long
@pytest.mark.parametrize("test", CONTROLS, ids=lambda test: test.__name__)
async def test_with_nothing_switched_off_the_same_tests_pass(
    browser: Browser, blueprint: Blueprint, tmp_path: Path, test: StatementTest
) -> None:
    async with running(browser, blueprint_for(test, blueprint, tmp_path), tmp_path, switched_off="nothing") as service:
        await run(test, service)


def test_every_switch_finds_what_it_switches_off_and_a_test_that_notices() -> None:
    assert {*NOTICED_BY, "nothing"} == set(SWITCHES)
    program = (
        "import sys; from tests.browser.switched_off import SWITCHES\n"
        "for name, switch in SWITCHES.items(): print(name); switch()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == list(SWITCHES)


async def run(test: StatementTest, service: Service) -> None:
    """Call a statement's test with what it asks for."""
    given: dict[str, Callable[[], Any]] = {
        "service": lambda: service,
        "shared_service": lambda: service,
        "equipment": lambda: PHONE,
        "language": lambda: "pt",
        "tag": lambda: "pt-BR",
    }
    arguments = {name: given[name]() for name in inspect.signature(test).parameters if name != "person"}
    if "person" in inspect.signature(test).parameters:
        arguments["person"] = await service.person()
    await test(**arguments)
