"""Asking for a temporary password: the form of P4, and the answer of P5 that is the same for everybody."""

import re
from dataclasses import dataclass

import pytest
from playwright.async_api import Response, expect

from tests.browser.person import PHONE, PLAIN_DESKTOP, PLAIN_PHONE, RECOVER, RECOVER_SENT, REFERENCE, Equipment, Person
from tests.browser.service import RECOVERY_GUIDE, Service

REGISTERED = "tesoreria@andina.example"
SEVERAL = "pagos@grupo.example"
UNKNOWN = "nadie@ninguna.example"
PENDING = "nueva@pendiente.example"
DISABLED = "antigua@cerrada.example"

Headers = list[tuple[str, str]]
_SEALED = re.compile(r"=[A-Za-z0-9_-]{40,};")


@pytest.mark.statement("P4")
@pytest.mark.parametrize("equipment", [PHONE, PLAIN_DESKTOP], ids=["phone", "no-scripts"])
async def test_recover_password_asks_for_the_registered_address_and_offers_help_and_a_way_back(
    shared_service: Service, equipment: Equipment
) -> None:
    """P4: «Recuperar contraseña»: notice «debe ingresar la dirección de correo electrónico asociada a su cuenta de
    usuario», field «Introduzca su correo electrónico», «Enviar», «Descargue el instructivo para recuperar la
    contraseña», «Volver».
    """
    person = await shared_service.person(equipment)
    await person.opens()
    await person.link("¿Olvidó su contraseña?").click()
    await person.sees("Recuperar contraseña")
    assert person.path == RECOVER
    await person.is_told("debe ingresar la dirección de correo electrónico asociada a su cuenta de usuario")
    field = person.field("Introduzca su correo electrónico")
    await expect(field).to_have_attribute("type", "email")
    await expect(field).to_have_attribute("autocomplete", "email")
    await expect(person.button("Enviar")).to_be_visible()
    guide = person.link("Descargue el instructivo para recuperar la contraseña")
    await expect(guide).to_have_attribute("href", RECOVERY_GUIDE)
    await person.link("Volver").click()
    await person.sees("Pagos en línea")


@pytest.mark.statement("P4")
async def test_an_address_that_is_none_is_explained_at_the_field(shared_service: Service) -> None:
    """P4: the field «Introduzca su correo electrónico»."""
    person = await shared_service.person(PLAIN_PHONE)
    await person.opens(RECOVER)
    await person.field("Introduzca su correo electrónico").fill("tesoreria@andina")
    await person.presses("Enviar")
    await person.sees("Recuperar contraseña")
    await person.sees_problem("Introduzca su correo electrónico", "Revise lo que va después de la arroba (@)")
    await expect(person.field("Introduzca su correo electrónico")).to_have_value("tesoreria@andina")


@pytest.mark.statement("P5")
async def test_after_asking_the_page_says_where_the_mail_went_if_anywhere(service: Service, person: Person) -> None:
    """P5: Success on screen: «Si la dirección está registrada, enviamos una contraseña temporal a
    correo@dominio.example», with «Volver».
    """
    await person.asks(REGISTERED)
    await person.sees("Revise su correo electrónico")
    assert person.path == RECOVER_SENT
    await person.is_told(f"Si la dirección está registrada, enviamos una contraseña temporal a {REGISTERED}")
    assert await person.reference() in (await service.mail(REGISTERED)).subject
    await person.link("Volver").click()
    await person.sees("Pagos en línea")


@pytest.mark.statement("P5")
@pytest.mark.req("S1", "S5")
async def test_the_answer_is_the_same_byte_for_byte_for_known_and_unknown_addresses(service: Service) -> None:
    """P5: «the same page, byte for byte but for the typed address and the reference, for known and unknown
    addresses».
    """
    expected = await everything_shown(await service.person(PHONE), REGISTERED)
    assert "ADDRESS" in expected.received
    assert "REFERENCE" in expected.received
    for address in (UNKNOWN, PENDING, DISABLED, SEVERAL):
        assert await everything_shown(await service.person(PHONE), address) == expected, address
    await service.mail(SEVERAL)  # the last one asked for: the others are resolved
    assert {mail.recipients for mail in service.maildrop.messages()} == {(REGISTERED,), (SEVERAL,)}


@pytest.mark.statement("P5")
@pytest.mark.req("S1", "S4")
async def test_asking_again_too_soon_is_answered_alike_for_known_and_unknown_addresses(service: Service) -> None:
    """P5, and C4's rule for asking again: the page says that nothing new was sent, to everybody."""
    shown = []
    for address in (REGISTERED, UNKNOWN):
        person = await service.person(PHONE)
        await person.asks(address)
        await person.sees("Revise su correo electrónico")
        shown.append(await everything_shown(person, address))
        await person.is_told("Ya lo pidió hace menos de 2 minutos, por eso no enviamos nada nuevo")
    assert shown[0] == shown[1]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a browser got, address and reference masked: statuses, headers, bytes, the page as built, cookies."""

    statuses: tuple[int, int]
    headers: tuple[Headers, Headers]
    received: str
    built: str
    cookies: tuple[str, ...]


async def everything_shown(person: Person, address: str) -> Shown:
    """Ask for `address`, and keep the answer to the form and the page that follows it."""
    await person.opens(RECOVER)
    await person.field("Introduzca su correo electrónico").fill(address)
    async with (
        person.page.expect_response(lambda answer: answer.request.method == "POST") as posting,
        person.page.expect_response(lambda answer: answer.url == person.origin + RECOVER_SENT) as showing,
    ):
        await person.presses("Enviar")
    posted, shown = await posting.value, await showing.value
    await person.sees("Revise su correo electrónico")

    def masked(text: str) -> str:
        return REFERENCE.sub("REFERENCE", text.replace(address, "ADDRESS"))

    return Shown(
        statuses=(posted.status, shown.status),
        headers=(await headers_of(posted), await headers_of(shown)),
        received=masked((await shown.body()).decode()),
        built=masked(await person.page.content()),
        cookies=tuple(sorted(await person.cookies())),
    )


async def headers_of(answer: Response) -> Headers:
    """The headers, without those that follow the clock or the length of what was typed."""
    kept = [(one["name"].lower(), one["value"]) for one in await answer.headers_array()]
    return [(name, _SEALED.sub("=SEALED;", value)) for name, value in kept if name not in {"date", "content-length"}]
