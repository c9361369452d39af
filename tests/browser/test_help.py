"""«No me llegó el correo» and «¿Dónde lo encuentro?», opened by keyboard on a phone without JavaScript."""

import pytest
from playwright.async_api import expect

from tests.browser.person import PLAIN_PHONE, RECOVER, RECOVER_SENT
from tests.browser.service import Service


@pytest.mark.long
@pytest.mark.req("S51")
async def test_help_opens_by_keyboard_and_a_slip_is_mended_with_one_press(service: Service) -> None:
    person = await service.person(PLAIN_PHONE)
    await person.opens(RECOVER)
    email = person.field("Introduzca su correo electrónico")
    await email.fill("<mailto:Ana@CORERO.example>;")
    await email.press("Tab")
    await person.page.keyboard.press("Enter")
    await person.is_told("Ahí recibe nuestros correos.")
    await person.presses("Enviar")
    assert person.path == RECOVER_SENT
    await person.is_told("a ana@corero.example")
    question = person.page.get_by_text("No me llegó el correo")
    answer = person.page.get_by_text("Solo el correo correcto la trae.")
    await expect(answer).to_be_hidden()
    await question.focus()
    await person.page.keyboard.press("Enter")
    await expect(answer).to_be_visible()
    await person.presses("Sí, usar esta dirección")
    assert person.path == RECOVER_SENT
    await person.is_told("a ana@correo.example")
    await expect(person.text("¿Quiso escribir")).to_have_count(0)
