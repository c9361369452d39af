"""Every page in every state, every style sheet and logo, read by the Nu checker in one run: no error, no warning."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reclave.adapters.portal_files import read_portals
from reclave.demo.run import demo_portals
from reclave.pages.assets import Assets
from tests.gallery.plain import PlainVisitor
from tests.gallery.scene import LANGUAGES, Scene
from tests.gallery.stage import staged
from tests.gallery.walks import TOURS
from tests.servers import node

EXEMPT: dict[str, str] = {}
"""Messages that say what is right is wrong, each with the reason."""


async def write_pages(folder: Path) -> int:
    """One file a state and language; how many."""
    written: set[str] = set()
    for name, tour in TOURS.items():
        for language in LANGUAGES:
            async with staged(tour.rewrite) as stage:
                visitor = PlainVisitor.at(stage, language)
                async for state in tour.walk(Scene(stage, visitor, stage.world.services.portals[tour.portal])):
                    if visitor.html not in written:
                        written.add(visitor.html)
                        (folder / f"{name}-{language}-{state.name}.html").write_text(visitor.html, "utf-8")
    return len(written)


def write_styles(folder: Path) -> None:
    """The style sheets of each portal as they are served, and its logo."""
    files = read_portals(demo_portals())
    for name, portal in files.portals.items():
        for asset in Assets(portal, name, files.logos[name]).by_path.values():
            if not asset.path.endswith(".js"):
                (folder / asset.path.replace("/static/", "-")).write_bytes(asset.content)


def faults(folder: Path) -> list[str]:
    """What the checker says of the files of a folder, but for what is exempt."""
    checker = node.package("vnu-jar") / "build" / "dist" / "vnu.jar"
    options = ["--also-check-css", "--also-check-svg", "--format", "json"]
    command = [str(node.java()), "-Xss2m", "-jar", str(checker), *options, str(folder)]
    done = subprocess.run(command, capture_output=True, check=False)
    said: list[dict[str, Any]] = json.loads(done.stderr)["messages"]
    return [
        f"{Path(one['url']).name}:{one.get('lastLine', 0)}: {one['message']} ({one.get('extract', '').strip()})"
        for one in said
        if not any(exempt in one["message"] for exempt in EXEMPT)
    ]


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_every_page_style_sheet_and_logo_is_valid(tmp_path: Path) -> None:
    assert await write_pages(tmp_path) > 100
    write_styles(tmp_path)
    found = faults(tmp_path)
    assert not found, f"{len(found)} faults\n" + "\n".join(found[:50])


@pytest.mark.long
def test_the_checker_sees_a_fault_in_each_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<!doctype html><html lang=es><title>a</title><p id=a><p id=a>a")
    (tmp_path / "b.css").write_text("p { color: nope }")
    (tmp_path / "c.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><rect wide="1"/></svg>')
    assert {fault.partition(":")[0] for fault in faults(tmp_path)} == {"a.html", "b.css", "c.svg"}
