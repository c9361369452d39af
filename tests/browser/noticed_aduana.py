"""Which test must notice that a behaviour of the customs portal is switched off, and on which portal file it runs."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from tests.browser import test_a2_a9_find_user_id as a2_a9
from tests.browser import test_a9_user_id_by_mail as a9_by_mail
from tests.browser import test_a10_a13_temporary_key as a10_a13
from tests.browser import test_b1_aduana_access as b1
from tests.browser.service import Blueprint

NOTICED_BY_ADUANA: Mapping[str, tuple[Callable[..., Awaitable[None]], str]] = {
    "nobody_needs_approval": (
        a10_a13.test_only_who_proves_all_three_gets_a_mail_and_all_see_the_same_page,
        "pendiente@correo.example",
    ),
    "no_entry_to_the_reset": (
        a2_a9.test_the_front_page_and_the_sign_in_page_lead_to_the_request,
        "Reiniciar clave",
    ),
    "no_second_section": (a2_a9.test_one_page_has_both_sections_and_the_list_of_ten, "Reinicio de clave de acceso"),
    "nine_classifications": (a2_a9.test_one_page_has_both_sections_and_the_list_of_ten, "Auditor"),
    "the_company_is_never_locked": (
        a2_a9.test_fields_lock_and_unlock_when_the_classification_changes,
        "to be disabled(.|\n)*RUC empresa",
    ),
    "the_address_is_never_locked": (
        a2_a9.test_fields_lock_and_unlock_when_the_classification_changes,
        "to be disabled(.|\n)*Correo electrónico",
    ),
    "continue_opens_nothing": (
        a2_a9.test_without_scripts_continue_reloads_the_form_with_the_fields_of_the_classification,
        "to be enabled",
    ),
    "a_passport_is_no_identification": (
        a2_a9.test_the_identification_is_an_identity_card_or_a_passport,
        "Su ID de usuario es perito9",
    ),
    "the_asterisk_is_not_red": (
        a2_a9.test_required_fields_carry_a_red_asterisk_on_the_labels_left,
        "is not red",
    ),
    "nothing_is_told_at_the_field": (
        a2_a9.test_what_is_missing_is_told_at_the_field_and_in_a_summary,
        "accessible description",
    ),
    "nothing_is_told_in_a_summary": (
        a2_a9.test_what_is_missing_is_told_at_the_field_and_in_a_summary,
        'get_by_role\\("alert"\\)',
    ),
    "addresses_match_any_account": (a2_a9.test_one_thing_that_does_not_match_finds_nothing, "No encontramos"),
    "searches_are_not_limited": (a2_a9.test_the_search_is_strictly_limited, "Demasiados intentos"),
    "no_user_id_in_the_mail": (
        a9_by_mail.test_the_user_id_goes_to_the_registered_address_and_to_no_screen,
        "perito9",
    ),
    "the_search_by_mail_says_when_there_is_nobody": (
        a9_by_mail.test_the_page_is_the_same_whether_or_not_there_was_a_match,
        "Revise su correo electrónico",
    ),
    "the_user_id_need_not_match": (
        a10_a13.test_only_who_proves_all_three_gets_a_mail_and_all_see_the_same_page,
        "race@correo.example|'mlopez' in",
    ),
    "the_identification_need_not_match": (
        a10_a13.test_only_who_proves_all_three_gets_a_mail_and_all_see_the_same_page,
        "auditor@correo.example|'305999901-5' in",
    ),
    "the_address_need_not_match": (
        a10_a13.test_only_who_proves_all_three_gets_a_mail_and_all_see_the_same_page,
        "ana.soto@andesexport.example|perito@correo.example|'maria.lopez@correo.example' in",
    ),
    "no_dialog_asks": (a10_a13.test_a_dialog_asks_and_only_yes_sends, "Desea recibir"),
    "the_dialogs_no_sends": (a10_a13.test_a_dialog_asks_and_only_yes_sends, "ID usuario"),
    "no_page_asks": (a10_a13.test_without_scripts_a_page_asks_and_only_yes_sends, "Desea recibir"),
    "the_pages_no_sends": (a10_a13.test_without_scripts_a_page_asks_and_only_yes_sends, "Solicitud de reinicio"),
    "no_expiry_in_local_time": (
        a10_a13.test_the_mailed_key_says_until_when_and_opens_only_the_forced_change,
        "Sirve hasta",
    ),
    "a_key_opens_everything": (
        a10_a13.test_the_mailed_key_says_until_when_and_opens_only_the_forced_change,
        "Su sesión terminó",
    ),
    "the_search_fills_nothing_in": (
        a10_a13.test_who_searched_goes_on_with_the_user_id_filled_in,
        "mlopez",
    ),
    "a_slip_stays": (a10_a13.test_a_search_put_right_puts_right_what_it_filled_in, "3059999015"),
    "a_result_out_of_sight": (b1.test_without_scripts_the_result_of_a_search_is_in_sight, "viewport"),
}
"""For each behaviour that can be switched off: the test that must notice, and what its failure says."""


def blueprint_for(test: Callable[..., Awaitable[None]], blueprint: Blueprint, folder: Path) -> Blueprint:
    """The blueprint that a test's service is copied from: some tests need another portal file."""
    if test.__module__ != a9_by_mail.__name__:
        return blueprint
    own = folder / "by-mail"
    own.mkdir()
    return a9_by_mail.answering_by_mail(blueprint, own)
