"""The first sign-in with an initial password: P3."""

import re

import pytest
from playwright.async_api import expect

from reclave.domain.throttle import CODE_TRIES
from tests.browser.person import (
    ACCOUNT,
    CHANGE_ADDRESS,
    CHANGE_PASSWORD,
    DETAILS,
    DETAILS_CODE,
    PHONE,
    PLAIN_PHONE,
    PORTAL,
    Person,
)
from tests.browser.service import Service
from tests.world import NEW_PASSWORD, code_in

ADDRESS = "gerencia@primera.example"
ON_TWO_PHONES = pytest.mark.parametrize("person", [PHONE, PLAIN_PHONE], ids=["phone", "no-scripts"], indirect=True)


@pytest.mark.statement("P3", "B1")
@ON_TWO_PHONES
async def test_the_first_sign_in_ends_with_a_code_typed_in_the_same_session(service: Service, person: Person) -> None:
    """P3: «First sign-in with NIT + initial password opens nothing but «Registro de datos de ingreso»: e-mail, new
    password, confirm, «Actualizar». A code sent to the address is typed in the same session before the account
    becomes active».
    """
    company = service.company(1)
    await person.signs_in(company.identifier, company.password)
    await person.sees("Registro de datos de ingreso")
    await expect(person.field("NIT de la empresa")).to_have_value(company.identifier)
    await expect(person.field("Correo electrónico")).to_have_value("")
    await person.registers(ADDRESS, NEW_PASSWORD)
    await person.sees("Confirme su dirección")
    await expect(person.page.get_by_role("main")).to_contain_text(ADDRESS)
    code = code_in(await service.mail(ADDRESS))

    other = await service.person(person.equipment)
    await other.signs_in(company.identifier, NEW_PASSWORD)
    await other.is_told("El NIT o la contraseña no son correctos")
    await other.opens(DETAILS_CODE)
    await expect(other.field("Código")).to_have_count(0)

    await person.types_code(wrong(code))
    await person.sees_problem("Código", "Revíselo y escríbalo otra vez. Intentos restantes: 4.")
    await person.types_code(code.replace("-", " ").lower())
    await person.sees("Pagos en línea")
    await person.is_told("Su contraseña nueva quedó registrada. Ingrese con ella.")
    await expect(person.field("NIT de la empresa")).to_have_value(company.identifier)
    await person.field("Contraseña").fill(NEW_PASSWORD)
    await person.presses("Ingresar")
    await person.sees("Mi cuenta")
    await expect(person.page.get_by_role("main")).to_contain_text(ADDRESS)

    await other.signs_in(company.identifier, company.password)
    await other.is_told(re.compile("ya se usó"))
    notice = (await service.mails(ADDRESS, 2))[0]
    assert notice.subject == "Su cuenta está activa"
    assert company.password not in (notice.text or "")


@pytest.mark.statement("P3")
async def test_an_initial_password_opens_nothing_but_the_registration(service: Service, person: Person) -> None:
    """P3: «First sign-in with NIT + initial password opens nothing but «Registro de datos de ingreso»»."""
    company = service.company(1)
    for closed in (ACCOUNT, CHANGE_PASSWORD, CHANGE_ADDRESS):
        await person.signs_in(company.identifier, company.password)
        await person.sees("Registro de datos de ingreso")
        await person.opens(closed)
        assert person.path.partition("?")[0] in {PORTAL, DETAILS}, closed


@pytest.mark.statement("P3")
async def test_who_runs_out_of_tries_for_the_code_gives_the_address_again(service: Service, person: Person) -> None:
    """P3: the code that is typed in the same session takes five tries; then the form comes back and says why."""
    company = service.company(1)
    await person.signs_in(company.identifier, company.password)
    await person.registers(ADDRESS, NEW_PASSWORD)
    code = code_in(await service.mail(ADDRESS))
    for left in reversed(range(CODE_TRIES)):
        await person.types_code(wrong(code))
        await person.is_told(f"Intentos restantes: {left}")
    await person.types_code(code)
    await person.sees("Registro de datos de ingreso")
    told = person.page.get_by_role("alert").get_by_role("link", name="Ya no quedan intentos para este código")
    await told.click()
    await expect(person.page.locator(":focus")).to_have_role("textbox")


def wrong(code: str) -> str:
    """A code of the right form that is another one."""
    return ("7" if code[0] != "7" else "9") + code[1:]
