"""Static files under names that carry their content's hash, so that browsers keep them for good."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reclave.domain.portal import Portal
from reclave.pages.brand_css import brand_css

_STATIC = Path(__file__).with_name("static")
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_HASH_LENGTH = 12
_VERSIONED = re.compile(rf"(.+)-[0-9a-f]{{{_HASH_LENGTH}}}(\.[a-z]+)")
_SPACED = re.compile(r'("[^"\n]*"|`[^`]*`)|//[^\n]*\s*|\s*;\s*(?=\})|\s*([(){}\[\];,:?=<>&|!])\s*')
_LOOSE = re.compile(r'("[^"\n]*")|/\*.*?\*/\s*|\s*([{};,>])\s*|(\s+)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served."""

    path: str
    media_type: str
    content: bytes


class Assets:
    """The files of one portal, by the name that templates use and by path."""

    def __init__(self, portal: Portal | None, prefix: str, logo: bytes | None) -> None:
        files = {"reclave.css": sheet((_STATIC / "reclave.css").read_text("utf-8")), "reclave.js": script()}
        if portal is not None:
            files["brand.css"] = sheet(brand_css(portal.file.brand.color, logo).decode())
        if logo is not None:
            files["logo.svg"] = logo
        self._by_name = {name: _asset(prefix, name, content) for name, content in files.items()}
        self.by_path: Mapping[str, Asset] = {asset.path: asset for asset in self._by_name.values()}

    def of_any_version(self, path: str) -> Asset | None:
        """The file that a path names, whatever its hash: while processes are replaced, pages of both versions ask."""
        asked = _VERSIONED.fullmatch(path)
        own = ((_VERSIONED.fullmatch(asset.path), asset) for asset in self._by_name.values())
        return next((asset for name, asset in own if asked and name and name.groups() == asked.groups()), None)

    def url(self, name: str) -> str:
        """The hashed path of a file; `logo` is the portal's."""
        return self._by_name["logo.svg" if name == "logo" else name].path


def script() -> bytes:
    """The pages' script as it is served: without comments, and without spaces that only people need.

    Enough for its style: strings in double quotes or backticks, semicolons after statements, no regular expressions.
    """
    source = (_STATIC / "reclave.js").read_text("utf-8")
    return _SPACED.sub(lambda piece: piece[1] or piece[2] or "", source).strip().encode()


def sheet(source: str) -> bytes:
    """A style sheet as it is served: without comments, and without spaces that only people need."""
    return _LOOSE.sub(lambda piece: piece[1] or piece[2] or (piece[3] and " ") or "", source).strip().encode()


def _asset(prefix: str, name: str, content: bytes) -> Asset:
    stem, _, ending = name.rpartition(".")
    digest = hashlib.sha256(content).hexdigest()[:_HASH_LENGTH]
    path = f"{prefix}/static/{stem}-{digest}.{ending}"
    return Asset(path, _TYPES[ending], content)
