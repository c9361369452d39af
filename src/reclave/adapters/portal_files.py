"""The folder of portal files and logos."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reclave.domain.errors import PortalRefused, PortalsRefused
from reclave.domain.portal import Portal
from reclave.domain.portal_reader import read_portal
from reclave.domain.spelling import nearest

_MAX_LOGO = 32 * 1024


@dataclass(frozen=True, slots=True)
class PortalFiles:
    """The portals by id, each one's logo (SVG bytes), and the name of its file."""

    portals: Mapping[str, Portal]
    logos: Mapping[str, bytes | None]
    sources: Mapping[str, str]


def read_portals(folder: Path) -> PortalFiles:
    """Read every `*.toml` in a folder.

    Raises `PortalRefused` for a file that cannot be used, for two portals with one id or in one place, and for a
    folder without any; `PortalsRefused` for several of these.
    """
    read = _Reading(folder)
    refusals = []
    for path in sorted(folder.glob("*.toml")):
        try:
            read.add(path)
        except PortalRefused as refused:
            refusals.append(refused)
    if len(refusals) > 1:
        raise PortalsRefused(refusals)
    if refusals:
        raise refusals[0]
    if not read.portals:
        raise PortalRefused(str(folder), "", "no portal file (*.toml) here")
    return PortalFiles(read.portals, read.logos, read.sources)


class _Reading:
    """The files of a folder, read one after the other."""

    def __init__(self, folder: Path) -> None:
        self.portals: dict[str, Portal] = {}
        self.logos: dict[str, bytes | None] = {}
        self.sources: dict[str, str] = {}
        self._folder = folder
        self._places: dict[tuple[str, str], str] = {}

    def add(self, path: Path) -> None:
        portal = read_portal(_text(path), source=path.name)
        about = portal.file.portal
        if portal.id in self.portals:
            raise PortalRefused(path.name, "portal.id", f"{portal.id!r} is the id of {self.sources[portal.id]} already")
        place = (about.host, about.path)
        if place in self._places:
            key = "portal.host" if about.host else "portal.path"
            raise PortalRefused(path.name, key, f"{self._places[place]} has the same host and path")
        logo = _logo(self._folder, path.name, portal)
        self.portals[portal.id], self.sources[portal.id], self._places[place] = portal, path.name, path.name
        self.logos[portal.id] = logo


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise PortalRefused(path.name, "", f"not UTF-8 at byte {error.start}: save the file as UTF-8") from error


def _logo(folder: Path, source: str, portal: Portal) -> bytes | None:
    name = portal.file.brand.logo
    if not name:
        return None
    path = folder / name
    if path.name != name or path.suffix != ".svg" or not path.is_file():
        hint = nearest(name, [each.name for each in folder.glob("*.svg")])
        raise PortalRefused(source, "brand.logo", f"{name!r} is not an SVG file beside the portal file{hint}")
    content = path.read_bytes()
    if len(content) > _MAX_LOGO:
        raise PortalRefused(source, "brand.logo", f"{name!r} is larger than {_MAX_LOGO} bytes")
    return content
