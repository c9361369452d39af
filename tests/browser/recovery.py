"""The whole recovery of P4–P8 as one person does it, over any database and with or without scripts."""

import re

from playwright.async_api import expect

from tests.browser.person import DETAILS, PORTAL, Person
from tests.browser.service import Service
from tests.world import DEMO_PASSWORD, NEW_PASSWORD, temporary_passwords

ADDRESS = "tesoreria@andina.example"


async def recovers(service: Service, person: Person) -> None:
    """P4–P8: ask, read the mail, sign in with it, choose a password, sign in with that; then nothing else works."""
    company = service.company(0)
    await person.opens()
    await person.link("¿Olvidó su contraseña?").click()
    await person.field("Introduzca su correo electrónico").fill(ADDRESS)
    await person.presses("Enviar")
    await person.is_told(f"Si la dirección está registrada, enviamos una contraseña temporal a {ADDRESS}")
    (secret,) = temporary_passwords(await service.mail(ADDRESS))
    await person.link("Volver").click()

    await person.signs_in(company.identifier, secret)
    await person.sees("Registro de datos de ingreso")
    assert person.path == DETAILS
    await expect(person.field("NIT de la empresa")).to_have_value(company.identifier)
    await expect(person.field("NIT de la empresa")).not_to_be_editable()
    await expect(person.field("Correo electrónico")).to_have_value(ADDRESS)
    await person.registers(None, secret)
    await person.sees_problem("Nueva contraseña", "Esta es la contraseña temporal. Elija una distinta.")
    await person.registers(None, NEW_PASSWORD, "otra frase bien distinta")
    await person.sees_problem("Confirmar contraseña", "Las dos contraseñas son distintas")
    await expect(person.field("Correo electrónico")).to_have_value(ADDRESS)
    await person.registers(None, NEW_PASSWORD)

    await person.sees("Pagos en línea")
    assert person.path.partition("?")[0] == PORTAL
    await person.is_told("Su contraseña nueva quedó registrada. Ingrese con ella.")
    await expect(person.field("NIT de la empresa")).to_have_value(company.identifier)
    await person.field("Contraseña").fill(NEW_PASSWORD)
    await person.presses("Ingresar")
    await person.sees("Mi cuenta")
    await expect(person.page.get_by_role("region", name="Su sesión")).to_contain_text(company.identifier)

    late = await service.person(person.equipment)
    await late.signs_in(company.identifier, DEMO_PASSWORD)
    await late.is_told("El NIT o la contraseña no son correctos")
    await late.signs_in(company.identifier, secret)
    await late.is_told(re.compile("ya se usó"))
    notice = (await service.mails(ADDRESS, 2))[0]
    assert notice.subject == "Se cambió su contraseña"
    assert secret not in (notice.text or "")
    assert NEW_PASSWORD not in (notice.text or "")
