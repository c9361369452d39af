"""Looking at mail before anybody gets it: each of the mails with invented values, and a test through the server."""

from collections.abc import Mapping
from email.utils import parseaddr
from html import escape

from reclave.domain.addresses import AddressRefused, parse_address
from reclave.domain.errors import ReclaveError
from reclave.domain.grants import Grant, Purpose
from reclave.domain.outbox import Delivery, Message, Template
from reclave.domain.portal import Portal
from reclave.domain.secrets import GRANT_ID_BYTES, Presentation
from reclave.domain.time import HOUR, Instant
from reclave.journeys.messages import Letter
from reclave.journeys.services import Services
from reclave.pages.mail import Listed, Post
from reclave.pages.mime import MailFrame
from reclave.ports.mailer import Envelope, Mailer

_TO = "persona@correo.example"
_INVENTED: Mapping[str, str] = {
    "co.nit": "9001234568",
    "ec.ruc": "1799000012001",
    "ec.ci": "1710034065",
    "passport": "XA1234567",
    "user_name": "maria.lopez",
    "email": _TO,
}
_PRESENTED = {Template.RESET_LINK: Presentation.LINK, Template.CONFIRM_ADDRESS: Presentation.CODE}
_REPORTED = frozenset(Template) - {Template.RESET_REQUIRED, Template.USER_NAMES, Template.CONFIRM_ADDRESS}


class MailRefused(ReclaveError):
    """A mail that cannot be made; says why."""

    code = "mail_refused"


def preview(services: Services, base_url: str, portal: Portal, template: Template, language: str) -> Envelope:
    """A mail with invented values, whose secrets open nothing. Raises `MailRefused`."""
    if template is Template.RESET_LINK and template not in portal.terms:
        raise MailRefused(f"{portal.id} sends no such mail: it has no journey reset_link")
    now = services.clock.now()
    grant = _grant(services, portal, now, Purpose.SET_PASSWORD, _PRESENTED.get(template))
    name = _INVENTED[portal.identifier_field.kinds[0]]
    message = Message(
        portal=portal.id,
        id=bytes(GRANT_ID_BYTES),
        template=template,
        language=language,
        message_id=f"<preview@{portal.sender_domain}>",
        reference="7GQ4-W2KD",
        sealed=b"",
        recipient=b"",
        created_at=now,
    )
    letter = Letter(
        to=_TO,
        canonical=_TO,
        at=now,
        place="Chrome · Android",
        new_address="f•••@a•••.example",
        effective_at=now + HOUR,
        waiting=bytes(GRANT_ID_BYTES),
    )
    report = _grant(services, portal, now, Purpose.REPORT, Presentation.LINK) if template in _REPORTED else None
    return Post(services, base_url).compose(
        message, letter, listed=[Listed(grant, name)], report=report, identifier=name, names=[name], date=now
    )


def _grant(
    services: Services, portal: Portal, now: Instant, purpose: Purpose, presentation: Presentation | None
) -> Grant:
    return Grant(
        portal=portal.id,
        id=bytes(GRANT_ID_BYTES),
        account="nobody",
        purpose=purpose,
        presentation=presentation or Presentation.TEMPORARY_PASSWORD,
        credential_version=0,
        key_id=services.vault.key_id,
        issued_at=now,
        expires_at=now + HOUR,
        requested_at=now,
    )


async def send_test(services: Services, mailer: Mailer, portal: Portal, to: str) -> Delivery:
    """Send one mail that says it is a test, from the portal's sender; the server's answer. Raises `MailRefused`."""
    try:
        address = parse_address(to, special_use=services.special_use_domains)
    except AddressRefused as refused:
        raise MailRefused(f"this is no e-mail address ({refused.code})") from None
    mail = portal.file.mail
    words = f"This is a test of the mail of {portal.file.portal.name}. Whoever reads it has nothing to do."
    content = MailFrame(sender=mail.sender, reply_to=mail.reply_to, language="en").fill(
        recipient=address.stored,
        subject="Test of mail delivery",
        message_id=f"<{services.new_id().hex()}@{portal.sender_domain}>",
        date=services.clock.now(),
        text=words,
        html=f'<!doctype html><html lang="en"><title>Test</title><p>{escape(words)}</p></html>',
    )
    return await mailer.send(Envelope(parseaddr(mail.sender)[1], address.stored, content))
