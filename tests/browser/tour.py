"""Every page of P1–P8 and «No fui yo», in its states, one after the other."""

from collections.abc import AsyncIterator
from typing import Protocol

from reclave.demo.seeds import Seeded
from reclave.demo.stored_message import StoredMessage
from tests.browser.person import ACCOUNT, CHANGE_ADDRESS, CHANGE_PASSWORD, DETAILS, RECOVER, Person, report_path
from tests.world import DEMO_PASSWORD, NEW_PASSWORD, code_in, temporary_passwords

ADDRESS = "tesoreria@andina.example"
FIRST_ADDRESS = "gerencia@primera.example"


class Portal(Protocol):
    """What a tour needs of a running portal: a process of its own, or a world in this one."""

    async def mails(self, recipient: str, count: int = 1) -> list[StoredMessage]:
        """Wait until an address has received `count` mails in all; they come newest first."""

    def company(self, index: int) -> Seeded:
        """A demo company, as a person types its NIT and password."""


async def tour(portal: Portal, person: Person) -> AsyncIterator[str]:
    """Go through the pages; at each, its name is yielded while it is shown."""
    async for name in _to_the_mail(person):
        yield name
    (mail,) = await portal.mails(ADDRESS)
    async for name in _forced_change(portal, person, temporary_passwords(mail)[0]):
        yield name
    async for name in _account(person):
        yield name
    await person.signs_out()
    yield "signed-out"
    async for name in _first_sign_in(portal, person):
        yield name
    async for name in _not_me(portal, person, report_path(mail)):
        yield name


async def _to_the_mail(person: Person) -> AsyncIterator[str]:
    await person.opens("/")
    yield "portals"
    await person.opens("/pagos/nada")
    await person.sees("Aquí no hay ninguna página")
    yield "no-page"
    await person.opens()
    yield "sign-in"
    await person.signs_in("900.100.001-2", DEMO_PASSWORD)
    await person.sees_problem("NIT de la empresa", "El NIT no corresponde")
    yield "sign-in-wrong-nit"
    await person.signs_in("900.100.001-1", "otra que no es la suya")
    await person.is_told("El usuario o la contraseña no son correctos")
    yield "sign-in-refused"
    await person.opens(RECOVER)
    yield "recover"
    await person.field("Introduzca su correo electrónico").fill("tesoreria@andina")
    await person.presses("Enviar")
    await person.sees_problem("Introduzca su correo electrónico", "Revise la parte después de la arroba")
    yield "recover-wrong-address"
    for name in ("recover-sent", "recover-sent-again"):
        await person.asks(ADDRESS)
        await person.sees("Revise su correo electrónico")
        yield name


async def _forced_change(portal: Portal, person: Person, secret: str) -> AsyncIterator[str]:
    await person.signs_in(portal.company(0).identifier, secret)
    await person.sees("Registro de datos de ingreso")
    yield "details"
    await person.registers("tesoreria@andina", "corta", "larga")
    await person.sees_problem("Nueva contraseña", "Use al menos 15 caracteres")
    yield "details-problems"
    await person.registers(ADDRESS, NEW_PASSWORD)
    await person.is_told("Su contraseña nueva quedó registrada")
    yield "details-done"
    await person.field("Contraseña").fill(NEW_PASSWORD)
    await person.presses("Ingresar")
    await person.sees("Mi cuenta")


async def _account(person: Person) -> AsyncIterator[str]:
    yield "account"
    for path, heading, name in (
        (CHANGE_PASSWORD, "Cambiar contraseña", "change-password"),
        (CHANGE_ADDRESS, "Cambiar correo electrónico", "change-address"),
    ):
        await person.opens(path)
        await person.sees(heading)
        yield name
    await person.opens(ACCOUNT)


async def _first_sign_in(portal: Portal, person: Person) -> AsyncIterator[str]:
    company = portal.company(1)
    await person.signs_in(company.identifier, company.password)
    await person.sees("Registro de datos de ingreso")
    yield "details-first"
    await person.registers(FIRST_ADDRESS, NEW_PASSWORD)
    await person.sees("Confirme su dirección")
    yield "details-code"
    code = code_in((await portal.mails(FIRST_ADDRESS))[0])
    await person.types_code("ZZZZ")
    await person.sees_problem("Código", "El código tiene 8 letras y números")
    yield "details-code-malformed"
    await person.opens(DETAILS)
    await person.types_code(code)
    await person.is_told("Su contraseña nueva quedó registrada")


async def _not_me(portal: Portal, person: Person, asked: str) -> AsyncIterator[str]:
    await person.opens(asked)
    await person.sees("Este enlace ya no funciona")
    yield "report-ended"
    await person.opens(report_path((await portal.mails(ADDRESS, 2))[0]))
    await person.sees("No fui yo")
    yield "report"
    await person.reports("Yo no hice este cambio.")
    await person.sees("Gracias por avisarnos")
    yield "report-done"
