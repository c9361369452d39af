"""What can be switched off of the customs portal's journeys."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from reclave.domain.accounts import Account
from reclave.domain.errors import FieldRefused, FormRefused
from reclave.journeys import answering, asking, find_user_id, temporary_password
from reclave.pages.page import Page
from reclave.web import finding, recover
from tests.browser.switches import (
    Switch,
    change_only_sessions_open_everything,
    constantly,
    every_account_seems_active,
    mail_rewriting,
    patch,
    rewriting,
)


def nobody_needs_approval() -> None:
    """Pending and rejected accounts recover like active ones."""
    every_account_seems_active()
    constantly(Account, "can_recover", answer=True)()


def a_passport_is_no_identification() -> None:
    """Where a field is of several kinds, only the first is taken."""
    patch(asking, "parse_identifier_of_kinds", lambda parse: lambda kinds, typed: parse(kinds[:1], typed))


def searches_are_not_limited() -> None:
    """Only the day's budget limits the searches."""
    patch(find_user_id, "_costs", lambda costs: lambda *given: costs(*given)[-1:])


def the_search_by_mail_says_when_there_is_nobody() -> None:
    """The form looks the account up before it accepts the request."""

    def make(ask: Any) -> Any:
        async def patched(services: Any, portal: Any, typed: Mapping[str, str], caller: Any) -> Any:
            facts = find_user_id.read(services, portal, typed)
            async with services.store.reading() as tx:
                if not await answering.matching(services, tx, portal, facts):
                    raise FormRefused(FieldRefused("identification", "field_missing"))
            return await ask(services, portal, typed, caller)

        return patched

    patch(find_user_id, "ask", make)


def need_not_match(name: str) -> Switch:
    """What is typed into one field of the request is not read."""

    def make(read: Any) -> Any:
        return lambda services, portal, names, typed: {
            field: value for field, value in read(services, portal, names, typed).items() if field != name
        }

    return lambda: patch(temporary_password, "read_facts", make)


def taken_for_yes(*answers: str) -> Switch:
    """What was answered to «¿Desea recibir una clave temporal?» counts as «Sí»; empty: before it was asked."""

    def make(ask: Any) -> Any:
        async def patched(page: Page, recovery: Any, values: Mapping[str, str]) -> Response:
            confirmed = "yes" if values["confirmed"] in answers else values["confirmed"]
            answer: Response = await ask(page, recovery, {**values, "confirmed": confirmed})
            return answer

        return patched

    return lambda: patch(recover, "_ask", make)


def the_search_fills_nothing_in() -> None:
    """The second section stays as it was typed."""
    patch(finding, "carried_over", lambda _was: lambda _portal, values, _identifier: dict(values))


def a_slip_stays() -> None:
    """The second section keeps what an earlier search carried over."""

    def make(carried_over: Any) -> Any:
        def patched(portal: Any, values: Mapping[str, str], identifier: str | None) -> dict[str, str]:
            filled: dict[str, str] = carried_over(portal, values, None)
            return filled | ({"user_id": identifier} if identifier else {})

        return patched

    patch(finding, "carried_over", make)


SWITCHES_ADUANA: dict[str, Switch] = {
    "nobody_needs_approval": nobody_needs_approval,
    "no_entry_to_the_reset": rewriting("Reiniciar clave"),
    "no_second_section": rewriting("Reinicio de clave de acceso"),
    "nine_classifications": rewriting('<option value="auditor".*?</option>'),
    "the_company_is_never_locked": rewriting('data-requires="', 'data-requires="find_company_ruc '),
    "the_address_is_never_locked": rewriting('data-requires="', 'data-requires="find_email '),
    "continue_opens_nothing": constantly(finding, "classification_of", answer=None),
    "a_passport_is_no_identification": a_passport_is_no_identification,
    "the_asterisk_is_not_red": rewriting('<span class="required"', '<span class="note"'),
    "nothing_is_told_at_the_field": rewriting('<p class="error".*?</p>'),
    "nothing_is_told_in_a_summary": rewriting('(?s)<div class="summary".*?</div>'),
    "addresses_match_any_account": constantly(answering, "has_address", answer=True),
    "searches_are_not_limited": searches_are_not_limited,
    "no_user_id_in_the_mail": mail_rewriting("perito9"),
    "the_search_by_mail_says_when_there_is_nobody": the_search_by_mail_says_when_there_is_nobody,
    "the_user_id_need_not_match": need_not_match("user_id"),
    "the_identification_need_not_match": need_not_match("identification"),
    "the_address_need_not_match": need_not_match("email"),
    "no_dialog_asks": rewriting(' data-ask="ask"'),
    "the_dialogs_no_sends": rewriting('type="button" data-close', 'name="confirmed" value="yes" data-close'),
    "no_page_asks": taken_for_yes("", "yes"),
    "the_pages_no_sends": taken_for_yes("no", "yes"),
    "no_expiry_in_local_time": mail_rewriting(r" \(hora de Ecuador\)"),
    "a_key_opens_everything": change_only_sessions_open_everything,
    "the_search_fills_nothing_in": the_search_fills_nothing_in,
    "a_slip_stays": a_slip_stays,
    "a_result_out_of_sight": rewriting(' formaction="[^"]*"'),
}
"""By name; `switched_off` takes them over."""
