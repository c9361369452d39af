"""The demo's mailbox in a real browser: what a mail's HTML can do, new mails, phones, no JavaScript."""

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, ViewportSize, async_playwright, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from reclave.demo.mailbox import mailbox_app
from reclave.demo.maildrop import Maildrop
from reclave.demo.stored_message import StoredMessage
from reclave.web.server import ServerLimits, listen, serve_http
from tests.servers.chromium import LaunchOptions

ANA = "ana@empresa.example"
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 800}


class Site:
    """The mailbox and, on a port of its own, a site that mails can link to."""

    def __init__(self) -> None:
        self.maildrop = Maildrop()
        self.visits: list[str] = []
        self.mailbox = ""
        self.elsewhere = ""

    def visited(self, request: Request) -> Response:
        self.visits.append(f"{request.url.path} {request.headers.get('referer', 'without referrer')}")
        return HTMLResponse("<title>Portal</title>", headers={"Cross-Origin-Opener-Policy": "same-origin"})

    async def deliver(self, subject: str, body: str, kind: str = "html") -> StoredMessage:
        content = f"From: Pagos <a@pagos.example>\r\nTo: {ANA}\r\nSubject: {subject}\r\n"
        content += f"Content-Type: text/{kind}; charset=utf-8\r\n\r\n{body}\r\n"
        return await self.maildrop.deliver(content.encode(), sender="a@pagos.example", recipients=[ANA])


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    site, stop = Site(), asyncio.Event()
    apps = [
        mailbox_app(site.maildrop, portal_links=[("Pagos", "http://localhost:1/")]),
        Starlette(routes=[Route("/{path:path}", site.visited)]),
    ]
    sockets = [listen("127.0.0.1", 0) for _ in apps]
    site.mailbox, site.elsewhere = (f"http://127.0.0.1:{socket.getsockname()[1]}" for socket in sockets)
    async with asyncio.TaskGroup() as servers:
        for app, socket in zip(apps, sockets, strict=True):
            servers.create_task(serve_http(app, [socket], limits=ServerLimits(), stop=stop))
        yield site
        stop.set()


@pytest_asyncio.fixture
async def browser(chromium_options: LaunchOptions) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**chromium_options)
        yield browser
        await browser.close()


@pytest_asyncio.fixture
async def context(browser: Browser) -> BrowserContext:
    return await browser.new_context(viewport=DESK)


async def test_a_link_in_a_mails_html_opens_the_portal_in_a_tab_of_its_own_without_a_referrer(
    site: Site, context: BrowserContext
) -> None:
    message = await site.deliver("Enlace", f'<!doctype html><p><a href="{site.elsewhere}/clave">Cambiar</a></p>')
    page = await context.new_page()
    await page.goto(f"{site.mailbox}/messages/{message.id}")
    async with context.expect_page() as opened:
        await page.frame_locator("iframe").get_by_role("link", name="Cambiar").click()
    tab = await opened.value

    await expect(tab).to_have_title("Portal")
    assert await tab.evaluate("opener") is None
    assert site.visits[0] == "/clave without referrer"


async def test_a_hostile_mail_runs_nothing_fetches_nothing_and_leads_nowhere_by_itself(
    site: Site, context: BrowserContext
) -> None:
    hostile = "".join(
        [
            "<script>top.document.title = document.title = 'tomado'</script>",
            f"<img src='{site.elsewhere}/imagen' onerror='top.document.title = 1'>",
            f"<link rel='stylesheet' href='{site.elsewhere}/estilo'>",
            f"<iframe src='{site.elsewhere}/marco'></iframe>",
            f"<meta http-equiv='refresh' content='0;url={site.elsewhere}/salto'>",
            f"<form action='{site.elsewhere}/formulario'><button>Enviar</button></form><p>Fin</p>",
        ]
    )
    message = await site.deliver("Sospechoso", hostile)
    page = await context.new_page()
    await page.goto(f"{site.mailbox}/messages/{message.id}", wait_until="networkidle")
    await page.frame_locator("iframe.mail").get_by_role("button", name="Enviar").click()
    await expect(page.frame_locator("iframe.mail").get_by_text("Fin")).to_be_visible()

    await expect(page).to_have_title("Sospechoso · Buzón de demostración")
    assert site.visits == []


async def test_a_new_mail_appears_by_itself_and_focus_stays_where_it_was(site: Site, context: BrowserContext) -> None:
    page = await context.new_page()
    await page.goto(site.mailbox)
    await expect(page.get_by_role("heading", name="Todavía no ha llegado ningún mensaje")).to_be_visible()

    await site.deliver("Primera clave", "Hola", "plain")
    first = page.get_by_role("link", name="Primera clave")
    await expect(first).to_be_visible()
    await expect(page).to_have_title("(1) Buzón de demostración")
    await expect(page.get_by_role("status")).to_have_text("1 mensaje, 1 sin leer")
    await expect(page.get_by_role("heading", name="Elija un mensaje")).to_be_visible()

    await first.focus()
    await site.deliver("Segunda clave", "Hola", "plain")
    await expect(page.get_by_role("link", name="Segunda clave")).to_be_visible()
    await expect(first).to_be_focused()


async def test_a_phone_without_javascript_goes_from_list_to_mail_and_back(site: Site, browser: Browser) -> None:
    await site.deliver("Clave temporal", "Su clave: kfm4-7tqx", "plain")
    context = await browser.new_context(viewport=PHONE, java_script_enabled=False)
    page = await context.new_page()
    await page.goto(site.mailbox)
    await expect(page.get_by_role("link", name="Actualizar")).to_be_visible()
    await page.get_by_role("link", name="Clave temporal").click()
    await expect(page.get_by_text("Su clave: kfm4-7tqx")).to_be_visible()
    await expect(page.get_by_role("searchbox")).to_be_hidden()
    await page.get_by_role("link", name="Todos los mensajes").click()
    await expect(page.get_by_role("searchbox")).to_be_visible()


@pytest.mark.req("B1")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.long
async def test_every_page_passes_axe_and_fits_the_screen(
    site: Site, browser: Browser, viewport: ViewportSize, scheme: Literal["light", "dark"]
) -> None:
    context = await browser.new_context(viewport=viewport, color_scheme=scheme)
    page = await context.new_page()
    found = []
    await page.goto(site.mailbox)
    found.append(await Axe().run(page))
    for number in range(6):
        await site.maildrop.deliver(
            b"Subject: " + b"larga " * 40 + b"\r\n\r\nhttp://x.example/" + b"a" * 300,
            sender="",
            recipients=[f"una-direccion-muy-larga-{number}@una-empresa-de-nombre-largo.example", ANA],
        )
    message = site.maildrop.messages()[0]
    for path in (
        "/",
        "/?q=nada",
        "/messages/1",
        *(f"/messages/{message.id}?view={v}" for v in ("text", "headers")),
    ):
        await page.goto(site.mailbox + path)
        found.append(await Axe().run(page))
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    assert [violation["id"] for one in found for violation in one.response["violations"]] == []
