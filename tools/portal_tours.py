"""The states of the customs and the procurement portal's pages, for `tools/screenshots.py`."""

from collections.abc import AsyncIterator
from typing import Protocol

from reclave.domain.time import HOUR
from reclave.operations import switches
from tests.browser.person import Person
from tests.world import NEW_PASSWORD, World, reset_link

USER, USERS_ADDRESS = "ferreteria.sur", "ventas@ferreteriasur.example"
SHARED_ADDRESS = "licitaciones@grupo.example"
EXPERTS_ADDRESS = "perito@correo.example"


class Stage(Protocol):
    """Where a tour plays."""

    world: World


async def customs(stage: Stage, person: Person) -> AsyncIterator[str]:
    """Finding a user ID, and asking for a temporary key."""
    await stage.world.seed("aduana")
    page = person.page
    await person.opens("/aduana/")
    yield "customs-front"
    await person.opens("/aduana/ingresar")
    yield "customs-sign-in"
    await person.opens("/aduana/recuperar")
    yield "customs-search"
    await page.select_option("#find_classification", "expert")
    await person.presses("Buscar ID")
    await person.is_told("Falta este dato")
    yield "customs-problems"
    await page.fill("#find_identification", "XA7654321")
    await page.fill("#find_email", EXPERTS_ADDRESS)
    await person.presses("Buscar ID")
    await person.is_told("No encontramos un usuario")
    yield "customs-nothing-found"
    await page.fill("#find_identification", "XA1234567")
    await person.presses("Buscar ID")
    await page.locator("#found").wait_for()
    yield "customs-found"
    await person.presses("Recibir la clave por correo")
    await person.is_told("¿Desea recibir una clave temporal?")
    yield "customs-question"
    await person.presses("Sí")
    await person.sees("Revise su correo electrónico")
    yield "customs-sent"
    await stage.world.work()


async def procurement(stage: Stage, person: Person) -> AsyncIterator[str]:
    """A link and a code in one mail, and forgotten user names."""
    await stage.world.seed("compras")
    page = person.page
    await person.opens("/compras/")
    yield "procurement-sign-in"
    await person.opens("/compras/recuperar")
    yield "procurement-recover"
    await page.fill("#user_name", USER)
    await person.presses("Enviar correo")
    await person.sees("Revise su correo electrónico")
    yield "procurement-sent"
    await page.fill("#code", "0000-0000")
    await person.presses("Continuar")
    await person.is_told("Este no es el código")
    yield "procurement-wrong-code"
    await stage.world.work()
    link = reset_link(stage.world.mails(USERS_ADDRESS)[0])
    await person.opens(link)
    await person.sees("Cambiar contraseña")
    yield "procurement-reset"
    await page.fill("#password", NEW_PASSWORD)
    await page.fill("#confirm", NEW_PASSWORD)
    await person.presses("Cambiar contraseña")
    await person.sees("Compra pública")
    yield "procurement-changed"
    await person.opens(link)
    yield "procurement-link-used"
    await person.opens("/compras/usuario")
    yield "procurement-user-names"
    await page.fill("#email", SHARED_ADDRESS)
    await person.presses("Enviar correo")
    await person.sees("Revise su correo electrónico")
    yield "procurement-user-names-sent"
    await stage.world.work()
    async for state in switched(stage, person):
        yield state


async def switched(stage: Stage, person: Person) -> AsyncIterator[str]:
    """What an operator has paused, and what they say on the pages."""
    services = stage.world.services
    portal = services.portals["compras"]
    texts = {"es": "El sábado de 8:00 a 12:00 no podrá ingresar: estamos mejorando el servicio."}
    await switches.show_banner(services, portal, "", texts, until=None, by="operator")
    await switches.pause(services, portal, "reset_link", until=services.clock.now() + 2 * HOUR, by="operator")
    await services.switchboard.refresh(services.store)
    await person.opens("/compras/")
    yield "procurement-banner"
    await person.opens("/compras/recuperar")
    yield "procurement-paused"
