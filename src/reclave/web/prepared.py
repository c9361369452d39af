"""Pages that are the same for everybody, kept as the bytes that are sent: rendered once a second at most.

Kept is what a page answers with an ETag to a reader without cookies. It holds for the second of the clock in which it
was rendered, and for as long as operators switch nothing: so opening hours and banners are those of now.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import Scope

from reclave.pages.i18n import negotiate
from reclave.pages.page import Site
from reclave.pages.security import complete_headers
from reclave.web.compression import SMALLEST, chosen, compress_often
from reclave.web.whole import Whole

_OF_THE_BYTES = {b"etag", b"content-encoding", b"content-length", b"vary"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What decides which bytes a reader gets; `known` is their If-None-Match."""

    path: str
    query: bytes
    language: str
    coding: str
    known: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A page as it is sent: whole, or as one that has not changed (RFC 9110, 15.4.5)."""

    holds: tuple[int, int]
    tag: str
    whole: Whole
    unchanged: Whole

    def answer(self, known: str) -> Whole:
        """What to send to a reader who has these."""
        return self.unchanged if known and self.tag in known else self.whole


class Prepared:
    """The prepared pages of one process, for one event loop.

    There are as many at most as there are pages, languages and codings.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._kept: dict[Asked, _Prepared] = {}

    def asked(self, scope: Scope, languages: Sequence[str]) -> Asked | None:
        """What a GET asks for; None for one that may be answered like no other."""
        query = scope["query_string"]
        if query and query not in _queries(languages):
            return None
        headers = dict(scope["headers"])
        if b"cookie" in headers:
            return None
        return Asked(
            scope["path"],
            query,
            negotiate(headers.get(b"accept-language", b"").decode("latin-1"), languages),
            chosen(headers.get(b"accept-encoding", b"").decode("latin-1"), SMALLEST),
            headers.get(b"if-none-match", b"").decode("latin-1"),
        )

    def page(self, asked: Asked) -> _Prepared | None:
        """The page that is kept for what was asked."""
        kept = self._kept.get(asked)
        return kept if kept is not None and kept.holds == self._site.moment() else None

    def keep(self, asked: Asked, answer: Response) -> _Prepared | None:
        """Keep an answer that everybody may have; None for any other."""
        tag = answer.headers.get("etag")
        if answer.status_code != HTTPStatus.OK or tag is None:
            return None
        headers = [pair for pair in answer.raw_headers if pair[0] not in _OF_THE_BYTES]
        headers.append((b"vary", f"{answer.headers['vary']}, Accept-Encoding".encode()))
        headers.append((b"etag", (f"W/{tag}" if asked.coding else tag).encode()))
        complete_headers(headers)
        unchanged = [pair for pair in headers if pair[0] != b"content-type"]
        body = bytes(answer.body)
        if asked.coding:
            body = compress_often(asked.coding, body)
            headers.append((b"content-encoding", asked.coding.encode()))
        headers.append((b"content-length", str(len(body)).encode()))
        kept = _Prepared(self._site.moment(), tag, Whole(200, headers, body), Whole(304, unchanged, b""))
        self._kept[asked] = kept
        return kept


@lru_cache(maxsize=8)
def _queries(languages: Sequence[str]) -> frozenset[bytes]:
    return frozenset(f"lang={language}".encode() for language in languages)
