"""Lighthouse on every page of every portal, under its own slow phone: 99 and more of 100 in each category.

The pages are those of the gallery's walk in Spanish, each address once, and then what the routes have besides.
`pytest -rP` prints the scores.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.gallery.guest import on_loopback
from tests.gallery.plain import PlainVisitor
from tests.gallery.scene import Scene
from tests.gallery.stage import Stage, staged
from tests.gallery.walks import TOURS
from tests.servers import node
from tests.servers.chromium import executable

CATEGORIES = ("performance", "accessibility", "best-practices")
LEAST = 0.99
TRIES = 6
"""Of a page: other programs on the machine only ever make it slower."""
SCRIPT = Path(__file__).with_name("lighthouse.mjs")


@dataclass(slots=True)
class Auditor:
    """Lighthouse, waiting for addresses; the best scores of each page so far."""

    process: Process
    origin: str
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    async def audit(self, path: str, cookie: str = "") -> None:
        """Look at a page until its scores do, or often enough."""
        best = dict.fromkeys(CATEGORIES, 0.0)
        found: dict[str, Any] = {}
        for _ in range(TRIES):
            found = await self._look(path, cookie, [name for name, score in best.items() if score < LEAST])
            best |= {name: max(score or 0, best[name]) for name, score in found["scores"].items()}
            if min(best.values()) >= LEAST:
                break
        else:
            self.faults.append(f"{path}: {best}, {found['failed']}")
        if found["shown"].split("?")[0] != self.origin + path.split("?", maxsplit=1)[0]:
            self.faults.append(f"{path} led to {found['shown']}")
        self.scores[path] = best

    async def _look(self, path: str, cookie: str, categories: list[str]) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        asked = {"url": self.origin + path, "cookie": cookie, "categories": categories}
        self.process.stdin.write(json.dumps(asked).encode() + b"\n")
        told = await asyncio.wait_for(self.process.stdout.readline(), 100)
        assert told, "Lighthouse ended"
        found: dict[str, Any] = json.loads(told)
        return found


@asynccontextmanager
async def auditing(stage: Stage) -> AsyncIterator[Auditor]:
    """The stage's pages on loopback, and Lighthouse before them."""
    command = [node.program(), SCRIPT, node.package("lighthouse").parent, executable()]
    async with on_loopback(stage) as origin:
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
        try:
            yield Auditor(process, origin)
        finally:
            if process.stdin:
                process.stdin.close()
            await asyncio.wait_for(process.wait(), 30)


def paths_of(stage: Stage, portal: str) -> set[str]:
    """Every address of a portal that a browser can open and that names nothing by a token."""
    base = stage.world.services.portals[portal].file.portal.path
    pages = (path for path, route in stage.routes.items() if "GET" in (route.methods or ()))
    return {path for path in pages if path.startswith(f"{base}/") and "{" not in path}


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("portal", ["pagos", "aduana", "compras"])
async def test_every_page_of_a_portal_has_99_of_100_in_each_category(portal: str) -> None:
    async with staged() as stage, auditing(stage) as auditor:
        visitor = PlainVisitor.at(stage, "es")
        scene = Scene(stage, visitor, stage.world.services.portals[portal])
        async for _ in TOURS[portal].walk(scene):
            path = visitor.path.split("?")[0]
            if visitor.status == 200 and stage.last[1] == "GET" and path not in auditor.scores:
                kept = "; ".join(f"{cookie.name}={cookie.value}" for cookie in visitor.client.cookies.jar)
                await auditor.audit(path, kept)
        for path in sorted(paths_of(stage, portal) - set(auditor.scores)):
            await visitor.opens(path)
            if visitor.path.split("?")[0] == path:
                await auditor.audit(path)
    for path, scores in auditor.scores.items():
        sys.stdout.write(f"{path}: {', '.join(f'{name} {score:.2f}' for name, score in scores.items())}\n")
    assert len(auditor.scores) >= 8
    assert not auditor.faults, "\n".join(auditor.faults)
