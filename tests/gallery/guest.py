"""A visitor at a real browser, in front of a stage that is served on loopback."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Locator, Page, Route

from reclave.domain.time import MILLISECOND, Span
from reclave.web.server import ServerLimits, listen, serve_http
from tests.gallery.scene import KNOWN_BROWSER, LANGUAGES, UNKNOWN_BROWSER, Press
from tests.gallery.stage import Stage, at_origin
from tests.servers import chromium, fonts

PHONE = 360
"""CSS pixels."""
_HEIGHT = 800
_LOOPBACK = "127.0.0.1"
_OUR_SCRIPT = re.compile(r"/static/reclave\b.*js")
_ANSWERED_WITH_AN_ERROR = "Failed to load resource: the server responded"
_FILL = """([form, fields]) => {
    form.noValidate = true;
    for (const [name, value] of fields) {
        const control = form.querySelector(`[name="${name}"]`);
        if (control.type === "checkbox") control.checked = value === control.value;
        else control.value = value;
        control.dispatchEvent(new Event("change", {bubbles: true}));
    }
}"""
_POST = """([action, pairs, kind]) => {
    const form = document.createElement("form");
    Object.assign(form, {action, method: "post", hidden: true});
    if (kind) form.enctype = kind;
    for (const [name, value] of pairs) form.append(Object.assign(document.createElement("input"), {name, value}));
    document.body.append(form);
    form.submit();
}"""


def launch_options(folder: Path) -> dict[str, Any]:
    """How the gallery's browser starts, so that text looks the same on every machine; `folder` takes what it needs.

    Glyphs are hinted and stand on whole pixels: sharp in pictures, which are a third smaller for it.
    """
    options = chromium.launch_options()
    looks = ["--font-render-hinting=full", "--disable-font-subpixel-positioning", "--force-color-profile=srgb"]
    return {**options, "args": [*options["args"], *looks], "env": {**os.environ, **fonts.environment(folder)}}


@dataclass(slots=True)
class House:
    """A served stage, a browser, and what the visitors' browsers asked for and complained about."""

    stage: Stage
    origin: str
    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def guest(self, language: str, user_agent: str = KNOWN_BROWSER) -> "Guest":
        """Someone with a browser of their own."""
        context = await self.browser.new_context(
            viewport={"width": PHONE, "height": _HEIGHT},
            locale=LANGUAGES[language],
            reduced_motion="reduce",
            user_agent=user_agent,
        )
        self.contexts.append(context)
        context.on("request", lambda request: self.requested.append(request.url))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", lambda said: self._listen(said.type, said.text))
        return Guest(self, language, await context.new_page())

    def _listen(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not text.startswith(_ANSWERED_WITH_AN_ERROR):
            self.complaints.append(text)

    def strangers(self) -> list[str]:
        """What the browsers asked of anybody but this house."""
        return [url for url in self.requested if not url.startswith((self.origin + "/", "about:", "data:"))]


@asynccontextmanager
async def on_loopback(stage: Stage) -> AsyncIterator[str]:
    """The stage, served at the origin that this yields."""
    listener = listen(_LOOPBACK, 0)
    origin = f"http://localhost:{listener.getsockname()[1]}"
    app = at_origin(stage, origin)
    stop, ready = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(serve_http(app, [listener], limits=ServerLimits(), stop=stop, ready=ready.set))
    await ready.wait()
    try:
        yield origin
    finally:
        stop.set()
        await serving


@asynccontextmanager
async def served(stage: Stage, browser: Browser) -> AsyncIterator[House]:
    """The stage on loopback, before a browser."""
    async with on_loopback(stage) as origin:
        house = House(stage, origin, browser)
        try:
            yield house
        finally:
            for context in house.contexts:
                await context.close()


@dataclass(slots=True)
class Guest:
    """A person at a browser."""

    house: House
    language: str
    page: Page
    status: int = 0
    scripts: bool = True
    address: str = _LOOPBACK
    timed: bool = False

    @property
    def path(self) -> str:
        """Where the page in sight is, with its query."""
        return self.page.url.removeprefix(self.house.origin)

    async def opens(self, path: str) -> None:
        answered = await self.page.goto(self.house.origin + path)
        assert answered is not None
        self.status = answered.status

    async def sends(self, action: str, press: Press, fields: dict[str, str]) -> None:
        asking = self.page.locator("dialog[open]")
        form = self._form(action)
        within = asking if await asking.count() else form
        await self._fill(action, fields)
        async with self.page.expect_navigation() as moved:
            await within.locator(_button(press)).first.click(no_wait_after=True)
        answered = await moved.value
        assert answered is not None
        self.status = answered.status

    async def asks(self, action: str, press: Press, fields: dict[str, str]) -> None:
        if not self.scripts:
            return await self.sends(action, press, fields)
        await self._fill(action, fields)
        await self._form(action).locator(_button(press)).first.click(no_wait_after=True)
        await self.page.locator("dialog[open]").wait_for()
        return None

    async def types(self, control: str, value: str) -> None:
        await self.page.locator(f"#{control}").select_option(value)

    async def posts(self, path: str, body: str, kind: str = "", *, elsewhere: bool = False) -> None:
        if elsewhere:
            await self.page.goto("about:blank")
        pairs = [pair.split("=", 1) for pair in body.split("&")]
        async with self.page.expect_navigation() as moved:
            await self.page.evaluate(_POST, [self.house.origin + path, pairs, kind])
        answered = await moved.value
        assert answered is not None
        self.status = answered.status

    async def shows(self, html: bytes, status: int) -> None:
        await self.page.goto("about:blank")
        await self.page.set_content(html.decode())
        self.status = status

    @asynccontextmanager
    async def unscripted(self) -> AsyncIterator[None]:
        async def nothing(route: Route) -> None:
            await route.fulfill(content_type="text/javascript", body="")

        await self.page.route(_OUR_SCRIPT, nothing)
        self.scripts = False
        try:
            yield
        finally:
            self.scripts = True
            await self.page.unroute(_OUR_SCRIPT)

    async def another(self) -> "Guest":
        return await self.house.guest(self.language, user_agent=UNKNOWN_BROWSER)

    async def waits(self, span: Span) -> None:
        if not self.timed:
            await self.page.clock.install()
            await self.page.reload()
            self.timed = True
        await self.page.clock.fast_forward(span // MILLISECOND)

    def _form(self, action: str) -> Locator:
        return self.page.locator(f'form[action="{action}"]').first

    async def _fill(self, action: str, fields: dict[str, str]) -> None:
        form = await self._form(action).element_handle()
        await self.page.evaluate(_FILL, [form, list(fields.items())])


def _button(press: Press) -> str:
    name, value = press
    shown = ":not([type=button]):not([tabindex='-1']):visible"
    return f'button[name="{name}"][value="{value}"]:visible' if name else f"button{shown}"
