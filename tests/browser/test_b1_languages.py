"""B1: the recovery in Spanish, English and Brazilian Portuguese."""

from dataclasses import dataclass

import pytest
from playwright.async_api import expect

from tests.browser.person import Equipment
from tests.browser.service import Service
from tests.world import NEW_PASSWORD, temporary_passwords

ADDRESS = "tesoreria@andina.example"


@dataclass(frozen=True, slots=True)
class Words:
    """What the pages of a recovery say in one language."""

    language: str
    user_name: str
    password: str
    sign_in: str
    forgot: str
    recover: str
    address: str
    send: str
    sent: str
    subject: str
    details: str
    new: str
    again: str
    update: str
    done: str
    account: str


SPANISH = Words(
    "es",
    "NIT de la empresa",
    "Contraseña",
    "Ingresar",
    "¿Olvidó su contraseña?",
    "Recuperar contraseña",
    "Introduzca su correo electrónico",
    "Enviar",
    "Si la dirección está registrada, enviamos una contraseña temporal a",
    "Contraseña temporal, ref.",
    "Registro de datos de ingreso",
    "Nueva contraseña",
    "Confirmar contraseña",
    "Actualizar",
    "Su contraseña nueva quedó registrada. Ingrese con ella.",
    "Mi cuenta",
)
ENGLISH = Words(
    "en",
    "Company tax number (NIT)",
    "Password",
    "Sign in",
    "Forgot your password?",
    "Recover password",
    "Enter your e-mail address",
    "Send",
    "If the address is registered, we sent a temporary password to",
    "Temporary password, ref.",
    "Register your sign-in details",
    "New password",
    "Confirm the password",
    "Update",
    "Your new password is set. Sign in with it.",
    "My account",
)
PORTUGUESE = Words(
    "pt-BR",
    "NIT da empresa",
    "Senha",
    "Entrar",
    "Esqueceu a senha?",
    "Recuperar senha",
    "Digite o seu e-mail",
    "Enviar",
    "Se o endereço estiver cadastrado, enviamos uma senha temporária para",
    "Senha temporária, ref.",
    "Cadastro de dados de acesso",
    "Nova senha",
    "Confirmar senha",
    "Atualizar",
    "A sua nova senha está pronta. Entre com ela.",
    "Minha conta",
)


@pytest.mark.statement("B1")
@pytest.mark.parametrize("words", [SPANISH, ENGLISH, PORTUGUESE], ids=lambda words: words.language)
async def test_a_recovery_speaks_the_language_of_the_browser(service: Service, words: Words) -> None:
    """B1: «every journey … in Spanish, English and Brazilian Portuguese», the mail too."""
    person = await service.person(Equipment(language=words.language))
    await person.opens()
    await expect(person.page.locator("html")).to_have_attribute("lang", words.language)
    await person.link(words.forgot).click()
    await person.sees(words.recover)
    await person.field(words.address).fill(ADDRESS)
    await person.presses(words.send)
    await person.is_told(f"{words.sent} {ADDRESS}")
    mail = await service.mail(ADDRESS)
    assert mail.subject.startswith(words.subject)
    (secret,) = temporary_passwords(mail)
    await person.opens()
    await person.field(words.user_name).fill(service.company(0).identifier)
    await person.field(words.password).fill(secret)
    await person.presses(words.sign_in)
    await person.sees(words.details)
    await person.field(words.new).fill(NEW_PASSWORD)
    await person.field(words.again).fill(NEW_PASSWORD)
    await person.presses(words.update)
    await person.is_told(words.done)
    await person.field(words.password).fill(NEW_PASSWORD)
    await person.presses(words.sign_in)
    await person.sees(words.account)


@pytest.mark.statement("B1")
async def test_a_language_that_was_chosen_stays_through_the_journey(service: Service) -> None:
    """B1: a reader of English in front of a browser in Spanish."""
    person = await service.person(Equipment(javascript=False))
    await person.opens()
    await person.link("English").click()
    await person.sees("Pagos en línea")
    await person.link(ENGLISH.forgot).click()
    await person.field(ENGLISH.address).fill("tesoreria@andina")
    await person.presses(ENGLISH.send)
    await person.field(ENGLISH.address).fill(ADDRESS)
    await person.presses(ENGLISH.send)
    await person.is_told(f"{ENGLISH.sent} {ADDRESS}")
    assert (await service.mail(ADDRESS)).subject.startswith(ENGLISH.subject)
