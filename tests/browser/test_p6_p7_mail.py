"""The mail with the temporary passwords (P6) and signing in with one, however the NIT is written (P7)."""

import re

import pytest

from tests.browser.person import DETAILS, PLAIN_PHONE, read_reference
from tests.browser.service import Service
from tests.world import temporary_passwords

ONE = "tesoreria@andina.example"
TWO = "pagos@grupo.example"


@pytest.mark.statement("P6")
async def test_the_mail_carries_the_user_name_and_a_temporary_password(service: Service) -> None:
    """P6: «The mail carries the user name(s) (NIT) and a temporary password»."""
    person = await service.person()
    await person.asks(ONE)
    reference = await person.reference()
    mail = await service.mail(ONE)
    assert mail.recipients == (ONE,)
    assert mail.from_ == "Pagos de Ejemplo <no-responder@pagos.example>"
    for body in (mail.text or "", mail.html or ""):
        assert service.company(0).identifier in body
        assert len(set(re.findall(r"\b[a-z0-9]{6}-[a-z0-9]{6}-[a-z0-9]{6}\b", body))) == 1
        assert read_reference(re.sub(r"https?://\S+", "", body)) == reference
        assert "Sirve hasta" in body
        assert "(hora de Colombia)" in body
        assert "Nunca le solicitaremos datos personales ni su contraseña por correo electrónico" in body
    (secret,) = temporary_passwords(mail)
    assert secret in (mail.html or "")
    assert secret not in mail.subject
    assert f"{service.origin}/pagos/" in (mail.text or "")


@pytest.mark.statement("P6")
async def test_one_address_with_two_nits_gets_one_mail_with_a_password_for_each(service: Service) -> None:
    """P6: «one address with several NITs gets one mail that lists each account with its own»."""
    asking = await service.person()
    await asking.asks(TWO)
    mail = await service.mail(TWO)
    listed = re.findall(r"NIT de la empresa: (\S+)\s+Contraseña temporal: (\S+)", mail.text or "")
    assert [identifier for identifier, _ in listed] == [service.company(2).identifier, service.company(3).identifier]
    assert len({secret for _, secret in listed}) == 2
    for identifier, secret in listed:
        person = await service.person()
        await person.signs_in(identifier, secret)
        await person.sees("Registro de datos de ingreso")
    (first, _), (_, second) = listed
    person = await service.person()
    await person.signs_in(first, second)
    await person.is_told("El NIT o la contraseña no son correctos")
    assert len(service.maildrop.messages(TWO)) == 1


@pytest.mark.statement("P7")
async def test_the_mailed_password_signs_in_however_the_nit_is_written(service: Service) -> None:
    """P7: «Sign-in with the NIT (in any punctuation: dots, dash, spaces, none) and the mailed password»."""
    person = await service.person(PLAIN_PHONE)
    await person.asks(ONE)
    (secret,) = temporary_passwords(await service.mail(ONE))
    for written in ("900.100.001-1", "900100001-1", "900 100 001 1", "9001000011", " 900.100.001–1 "):
        await person.signs_in(written, secret)
        await person.sees("Registro de datos de ingreso")
        assert person.path == DETAILS, written
        await person.presses("Salir sin terminar")
        await person.is_told("Cerró su sesión.")


@pytest.mark.statement("P7")
async def test_a_nit_that_cannot_be_right_is_explained_at_the_field(shared_service: Service) -> None:
    """P7: a check digit that is missing or does not fit is no wrong password."""
    person = await shared_service.person(PLAIN_PHONE)
    await person.signs_in("900.100.001-2", "da igual lo que diga aquí")
    await person.sees_problem("NIT de la empresa", "El NIT no corresponde a su dígito de verificación")
    await person.signs_in("900.100.001", "da igual lo que diga aquí")
    await person.sees_problem("NIT de la empresa", "¿Quiso escribir 900.100.001-1?")
