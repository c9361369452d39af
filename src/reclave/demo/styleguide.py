"""The demo's living style guide: every component as the pages' own macros make it, in each portal's brand.

At `/styleguide/{portal}`, with `/claro` and `/oscuro` for one colour scheme whatever the reader's machine prefers.
Tokens are read from reclave.css itself, contrasts are computed (WCAG 2.2, definition of contrast ratio).
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from reclave.bootstrap import Wired, build_site
from reclave.domain.errors import FieldRefused
from reclave.domain.portal import Portal
from reclave.pages import brand_css
from reclave.pages.assets import Assets
from reclave.pages.brand_css import Shades, accent, contrast, palette, read_colour
from reclave.pages.forms import FormView
from reclave.pages.mark import read_mark
from reclave.pages.page import Page, Site
from reclave.pages.render import LANGUAGE_NAMES, Renderer
from reclave.pages.urls import page_path, portal_origin
from reclave.web.app import TEMPLATES

PATH = "/styleguide"
SCHEMES = {"": "según su equipo", "claro": "claro", "oscuro": "oscuro"}
_FOLDER = Path(__file__).with_name("templates")
_SHEET = Path(brand_css.__file__).with_name("static") / "reclave.css"
_TOKEN = re.compile(r"(--[a-z0-9-]+): ([^;]+);")
_ROOT = re.compile(r":root \{(.*?)\}", re.DOTALL)
_PAIRS = (
    ("Texto sobre la tarjeta", "ink", "surface"),
    ("Texto sobre el tono suave", "ink", "brand-soft"),
    ("Texto menor sobre la página", "muted", "page"),
    ("Texto menor sobre el tono suave", "muted", "brand-soft"),
    ("Enlace sobre la tarjeta", "brand-strong", "surface"),
    ("Enlace sobre el tono suave", "brand-strong", "brand-soft"),
    ("Botón principal", "brand-on-strong", "brand-strong"),
    ("Nombre sobre la banda", "brand-ink", "brand"),
    ("Error sobre la tarjeta", "error", "surface"),
    ("Error sobre su recuadro", "error", "error-soft"),
    ("Éxito sobre la tarjeta", "good", "surface"),
    ("Precaución sobre la tarjeta", "caution", "surface"),
    ("Borde de un campo (3:1)", "edge", "surface"),
)
"""What stands on what: text needs 4.5:1 (1.4.3), the edge of a control 3:1 (1.4.11)."""

Tokens = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ratio:
    """The contrast of one pair of tokens, 1 to 21."""

    name: str
    text: str
    ground: str
    light: float
    dark: float


def styleguide_routes(wired: Wired) -> list[BaseRoute]:
    """The guide for each portal; to be served on loopback, beside the demo's mailbox."""
    site = _site(wired)
    assets = {path: found for each in site.assets.values() for path, found in each.by_path.items()}

    async def asset(request: Request) -> Response:
        found = assets.get(request.url.path)
        if found is None:
            raise HTTPException(404)
        return Response(found.content, media_type=found.media_type)

    routes: list[BaseRoute] = [Route(f"{PATH}/{{portal}}/static/{{name}}", asset)]
    first = next(iter(wired.files.portals), "")
    for name, portal in wired.files.portals.items():
        for scheme in SCHEMES:
            path = f"{PATH}/{name}/{scheme}".rstrip("/")
            routes.append(Route(path, _guide(site, portal, wired.files.logos[name], scheme)))
            routes.append(Route(f"{path}/guide.css", _sheet(portal, wired.files.logos[name], scheme)))
        if name == first:
            routes.append(Route(PATH, _guide(site, portal, wired.files.logos[name], "")))
    return routes


def tokens(portal: Portal, logo: bytes | None = None) -> tuple[Tokens, Tokens]:
    """The tokens with this portal's brand, for light and for dark, as reclave.css and brand.css set them."""
    light, dark = (dict(_TOKEN.findall(block)) for block in _ROOT.findall(_SHEET.read_text("utf-8"))[:2])
    shades = palette(portal.file.brand.color)
    own = {"--accent": accent(portal.file.brand.color, read_mark(logo))} if logo else {}
    return light | own | _brand(shades.light), light | dark | own | _brand(shades.dark)


