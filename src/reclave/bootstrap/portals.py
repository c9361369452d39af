"""The folder of portal files, read and checked as a whole."""

from collections.abc import Collection, Mapping
from pathlib import Path

from reclave.adapters.portal_files import PortalFiles, read_portals
from reclave.domain.errors import PortalRefused
from reclave.domain.portal import Language, Portal
from reclave.domain.portal_toml import toml_key
from reclave.pages.i18n import translator, unknown_text


def check_portals(folder: Path) -> PortalFiles:
    """Read a folder of portal files. Raises `PortalRefused`, also for a text that stands for none of ours."""
    files = read_portals(folder)
    for portal in files.portals.values():
        for language, texts in portal.file.texts.items():
            _check_texts(files.sources[portal.id], language, texts, _own_texts(portal))
    return files


def _own_texts(portal: Portal) -> Collection[str]:
    """What the file says itself in one language only, and may say in others by its texts."""
    about = portal.file.portal
    said = about.motto, about.service, portal.file.brand.footer, *(line.label for line in portal.file.help.lines)
    return set(filter(None, said))


def _check_texts(source: str, language: Language, texts: Mapping[str, str], own_texts: Collection[str]) -> None:
    """Raise `PortalRefused` for a text that no page or mail says, or for a wording that would not render."""
    for text, own in texts.items():
        path = f"texts.{language}.{toml_key(text)}"
        unknown = unknown_text([text] if text not in own_texts else [])
        if unknown is not None:
            hint = f"; did you mean {unknown[1]!r}?" if unknown[1] else ""
            raise PortalRefused(source, path, f"no page or mail says this{hint}")
        if not own.strip():
            raise PortalRefused(source, path, "an empty text: write one, or leave the line out")
        try:
            translator(language, {text: own})
        except ValueError as error:
            raise PortalRefused(source, path, str(error)) from error
