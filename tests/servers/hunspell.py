"""The speller, with Debian's dictionaries."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.servers import MissingServer

DICTIONARIES: Mapping[str, str] = {"es": "es_CO", "en": "en_GB", "pt": "pt_BR"}
"""The dictionary of each language; dates and words in English are British."""
DEBIAN_PACKAGES = ("hunspell", "hunspell-es", "hunspell-en-gb", "hunspell-pt-br")
_FOLDERS = (Path("/usr/share/hunspell"), Path("/usr/share/myspell/dicts"))


def checker() -> str:
    """The path of hunspell. Raises `MissingServer` where it or a dictionary is wanting."""
    found = shutil.which("hunspell")
    here = {name for name in DICTIONARIES.values() for folder in _FOLDERS if (folder / f"{name}.aff").exists()}
    if found is None or len(here) < len(DICTIONARIES):
        raise MissingServer(f"hunspell or a dictionary is not here: install {' '.join(DEBIAN_PACKAGES)}")
    return found
