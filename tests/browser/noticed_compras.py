"""Which test of the procurement portal must notice each of its switches, and what its failure says."""

from collections.abc import Awaitable, Callable, Mapping

from tests.browser import test_c1_c5_reset_link as c1_c5
from tests.browser import test_c6_c10_change_password as c6_c10
from tests.browser import test_c9_user_names as c9
from tests.browser import test_scanners as scanners

NOTICED_BY_COMPRAS: Mapping[str, tuple[Callable[..., Awaitable[None]], str]] = {
    "no_way_to_the_user_name": (
        c1_c5.test_the_sign_in_page_asks_for_two_things_and_offers_three_ways_out,
        "Olvidé el usuario",
    ),
    "no_registration": (c1_c5.test_the_sign_in_page_asks_for_two_things_and_offers_three_ways_out, "Registro"),
    "no_word_on_what_to_type": (
        c1_c5.test_recover_password_asks_for_the_user_name_and_helps_who_forgot_it,
        "Recupere su contraseña ingresando",
    ),
    "no_link_to_the_user_name": (
        c1_c5.test_recover_password_asks_for_the_user_name_and_helps_who_forgot_it,
        "Haga clic aquí para recuperar",
    ),
    "no_word_of_unwanted_mail": (
        c1_c5.test_after_the_request_the_page_says_what_to_wait_for_and_where,
        "no deseado",
    ),
    "another_reference_on_the_page": (
        c1_c5.test_after_the_request_the_page_says_what_to_wait_for_and_where,
        "0000-0000",
    ),
    "no_anti_phishing_notice": (
        c1_c5.test_after_the_request_the_page_says_what_to_wait_for_and_where,
        "Nunca le solicitaremos",
    ),
    "asking_again_sends_again": (c1_c5.test_pressing_again_is_harmless, "Ya lo pidió hace"),
    "asking_again_makes_another_link": (
        c1_c5.test_of_all_that_was_asked_for_one_link_lives_and_it_works_once,
        # A link that the next request ends before its mail goes out needs no mail.
        "ventas@ferreteriasur.example has [23] mails",
    ),
    "a_link_works_twice": (
        c1_c5.test_of_all_that_was_asked_for_one_link_lives_and_it_works_once,
        "Este enlace ya no funciona",
    ),
    "no_anti_phishing_notice_in_the_mail": (
        c6_c10.test_the_mail_says_who_asked_what_and_when_in_text_and_html,
        "Nunca le solicitaremos",
    ),
    "no_device_in_the_mail": (
        c6_c10.test_the_mail_says_who_asked_what_and_when_in_text_and_html,
        "Se hizo desde: Chrome · Android",
    ),
    "no_help_desk_in_the_mail": (
        c6_c10.test_the_mail_says_who_asked_what_and_when_in_text_and_html,
        "Mesa de servicio",
    ),
    "no_link_to_copy": (c6_c10.test_the_mail_says_who_asked_what_and_when_in_text_and_html, "/cambiar/"),
    "any_new_password_will_do": (c6_c10.test_only_a_valid_new_password_uses_the_link_up, "Cambiar contraseña"),
    "the_user_name_can_be_typed": (c6_c10.test_only_a_valid_new_password_uses_the_link_up, "editable"),
    "the_reset_signs_in": (c6_c10.test_only_a_valid_new_password_uses_the_link_up, "Compra pública"),
    "a_form_follows_the_link_opened_last": (
        c6_c10.test_a_second_link_in_the_same_browser_does_not_turn_the_first_form_into_another_accounts,
        "ahora de otra cuenta",
    ),
    "no_code_in_the_mail": (
        c6_c10.test_the_code_of_a_mail_read_on_the_phone_is_typed_where_it_was_asked_for,
        "Cambiar contraseña",
    ),
    "codes_count_in_any_browser": (
        c6_c10.test_a_code_counts_in_no_other_browser_and_five_times_and_leaves_the_link_alone,
        "restantes: 4",
    ),
    "any_code_opens_the_form": (
        c6_c10.test_a_code_counts_in_no_other_browser_and_five_times_and_leaves_the_link_alone,
        "restantes: 4",
    ),
    "a_reset_leaves_sessions_and_grants_alone": (
        c6_c10.test_the_change_ends_every_other_session_and_grant_and_is_told_to_the_owner,
        "Su sesión terminó",
    ),
    "the_notice_tells_of_no_change": (
        c6_c10.test_the_change_ends_every_other_session_and_grant_and_is_told_to_the_owner,
        "Se cambió su contraseña",
    ),
    "one_user_name_a_mail": (
        c9.test_all_user_names_of_an_address_go_there_and_one_of_them_recovers,
        "aseo.norte|papeleria.centro",
    ),
    "user_names_on_the_screen": (
        c9.test_all_user_names_of_an_address_go_there_and_one_of_them_recovers,
        "'aseo.norte' not in",
    ),
    "opening_the_link_uses_it_up": (scanners.test_nothing_that_a_scanner_does_uses_the_reset_link_up, "410 == 200"),
    "an_empty_form_uses_the_link_up": (
        scanners.test_nothing_that_a_scanner_does_uses_the_reset_link_up,
        "410 == 200",
    ),
    "an_unticked_box_reports": (
        scanners.test_nothing_that_a_scanner_does_with_it_was_not_me_reports_anything,
        "200 == 422",
    ),
}
"""For each behaviour that can be switched off: the test that must notice, and what its failure says."""
