"""One request for a page of a portal: its language, who calls, and the answers a handler gives."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from reclave.domain.errors import FieldRefused
from reclave.domain.portal import Language, Portal
from reclave.domain.secrets import digest_of
from reclave.domain.time import SECOND
from reclave.journeys.services import Caller, Services
from reclave.pages.assets import Assets
from reclave.pages.client import Network, client_address, client_digest, device_words
from reclave.pages.cookies import read_handle
from reclave.pages.forms import FormView, parse_form
from reclave.pages.i18n import Translator, negotiate
from reclave.pages.render import LANGUAGE_NAMES, Renderer
from reclave.pages.understood import understood
from reclave.pages.urls import PATHS, page_path, portal_origin
from reclave.pages.where import field_where
from reclave.pages.words import NOTICES, field_label, field_message, show_identifier


@dataclass(frozen=True, slots=True)
class Site:
    """What all pages of an installation share."""

    services: Services
    base_url: str
    renderer: Renderer
    assets: Mapping[str, Assets]
    trusted: Sequence[Network] = ()
    security_contact: str = ""

    def moment(self) -> tuple[int, int]:
        """What a page depends on beside its reader: the second of the clock, and what operators have switched."""
        return self.services.clock.now() // SECOND, self.services.switchboard.version


class Page:
    """A request on one portal."""

    def __init__(self, site: Site, portal: Portal, request: Request, journeys: Sequence[str] = ()) -> None:
        """`journeys` are those that begin on this page."""
        self.site = site
        self.portal = portal
        self.request = request
        self.journeys = journeys
        self.services = site.services
        self.language, self.explicit = _language(portal, request)

    @property
    def words(self) -> Translator:
        """The portal's words in the reader's language."""
        return self.site.renderer.words(self.portal, self.language)

    def caller(self) -> Caller:
        """Who asks (S50: a keyed digest, never the address itself)."""
        device = read_handle(self.request, self.portal, "device")
        return Caller(
            client=client_digest(self.services.vault, client_address(self.request, self.site.trusted)),
            device=device_words(self.request.headers.get("user-agent", "")[:400]),
            device_digest=digest_of(device) if device else None,
            language=self.language,
        )

    def url(self, name: str, **query: str) -> str:
        """A page's path, keeping a language that was chosen."""
        if self.explicit:
            query["lang"] = self.language
        return page_path(self.portal, name, **query)

    def show(self, canonical: str) -> str:
        """An identifier as its owner writes it."""
        return show_identifier(self.portal, canonical)

    def label(self, name: str) -> str:
        """What a field is called."""
        return field_label(self.words, self.portal, name)

    async def form(self, *allowed: str) -> dict[str, str]:
        """The posted form; a field that is missing reads as empty. Raises `BadForm`."""
        body = await self.request.body()
        content_type = self.request.headers.get("content-type", "")
        fields = parse_form(body, content_type, {*allowed, "lang"})
        return {name: fields.get(name, "") for name in allowed}

    def where(self, name: str) -> list[str]:
        """Where people find what a field asks for."""
        return field_where(self.words, self.portal, name)

    def refused(
        self, values: Mapping[str, str], fields: Sequence[FieldRefused], asked: Mapping[str, str] | None = None
    ) -> FormView:
        """The form again, with a message at each refused field; passwords are not kept.

        `asked` names the field of each control whose text is shown as it was understood.
        """
        kept = {name: value for name, value in values.items() if name not in _SECRETS}
        said = [(refused, field_message(self.words, self.portal, refused)) for refused in fields]
        return FormView(kept, said, understood(self.services, self.portal, kept, asked or {}))

    def answer(self, template: str, status: int = 200, **context: Any) -> Response:
        """A rendered page."""
        return Response(
            self.rendered(template, **context),
            status_code=status,
            media_type="text/html",
            headers={"content-language": self.language, "vary": "Accept-Language"},
        )

    def cacheable(self, template: str, **context: Any) -> Response:
        """A page that is the same for everybody: with an ETag, and 304 for a reader who has it."""
        content = self.rendered(template, **context)
        tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
        headers = {
            "content-language": self.language,
            "vary": "Accept-Language, Cookie",
            "etag": tag,
            "cache-control": "no-cache",
        }
        if tag in self.request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type="text/html", headers=headers)

    def redirect(self, name: str, **query: str) -> Response:
        """See other (303): the next page of a journey."""
        return Response(status_code=303, headers={"location": self.url(name, **query)})

    def rendered(self, template: str, **context: Any) -> bytes:
        """A page's bytes, with what every page has."""
        assets = self.site.assets[self.portal.id]
        base: dict[str, Any] = {
            "languages": self._languages(),
            "url": self.url,
            "asset": assets.url,
            "signed_in": None,
            "notice": self._notice(),
            "form": None,
            "explicit_lang": self.explicit,
            "label": self.label,
            "where": self.where,
            "open_now": self._open_now(),
            "banners": self._banners(),
            "printed": self._address(),
        }
        return self.site.renderer.render(template, self.portal, self.language, base | context).encode()

    def _languages(self) -> list[tuple[str, str, str, bool]]:
        path = self.request.url.path
        return [
            (code, LANGUAGE_NAMES[code], f"{path}?{urlencode({'lang': code})}", code == self.language)
            for code in self.portal.file.portal.languages
        ]

    def _address(self) -> str:
        """Where to find this page again, for paper: a link's token is not printed, the portal's address is."""
        path = self.request.url.path
        within = path.removeprefix(self.portal.file.portal.path)
        first = self.portal.file.portal.path + "/"
        return portal_origin(self.portal, self.site.base_url) + (path if within in PATHS.values() else first)

    def _open_now(self) -> list[bool | None]:
        """Whether each line of the help desk is open now; None for one without hours."""
        now = self.services.clock.now()
        return [hours.is_open(now, self.portal.zone) if hours else None for hours in self.portal.hours]

    def _banners(self) -> list[str]:
        """What operators say on this page, in the reader's language or the portal's own."""
        now, board = self.services.clock.now(), self.services.switchboard
        switches = [switch for each in self.journeys or [""] for switch in board.of(self.portal.id, each, now)]
        own = self.portal.default_language
        said = [switch.banner.get(self.language) or switch.banner.get(own, "") for switch in switches]
        return [text for text in dict.fromkeys(said) if text]

    def _notice(self) -> tuple[str, str] | None:
        known = NOTICES.get(self.request.query_params.get("notice", ""))
        return (known[0], self.words.gettext(known[1])) if known else None


_SECRETS: Collection[str] = {"password", "confirm", "current"}


def _language(portal: Portal, request: Request) -> tuple[Language, bool]:
    spoken = portal.file.portal.languages
    chosen = request.query_params.get("lang") if request.scope["query_string"] else None
    if chosen in spoken:
        return chosen, True
    return cast(Language, negotiate(request.headers.get("accept-language"), spoken)), False
