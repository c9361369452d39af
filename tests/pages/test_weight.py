"""What a person on a metered line pays for: each first page, and a whole recovery. `pytest -rP` prints the figures."""

import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

import httpx2
import pytest

from reclave.adapters.memory import MemoryStore
from reclave.bootstrap import build_web
from tests.stores import Clock
from tests.world import NEW_PASSWORD, ORIGIN, World, open_world, reset_link, temporary_passwords

FIRST_PAGE = 14 * 1024
JOURNEY = 30 * 1024
SCRIPTS = 3 * 1024
FIRST_PAGES = ["/", "/pagos/", "/aduana/", "/aduana/ingresar", "/compras/"]
HOMES = {"pagos": "/pagos/", "aduana": "/aduana/", "compras": "/compras/"}
PART = re.compile(r'<(?:link rel="(?:icon|stylesheet)" href|script src|img src)="([^"]+)"')
STANDING = "immutable"  # the browser does not ask again


@dataclass(slots=True)
class Browser:
    """Counts what it is sent, headers and compressed bodies, and keeps what it may as a browser does."""

    client: httpx2.AsyncClient
    sent: dict[str, int] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    tags: dict[str, str] = field(default_factory=dict)
    page: str = ""

    @property
    def weight(self) -> int:
        """All bytes so far."""
        return sum(self.sent.values())

    @property
    def scripts(self) -> int:
        """The bytes of scripts so far."""
        return sum(size for path, size in self.sent.items() if ".js" in path)

    async def opens(self, path: str) -> None:
        """Open a page with all its parts."""
        await self._goes("GET", path, None)

    async def sends(self, path: str, **fields: str) -> None:
        """Send a form, and open the page that it leads to."""
        await self._goes("POST", path, fields)

    async def _goes(self, method: str, path: str, fields: dict[str, str] | None) -> None:
        response = await self._asks(method, path, fields)
        while (location := response.headers.get("location")) is not None:
            response = await self._asks("GET", urljoin(path, location), None)
        if response.status_code != 304:
            assert response.headers["content-type"].startswith("text/html")
            self.page = response.text
        for part in PART.findall(self.page):
            if part not in self.kept:
                found = await self._asks("GET", part, None)
                assert STANDING in found.headers["cache-control"]
                self.kept.add(part)

    async def _asks(self, method: str, path: str, fields: dict[str, str] | None) -> httpx2.Response:
        asked = self.client.build_request(method, path, data=fields)
        if method == "GET" and (tag := self.tags.get(path)):
            asked.headers["if-none-match"] = tag
        response = await self.client.send(asked, stream=True)
        body = b"".join([chunk async for chunk in response.aiter_raw()])
        head = sum(len(name) + len(value) + 4 for name, value in response.headers.raw)
        self.sent[path] = self.sent.get(path, 0) + head + len(body)
        if tag := response.headers.get("etag"):
            self.tags[path] = tag
        replayed = httpx2.Response(response.status_code, headers=response.headers, content=body)
        assert replayed.status_code < 400, (path, replayed.text)
        return replayed


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """The three portals, each with its demo accounts."""
    clock = Clock()
    async with open_world(MemoryStore(clock.standing), tmp_path, clock) as opened:
        for portal in ("aduana", "compras"):
            await opened.seed(portal)
        yield opened


@pytest.fixture
async def browser(world: World) -> AsyncIterator[Browser]:
    """A browser that has never been here."""
    transport = httpx2.ASGITransport(app=build_web(world.wired), client=("203.0.113.7", 50000))
    headers = {"sec-fetch-site": "same-origin", "accept-language": "es-CO", "accept-encoding": "gzip"}
    async with httpx2.AsyncClient(
        transport=transport, base_url=ORIGIN.replace("http:", "https:"), headers=headers
    ) as client:
        yield Browser(client)


def tell(what: str, browser: Browser) -> None:
    """For `pytest -rP`."""
    sys.stdout.write(f"{what}: {browser.weight} bytes, {browser.scripts} of them scripts\n")


async def test_each_first_page_with_all_its_parts_comes_in_14_kilobytes(browser: Browser) -> None:
    for path in FIRST_PAGES:
        newcomer = Browser(browser.client)
        await newcomer.opens(path)
        tell(path, newcomer)
        assert newcomer.weight <= FIRST_PAGE, newcomer.sent
        assert newcomer.scripts <= SCRIPTS, newcomer.sent


async def test_no_first_page_loads_anything_from_elsewhere(browser: Browser) -> None:
    for path in FIRST_PAGES:
        await browser.opens(path)
        loaded = PART.findall(browser.page)
        assert len(loaded) >= 2
        assert all(part.startswith("/") and not part.startswith("//") for part in loaded)
        assert not re.search(r"<(?:iframe|object|embed|video|audio|source|style)\b|\bstyle=|srcset=", browser.page)
        styles = [(await browser.client.get(part)).text for part in loaded if part.endswith(".css")]
        assert not any("url(" in style or "@import" in style for style in styles)


async def payments(world: World, browser: Browser) -> None:
    """A temporary password by mail, and the change that it asks for."""
    await browser.opens("/pagos/recuperar")
    await browser.sends("/pagos/recuperar", email="tesoreria@andina.example")
    await world.work()
    secret = temporary_passwords(world.mails("tesoreria@andina.example")[0])[0]
    await browser.opens("/pagos/")
    await browser.sends("/pagos/", identifier="900.100.001-1", password=secret)
    await browser.sends(
        "/pagos/registro", email="tesoreria@andina.example", password=NEW_PASSWORD, confirm=NEW_PASSWORD
    )


async def customs(world: World, browser: Browser) -> None:
    """The user ID on the screen, a temporary key by mail, and the change that it asks for."""
    known = {"find_classification": "expert", "find_identification": "XA1234567", "find_email": EXPERT}
    await browser.opens("/aduana/recuperar")
    await browser.sends("/aduana/recuperar", action="search", **known)
    asked = {"user_id": "perito9", "identification": "XA1234567", "email": EXPERT}
    await browser.sends("/aduana/recuperar", action="send", **known, **asked)
    await browser.sends("/aduana/recuperar", confirmed="yes", **asked)
    await world.work()
    secret = temporary_passwords(world.mails(EXPERT)[0])[0]
    await browser.opens("/aduana/ingresar")
    await browser.sends("/aduana/ingresar", identifier="perito9", password=secret)
    await browser.sends("/aduana/registro", email=EXPERT, password=NEW_PASSWORD, confirm=NEW_PASSWORD)


async def procurement(world: World, browser: Browser) -> None:
    """A link by mail, and the new password behind it."""
    await browser.opens("/compras/recuperar")
    await browser.sends("/compras/recuperar", user_name="ferreteria.sur")
    await world.work()
    await browser.opens(reset_link(world.mails("ventas@ferreteriasur.example")[0]))
    await browser.sends("/compras/cambiar", identifier="ferreteria.sur", password=NEW_PASSWORD, confirm=NEW_PASSWORD)


EXPERT = "perito@correo.example"
JOURNEYS = {"pagos": payments, "aduana": customs, "compras": procurement}


@pytest.mark.parametrize("portal", JOURNEYS)
async def test_a_whole_recovery_comes_in_30_kilobytes(world: World, browser: Browser, portal: str) -> None:
    await browser.opens(HOMES[portal])
    await JOURNEYS[portal](world, browser)
    tell(portal, browser)
    assert 'class="notice success"' in browser.page  # the new password counts
    assert browser.weight <= JOURNEY, browser.sent
    assert browser.scripts <= SCRIPTS, browser.sent
