"""The stories: one function each. A new journey is added here, and its points are found by themselves."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import httpx2

from reclave.demo.seeds import PROCUREMENT
from reclave.domain.outbox import Template
from reclave.domain.time import HOUR, MINUTE
from tests.crash.story import Facts, Story, Stuck, facts_of
from tests.world import (
    COMPANIES,
    DEMO_PASSWORD,
    Person,
    code_in,
    opened_page,
    report_link,
    reset_link,
    temporary_passwords,
)

ADDRESS = COMPANIES[0].address or ""
SHARED_ADDRESS = COMPANIES[2].address or ""
USER = PROCUREMENT[0].identifier
USERS_ADDRESS = PROCUREMENT[0].address
NEW_ADDRESS = "contabilidad@nueva.example"
_WRONG_PASSWORD = "la lluvia no llega al mar"
_SIGN_IN_AGAIN = "/pagos/?notice=session_ended"
_CHANGED = "/pagos/?notice=password_changed"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story, and what is known before it begins."""

    tell: Callable[[Story], Awaitable[None]]
    facts: Callable[[], Facts]


async def recovery(story: Story) -> None:
    """A forgotten password: asked for, mailed, signed in with, changed, told."""
    person = story.person()
    await _ask(story, person)
    await person.get("/pagos/recuperar/enviada")
    [secret] = temporary_passwords(story.newest_mail(ADDRESS, Template.TEMPORARY_PASSWORD))
    await _change(story, person, secret)
    await story.work()
    story.newest_mail(ADDRESS, Template.PASSWORD_CHANGED)


async def three_ask(story: Story) -> None:
    """Two registered addresses, one of them with two accounts, and one that nobody has: resolved and sent at once."""
    for address in (ADDRESS, SHARED_ADDRESS, "nadie@nada.example"):
        _expect(await story.person().ask(address), "/pagos/recuperar/enviada")
    story.stage.begin()
    await story.work()
    for address, accounts in ((ADDRESS, 1), (SHARED_ADDRESS, 2)):
        secrets = temporary_passwords(story.newest_mail(address, Template.TEMPORARY_PASSWORD))
        if len(set(secrets)) != accounts:
            raise Stuck(f"I5: {len(secrets)} temporary passwords came to {address}")


async def first_sign_in(story: Story) -> None:
    """An initial password from paper, an address that is confirmed by a code, a password of one's own."""
    person = story.person()
    await _sign_in(story, person, story.initial_password, "/pagos/registro")
    story.facts.proposed = NEW_ADDRESS
    _expect(await person.register(NEW_ADDRESS), "/pagos/registro/codigo")
    await story.work()
    code = code_in(story.newest_mail(NEW_ADDRESS, Template.CONFIRM_ADDRESS))
    await story.guess("code", person.post("/pagos/registro/codigo", {"code": _another(code)}))
    story.facts.proven = True
    answer = await person.post("/pagos/registro/codigo", {"code": code})
    if opened_page(answer) != _CHANGED:
        await _sign_in(story, person, story.facts.new, "/pagos/cuenta")
    story.facts.changed = True
    story.facts.used_passwords.append(story.initial_password)
    await story.work()
    story.newest_mail(NEW_ADDRESS, Template.FIRST_REGISTRATION)


async def not_me_before_the_change(story: Story) -> None:
    """Somebody else asked: the owner reports it, and nothing changes but that the temporary password ends."""
    await _ask(story, story.person())
    mail = story.newest_mail(ADDRESS, Template.TEMPORARY_PASSWORD)
    await _report(story, report_link(mail))
    story.facts.used_passwords += temporary_passwords(mail)


async def not_me_after_the_change(story: Story) -> None:
    """Somebody else changed the password: the owner blocks it with the notice's link."""
    await recovery(story)
    notice = story.newest_mail(ADDRESS, Template.PASSWORD_CHANGED)
    story.stage.begin()
    story.facts.reporting = True
    await _report(story, report_link(notice))
    story.facts.blocked = True


async def change_of_address(story: Story) -> None:
    """A signed-in owner changes the registered address; the old one is told, and later the new one."""
    person = story.person()
    await _sign_in(story, person, DEMO_PASSWORD, "/pagos/cuenta")
    story.facts.proposed = NEW_ADDRESS
    fields = {"current": DEMO_PASSWORD, "email": NEW_ADDRESS}
    _expect(await person.post("/pagos/cuenta/correo", fields), "/pagos/cuenta/correo/codigo")
    await story.work()
    code = code_in(story.newest_mail(NEW_ADDRESS, Template.CONFIRM_ADDRESS))
    story.facts.proven = True
    answer = await person.post("/pagos/cuenta/correo/codigo", {"code": code})
    if opened_page(answer) != "/pagos/cuenta?notice=address_proposed":
        account = await person.get("/pagos/cuenta")
        if NEW_ADDRESS not in account.text:
            raise Stuck(f"the code was answered with {answer.status_code}, and the account waits for no address")
    await story.work()
    story.newest_mail(ADDRESS, Template.ADDRESS_CHANGING)
    story.stage.wait(24 * HOUR + MINUTE)
    await story.keep_house()
    await story.work()
    story.newest_mail(NEW_ADDRESS, Template.ADDRESS_CHANGED)


