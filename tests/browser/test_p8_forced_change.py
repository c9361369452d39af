"""What a temporary password opens: the forced change, and nothing else (P8)."""

import pytest
from playwright.async_api import expect

from reclave.domain.addresses import mask_address
from tests.browser.person import (
    ACCOUNT,
    CHANGE_ADDRESS,
    CHANGE_PASSWORD,
    DETAILS,
    PHONE,
    PLAIN_PHONE,
    PORTAL,
    Person,
)
from tests.browser.recovery import ADDRESS, recovers
from tests.browser.service import Service
from tests.world import NEW_PASSWORD, code_in, temporary_passwords

OTHER_ADDRESS = "contabilidad@andina.example"


@pytest.mark.statement("P4", "P5", "P6", "P7", "P8", "B1")
@pytest.mark.parametrize("person", [PHONE, PLAIN_PHONE], ids=["phone", "no-scripts"], indirect=True)
async def test_a_recovery_goes_from_the_forgotten_password_to_a_normal_sign_in(
    service: Service, person: Person
) -> None:
    """P4 to P8 as one person goes through them. P8: «Inmediatamente después»: the only thing it opens is «Registro de
    datos de ingreso» (e-mail prefilled, new password, confirm, «Actualizar»); after that a normal sign-in.
    """
    await recovers(service, person)


@pytest.mark.statement("P8")
async def test_a_temporary_password_opens_nothing_but_the_forced_change(service: Service, person: Person) -> None:
    """P8: «the only thing it opens is «Registro de datos de ingreso»»."""
    await person.asks(ADDRESS)
    (secret,) = temporary_passwords(await service.mail(ADDRESS))
    for closed in (ACCOUNT, CHANGE_PASSWORD, CHANGE_ADDRESS):
        await person.signs_in(service.company(0).identifier, secret)
        await person.sees("Registro de datos de ingreso")
        await person.opens(closed)
        assert person.path.partition("?")[0] in {PORTAL, DETAILS}, closed


@pytest.mark.statement("P8")
@pytest.mark.req("S35")
async def test_another_address_in_the_forced_change_is_confirmed_by_a_code_and_the_old_one_is_told(
    service: Service, person: Person
) -> None:
    """P8: «e-mail prefilled»: it may be corrected, as in P3 by a code typed in the same session."""
    await person.asks(ADDRESS)
    (secret,) = temporary_passwords(await service.mail(ADDRESS))
    await person.signs_in(service.company(0).identifier, secret)
    await person.registers(OTHER_ADDRESS, NEW_PASSWORD)
    await person.sees("Confirme su dirección")
    await person.link("Corregir la dirección").click()
    await expect(person.field("Correo electrónico")).to_have_value(OTHER_ADDRESS)
    await person.page.go_back()
    await person.types_code(code_in(await service.mail(OTHER_ADDRESS)))
    await person.is_told("Su contraseña nueva quedó registrada. Ingrese con ella.")
    told = {mail.subject: mail for mail in await service.mails(ADDRESS, 3)}
    assert "Se cambió su contraseña" in told
    changing = told["Su correo electrónico va a cambiar"]
    for body in (changing.text or "", changing.html or ""):
        assert mask_address(OTHER_ADDRESS) in body
        assert OTHER_ADDRESS not in body
    await person.field("Contraseña").fill(NEW_PASSWORD)
    await person.presses("Ingresar")
    await person.sees("Mi cuenta")
    await expect(person.page.get_by_role("main")).to_contain_text(ADDRESS)
    await person.is_told("La dirección nueva contabilidad@andina.example se usará desde el")
