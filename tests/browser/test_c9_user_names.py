"""«Olvidé el usuario» of the procurement portal (C9)."""

import re

import pytest
from playwright.async_api import expect

from tests.browser import compras
from tests.browser.compras import CLEANER, GROUP, STATIONER, USER_NAMES, USER_NAMES_SENT, asks_for_names, changes
from tests.browser.person import PHONE, PLAIN_DESKTOP, PLAIN_PHONE, REFERENCE, Equipment, Person
from tests.browser.service import Service
from tests.world import NEW_PASSWORD, reset_link

ON_TWO_PHONES = pytest.mark.parametrize(
    "person", [PHONE, pytest.param(PLAIN_PHONE, marks=pytest.mark.long)], ids=["phone", "no-scripts"], indirect=True
)
NOBODYS = "nadie@ninguna.example"
OF_A_DISABLED = "obra@cerrada.example"


@pytest.mark.statement("C9", "C6")
@pytest.mark.parametrize(
    "equipment", [PHONE, pytest.param(PLAIN_DESKTOP, marks=pytest.mark.long)], ids=["phone", "no-scripts"]
)
async def test_a_forgotten_user_name_is_asked_for_by_the_registered_address(
    shared_service: Service, equipment: Equipment
) -> None:
    """C9: «Olvidé el usuario»: by registered address. C6: the anti-phishing notice on screen."""
    person = await shared_service.person(equipment)
    await person.opens(compras.SIGN_IN)
    await person.link("Olvidé el usuario").click()
    await person.sees("Recuperar usuario")
    assert person.path == USER_NAMES
    await person.is_told("Escriba su correo electrónico registrado. Allí le enviamos todos sus nombres de usuario.")
    await person.is_told(compras.NEVER_ASKED)
    await expect(person.page.get_by_role("textbox")).to_have_count(1)
    field = person.field("Introduzca su correo electrónico")
    await expect(field).to_have_attribute("type", "email")
    await expect(field).to_have_attribute("autocomplete", "email")
    await field.fill("licitaciones@grupo")
    await person.presses("Enviar correo")
    await person.sees_problem("Introduzca su correo electrónico", "Revise lo que va después de la arroba (@)")
    await expect(field).to_have_value("licitaciones@grupo")
    await person.link("Volver").click()
    await person.sees("Compra pública")


@pytest.mark.statement("C9", "C6")
@ON_TWO_PHONES
async def test_all_user_names_of_an_address_go_there_and_one_of_them_recovers(service: Service, person: Person) -> None:
    """C9: «Olvidé el usuario»: by registered address; all user names of that address go to that address; nothing on
    screen. C6: the anti-phishing notice in the mail.
    """
    await asks_for_names(person, GROUP.upper())
    assert person.path == USER_NAMES_SENT
    await person.is_told("Si la dirección está registrada, enviamos sus nombres de usuario a")
    await person.is_told(compras.NEVER_ASKED)
    mail = await service.mail(GROUP)
    assert mail.recipients == (GROUP,)
    assert mail.from_ == "Compras de Ejemplo <registro@compras.example>"
    assert await person.reference() in mail.subject
    assert sorted(re.findall(r"Nombre de usuario: (\S+)", mail.text or "")) == [CLEANER, STATIONER]
    assert f"{service.origin}{compras.SIGN_IN}" in (mail.text or "")
    for body in (mail.text or "", mail.html or ""):
        assert {CLEANER, STATIONER} <= set(re.findall(r"[a-z]+\.[a-z]+", body))
        assert compras.USER not in body
        assert compras.NEVER_ASKED in body
    await person.page.reload()
    shown = await person.page.content()
    assert CLEANER not in shown
    assert STATIONER not in shown

    await person.link("Recuperar contraseña").click()
    await person.field("Nombre de usuario").fill(CLEANER)
    await person.presses("Enviar correo")
    await person.sees("Revise su correo electrónico")
    await person.opens(reset_link(await service.mail(GROUP, 2)))
    await expect(person.field("Nombre de usuario")).to_have_value(CLEANER)
    await changes(person)
    await person.field("Contraseña").fill(NEW_PASSWORD)
    await person.presses("Entrar")
    await person.sees("Mi cuenta")


@pytest.mark.statement("C9")
@pytest.mark.req("S1", "S4")
async def test_the_screen_tells_nobody_whether_an_address_is_registered(service: Service) -> None:
    """C9: «nothing on screen»: the same page for known and unknown addresses, asked for once and again. (Bytes and
    after the cooldown: tests/journeys/test_recover_user_name.py.)
    """
    first: set[str] = set()
    again: set[str] = set()
    for address in (GROUP, NOBODYS, OF_A_DISABLED):
        person = await service.person()
        for shown in (first, again):
            await asks_for_names(person, address)
            page = await person.page.content()
            assert address in page
            shown.add(REFERENCE.sub("REFERENCE", page.replace(address, "ADDRESS")))
        await person.is_told(compras.COOLING)
    assert (len(first), len(again)) == (1, 1)
    last = await service.person()
    await asks_for_names(last, compras.ADDRESS)
    await service.mail(compras.ADDRESS)  # the last one asked for: the others are resolved
    assert len(service.maildrop.messages(GROUP)) == 1
    assert {mail.recipients for mail in service.maildrop.messages()} == {(GROUP,), (compras.ADDRESS,)}
