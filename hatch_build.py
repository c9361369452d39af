"""Build hook: compiles the gettext catalogs, so that wheels and editable installs carry them."""

from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LOCALES = Path("src", "reclave", "pages", "locale")


def compile_catalogs(root: Path) -> list[Path]:
    """Compile each `reclave.po` under `root` into the `reclave.mo` beside it, and return the compiled files.

    Raises `babel.messages.pofile.PoFileError` for a catalog that does not parse.
    """
    compiled = []
    for source in sorted((root / LOCALES).glob("*/LC_MESSAGES/reclave.po")):
        with source.open("rb") as stream:
            catalog = read_po(stream, locale=source.parts[-3], abort_invalid=True)
        target = source.with_suffix(".mo")
        # Renamed when whole: a running process may be reading the last one.
        draft = target.with_suffix(".mo.draft")
        with draft.open("wb") as stream:
            write_mo(stream, catalog)
        compiled.append(draft.replace(target))
    return compiled


class CatalogHook(BuildHookInterface[Any]):
    """Runs before hatchling collects the files of a wheel, standard or editable."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 (hatchling's signature)
        """Compile the catalogs; `artifacts` in pyproject.toml then puts them into the wheel."""
        compile_catalogs(Path(self.root))
