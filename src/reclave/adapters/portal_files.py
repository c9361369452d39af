"""The folder of portal files and logos."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reclave.domain.errors import PortalRefused
from reclave.domain.portal import Portal
from reclave.domain.portal_reader import read_portal

_MAX_LOGO = 32 * 1024


@dataclass(frozen=True, slots=True)
class PortalFiles:
    """The portals by id, and each one's logo (SVG bytes)."""

    portals: Mapping[str, Portal]
    logos: Mapping[str, bytes | None]


def read_portals(folder: Path) -> PortalFiles:
    """Read every `*.toml` in a folder.

    Raises `PortalRefused` for a file that cannot be used, for two portals with one id or in one place, and for a
    folder without any.
    """
    portals: dict[str, Portal] = {}
    logos: dict[str, bytes | None] = {}
    places: dict[tuple[str, str], str] = {}
    for path in sorted(folder.glob("*.toml")):
        portal = read_portal(path.read_text("utf-8"), source=path.name)
        about = portal.file.portal
        if portal.id in portals:
            raise PortalRefused(path.name, "portal.id", f"{portal.id!r} is another portal's id")
        place = (about.host, about.path)
        if place in places:
            raise PortalRefused(path.name, "portal.path", f"{places[place]} has the same host and path")
        portals[portal.id], places[place] = portal, path.name
        logos[portal.id] = _logo(folder, path.name, portal)
    if not portals:
        raise PortalRefused(str(folder), "", "no portal file (*.toml) here")
    return PortalFiles(portals, logos)


def _logo(folder: Path, source: str, portal: Portal) -> bytes | None:
    name = portal.file.brand.logo
    if not name:
        return None
    path = folder / name
    if path.name != name or path.suffix != ".svg" or not path.is_file():
        raise PortalRefused(source, "brand.logo", f"{name!r} is not an SVG file beside the portal file")
    content = path.read_bytes()
    if len(content) > _MAX_LOGO:
        raise PortalRefused(source, "brand.logo", f"{name!r} is larger than {_MAX_LOGO} bytes")
    return content
