"""Take a picture of every page in every state, and of every mail: `make screenshots`, or

    python tools/screenshots.py [FOLDER]

FOLDER (`build/screenshots` unless told) gets `es/phone`, `es/desktop`, `es/phone-dark`, `en/phone`, `pt/phone` and
`mail`. The portal runs in this process over memory, with the demo's companies and a clock that stands at one instant,
so that a picture changes only when its page does (references and secrets aside).
"""

import asyncio
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parents[1]))  # `python tools/screenshots.py` finds tests/, too

from playwright.async_api import Browser, async_playwright

from reclave.adapters.logs import configure_logs
from reclave.adapters.memory import MemoryStore
from reclave.adapters.portal_files import read_portals
from reclave.bootstrap import build_web
from reclave.demo.seeds import Seeded
from reclave.demo.stored_message import StoredMessage
from reclave.domain.time import DAY, MINUTE, SECOND
from reclave.web.server import ServerLimits, listen, serve_http
from tests.browser.person import (
    ACCOUNT,
    CHANGE_ADDRESS,
    CHANGE_PASSWORD,
    DESKTOP,
    PHONE,
    Equipment,
    Person,
    report_path,
)
from tests.browser.service import write_portals
from tests.browser.tour import ADDRESS, tour
from tests.servers import ROOT
from tests.servers.chromium import launch_options
from tests.stores import Clock
from tests.world import DEMO_PASSWORD, NEW_PASSWORD, World, code_in, open_world, temporary_passwords
from tools.portal_tours import customs, procurement

FOLDER = ROOT / "build" / "screenshots"
INSTANT = int(datetime(2026, 11, 23, 10, 15, tzinfo=ZoneInfo("America/Bogota")).timestamp()) * SECOND
IN_OTHER_LANGUAGES = {
    *("sign-in", "recover", "recover-sent", "details", "details-first", "account", "report", "no-page"),
    *("customs-search", "procurement-recover", "procurement-user-names"),
}
IN_THE_DARK = {
    *IN_OTHER_LANGUAGES,
    *("details-problems", "sign-in-refused", "details-done", "details-code", "customs-found", "procurement-sent"),
}
OTHER_ADDRESS = "contabilidad@andina.example"
WITHOUT_ADDRESS = 6  # the demo's company that has none


@dataclass(slots=True)
class Stage:
    """A world whose pages are served on loopback, and a browser before it."""

    world: World
    origin: str
    browser: Browser

    async def person(self, equipment: Equipment) -> Person:
        """Someone with a browser of their own."""
        context = await self.browser.new_context(**equipment.context_options(), reduced_motion="reduce")
        return Person(await context.new_page(), self.origin, equipment)

    async def mails(self, recipient: str, count: int = 1) -> list[StoredMessage]:
        """Let the worker work; what an address has received then, newest first."""
        await self.world.work()
        received = self.world.mails(recipient)
        if len(received) != count:
            raise RuntimeError(f"{len(received)} mails for {recipient}, not {count}")
        return received

    def company(self, index: int) -> Seeded:
        """A demo company, as a person types its NIT and password."""
        return list(self.world.seeded.values())[index]


@asynccontextmanager
async def staged(browser: Browser) -> AsyncIterator[Stage]:
    """A fresh world at its instant."""
    with tempfile.TemporaryDirectory() as written:
        folder = Path(written)
        clock = Clock(started_at=INSTANT)
        write_portals(ROOT / "portals", folder / "portals")
        async with open_world(MemoryStore(clock.standing), folder, clock) as world:
            world.services.portals.update(read_portals(folder / "portals").portals)
            listener = listen("127.0.0.1", 0)
            origin = f"http://localhost:{listener.getsockname()[1]}"
            app = build_web(replace(world.wired, settings=replace(world.wired.settings, base_url=origin)))
            stop, ready = asyncio.Event(), asyncio.Event()
            serving = asyncio.create_task(
                serve_http(app, [listener], limits=ServerLimits(), stop=stop, ready=ready.set)
            )
            await ready.wait()
            try:
                yield Stage(world, origin, browser)
            finally:
                stop.set()
                await serving


async def more(stage: Stage, person: Person) -> AsyncIterator[str]:
    """The states that the tour does not pass: ended secrets, waits, changes of address, refusals."""
    nit = stage.company(0).identifier
    await person.asks(ADDRESS)
    mail = (await stage.mails(ADDRESS))[0]
    secret = temporary_passwords(mail)[0]
    await person.opens(report_path(mail))
    await person.sees("No fui yo")
    yield "report-asked"
    await person.page.locator("form").last.evaluate("form => { form.noValidate = true; form.requestSubmit() }")
    await person.is_told("Marque la casilla si no fue usted.")
    yield "report-not-ticked"
    stage.world.wait(45 * MINUTE)
    await person.signs_in(nit, secret)
    stage.world.wait(20 * MINUTE)
    await person.page.reload()
    await person.is_told("ya no funciona")
    yield "details-ended"
    await person.signs_in(nit, secret)
    await person.is_told("venció")
    yield "sign-in-expired"
    async for name in _change_of_address(stage, person):
        yield name
    async for name in _first_address(stage, person):
        yield name
    async for name in _refusals(stage, person):
        yield name


