"""The portals in this process, over memory, at one instant and with counted randomness: the gallery's stage."""

import hashlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from starlette.routing import BaseRoute, Mount, Route, compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.testing import capture_logs
from structlog.typing import EventDict

from reclave.adapters.memory import MemoryStore
from reclave.bootstrap.wiring import build_site
from reclave.demo.stored_message import StoredMessage
from reclave.domain.portal import Language, Portal
from reclave.domain.time import SECOND
from reclave.pages.render import Renderer
from reclave.ports.meter import REFUSALS, Metric, NoMeter
from reclave.web.app import TEMPLATES, router, web_app
from reclave.web.overloaded import OverloadedPages
from tests.browser.service import write_portals
from tests.servers import ROOT
from tests.stores import Clock
from tests.world import World, open_world

INSTANT = int(datetime(2026, 11, 23, 10, 15, tzinfo=ZoneInfo("America/Bogota")).timestamp()) * SECOND
OTHER_SEEDS = ("aduana", "compras")


class CountedEntropy:
    """Bytes that no two draws share and that every run repeats: references and codes stay as they are in pictures."""

    def __init__(self) -> None:
        self._drawn = 0

    def bytes(self, count: int) -> bytes:
        self._drawn += 1
        return hashlib.shake_256(b"gallery %d" % self._drawn).digest(count)


class Refused(NoMeter):
    """The reasons for which requests were refused."""

    def __init__(self) -> None:
        self.reasons: set[str] = set()

    def count(self, metric: Metric, amount: int = 1, **labels: str) -> None:
        if metric is REFUSALS and amount:
            self.reasons.add(labels["reason"])


class Backstage(Renderer):
    """Renders as the pages do, notes which templates, and fails once where a state needs that."""

    def __init__(self) -> None:
        super().__init__([TEMPLATES])
        self.rendered: set[str] = set()
        self.fails_with: Exception | None = None

    def render(self, template: str, portal: Portal | None, language: Language, context: Mapping[str, Any]) -> str:
        if self.fails_with is not None:
            failure, self.fails_with = self.fails_with, None
            raise failure
        self.rendered.add(template)
        return super().render(template, portal, language, context)


@dataclass(slots=True)
class Stage:
    """A world, its pages, and what has been asked of them: a route's path and a method, with the statuses answered."""

    world: World
    pages: ASGIApp
    routes: dict[str, Route]
    """The routes of the pages, by whole path."""
    renderer: Backstage
    refused: Refused
    log: list[EventDict]
    asked: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    last: tuple[str, str] = ("", "")
    """Those of the latest answer that is a page."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the pages do."""

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(scope, message)
            await send(message)

        await self.pages(scope, receive, noting)

    def _note(self, scope: Scope, started: Message) -> None:
        paths = (path for path in self.routes if compile_path(path)[0].fullmatch(scope["path"]))
        one = next(paths, ""), scope["method"]
        self.asked.setdefault(one, set()).add(started["status"])
        if dict(started["headers"]).get(b"content-type", b"").startswith(b"text/html"):
            self.last = one

    async def mail(self, recipient: str) -> StoredMessage:
        """The newest mail of an address, once the worker has done its work."""
        await self.world.work()
        return self.world.mails(recipient)[0]


@asynccontextmanager
async def staged(rewrite: Callable[[Path], None] | None = None) -> AsyncIterator[Stage]:
    """A fresh stage, with every portal's accounts; `rewrite` may change the folder of portal files first."""
    with tempfile.TemporaryDirectory() as written:
        folder = Path(written)
        write_portals(ROOT / "portals", folder / "portals")
        if rewrite is not None:
            rewrite(folder / "portals")
        clock, refused, renderer = Clock(started_at=INSTANT), Refused(), Backstage()
        store = MemoryStore(clock.standing)
        portals = folder / "portals"
        with capture_logs() as log:
            async with open_world(
                store, folder, clock, portals=portals, entropy=CountedEntropy(), meter=refused
            ) as world:
                for name in OTHER_SEEDS:
                    await world.seed(name)
                site = replace(build_site(world.wired), renderer=renderer)
                routes = dict(routes_of(router(site, OverloadedPages(site)).routes))
                yield Stage(world, web_app(site), routes, renderer, refused, log)


def routes_of(routes: list[BaseRoute], before: str = "") -> Iterator[tuple[str, Route]]:
    """Every route with its whole path; what is no page (styles, logos, scripts) left out."""
    for route in routes:
        if isinstance(route, Mount):
            yield from routes_of(list(route.routes), before + route.path)
        elif isinstance(route, Route) and not route.path.startswith("/static/"):
            yield before + route.path, route


def at_origin(stage: Stage, origin: str) -> ASGIApp:
    """The stage's pages under another origin, as loopback serves them to a browser."""
    site = build_site(replace(stage.world.wired, settings=replace(stage.world.wired.settings, base_url=origin)))
    stage.pages = web_app(replace(site, renderer=stage.renderer))
    return stage
