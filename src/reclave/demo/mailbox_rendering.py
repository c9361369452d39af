"""How mails become what a browser shows: links, points in time, and a mail's own HTML for its frame."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from urllib.parse import urlencode

from babel.dates import format_datetime, format_timedelta
from markupsafe import Markup, escape

from reclave.domain.time import MINUTE, SECOND, Instant

PAGE_LENGTH = 50

_ADDRESS = re.compile(r"https?://[^\s<>\"'`{}|\\^]+")
_AFTER_AN_ADDRESS = ".,;:!?)]»*_"
_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)
_ANCHOR = re.compile(r"<(a|area)(?=\s)", re.IGNORECASE)
_NEW_TAB = 'target="_blank" rel="noopener noreferrer"'
_LINK = Markup('<a href="{0}" target="_blank" rel="noopener noreferrer">{0}</a>')


@dataclass(frozen=True, slots=True)
class MomentInWords:
    """A point in time: `relative` to now, `absolute` for a person, `iso` (RFC 3339) for a machine."""

    relative: str
    absolute: str
    iso: str


def moment_in_words(instant: Instant, now: Instant, timezone: tzinfo | None) -> MomentInWords:
    """Words for `instant`; `timezone` None means the machine's own."""
    moment = datetime.fromtimestamp(instant / SECOND, UTC).astimezone(timezone)
    age = max(now - instant, 0)
    relative = "ahora mismo"
    if age >= MINUTE:
        before = timedelta(microseconds=-age)
        relative = format_timedelta(before, add_direction=True, threshold=1, locale="es")
    this_year = datetime.fromtimestamp(now / SECOND, UTC).astimezone(timezone).year == moment.year
    absolute = format_datetime(moment, "d MMM, HH:mm" if this_year else "d MMM y, HH:mm", locale="es")
    return MomentInWords(relative, absolute, moment.isoformat(timespec="seconds"))


def linked(text: str) -> Markup:
    """`text` as HTML with its http and https addresses as links that open in a new tab."""
    parts: list[Markup] = []
    end = 0
    for match in _ADDRESS.finditer(text):
        # The full stop that ends a sentence is not part of the address in it.
        address = match[0].rstrip(_AFTER_AN_ADDRESS)
        parts.append(escape(text[end : match.start()]))
        parts.append(_LINK.format(address))
        end = match.start() + len(address)
    parts.append(escape(text[end:]))
    return Markup("").join(parts)


def framed(html: str) -> str:
    """A mail's HTML whose links open in a new tab; served under `MAIL_POLICY` it can do nothing else."""
    # Of two attributes with one name the first counts, so the mail can't take these back.
    links_in_new_tab = _ANCHOR.sub(rf"<\1 {_NEW_TAB}", html)
    doctype = _DOCTYPE.match(links_in_new_tab)
    start = doctype.end() if doctype else 0
    return f'{links_in_new_tab[:start]}<base target="_blank">{links_in_new_tab[start:]}'


@dataclass(frozen=True, slots=True)
class Selection:
    """Which mails the list shows; carried in the query of every link, so that a page can be reloaded.

    Args:
        to: only mails to this recipient; empty for all.
        words: only mails that mention all these words.
        shown: how many at most.
    """

    to: str = ""
    words: str = ""
    shown: int = PAGE_LENGTH

    def link(self, path: str = "/", **changes: object) -> str:
        """`path` with this selection as its query, with `changes` (to, q, n, view) in it."""
        fields: dict[str, object] = {"to": self.to, "q": self.words, "n": self.shown, **changes}
        query = {name: value for name, value in fields.items() if value and (name, value) != ("n", PAGE_LENGTH)}
        return f"{path}?{urlencode(query)}" if query else path
