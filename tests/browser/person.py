"""Someone at a browser: reads labels and headings as they are printed, and knows no selector."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.async_api import APIResponse, Locator, Page, Response, expect

from reclave.demo.stored_message import StoredMessage

TIMEOUT = 10_000
"""Milliseconds that a page may take on a machine that runs other tests too."""

expect.set_options(timeout=TIMEOUT)

PORTAL = "/pagos/"
RECOVER = "/pagos/recuperar"
RECOVER_SENT = "/pagos/recuperar/enviada"
DETAILS = "/pagos/registro"
DETAILS_CODE = "/pagos/registro/codigo"
ACCOUNT = "/pagos/cuenta"
CHANGE_PASSWORD = "/pagos/cuenta/contrasena"
CHANGE_ADDRESS = "/pagos/cuenta/correo"
REPORT = "/pagos/no-fui-yo"

_REPORT_LINK = re.compile(r"https?://\S+/no-fui-yo/\S+")
REFERENCE = re.compile(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b")


_PHONES = 640  # CSS pixels: what is narrower is held in a hand
_USER_AGENT = "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 {mobile}Safari/537.36"


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a person sits at: width and height in CSS pixels, whether scripts run, language, colours."""

    width: int = 390
    height: int = 844
    javascript: bool = True
    language: str = "es-CO"
    colors: Literal["light", "dark"] = "light"

    @property
    def user_agent(self) -> str:
        """What a current Chrome calls itself on such a machine."""
        if self.width < _PHONES:
            return _USER_AGENT.format(system="Linux; Android 10; K", mobile="Mobile ")
        return _USER_AGENT.format(system="Windows NT 10.0; Win64; x64", mobile="")

    def context_options(self) -> dict[str, Any]:
        """The arguments of Playwright's `new_context`."""
        return {
            "viewport": {"width": self.width, "height": self.height},
            "is_mobile": self.width < _PHONES,
            "has_touch": self.width < _PHONES,
            "java_script_enabled": self.javascript,
            "locale": self.language,
            "color_scheme": self.colors,
            "user_agent": self.user_agent,
        }


PHONE = Equipment()
PLAIN_PHONE = Equipment(javascript=False)
"""A phone on which no script runs."""
DESKTOP = Equipment(width=1280, height=800)
PLAIN_DESKTOP = Equipment(width=1280, height=800, javascript=False)


