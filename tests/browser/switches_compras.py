"""What can be switched off of the procurement portal (C1–C10, B2): `switched_off` takes these up."""

from collections.abc import Collection
from typing import Any

from starlette.responses import Response

from reclave.adapters.sql.grants import SqlGrants
from reclave.domain.grants import Answer
from reclave.domain.limits import Limit
from reclave.domain.sessions import SessionKind
from reclave.journeys import answering, asking, grants, report_not_me, reset_link, sign_in
from reclave.pages import cookies
from reclave.pages.page import Page
from reclave.web import reset
from tests.browser.switches import Switch, constantly, mail_rewriting, patch, patch_page, promptly, rewriting

_MANY = 1000
_LINK = r"https?://\S+/cambiar/\S+"


def asking_again_sends_again() -> None:
    """There is no cooldown: each request is answered by a mail."""
    patch(asking, "Limit", lambda _was: lambda _amount, span, scope: Limit(_MANY, span, scope))


def asking_again_makes_another_link() -> None:
    """Each request ends the link before it, as the guide warns."""
    asking_again_sends_again()
    constantly(grants, "answer_request", answer=Answer.ISSUE)()


def a_link_works_twice() -> None:
    """A link's password can be set by every form that was opened with it."""

    def make(_was: Any) -> Any:
        async def patched(self: Any, portal: str, grant: bytes, *, credential_version: int) -> Any:
            assert credential_version
            return await self.get(portal, grant)

        return patched

    patch(SqlGrants, "consume", make)
    promptly(grants, "end_everything")()
    _keep_the_version()


def _keep_the_version() -> None:
    def make(replaced: Any) -> Any:
        return lambda account, **changes: replaced(
            account, **{name: value for name, value in changes.items() if name != "credential_version"}
        )

    patch(reset_link, "replace", make)


def a_reset_leaves_sessions_and_grants_alone() -> None:
    """After the change, who was signed in stays so, and what was pending goes on."""
    promptly(grants, "end_everything")()
    _keep_the_version()


async def _use_up(page: Page, token: str) -> None:
    async with page.services.store.transaction() as tx:
        found = await grants.true_grant(page.services, tx, page.portal.id, token, set(reset_link._PURPOSES))
        await tx.grants.consume(page.portal.id, found.id, credential_version=found.credential_version)


def opening_the_link_uses_it_up() -> None:
    """The mail's link works for whoever opens it first: a scanner."""

    def make(open_link: Any) -> Any:
        async def patched(page: Page) -> Response:
            answer: Response = await open_link(page)
            if page.request.headers.get("user-agent", "").startswith("Mozilla/5.0 (compatible"):
                await _use_up(page, page.request.path_params["token"])
            return answer

        return patched

    patch(reset, "open_link", make)


def an_empty_form_uses_the_link_up() -> None:
    """A form that is refused has used its link up."""

    def make(submit: Any) -> Any:
        async def patched(page: Page) -> Response:
            answer: Response = await submit(page)
            if reset._token(page):
                await _use_up(page, reset._token(page))
            return answer

        return patched

    patch_page("reset", make, "POST")


def an_unticked_box_reports() -> None:
    """«No fui yo» acts on a form that was sent as it stood."""

    def make(confirm: Any) -> Any:
        async def patched(services: Any, portal: Any, token: str, _confirmed: bool, caller: Any) -> Any:
            return await confirm(services, portal, token, True, caller)

        return patched

    patch(report_not_me, "confirm", make)


def a_form_follows_the_link_opened_last() -> None:
    """The form sets the password of whichever account's link this browser opened last."""

    def make(form: Any) -> Any:
        async def patched(self: Page, *allowed: str) -> dict[str, str]:
            values: dict[str, str] = await form(self, *allowed)
            return {**values, "identifier": ""} if "confirm" in values else values

        return patched

    patch(Page, "form", make)


