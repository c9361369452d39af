"""Take a picture of every page in every state, and of every mail: `make screenshots`, or

    python tools/screenshots.py [FOLDER]

FOLDER (`build/screenshots` unless told) gets them all, to look at: `es/phone`, `es/desktop`, `es/phone-dark`,
`en/phone`, `pt/phone` and `mail`. The pictures that `make test-long` compares (`tests/gallery/baselines`) and those of
README and docs (`docs/pictures`) are renewed where they differ. The portals run in this process over memory, at one
instant.
"""

import asyncio
import re
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # `python tools/screenshots.py` finds tests/, too

from playwright.async_api import Browser, async_playwright

from reclave.demo.stored_message import StoredMessage
from tests.gallery.guest import launch_options, served
from tests.gallery.pictures import WIDTHS, Album, photograph
from tests.gallery.scene import LANGUAGES, Scene
from tests.gallery.stage import staged
from tests.gallery.walks import PORTALS
from tests.servers import ROOT

FOLDER = ROOT / "build" / "screenshots"


async def picture_pages(folder: Path, browser: Browser, language: str, name: str) -> list[StoredMessage]:
    """Every state of one walk; the mails that came of it, in order."""
    tour, album = PORTALS[name], Album(language, name, renews=True, human=folder)
    async with staged(tour.rewrite) as stage, served(stage, browser) as house:
        guest = await house.guest(language)
        async for state in tour.walk(Scene(stage, guest, stage.world.services.portals[tour.portal])):
            if guest.status != state.status:
                raise RuntimeError(f"{state.name} at {guest.path}: {guest.status}, not {state.status}")
            await album.take(guest.page, state)
        received = list(reversed(stage.world.maildrop.messages()))
    album.close()
    print(f"{language} {name}: {sum(map(len, album.taken.values()))} pictures", flush=True)
    return received


async def picture_mails(folder: Path, browser: Browser, mails: list[StoredMessage]) -> None:
    """The first mail of each kind, on a phone, in light and dark."""
    first: dict[str, StoredMessage] = {}
    for mail in mails:
        first.setdefault(re.sub(r",? ref\. .*", "", mail.subject), mail)
    for number, (subject, mail) in enumerate(first.items(), start=1):
        words = re.sub(r"\W+", "-", subject.lower())
        context = await browser.new_context(java_script_enabled=False, reduced_motion="reduce")
        page = await context.new_page()
        await page.set_content(mail.html or "")
        for colors in ("light", "dark"):
            shot = await photograph(page, WIDTHS["phone"], dark=colors == "dark")
            (folder / f"{number:02}-{words}-{colors}.png").write_bytes(shot)
        await context.close()


async def main(folder: Path) -> None:
    """Take all pictures."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "mail").mkdir(parents=True)
    with tempfile.TemporaryDirectory() as fonts:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(**launch_options(Path(fonts)))
            mails = [
                mail
                for language in LANGUAGES
                for name in PORTALS
                for mail in await picture_pages(folder, browser, language, name)
                if language == "es"
            ]
            await picture_mails(folder / "mail", browser, mails)
            await browser.close()
    print(f"Whole pictures: {folder}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if sys.argv[1:] else FOLDER))
