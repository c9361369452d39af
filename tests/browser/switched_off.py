"""`reclave` with one behaviour switched off, to prove that the tests of its statement would notice.

    python -m tests.browser.switched_off NAME serve --settings FILE

patches this process and the worker that it starts. `SWITCHES` names what can be switched off; `nothing` is the
control. A switch whose target is gone from the sources fails at once.
"""

import sys
from collections.abc import Collection, Sequence

from reclave import cli, supervisor
from reclave.adapters.argon2 import Argon2Hasher
from reclave.domain.accounts import Account
from reclave.journeys import confirm_address, report_not_me, sign_in
from reclave.web import sign_in as sign_in_page
from tests.browser import switches
from tests.browser.switches import Switch, constantly, mail_rewriting, patch, promptly, rewriting
from tests.browser.switches_aduana import SWITCHES_ADUANA
from tests.browser.switches_compras import SWITCHES_COMPRAS

_NAMED: Collection[Switch] = (
    switches.nothing,
    switches.change_only_sessions_open_everything,
    switches.unknown_addresses_are_refused,
    switches.known_addresses_get_one_more_byte,
    switches.every_account_seems_active,
    switches.only_the_first_account_is_listed,
    switches.every_account_gets_the_same_password,
    switches.a_nit_needs_its_dots_and_dash,
    switches.ended_passwords_are_not_explained,
    switches.temporary_passwords_work_twice,
    switches.the_address_is_not_filled_in,
    switches.the_change_signs_in,
    switches.a_cookie_before_sign_in,
    switches.a_third_party_is_asked,
    switches.a_request_ends_the_owners_sessions,
    switches.opening_the_link_reports,
    switches.the_token_stays_in_the_address,
)
SWITCHES: dict[str, Switch] = {switch.__name__: switch for switch in _NAMED} | {
    "no_motto": rewriting("De principio a fin"),
    "no_service": rewriting("Pagos en línea"),
    "no_placeholder": rewriting(' placeholder="[^"]*"'),
    "no_way_to_recover": rewriting("¿Olvidó su contraseña\\?"),
    "no_guide": rewriting("Descargue aquí el instructivo de uso"),
    "no_online_help": rewriting("Ayuda en línea"),
    "no_rights": rewriting("Todos los derechos reservados"),
    "no_first_use_notice": lambda: patch(
        sign_in_page, "_context", lambda context: lambda page: context(page) | {"first_use": False}
    ),
    "no_code_is_asked_for": constantly(Account, "is_registered", answer=True),
    "any_code_is_right": constantly(confirm_address, "same_secret", answer=True),
    "no_notice_at_recovery": rewriting("debe ingresar la dirección"),
    "no_recovery_guide": rewriting("Descargue el instructivo"),
    "no_way_back": rewriting(">Volver<", "><"),
    "no_if_registered": rewriting("Si la dirección está registrada, enviamos"),
    "no_nit_in_the_mail": mail_rewriting(r"900\.100\.001-1"),
    "mailed_passwords_do_not_sign_in": constantly(sign_in, "read_temporary_password", answer=None),
    "no_form_but_the_password": rewriting(">Actualizar<", ">Enviar<"),
    "any_password_signs_in": promptly(Argon2Hasher, "verify", answer=True),
    "a_field_without_a_label": rewriting('<label for="password">', "<label>"),
    "a_page_too_wide": rewriting("<h1>", '<p class="number">' + "muy ancho " * 12 + "</p><h1>"),
    "a_button_out_of_reach": rewriting("<button", '<button tabindex="-1"'),
    "only_spanish": rewriting(' lang="pt-BR"', ' lang="es"'),
    "reports_change_nothing": promptly(report_not_me, "_act"),
}
SWITCHES |= SWITCHES_ADUANA
SWITCHES |= SWITCHES_COMPRAS


def run(again: Sequence[str], name: str, arguments: Sequence[str]) -> None:
    """Patch, then be `reclave`; `again` is what starts another one like this, but for its arguments."""
    SWITCHES[name]()
    patch(supervisor, "own_command", lambda _own: lambda *command: [*again, *command])
    sys.argv = ["reclave", *arguments]
    cli.main()


def main() -> None:
    """Patch, then be `reclave`."""
    name, *arguments = sys.argv[1:]
    run([sys.executable, "-m", "tests.browser.switched_off", name], name, arguments)


if __name__ == "__main__":
    main()
