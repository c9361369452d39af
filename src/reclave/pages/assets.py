"""Static files under names that carry their content's hash, so that browsers keep them for good."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reclave.domain.portal import Portal
from reclave.pages.brand_css import brand_css

_STATIC = Path(__file__).with_name("static")
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_HASH_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served."""

    path: str
    media_type: str
    content: bytes
    compressed: bytes


class Assets:
    """The files of one portal, by the name that templates use and by path."""

    def __init__(self, portal: Portal | None, prefix: str, logo: bytes | None) -> None:
        files = {name: (_STATIC / name).read_bytes() for name in ("reclave.css", "reclave.js")}
        if portal is not None:
            files["brand.css"] = brand_css(portal.file.brand.color)
        if logo is not None:
            files["logo.svg"] = logo
        self._by_name = {name: _asset(prefix, name, content) for name, content in files.items()}
        self.by_path: Mapping[str, Asset] = {asset.path: asset for asset in self._by_name.values()}

    def url(self, name: str) -> str:
        """The hashed path of a file; `logo` is the portal's."""
        return self._by_name["logo.svg" if name == "logo" else name].path


def _asset(prefix: str, name: str, content: bytes) -> Asset:
    stem, _, ending = name.rpartition(".")
    digest = hashlib.sha256(content).hexdigest()[:_HASH_LENGTH]
    path = f"{prefix}/static/{stem}-{digest}.{ending}"
    return Asset(path, _TYPES[ending], content, gzip.compress(content, mtime=0))
