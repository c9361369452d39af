"""Every walk of the gallery, by name: a portal's id, `site`, or a variation of a portal's file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.gallery import variations
from tests.gallery.aduana import aduana
from tests.gallery.compras import compras
from tests.gallery.pagos import pagos
from tests.gallery.scene import Scene, Walk
from tests.gallery.site import site


@dataclass(frozen=True, slots=True)
class Tour:
    """A walk, the portal that it is through, and what its portal file is changed to first."""

    walk: Callable[[Scene], Walk]
    portal: str
    rewrite: Callable[[Path], None] | None = None


PORTALS = {
    "site": Tour(site, "pagos"),
    "pagos": Tour(pagos, "pagos"),
    "aduana": Tour(aduana, "aduana"),
    "compras": Tour(compras, "compras"),
}
"""What the demo's people see, and pictures are kept of."""

TOURS = {
    **PORTALS,
    "by-mail": Tour(variations.found_by_mail, "aduana", variations.by_mail),
    "by-code": Tour(variations.by_code, "compras", variations.code_only),
    "by-confirmed-link": Tour(variations.by_confirmed_link, "compras", variations.confirmed_link),
}
