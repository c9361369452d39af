"""An answer in one piece, by an extension of ASGI between our server and our pages.

In ASGI an answer is two messages and its headers are pairs, which a server checks and joins anew for each reader. Of a
page's some twelve headers eight are always the same: here they are written once, and those of a prepared page all.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from starlette.types import Scope, Send

from reclave.pages.security import DEFAULTS

WHOLE_RESPONSE = "reclave.response.whole"
"""The message's type, and the extension's name in a scope: `status`, `head` (header lines as they are sent), `body`."""
Header = tuple[bytes, bytes]
_FORBIDDEN = re.compile(rb"[^\t\x20-\x7e\x80-\xff]")


def lines_of(headers: Iterable[Header]) -> bytes:
    """Headers as they are sent (RFC 9112, 5). Raises ValueError for a value that would end its line (CWE-113)."""
    return b"".join([_ALWAYS.get(header) or _line(*header) for header in headers])


@dataclass(frozen=True)
class Whole:
    """A status, headers (names in lower case, with the length of the body where it has one) and a body."""

    status: int
    headers: list[Header]
    body: bytes = field(repr=False)

    @cached_property
    def head(self) -> bytes:
        """The headers as they are sent."""
        return lines_of(self.headers)

    async def send(self, scope: Scope, send: Send) -> None:
        """Send it in one piece to a server that takes one, else in ASGI's two messages."""
        if WHOLE_RESPONSE in scope.get("extensions", ()):
            await send({"type": WHOLE_RESPONSE, "status": self.status, "head": self.head, "body": self.body})
            return
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


def _line(name: bytes, value: bytes) -> bytes:
    if _FORBIDDEN.search(value):
        raise ValueError(f"the header {name.decode('latin-1')} has a character that none may have")
    return b"%s: %s\r\n" % (name, value)


_ALWAYS = {header: _line(*header) for header in DEFAULTS}