async def _change_of_address(stage: Stage, person: Person) -> AsyncIterator[str]:
    other = await stage.person(DESKTOP)
    for one in (other, person):
        await one.signs_in(stage.company(0).identifier, DEMO_PASSWORD)
        await one.sees("Mi cuenta")
    await person.opens(CHANGE_PASSWORD)
    await person.field("Contraseña actual").fill("otra que no es la suya")
    await person.field("Nueva contraseña").fill(NEW_PASSWORD)
    await person.field("Confirmar contraseña").fill(NEW_PASSWORD)
    await person.presses("Cambiar contraseña")
    await person.is_told("Esta no es su contraseña actual")
    yield "change-password-problem"
    await person.opens(CHANGE_ADDRESS)
    await person.field("Correo electrónico nuevo").fill(OTHER_ADDRESS)
    await person.field("Su contraseña").fill(DEMO_PASSWORD)
    await person.presses("Enviar el código")
    await person.sees("Confirme su dirección nueva")
    yield "change-address-code"
    await person.types_code(code_in((await stage.mails(OTHER_ADDRESS))[0]))
    await person.is_told("Su dirección nueva está confirmada")
    yield "account-new-address-and-two-sessions"
    told = (await stage.mails(ADDRESS, 2))[0]
    await person.opens(report_path(told))
    await person.sees("No fui yo")
    yield "report-address"
    await person.reports("Yo no hice este cambio.")
    yield "report-done-address"
    await person.opens(ACCOUNT)
    await person.is_told("Su sesión terminó")
    yield "session-ended"


async def _first_address(stage: Stage, person: Person) -> AsyncIterator[str]:
    await person.signs_in(stage.company(WITHOUT_ADDRESS).identifier, DEMO_PASSWORD)
    await person.sees("Mi cuenta")
    yield "account-without-address"
    await person.opens(CHANGE_ADDRESS)
    yield "change-address-first"


async def _refusals(stage: Stage, person: Person) -> AsyncIterator[str]:
    company = stage.company(1)
    await person.signs_in(company.identifier, company.password)
    await person.registers("gerencia@primera.example", NEW_PASSWORD)
    code = code_in((await stage.mails("gerencia@primera.example"))[0])
    wrong = ("7" if code[0] != "7" else "9") + code[1:]
    for left in range(4, -1, -1):
        await person.types_code(wrong)
        await person.is_told(f"Intentos restantes: {left}")
        if left in {4, 0}:
            yield f"details-code-{left}-left"
    await person.types_code(wrong)
    await person.is_told("Ya no quedan intentos")
    yield "details-code-ended"
    stage.world.wait(2 * DAY)
    for _ in range(12):
        await person.signs_in(stage.company(2).identifier, "otra que no es la suya")
    await person.is_told("Demasiados intentos")
    yield "sign-in-throttled"
    await person.page.goto("about:blank")
    await person.page.set_content(
        f'<form method="post" action="{stage.origin}/pagos/recuperar"><button>Enviar</button></form>'
    )
    await person.presses("Enviar")
    await person.sees("No pudimos saber de dónde vino este formulario")
    yield "form-from-elsewhere"


class Camera:
    """Writes pictures, numbered in the order of the journey."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.taken = 0

    async def take(self, person: Person, place: str, name: str) -> None:
        """The whole page, however long."""
        path = self._folder / place / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        await person.page.screenshot(path=path, full_page=True, animations="disabled", caret="hide")
        self.taken += 1


async def picture_pages(camera: Camera, browser: Browser, equipment: Equipment, device: str) -> list[StoredMessage]:
    """Every state of every page on one device; the mails that came of it."""
    number = 0
    received: list[StoredMessage] = []
    for journey in (tour, more, customs, procurement):
        async with staged(browser) as stage:
            person = await stage.person(equipment)
            async for name in journey(stage, person):
                number += 1
                numbered = f"{number:02}-{name}"
                await camera.take(person, f"es/{device}", numbered)
                if equipment is PHONE:
                    await _in_other_ways(camera, person, numbered, name)
            received += reversed(stage.world.maildrop.messages())
            await person.page.context.close()
    return received


async def _in_other_ways(camera: Camera, person: Person, numbered: str, name: str) -> None:
    if name in IN_THE_DARK:
        await person.page.emulate_media(color_scheme="dark")
        await camera.take(person, "es/phone-dark", numbered)
        await person.page.emulate_media(color_scheme="light")
    if name in IN_OTHER_LANGUAGES:
        back = person.path
        for language in ("en", "pt"):
            await person.opens(f"{back}{'&' if '?' in back else '?'}{urlencode({'lang': language})}")
            await camera.take(person, f"{language}/phone", numbered)
        await person.opens(back)


async def picture_mails(camera: Camera, browser: Browser, mails: list[StoredMessage]) -> None:
    """The first mail of each kind, on a phone, in light and dark."""
    first: dict[str, StoredMessage] = {}
    for mail in mails:
        first.setdefault(re.sub(r",? ref\. .*", "", mail.subject), mail)
    for number, (subject, mail) in enumerate(first.items(), start=1):
        words = re.sub(r"\W+", "-", subject.lower())
        for colors in ("light", "dark"):
            context = await browser.new_context(**replace(PHONE, javascript=False, colors=colors).context_options())
            person = Person(await context.new_page(), "", PHONE)
            await person.page.set_content(mail.html or "")
            await camera.take(person, "mail", f"{number}-{words}-{colors}")
            await context.close()


async def main(folder: Path) -> None:
    """Take all pictures."""
    configure_logs("warning")
    camera = Camera(folder)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())
        mails = await picture_pages(camera, browser, PHONE, "phone")
        await picture_pages(camera, browser, DESKTOP, "desktop")
        await picture_mails(camera, browser, mails)
        await browser.close()
    print(f"{camera.taken} pictures in {folder}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if sys.argv[1:] else FOLDER))
