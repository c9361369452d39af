"""What is photographed of the states, and how a picture is compared with the one before.

Two pictures differ where more than `TOLERATED` of all pixels are off by more than `NOTICED` of 255 in a channel: what
another build of the browser smooths differently is mostly below the first; a padding of 4 px, a link of another colour
and one more character are above both (test_pictures.py shows it).
"""

import io
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageChops
from playwright.async_api import Page

from tests.gallery.eyes import HEIGHT
from tests.gallery.scene import State
from tests.gallery.sheets import Sheet
from tests.servers import ROOT

BASELINES = ROOT / "tests" / "gallery" / "baselines"
SHOWN = ROOT / "docs" / "pictures"
DIFFERENCES = ROOT / "build" / "differences"
NOTICED = 32
TOLERATED = 0.00002
DARK = "phone-dark"
FIRST = "pagos"
WIDTHS = {"phone": 360, "desktop": 1280, DARK: 360}
"""CSS pixels, which are the pictures' pixels."""

IN_OTHER_LANGUAGES = {
    *("site-portals", "pagos-sign-in", "pagos-recover-sent", "pagos-account"),
    *("aduana-search-found", "compras-reset"),
}
IN_THE_DARK = {
    *("site-portals", "pagos-sign-in-refused", "pagos-recover-sent", "pagos-details-problems", "pagos-account"),
    *("aduana-search-problems", "aduana-request-dialog", "compras-sign-in", "compras-link-expired"),
}
IN_THE_DOCS = {
    ("es", "desktop", "pagos-sign-in"),
    ("es", "phone", "pagos-sign-in"),
    ("es", "phone", "aduana-front"),
    ("es", "phone", "compras-recover-sent"),
}
"""Language, device and state of the pictures that README and docs show whole."""

CHOSEN = IN_THE_DARK | IN_OTHER_LANGUAGES | {state for _, _, state in IN_THE_DOCS}


