"""What can be switched off in the sources, one function each: `switched_off` names them."""

import quopri
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from reclave.adapters.directory_builtin import BuiltinDirectory
from reclave.domain.accounts import Account, Status
from reclave.domain.errors import FieldRefused, SecretEnded, SignInRefused
from reclave.domain.sessions import SessionKind
from reclave.journeys import (
    grants,
    register_details,
    report_not_me,
    sessions,
    sign_in,
    temporary_password,
)
from reclave.pages import cookies, security
from reclave.pages.mail import Post
from reclave.pages.mime import quoted_printable
from reclave.pages.page import Page
from reclave.web import app, details, report
from reclave.worker import resolver

Switch = Callable[[], None]


def patch(target: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put `make(what was there)` in the place of an attribute. Raises AttributeError where there is none."""
    setattr(target, name, make(getattr(target, name)))


def patch_page(name: str, make: Callable[[Any], Any], method: str = "GET") -> None:
    """Put `make(handler)` in the place of a page's handler. Raises KeyError where there is none."""
    handlers = app._PAGES[name]
    handlers[method] = make(handlers[method])


def rewriting(pattern: str, by: str = "") -> Switch:
    """Replace what matches in every page, scripts and styles aside."""

    def make(rendered: Any) -> Any:
        return lambda self, template, **context: re.sub(
            pattern, by, rendered(self, template, **context).decode()
        ).encode()

    return lambda: patch(Page, "rendered", make)


def mail_rewriting(pattern: str, by: str = "") -> Switch:
    """Replace what matches in the subject, text and HTML of every mail."""

    def make(render: Any) -> Any:
        def patched(self: Post, name: str, *given: Any) -> bytes:
            written = render(self, name, *given)
            if name.endswith(".subject.txt"):
                return re.sub(pattern, by, written.decode()).encode()
            return quoted_printable(re.sub(pattern, by, quopri.decodestring(written).decode()))

        return patched

    return lambda: patch(Post, "_render", make)


def constantly(target: Any, name: str, answer: Any) -> Switch:
    """Make a function answer the same always."""
    return lambda: patch(target, name, lambda _was: lambda *_given, **_named: answer)


def promptly(target: Any, name: str, answer: Any = None) -> Switch:
    """Make an asynchronous function do nothing but answer the same always."""

    async def answering(*_given: Any, **_named: Any) -> Any:
        return answer

    return lambda: patch(target, name, lambda _was: answering)


def nothing() -> None:
    """Switch nothing off: the control."""


def change_only_sessions_open_everything() -> None:
    """The session of an initial or temporary password opens the account."""

    def make(authenticate: Any) -> Any:
        async def patched(services: Any, portal: Any, handle: Any, _kinds: Any) -> Any:
            return await authenticate(services, portal, handle, set(SessionKind))

        return patched

    patch(sessions, "authenticate", make)


def unknown_addresses_are_refused() -> None:
    """The form looks the address up and says when there is no account."""

    def make(ask: Any) -> Any:
        async def patched(services: Any, portal: Any, typed: str, caller: Any) -> Any:
            async with services.store.reading() as tx:
                if not await services.directory.by_address(tx, portal.id, typed):
                    raise FieldRefused("email", "address")
            return await ask(services, portal, typed, caller)

        return patched

    patch(temporary_password, "ask", make)


def known_addresses_get_one_more_byte() -> None:
    """The waiting page of one registered address ends with a space."""

    def make(sent: Any) -> Any:
        async def patched(page: Page) -> Response:
            answer: Response = await sent(page)
            if b"tesoreria@andina.example" in answer.body:
                headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
                return Response(bytes(answer.body) + b" ", answer.status_code, headers)
            return answer

        return patched

    patch_page("recover_sent", make)


def every_account_seems_active() -> None:
    """A pending or disabled account can recover too."""

    def make(found: Any) -> Any:
        async def patched(*given: Any, **named: Any) -> Any:
            answer = await found(*given, **named)
            if isinstance(answer, Mapping):
                return {key: active(each) for key, each in answer.items()}
            return active(answer)

        return patched

    def active(answer: Any) -> Any:
        if isinstance(answer, list):
            return [replace(account, status=Status.ACTIVE) for account in answer]
        return answer and replace(answer, status=Status.ACTIVE)

    for look_up in ("by_addresses", "get", "get_all"):
        patch(BuiltinDirectory, look_up, make)


def only_the_first_account_is_listed() -> None:
    """One address is taken for one account."""

    def make(by_addresses: Any) -> Any:
        async def patched(*given: Any) -> dict[str, list[Account]]:
            return {address: found[:1] for address, found in (await by_addresses(*given)).items()}

        return patched

    patch(BuiltinDirectory, "by_addresses", make)


def every_account_gets_the_same_password() -> None:
    """A mail that lists several accounts shows the first one's temporary password for each."""
    shown: list[str] = []

    def make(account: Any) -> Any:
        def patched(*given: Any) -> Any:
            identifier, secret, *rest = account(*given)
            shown.append(secret)
            return identifier, shown[0], *rest

        return patched

    patch(Post, "_account", make)


def a_nit_needs_its_dots_and_dash() -> None:
    """A NIT is taken only as the placeholder shows it."""

    def make(signed_in: Any) -> Any:
        async def patched(services: Any, portal: Any, typed: str, *rest: Any) -> Any:
            if not re.fullmatch(r"\d{3}\.\d{3}\.\d{3}-\d", typed):
                raise SignInRefused
            return await signed_in(services, portal, typed, *rest)

        return patched

    patch(sign_in, "sign_in", make)


def ended_passwords_are_not_explained() -> None:
    """A temporary password that was used is refused like any wrong one."""

    def make(signed_in: Any) -> Any:
        async def patched(*given: Any) -> Any:
            try:
                return await signed_in(*given)
            except SecretEnded as ended:
                raise SignInRefused from ended

        return patched

    patch(sign_in, "sign_in", make)


def temporary_passwords_work_twice() -> None:
    """The change uses nothing up and ends nothing."""
    promptly(register_details, "_consume")()
    promptly(grants, "end_everything")()

    def make(replaced: Any) -> Any:
        return lambda account, **changes: replaced(
            account, **{name: value for name, value in changes.items() if name != "credential_version"}
        )

    patch(register_details, "replace", make)


def the_address_is_not_filled_in() -> None:
    """The forced change asks for the address anew."""
    patch(details, "FormView", lambda view: lambda values, *errors: view({**values, "email": ""}, *errors))


def the_change_signs_in() -> None:
    """After the forced change the account is open, without a sign-in (S21)."""

    def make(submit: Any) -> Any:
        async def patched(page: Page) -> Response:
            who = await details._who(page)
            answer: Response = await submit(page)
            if "notice=password_changed" in answer.headers.get("location", ""):
                async with page.services.store.transaction() as tx:
                    account = await page.services.directory.get(tx, page.portal.id, who.account.id)
                    assert account is not None
                    opened = await sign_in.open_session(page.services, tx, account, SessionKind.FULL, page.caller())
                answer = page.redirect("account")
                cookies.set_session(answer, page.portal, opened.handle)
            return answer

        return patched

    patch_page("details", make, "POST")


def a_cookie_before_sign_in() -> None:
    """The sign-in page sets a cookie."""

    def make(show: Any) -> Any:
        async def patched(page: Page) -> Response:
            answer: Response = await show(page)
            answer.set_cookie("seen", "1")
            return answer

        return patched

    patch_page("sign_in", make)


def a_third_party_is_asked() -> None:
    """Pages take a style sheet from another host, and the content policy lets them."""
    security.HEADERS.pop("content-security-policy")
    rewriting("</head>", '<link rel="stylesheet" href="https://fonts.example/a.css"></head>')()


def a_request_ends_the_owners_sessions() -> None:
    """Whoever asks for a recovery signs the owner out."""

    def make(answer_all: Any) -> Any:
        async def patched(services: Any, tx: Any, intakes: Any, **given: Any) -> Any:
            for account in await services.directory.by_address(tx, "pagos", "tesoreria@andina.example"):
                await tx.sessions.end_all("pagos", account.id)
            return await answer_all(services, tx, intakes, **given)

        return patched

    patch(resolver, "answer_all", make)


def opening_the_link_reports() -> None:
    """The mail's link acts when it is opened."""

    def make(open_link: Any) -> Any:
        async def patched(page: Page) -> Response:
            confirm: Any = report_not_me.confirm
            given = {"token": page.request.path_params["token"], "confirmed": True, "caller": page.caller()}
            await confirm(page.services, page.portal, **given)
            answer: Response = await open_link(page)
            return answer

        return patched

    patch(report, "open_link", make)


def the_token_stays_in_the_address() -> None:
    """The link's page shows its token in the address bar."""

    def make(open_link: Any) -> Any:
        async def patched(page: Page) -> Response:
            answer: Response = await open_link(page)
            answer.headers["location"] += f"?token={page.request.path_params['token']}"
            return answer

        return patched

    patch(report, "open_link", make)
