"""Sending mail by SMTP (RFC 5321) with verified TLS (RFC 3207, RFC 8314; S47), over connections kept open.

Only a 5xx answer to MAIL, RCPT or DATA is about the message and refuses it. All else that a server or the
network does (connect, TLS, sign-in, a full mailbox, silence) defers it: an operator's mistake loses no mail.
"""

import asyncio
import ipaddress
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from aiosmtplib import (
    SMTP,
    SMTPConnectTimeoutError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from reclave.adapters.smtp_session import SmtpSession, StaleError
from reclave.domain.outbox import SMTP_PATIENCE, Deferred, Delivery, Refused, Sent
from reclave.domain.time import SECOND
from reclave.ports.mailer import Envelope

TEXT_LENGTH = 500

_KEPT_SECONDS = 10.0
_QUIT_SECONDS = 5.0
_FULL = 552
_TRANSIENT = range(400, 500)
_PERMANENT = range(500, 600)
# For the operator to put right: AUTH or TLS is wanted (RFC 4954, RFC 3207), or commands are out of order.
_OPERATORS = frozenset({503, 530, 534, 535, 538})
_ENHANCED = re.compile(r"\s*[245]\.(\d{1,3}\.\d{1,3})\b")
_MAILBOX_FULL = "2.2"
_TOO_BIG = frozenset({"2.3", "3.4"})
_QUOTED = re.compile(r"[^\s@<>]+@[^\s@<>]+")
_ADDRESS = re.compile(r"[!-;=?-~]{1,254}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """How to reach the mail server.

    Attributes:
        host: its name, as in its certificate, or its address.
        port: usually 587 with starttls, 465 with tls.
        security: `none` is for a server on this machine only.
        username: for AUTH PLAIN or LOGIN; None where the server asks for none.
        password: its password.
        ca_file: PEM file of the authorities to trust instead of the system's.
        connect_timeout: seconds from connecting until the server is ready for mail.
        timeout: seconds for a whole attempt, at most `SMTP_PATIENCE`, which the outbox's lease outlasts.
        local_hostname: how this machine names itself in EHLO.
        connections: how many connections at most, and so how many attempts at the same time.
    """

    host: str
    port: int
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    connect_timeout: float = 30.0
    timeout: float = SMTP_PATIENCE / SECOND
    local_hostname: str = "localhost"
    connections: int = 4


class SmtpMailer:
    """Hands messages to one mail server, several at the same time, each in a transaction of its own.

    Raises:
        ValueError: the settings contradict each other or would send mail in the clear; says what to change.
    """

    def __init__(self, settings: SmtpSettings) -> None:
        _check(settings)
        self._settings = settings
        self._tls = None if settings.security == "none" else _tls_context(settings.ca_file)
        self._slots = asyncio.Semaphore(settings.connections)
        self._kept: list[SmtpSession] = []
        self._closed = False

    async def send(self, envelope: Envelope) -> Delivery:
        """One attempt, within `SMTP_PATIENCE`.

        Raises:
            ValueError: the envelope isn't what SMTP carries: addresses and content are ASCII.
        """
        if not (_ADDRESS.fullmatch(envelope.sender) and _ADDRESS.fullmatch(envelope.recipient)):
            raise ValueError("an envelope's addresses are ASCII, without spaces or angle brackets")
        if not envelope.content.isascii():
            raise ValueError("a message is ASCII: its parts are encoded")
        try:
            async with asyncio.timeout(self._settings.timeout), self._slots:
                return await self._attempt(envelope)
        except (SMTPSenderRefused, SMTPRecipientRefused, SMTPDataError) as error:
            return _about_the_message(error.code, error.message)
        except SMTPResponseException as error:
            answered = error.code in _TRANSIENT or error.code in _PERMANENT
            return Deferred(error.code if answered else None, _clean(error.message))
        except SMTPException as error:
            return Deferred(None, _clean(error.message))
        except TimeoutError:
            return Deferred(None, f"not sent within {self._settings.timeout:g} s")
        except OSError as error:
            return Deferred(None, _clean(str(error)))

    async def close(self) -> None:
        """Leave politely (QUIT); a message under way is sent first, a later one isn't kept waiting for."""
        self._closed = True
        kept, self._kept = self._kept, []
        await asyncio.gather(*(session.quit(_QUIT_SECONDS) for session in kept))

    async def _attempt(self, envelope: Envelope) -> Delivery:
        kept = self._take_kept()
        if kept is not None:
            try:
                return await self._transact(kept, envelope, patience=_KEPT_SECONDS)
            except StaleError:
                pass
        return await self._transact(await self._connect(), envelope, patience=None)

    def _take_kept(self) -> SmtpSession | None:
        while self._kept:
            session = self._kept.pop()
            if session.alive:
                return session
        return None

    async def _connect(self) -> SmtpSession:
        settings = self._settings
        client = _Client(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password,
            local_hostname=settings.local_hostname,
            timeout=None,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=self._tls,
        )
        try:
            async with asyncio.timeout(settings.connect_timeout):
                await client.connect()
                if client.is_ehlo_or_helo_needed:
                    await client.ehlo()
            return SmtpSession(client)
        except TimeoutError:
            _drop(client)
            why = f"{settings.host}:{settings.port} was not ready within {settings.connect_timeout:g} s"
            raise SMTPConnectTimeoutError(why) from None
        except BaseException:  # also who is cancelled leaves no connection open
            _drop(client)
            raise

    async def _transact(self, session: SmtpSession, envelope: Envelope, *, patience: float | None) -> Delivery:
        try:
            answer = await session.send(envelope.sender, envelope.recipient, envelope.content, patience=patience)
        except SMTPResponseException:
            # The transaction may be open still. Starting anew is as cheap as RSET, and surer.
            session.leave()
            raise
        except BaseException:  # also who is cancelled: half a message is on its way
            session.drop()
            raise
        if self._closed:
            session.leave()
        else:
            self._kept.append(session)
        return Sent(answer.code, _clean(answer.message))


class _Client(SMTP):
    """aiosmtplib's client, signing in only by what needs no MD5: the channel is encrypted."""

    AUTH_METHODS = ("plain", "login")


def _about_the_message(code: int, text: str) -> Delivery:
    """What an answer to MAIL, RCPT or DATA means for the message (RFC 5321 section 4.2, RFC 3463)."""
    shown = _clean(text)
    if code in _TRANSIENT:
        return Deferred(code, shown)
    if code not in _PERMANENT:
        return Deferred(None, shown)
    enhanced = _ENHANCED.match(text)
    detail = enhanced[1] if enhanced else ""
    full = detail == _MAILBOX_FULL or (code == _FULL and detail not in _TOO_BIG)
    return Deferred(code, shown) if full or code in _OPERATORS else Refused(code, shown)


def _clean(text: str) -> str:
    """A server's words on one line, without what could act on a terminal, a log or a page, and without addresses."""
    start = text[: 4 * TEXT_LENGTH]
    printable = "".join(character if character.isprintable() else " " for character in start)
    return _QUOTED.sub("[address]", " ".join(printable.split()))[:TEXT_LENGTH]


def _drop(client: SMTP) -> None:
    """Cut a connection that was not let in."""
    if client.transport is not None:
        cast("asyncio.WriteTransport", client.transport).abort()
    client.close()


def _check(settings: SmtpSettings) -> None:
    if settings.security == "none" and not _is_loopback(settings.host):
        raise ValueError(
            f"mail to {settings.host} would travel in the clear: "
            'set security = "starttls" (port 587) or "tls" (port 465); "none" is for a server on this machine'
        )
    if (settings.username is None) != (settings.password is None):
        raise ValueError("username and password belong together: set both or neither")
    if not 0 < settings.timeout <= SMTP_PATIENCE / SECOND:
        raise ValueError(f"timeout is {settings.timeout:g} s: choose at most {SMTP_PATIENCE // SECOND} s")
    if settings.connections < 1:
        raise ValueError("connections is less than 1")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        why = f"ca_file {ca_file} can't be used ({error}): name a PEM file with the authority's certificate"
        raise ValueError(why) from None