@dataclass(slots=True)
class Album:
    """Takes the pictures of one walk; `keep` and `compare` say what is done with them."""

    language: str
    tour: str
    renews: bool = False
    human: Path | None = None
    """A folder that gets every picture whole, for people to look at."""
    sheets: dict[str, Sheet] = field(default_factory=dict)
    taken: dict[str, list[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    async def take(self, page: Page, one: State) -> None:
        """Take the pictures that are wanted of a state."""
        state, name = one.name, f"{self.tour}-{one.name}"
        for device in wanted(self.language, self.tour, one):
            shot = _read(await photograph(page, WIDTHS[device], dark=device == DARK))
            if not self.renews and difference(self._before(device, state), shot):
                # Chromium may photograph a dialog that is not painted yet: what differs has to differ twice.
                shot = _read(await photograph(page, WIDTHS[device], dark=device == DARK))
            self.taken.setdefault(device, []).append(state)
            if self.human is not None:
                number = len(self.taken[device])
                _write(self.human / self.language / device / f"{self.tour}-{number:02}-{state}.png", shot)
            self._put(device, state, shot)
            if (self.language, device, name) in IN_THE_DOCS:
                self._show(shown(self.language, device, name), shot)

    def _put(self, device: str, state: str, shot: Image.Image) -> None:
        if self.renews:
            self.sheets.setdefault(device, Sheet(shot.width)).add(state, shot)
            return
        place = DIFFERENCES / f"{self.language}-{device}-{self.tour}-{state}.png"
        if fault := difference(self._before(device, state), shot, place):
            self.faults.append(f"{state}, {device}: {fault}")

    def _before(self, device: str, state: str) -> Image.Image | None:
        sheet = self._kept(device)
        return sheet.picture(state) if sheet else None

    def _kept(self, device: str) -> Sheet | None:
        if device not in self.sheets and self.place(device).exists():
            self.sheets[device] = Sheet.read(self.place(device))
        return self.sheets.get(device)

    def _show(self, path: Path, shot: Image.Image) -> None:
        before = Image.open(path).convert("RGB") if path.exists() else None
        if not (fault := difference(before, shot)):
            return
        if self.renews:
            _write(path, shot)
        else:
            self.faults.append(f"{path.name}: {fault}")

    def place(self, device: str) -> Path:
        """Where the pictures of one device are kept."""
        return BASELINES / f"{self.language}-{device}-{self.tour}.webp"

    def close(self) -> None:
        """Write what was taken, or note what is kept and was not taken. Nothing is written that looks the same."""
        for device, sheet in self.sheets.items():
            if not self.renews:
                gone = sheet.states.keys() - set(self.taken.get(device, []))
                self.faults += [f"{state}, {device}: the walk no longer shows it" for state in sorted(gone)]
            elif not self._looks_the_same(device, sheet):
                sheet.write(self.place(device))

    def _looks_the_same(self, device: str, sheet: Sheet) -> bool:
        if not self.place(device).exists():
            return False
        before = Sheet.read(self.place(device))
        return list(before.states) == list(sheet.states) and not any(
            difference(before.picture(state), sheet.picture(state)) for state in sheet.states
        )


def wanted(language: str, tour: str, state: State) -> list[str]:
    """The devices for which a state is photographed: in Spanish on both, else and in the dark where it is listed.

    What every portal has is photographed on a desktop in one of them: the others differ in colours and words, which
    their pictures on the phone show.
    """
    name = f"{tour}-{state.name}"
    if language != "es":
        return ["phone"] if name in IN_OTHER_LANGUAGES else []
    desktop = not state.everywhere or tour == FIRST or name in CHOSEN
    return ["phone", *(["desktop"] if desktop else []), *([DARK] if name in IN_THE_DARK else [])]


def shown(language: str, device: str, name: str) -> Path:
    """Where README and docs find a picture."""
    return SHOWN / f"{name}-{device}{'' if language == 'es' else '-' + language}.webp"


async def photograph(page: Page, width: int, *, dark: bool = False) -> bytes:
    """The whole page, however long, as PNG; leaves it light."""
    await page.set_viewport_size({"width": width, "height": HEIGHT})
    await page.emulate_media(color_scheme="dark" if dark else "light")
    await page.mouse.move(0, 0)  # what was pressed last would be shown as under the mouse
    await page.evaluate("scrollTo(0, 0)")  # a dialog stands where the page is scrolled to, which differs
    shot = await page.screenshot(full_page=True, animations="disabled", caret="hide", scale="css")
    await page.emulate_media(color_scheme="light")
    return shot


def difference(before: Image.Image | None, now: Image.Image | None, written: Path | None = None) -> str:
    """What differs between two pictures, in words; empty where nothing does.

    Where something does, `written` gets before, now and the differing pixels, side by side.
    """
    if before is None or now is None:
        return "there is no such picture yet (make screenshots)"
    size = max(before.width, now.width), max(before.height, now.height)
    changed = _changed(_on(before, size), _on(now, size))
    share = changed.histogram()[255] / (size[0] * size[1])
    if share <= TOLERATED and before.size == now.size:
        return ""
    if written is not None:
        _write(written, _side_by_side(before, now, changed))
    sizes = "" if before.size == now.size else f", {before.size} became {now.size}"
    return f"{share:.3%} of the pixels differ{sizes}" + (f": {written.relative_to(ROOT)}" if written else "")


def _changed(before: Image.Image, now: Image.Image) -> Image.Image:
    red, green, blue = ImageChops.difference(before, now).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return most.point([0] * (NOTICED + 1) + [255] * (255 - NOTICED))


def _on(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    ground = Image.new("RGB", size, "magenta")
    ground.paste(picture)
    return ground


def _side_by_side(*pictures: Image.Image) -> Image.Image:
    gap = 10
    width = sum(one.width + gap for one in pictures) - gap
    ground = Image.new("RGB", (width, max(one.height for one in pictures)), "gray")
    at = 0
    for one in pictures:
        ground.paste(one.convert("RGB"), (at, 0))
        at += one.width + gap
    return ground


def _read(written: bytes) -> Image.Image:
    return Image.open(io.BytesIO(written)).convert("RGB")


def _write(path: Path, picture: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".webp":
        picture.save(path, lossless=True, quality=100, method=6)
    else:
        picture.save(path)
