"""The folder of portal files, read and checked as a whole."""

from collections.abc import Mapping
from pathlib import Path

from reclave.adapters.portal_files import PortalFiles, read_portals
from reclave.domain.errors import PortalRefused
from reclave.domain.portal import Language
from reclave.domain.portal_toml import toml_key
from reclave.pages.i18n import translator, unknown_text


def check_portals(folder: Path) -> PortalFiles:
    """Read a folder of portal files. Raises `PortalRefused`, also for a text that stands for none of ours."""
    files = read_portals(folder)
    for portal in files.portals.values():
        for language, texts in portal.file.texts.items():
            _check_texts(files.sources[portal.id], language, texts)
    return files


def _check_texts(source: str, language: Language, texts: Mapping[str, str]) -> None:
    """Raise `PortalRefused` for a text that no page or mail says, or for a wording that would not render."""
    for text, own in texts.items():
        path = f"texts.{language}.{toml_key(text)}"
        unknown = unknown_text([text])
        if unknown is not None:
            hint = f"; did you mean {unknown[1]!r}?" if unknown[1] else ""
            raise PortalRefused(source, path, f"no page or mail says this{hint}")
        if not own.strip():
            raise PortalRefused(source, path, "an empty text: write one, or leave the line out")
        try:
            translator(language, {text: own})
        except ValueError as error:
            raise PortalRefused(source, path, str(error)) from error
