"""Composing mail: secrets are derived here, at the moment of sending, and live only in the message."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from email.utils import parseaddr
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from reclave.domain.grants import Grant
from reclave.domain.outbox import Message, Template
from reclave.domain.portal import Language, Portal, ResetLink
from reclave.domain.secrets import Presentation
from reclave.domain.time import MINUTE, Instant
from reclave.journeys.confirm_address import code_for
from reclave.journeys.messages import Letter
from reclave.journeys.reset_link import code_for as reset_code_for
from reclave.journeys.reset_link import token_for
from reclave.journeys.services import Services
from reclave.pages.brand_css import palette
from reclave.pages.i18n import format_time
from reclave.pages.mime import MailFrame, quoted_printable
from reclave.pages.render import Renderer
from reclave.pages.skeleton import Marked, Skeleton, skeleton_of
from reclave.pages.urls import page_url, report_url, reset_url
from reclave.pages.words import field_label, show_identifier
from reclave.ports.mailer import Envelope


@dataclass(frozen=True, slots=True)
class Listed:
    """A live grant with the identifier (canonical) of its account, as a mail lists it."""

    grant: Grant
    identifier: str
    first: bool = False


_SHAPES = 500
"""Of how many shapes of a portal's mails in a language the text is kept: there are as many as lists of accounts."""


@dataclass(frozen=True, slots=True)
class _Stationery:
    """What the mails of one portal in one language share."""

    frame: MailFrame
    sender: str
    label: str
    skeletons: dict[Hashable, Skeleton] = field(default_factory=dict)


class Post:
    """Composes the portals' mails; what does not change is rendered once for a portal and language."""

    def __init__(self, services: Services, base_url: str) -> None:
        self._services = services
        self._base_url = base_url
        self._renderer = Renderer()
        self._stationery: dict[tuple[str, str], _Stationery] = {}

    def compose(
        self,
        message: Message,
        letter: Letter,
        *,
        listed: Sequence[Listed],
        report: Grant | None,
        identifier: str,
        date: Instant,
        names: Sequence[str] = (),
    ) -> Envelope:
        """A message ready for SMTP, the same bytes at every retry but for grants that have ended meanwhile.

        `identifier` is the canonical one of the letter's account, `names` are those that a mail lists.
        """
        portal = self._services.portals[message.portal]
        language = next((x for x in portal.file.portal.languages if x == message.language), portal.default_language)
        shared = self._shared(portal, language)
        context: dict[str, Any] = {
            "reference": message.reference,
            "brand": palette(portal.file.brand.color),
            "place": letter.place,
            "identifier_label": shared.label,
            "report_url": self._report_url(portal, report),
            "names": [self._show(portal, name) for name in names],
            **self._own_context(portal, message, letter, listed, report, self._show(portal, identifier)),
        }
        name = f"mail/{message.template}"
        marked = Marked(context, lambda instant: _time(instant // MINUTE, language, portal.zone))
        content = shared.frame.fill(
            recipient=letter.to,
            subject=self._render(f"{name}.subject.txt", portal, language, marked).decode().strip(),
            message_id=message.message_id,
            date=date,
            text=self._render(f"{name}.txt", portal, language, marked),
            html=self._render(f"{name}.html", portal, language, marked),
            headers={},
        )
        return Envelope(shared.sender, letter.to, content)

    def _own_context(
        self,
        portal: Portal,
        message: Message,
        letter: Letter,
        listed: Sequence[Listed],
        report: Grant | None,
        identifier: str,
    ) -> dict[str, Any]:
        match message.template:
            case Template.TEMPORARY_PASSWORD:
                return {
                    "accounts": [self._account(portal, one) for one in listed],
                    "requested": letter.at,
                    "sign_in_url": page_url(portal, self._base_url, "sign_in"),
                }
            case Template.RESET_LINK:
                return {"accounts": [self._link(portal, letter, one) for one in listed], "requested": letter.at}
            case Template.USER_NAMES:
                return {"requested": letter.at, "sign_in_url": page_url(portal, self._base_url, "sign_in")}
            case Template.CONFIRM_ADDRESS:
                grant = listed[0].grant
                return {
                    "code": code_for(self._services, grant, letter.canonical),
                    "requested": letter.at,
                    "expires": grant.expires_at,
                    "identifier": identifier,
                }
            case Template.ADDRESS_CHANGING:
                return {
                    "identifier": identifier,
                    "address": letter.new_address,
                    "effective": letter.effective_at,
                }
            case Template.ADDRESS_CHANGED | Template.RESET_REQUIRED:
                return {"identifier": identifier, "recovery_url": self._recovery_url(portal)}
            case Template.PASSWORD_CHANGED | Template.FIRST_REGISTRATION:
                expires = report.expires_at if report else letter.at
                return {"identifier": identifier, "changed": letter.at, "expires": expires}

    def _account(self, portal: Portal, one: Listed) -> tuple[str, str, Instant, bool]:
        bound = one.grant.bound(self._services.vault.epoch, Presentation.TEMPORARY_PASSWORD)
        secret = self._services.vault.secret(bound)
        return self._show(portal, one.identifier), secret, one.grant.expires_at, one.first

    def _link(self, portal: Portal, letter: Letter, one: Listed) -> tuple[str, str, str, Instant, Instant]:
        """User name, link and code (either may be empty), when the link ends, when the code ends."""
        offered = portal.file.journeys.reset_link or ResetLink()
        url = reset_url(portal, self._base_url, token_for(self._services, one.grant))
        code = reset_code_for(self._services, one.grant, letter.waiting)
        ends = one.grant.expires_at
        return (
            self._show(portal, one.identifier),
            url if "link" in offered.presents else "",
            code if "code" in offered.presents and not letter.without_code else "",
            ends,
            min(ends, letter.at + portal.terms["reset_link"].code_lifetime),
        )

    def _recovery_url(self, portal: Portal) -> str:
        return page_url(portal, self._base_url, "recover" if portal.recovery else "sign_in")

    def _report_url(self, portal: Portal, report: Grant | None) -> str | None:
        if report is None:
            return None
        token = self._services.vault.secret(report.bound(self._services.vault.epoch, Presentation.LINK))
        return report_url(portal, self._base_url, token)

    def _show(self, portal: Portal, canonical: str) -> str:
        return show_identifier(portal, canonical)

    def _render(self, name: str, portal: Portal, language: Language, marked: Marked) -> bytes:
        """A text; but for the subject, in quoted-printable."""
        skeletons, key = self._shared(portal, language).skeletons, (name, marked.shape)
        if key not in skeletons:
            if len(skeletons) == _SHAPES:
                skeletons.clear()
            rendered = self._renderer.render(name, portal, language, marked.context)
            write = str.encode if name.endswith(".subject.txt") else quoted_printable
            skeletons[key] = skeleton_of(rendered, markup=name.endswith(".html"), write=write)
        return skeletons[key].filled(marked.values)

    def _shared(self, portal: Portal, language: Language) -> _Stationery:
        key = (portal.id, language)
        if key not in self._stationery:
            mail = portal.file.mail
            words = self._renderer.words(portal, language)
            self._stationery[key] = _Stationery(
                MailFrame(sender=mail.sender, reply_to=mail.reply_to, language=language),
                parseaddr(mail.sender)[1],
                field_label(words, portal, portal.file.sign_in.identifier),
            )
        return self._stationery[key]


@lru_cache(maxsize=1000)
def _time(minute: int, language: Language, zone: ZoneInfo) -> str:
    return format_time(minute * MINUTE, language, zone)