class Person:
    """A person with one page open."""

    def __init__(self, page: Page, origin: str, equipment: Equipment) -> None:
        page.set_default_timeout(TIMEOUT)
        self.page = page
        self.origin = origin
        self.equipment = equipment

    # What they do

    async def opens(self, where: str = PORTAL) -> Response:
        """Go to a path of the service, or to a link of a mail."""
        answered = await self.page.goto(where if where.startswith("http") else self.origin + where)
        assert answered is not None
        return answered

    async def fetches(self, link: str, method: str = "GET") -> APIResponse:
        """Fetch a link without showing it, as a mail scanner does: with no cookies, following redirects."""
        browser = self.page.context.browser
        assert browser is not None
        scanner = await browser.new_context()
        try:
            return await scanner.request.fetch(link, method=method)
        finally:
            await scanner.close()

    async def signs_in(self, identifier: str, password: str) -> None:
        """Open the portal, type both and press «Ingresar»."""
        await self.opens()
        await self.field("NIT de la empresa").fill(identifier)
        await self.field("Contraseña").fill(password)
        await self.presses("Ingresar")

    async def asks(self, address: str) -> None:
        """Open «Recuperar contraseña», type an address and press «Enviar»."""
        await self.opens(RECOVER)
        await self.field("Introduzca su correo electrónico").fill(address)
        await self.presses("Enviar")

    async def registers(self, address: str | None, password: str, confirm: str | None = None) -> None:
        """Fill in «Registro de datos de ingreso» and press «Actualizar»; None leaves the address as it is."""
        if address is not None:
            await self.field("Correo electrónico").fill(address)
        await self.field("Nueva contraseña").fill(password)
        await self.field("Confirmar contraseña").fill(password if confirm is None else confirm)
        await self.presses("Actualizar")

    async def types_code(self, code: str) -> None:
        """Type the code of a mail and press «Confirmar»."""
        await self.field("Código").fill(code)
        await self.presses("Confirmar")

    async def reports(self, what: str) -> None:
        """Tick the box that says `what` and press «Confirmar que no fui yo»."""
        await self.page.get_by_role("checkbox", name=what).check()
        await self.presses("Confirmar que no fui yo")

    async def signs_out(self) -> None:
        """Press «Cerrar sesión»."""
        await self.presses("Cerrar sesión")

    async def presses(self, button: str) -> None:
        """Press a button by its exact name."""
        await self.button(button).click()

    # What they find

    def field(self, label: str) -> Locator:
        """A text or password field by its exact label."""
        return self.page.get_by_role("textbox", name=label, exact=True)

    def button(self, name: str) -> Locator:
        """A button by its exact name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def link(self, name: str) -> Locator:
        """A link by its exact name."""
        return self.page.get_by_role("link", name=name, exact=True)

    def text(self, words: str | re.Pattern[str]) -> Locator:
        """What the page's main part says."""
        return self.page.get_by_role("main").get_by_text(words)

    async def sees(self, heading: str) -> None:
        """Wait for the page with this main heading."""
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)

    async def is_told(self, words: str | re.Pattern[str]) -> None:
        """Wait until the page says this."""
        await expect(self.text(words).first).to_be_visible()

    async def sees_problem(self, field: str, message: str) -> None:
        """Wait for a message at a field, and in the summary with a link to the field."""
        summary = self.page.get_by_role("alert")
        await expect(summary.get_by_role("link", name=message)).to_be_visible()
        await expect(self.field(field)).to_have_accessible_description(re.compile(re.escape(message)))

    @property
    def path(self) -> str:
        """The path and query in the address bar."""
        return self.page.url.removeprefix(self.origin)

    async def reference(self) -> str:
        """The reference that the page shows."""
        return read_reference(await self.page.get_by_role("main").inner_text())

    async def cookies(self) -> dict[str, dict[str, Any]]:
        """The cookies of this browser by name."""
        return {cookie["name"]: dict(cookie) for cookie in await self.page.context.cookies() if "name" in cookie}

    # By keyboard

    async def tabs_to(self, target: Locator, at_most: int = 40) -> None:
        """Press Tab until `target` has the focus, which must be in sight. Fails after `at_most` presses."""
        for _ in range(at_most):
            await self.page.keyboard.press("Tab")
            if await target.evaluate("element => element === document.activeElement"):
                await expect(target).to_be_in_viewport()
                outline = await target.evaluate("element => getComputedStyle(element).outlineStyle")
                assert outline != "none", "the focus cannot be seen"
                return
        raise AssertionError(f"{at_most} presses of Tab did not reach {target}")

    async def types(self, target: Locator, text: str) -> None:
        """Go to a field by Tab and type."""
        await self.tabs_to(target)
        await self.page.keyboard.type(text)

    async def enters(self, target: Locator) -> None:
        """Go to a button or link by Tab and press Enter."""
        await self.tabs_to(target)
        await self.page.keyboard.press("Enter")


def read_reference(text: str) -> str:
    """The one reference in a text."""
    found: Sequence[str] = sorted(set(REFERENCE.findall(text)))
    assert len(found) == 1, found
    return found[0]


def report_link(text: str | None) -> str:
    """The whole «No fui yo» link that a mail's text shows."""
    found = _REPORT_LINK.search(text or "")
    assert found, text
    return found.group()


def report_path(mail: StoredMessage) -> str:
    """The path of the «No fui yo» link in a mail, whatever the origin that the mail names."""
    return urlsplit(report_link(mail.text)).path