def the_reset_signs_in() -> None:
    """After the change the account is open, without a sign-in (S21)."""

    def make(submit: Any) -> Any:
        async def patched(page: Page) -> Response:
            found = await reset_link.look(page.services, page.portal, reset._token(page))
            answer: Response = await submit(page)
            if "notice=password_changed" in answer.headers.get("location", ""):
                async with page.services.store.transaction() as tx:
                    account = await page.services.directory.get(tx, page.portal.id, found.account.id)
                    assert account is not None
                    opened = await sign_in.open_session(page.services, tx, account, SessionKind.FULL, page.caller())
                answer = page.redirect("account")
                cookies.set_session(answer, page.portal, opened.handle)
            return answer

        return patched

    patch_page("reset", make, "POST")


def codes_count_in_any_browser() -> None:
    """Whoever has typed a code goes on, whichever browser asked."""

    def make(_was: Any) -> Any:
        async def patched(services: Any, tx: Any, portal: Any, *_given: Any) -> Any:
            (account,) = await services.directory.by_address(tx, portal.id, "ventas@ferreteriasur.example")
            return next(iter(await tx.grants.recent(portal.id, account.id, reset_link._PURPOSES, limit=1)))

        return patched

    patch(reset_link, "_grant_of_code", make)


def one_user_name_a_mail() -> None:
    """The mail names the first account of an address only."""

    def make(letter_to: Any) -> Any:
        return lambda account, **rest: letter_to(account, **{**rest, "accounts": rest.get("accounts", ())[:1]})

    patch(answering, "letter_to", make)


def user_names_on_the_screen() -> None:
    """The waiting page of a registered address names its accounts."""

    def make(sent: Any) -> Any:
        async def patched(page: Page) -> Response:
            answer: Response = await sent(page)
            if b"licitaciones@grupo.example" not in bytes(answer.body).lower():
                return answer
            headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
            return Response(bytes(answer.body) + b"aseo.norte", answer.status_code, headers)

        return patched

    patch_page("user_names_sent", make)


_NAMED: Collection[Switch] = (
    asking_again_sends_again,
    asking_again_makes_another_link,
    a_link_works_twice,
    a_reset_leaves_sessions_and_grants_alone,
    opening_the_link_uses_it_up,
    an_empty_form_uses_the_link_up,
    an_unticked_box_reports,
    a_form_follows_the_link_opened_last,
    the_reset_signs_in,
    codes_count_in_any_browser,
    one_user_name_a_mail,
    user_names_on_the_screen,
)
SWITCHES_COMPRAS: dict[str, Switch] = {switch.__name__: switch for switch in _NAMED} | {
    "no_way_to_the_user_name": rewriting("Olvidé el usuario"),
    "no_registration": rewriting(">Registro<", "><"),
    "no_word_on_what_to_type": rewriting("Recupere su contraseña ingresando"),
    "no_link_to_the_user_name": rewriting("Haga clic aquí para recuperar su usuario"),
    "no_word_of_unwanted_mail": rewriting("correo no deseado"),
    "another_reference_on_the_page": rewriting(r'(<dd class="number">)[0-9A-Z]{4}-[0-9A-Z]{4}', r"\g<1>0000-0000"),
    "no_anti_phishing_notice": rewriting("Nunca le solicitaremos"),
    "no_anti_phishing_notice_in_the_mail": mail_rewriting("Nunca le solicitaremos"),
    "no_device_in_the_mail": mail_rewriting("Chrome · Android"),
    "no_help_desk_in_the_mail": mail_rewriting("Mesa de servicio"),
    "no_link_to_copy": mail_rewriting(rf">{_LINK}</a>", ">enlace</a>"),
    "any_new_password_will_do": constantly(reset_link, "check_new_password", answer=()),
    "the_user_name_can_be_typed": rewriting(" readonly"),
    "any_code_opens_the_form": constantly(reset_link, "same_secret", answer=True),
    "the_notice_tells_of_no_change": mail_rewriting("Se cambió su contraseña", "Aviso"),
    "no_code_in_the_mail": mail_rewriting(r"(Código: )[0-9A-Z]{4}-[0-9A-Z]{4}", r"\1"),
}
"""The behaviours of the procurement portal that can be switched off."""