def ratios(portal: Portal) -> Iterator[Ratio]:
    """The contrast of every pair that the pages use."""
    light, dark = tokens(portal)
    for name, text, ground in _PAIRS:
        one, other = (contrast(_colour(of[f"--{text}"]), _colour(of[f"--{ground}"])) for of in (light, dark))
        yield Ratio(name, text, ground, one, other)


def _brand(shades: Shades) -> dict[str, str]:
    return {
        "--brand": shades.brand,
        "--brand-ink": shades.ink,
        "--brand-strong": shades.strong,
        "--brand-on-strong": shades.on_strong,
        "--brand-soft": shades.soft,
    }


def _colour(written: str) -> brand_css.Colour:
    long = written if len(written) == len("#rrggbb") else "#" + "".join(2 * digit for digit in written[1:])
    return read_colour(long)


def _site(wired: Wired) -> Site:
    assets = {
        name: Assets(portal, f"{PATH}/{name}", wired.files.logos[name]) for name, portal in wired.files.portals.items()
    }
    return replace(build_site(wired), renderer=Renderer([_FOLDER, TEMPLATES]), assets=assets)


def _guide(site: Site, portal: Portal, logo: bytes | None, scheme: str) -> Callable[[Request], Awaitable[Response]]:
    def elsewhere(name: str, **query: str) -> str:
        return portal_origin(portal, site.base_url) + page_path(portal, name, **query)

    async def answer(request: Request) -> Response:
        page = Page(site, portal, Request({**request.scope, "query_string": b"lang=es"}))
        light, dark = tokens(portal, logo)
        mark = read_mark(logo) if logo else None
        return page.answer(
            "styleguide.html",
            languages=[
                (code, LANGUAGE_NAMES[code], elsewhere("sign_in", lang=code), code == "es")
                for code in portal.file.portal.languages
            ],
            url=elsewhere,
            path=f"{PATH}/{portal.id}",
            scheme=scheme,
            schemes=SCHEMES,
            portals=[(one.id, one.file.portal.name) for one in site.services.portals.values()],
            hand=mark.hand.value if mark else "",
            tokens=[(name, light[name], dark[name]) for name in light],
            ratios=list(ratios(portal)),
            sample=_sample(page),
            signed_in={"identifier": "900.100.001-1"},
        )

    return answer


def _sample(page: Page) -> FormView:
    """A form with something typed, and a message at each field whose name begins with `wrong`."""
    message = page.words.gettext("Enter an e-mail address.")
    refused = [(FieldRefused(name, "missing"), message) for name in ("wrong", "wrong_secret", "wrong_box")]
    typed = {"filled": "tesoreria @andina.example", "wrong": "tesoreria@", "code": "K7QW-2M9D"}
    return FormView(typed, refused, {"filled": "tesoreria@andina.example"})


def _sheet(portal: Portal, logo: bytes | None, scheme: str) -> Callable[[Request], Awaitable[Response]]:
    light, dark = tokens(portal, logo)
    lines = [f".is{name} {{ background: var({name}) }}" for name, written in light.items() if written.startswith("#")]
    lines += [f".is{name} {{ font-size: var({name}) }}" for name in light if name.startswith("--text-")]
    lines += [f".is{name} {{ width: var({name}) }}" for name in light if name.startswith("--space-")]
    if scheme:
        chosen = dark if scheme == "oscuro" else light
        colours = "; ".join(f"{name}: {written}" for name, written in chosen.items() if written.startswith("#"))
        lines.append(f":root:root {{ color-scheme: {'dark' if scheme == 'oscuro' else 'light'}; {colours} }}")
    own = (Path(__file__).with_name("static") / "styleguide.css").read_text("utf-8")
    return partial(_styles, "\n".join([own, *lines]))


async def _styles(sheet: str, _request: Request) -> Response:
    return Response(sheet, media_type="text/css")
