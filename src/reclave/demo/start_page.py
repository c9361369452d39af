"""The demo's start page: every portal with what to try, and the accounts to try it with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from reclave.demo.mailbox_guard import LoopbackGuard
from reclave.demo.seeds import Seeded

PATH = "/inicio"
_FOLDER = Path(__file__).parent
_TRIALS: Mapping[str, Sequence[str]] = {
    "pagos": (
        "Oprima «¿Olvidó su contraseña?» y escriba tesoreria@andina.example: la contraseña temporal llega al buzón.",
        "Ingrese con ella y elija una propia; la anterior sirve hasta ese momento.",
        "Pruebe también el primer ingreso, o una dirección que no existe: la página es la misma.",
    ),
    "aduana": (
        "Oprima «Reiniciar clave», elija una clasificación y busque el ID con los datos de la tabla.",
        "Lo que escribió arriba ya está abajo: pida la clave temporal y ábrala en el buzón.",
        "Una solicitud pendiente o rechazada ve la misma página, y no le llega nada.",
    ),
    "compras": (
        "Oprima «Olvidé la contraseña» y escriba ferreteria.sur: el correo trae un enlace y un código.",
        "Abra el enlace, o escriba el código en la página que espera; pedirlo dos veces no daña nada.",
        "Con «Olvidé el usuario» y licitaciones@grupo.example, un solo correo trae los dos usuarios.",
    ),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A portal as the start page shows it."""

    id: str
    name: str
    motto: str
    address: str


def with_start_page(
    mailbox: Starlette, places: Sequence[Place], seeded: Sequence[Seeded], beside: Sequence[BaseRoute] = ()
) -> Starlette:
    """The mailbox with the start page beside it, at `/inicio`, and further pages of the demo."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = [(place, _TRIALS.get(place.id, ()), [one for one in seeded if one.portal == place.id]) for place in places]
    content = templates.get_template("start.html").render(places=shown)

    async def start(_request: Request) -> Response:
        return HTMLResponse(content)

    return Starlette(
        routes=[Route(PATH, start), *beside, Mount("/", app=mailbox)],
        middleware=[Middleware(LoopbackGuard)],
    )