async def change_of_password(story: Story) -> None:
    """A signed-in owner changes the password, after two wrong guesses at it by somebody else."""
    stranger, person = story.person(), story.person()
    for _ in range(2):
        await story.guess("password", stranger.sign_in(story.facts.owner, _WRONG_PASSWORD))
    await _sign_in(story, person, DEMO_PASSWORD, "/pagos/cuenta")
    story.facts.wrong = 0
    story.facts.proven = True
    fields = {"current": DEMO_PASSWORD, "password": story.facts.new, "confirm": story.facts.new}
    answer = await person.post("/pagos/cuenta/contrasena", fields)
    if opened_page(answer) == _SIGN_IN_AGAIN:
        await _sign_in(story, person, story.facts.new, "/pagos/cuenta")
    else:
        _expect(answer, "/pagos/cuenta?notice=password_updated")
    story.facts.changed = True
    await story.work()
    story.newest_mail(ADDRESS, Template.PASSWORD_CHANGED)


async def reset_by_link(story: Story) -> None:
    """A forgotten password in the procurement portal: a mail with a link and a code; the code is typed, wrong first."""
    person = story.person()
    _expect(await person.post("/compras/recuperar", {"user_name": USER}), "/compras/recuperar/enviada")
    await story.work()
    mail = story.newest_mail(USERS_ADDRESS, Template.RESET_LINK)
    code = code_in(mail)
    await story.guess("code", person.post("/compras/recuperar/codigo", {"code": _another(code)}))
    if opened_page(await person.post("/compras/recuperar/codigo", {"code": code})) != "/compras/cambiar":
        # The answer that held the waiting handle was lost: the link works in any browser.
        _expect(await person.get(reset_link(mail)), "/compras/cambiar")
    await person.get("/compras/cambiar")
    story.facts.proven = True
    answer = await person.post("/compras/cambiar", {"password": story.facts.new, "confirm": story.facts.new})
    if answer.status_code != HTTPStatus.GONE:  # it was used, by the form whose answer was lost
        _expect(answer, "/compras/?notice=password_changed")
    await _sign_in(story, person, story.facts.new, "/compras/cuenta")
    story.facts.changed = True
    story.facts.used_resets.append(reset_link(mail))
    await story.work()
    story.newest_mail(USERS_ADDRESS, Template.PASSWORD_CHANGED)


async def forgotten_user_name(story: Story) -> None:
    """All user names of an address, by mail; nothing else happens."""
    _expect(await story.person().post("/compras/usuario", {"email": USERS_ADDRESS}), "/compras/usuario/enviado")
    await story.work()
    if USER not in (story.newest_mail(USERS_ADDRESS, Template.USER_NAMES).text or ""):
        raise Stuck(f"the mail does not name {USER}")


async def _ask(story: Story, person: Person) -> None:
    _expect(await person.ask(ADDRESS), "/pagos/recuperar/enviada")
    await story.work()


async def _change(story: Story, person: Person, secret: str) -> None:
    """Set the new password with a temporary one, as often as it takes, or find that it is set."""
    for _ in range(2):
        signed_in = await person.sign_in(story.facts.owner, secret)
        if opened_page(signed_in) != "/pagos/registro":
            break
        story.facts.proven = True
        if opened_page(await person.register(ADDRESS)) == _CHANGED:
            break
    else:
        raise Stuck("the temporary password opens the form, and the form does not end")
    if not opened_page(signed_in):
        await _sign_in(story, person, story.facts.new, "/pagos/cuenta")
    story.facts.changed = True
    story.facts.used_passwords.append(secret)


async def _report(story: Story, link: str) -> None:
    person = story.person()
    _expect(await person.get(link), "/pagos/no-fui-yo")
    await person.get("/pagos/no-fui-yo")
    answer = await person.post("/pagos/no-fui-yo", {"confirm": "yes"})
    if answer.status_code != 410 or "usó" not in answer.text:
        _expect(answer, "/pagos/no-fui-yo/listo")
    story.facts.used_links.append(link)


async def _sign_in(story: Story, person: Person, password: str, page: str) -> None:
    _expect(await person.sign_in(story.facts.owner, password), page)


def _expect(answer: httpx2.Response, page: str) -> None:
    if opened_page(answer) != page:
        request = answer.request
        seen = opened_page(answer) or answer.status_code
        raise Stuck(f"{request.method} {request.url.path} was to lead to {page} and led to {seen}")


def _another(code: str) -> str:
    return ("0" if code[0] != "0" else "1") + code[1:]


def _of_procurement() -> Facts:
    return Facts(owner=USER, old=DEMO_PASSWORD, portal="compras")


SCENARIOS: Mapping[str, Scenario] = {
    "recovery": Scenario(recovery, facts_of(0, DEMO_PASSWORD)),
    "three_ask": Scenario(three_ask, facts_of(0, DEMO_PASSWORD)),
    "first_sign_in": Scenario(first_sign_in, facts_of(1, None)),
    "not_me_before_the_change": Scenario(not_me_before_the_change, facts_of(0, DEMO_PASSWORD)),
    "not_me_after_the_change": Scenario(not_me_after_the_change, facts_of(0, DEMO_PASSWORD)),
    "change_of_address": Scenario(change_of_address, facts_of(0, DEMO_PASSWORD)),
    "change_of_password": Scenario(change_of_password, facts_of(0, DEMO_PASSWORD)),
    "reset_by_link": Scenario(reset_by_link, _of_procurement),
    "forgotten_user_name": Scenario(forgotten_user_name, _of_procurement),
}
