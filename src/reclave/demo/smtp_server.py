"""A real SMTP server for the demo and the tests: on loopback, into a Maildrop, and no further."""

import asyncio
import hmac
import ipaddress
import logging
import re
import ssl
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session, TLSSetupException

from reclave.demo.maildrop import Maildrop

MESSAGE_BYTES = 1024 * 1024
RECIPIENTS_PER_MESSAGE = 100
IDLE_SECONDS = 60.0

RecipientPolicy = Callable[[str, int], str | None]
"""Called with a recipient and which attempt this is for it (from 1); returns a 4xx or 5xx reply, or None."""

_REFUSAL = re.compile(r"[45]\d\d [ -~]{1,500}")
_HOST_NAME = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")
_REMEMBERED_RECIPIENTS = 10_000

_log = structlog.get_logger(__name__)


class LoopbackSmtpServer:
    """An SMTP server (RFC 5321) in the running event loop, on a loopback address only.

    Args:
        maildrop: where accepted mails go.
        host: a loopback address or `localhost`.
        port: 0 takes a free one; `port` then tells which.
        policy: may refuse recipients, to try out what a sender does with 4xx and 5xx answers.
        tls_context: with it, STARTTLS is offered and required (RFC 3207).
        credentials: user name and password; with them AUTH PLAIN or LOGIN over TLS is required (RFC 4954).
        allowed_domains: domains whose mail is accepted; `*.example` stands for every name under `example`.

    Raises:
        ValueError: the host isn't loopback, or credentials are asked for without TLS.
    """

    def __init__(
        self,
        maildrop: Maildrop,
        host: str = "127.0.0.1",
        port: int = 0,
        policy: RecipientPolicy | None = None,
        tls_context: ssl.SSLContext | None = None,
        credentials: tuple[str, str] | None = None,
        *,
        allowed_domains: Sequence[str] = ("*.example",),
    ) -> None:
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"the demo's mail server listens on loopback only, not on {host}")
        if credentials is not None and tls_context is None:
            raise ValueError("credentials travel over TLS only: a tls_context is missing")
        self._host = host
        self._port = port
        self._tls_context = tls_context
        self._credentials = credentials
        self._handler = _Handler(maildrop, policy, allowed_domains)
        self._server: asyncio.Server | None = None
        self._open = _OpenConnections()

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            RuntimeError: it isn't listening.
        """
        if self._server is None:
            raise RuntimeError("the mail server isn't listening")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Start to listen.

        Raises:
            OSError: the address or port can't be had.
        """
        # aiosmtpd logs addresses at INFO and whole mails, with their secrets, at DEBUG (S44).
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, self._host, self._port)

    async def stop(self) -> None:
        """Stop listening and cut every open connection; what was accepted stays in the maildrop."""
        if self._server is None:
            return
        self._server.close()
        await self._open.cut()
        await self._server.wait_closed()
        self._server = None

    def _connection(self) -> SMTP:
        return _Connection(
            self._open,
            self._handler,
            data_size_limit=MESSAGE_BYTES,
            enable_SMTPUTF8=False,
            hostname="localhost",
            ident="Reclave demo",
            tls_context=self._tls_context,
            require_starttls=self._tls_context is not None,
            timeout=IDLE_SECONDS,
            auth_required=self._credentials is not None,
            auth_exclude_mechanism=() if self._credentials else ("LOGIN", "PLAIN"),
            authenticator=self._authenticate,
            loop=asyncio.get_running_loop(),
        )

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: LoginPassword
    ) -> AuthResult:
        if self._credentials is None:
            return AuthResult(success=False, handled=False)
        user, password = (part.encode() for part in self._credentials)
        same = hmac.compare_digest(given.login, user) & hmac.compare_digest(given.password, password)
        return AuthResult(success=bool(same), handled=False)


class _OpenConnections:
    """The connections that are open now, so that a stop can cut them and wait until they are gone."""

    def __init__(self) -> None:
        self._connections: set[_Connection] = set()
        self._none_left = asyncio.Event()

    def add(self, connection: "_Connection") -> None:
        self._connections.add(connection)
        self._none_left.clear()

    def discard(self, connection: "_Connection") -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._none_left.set()

    async def cut(self) -> None:
        if self._connections:
            for connection in list(self._connections):
                connection.cut()
            await self._none_left.wait()


class _Connection(SMTP):
    """aiosmtpd's protocol, which a stop can cut at any point, a TLS handshake included."""

    def __init__(self, open_connections: _OpenConnections, handler: "_Handler", **options: Any) -> None:
        super().__init__(handler, **options)
        self._open_connections = open_connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._open_connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._open_connections.discard(self)

    def cut(self) -> None:
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()
        # Cut during its TLS handshake a connection gets no connection_lost from asyncio, and would read on.
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()

    async def _handle_client(self) -> None:
        try:
            await super()._handle_client()
        finally:
            if self._timeout_handle is not None:
                self._timeout_handle.cancel()
            self._open_connections.discard(self)

    async def handle_exception(self, error: Exception) -> str:
        if isinstance(error, TLSSetupException):
            # A client that refuses the certificate is no failure of ours; nobody is left to read the answer.
            return "421 4.7.0 TLS negotiation failed"
        # A policy that raises is a mistake to see, and the sender's mail is to be tried again.
        _log.error("demo_smtp_session_failed", exc_info=error)
        return "451 4.3.0 the demo's mail server failed, see its log"


class _Handler:
    """The decisions that aiosmtpd leaves to its hooks: who may receive, and where the mail goes."""

    def __init__(self, maildrop: Maildrop, policy: RecipientPolicy | None, domains: Sequence[str]) -> None:
        self._maildrop = maildrop
        self._policy = policy
        self._domains = tuple(domain.lower() for domain in domains)
        self._attempts: dict[str, int] = {}

    async def handle_EHLO(  # noqa: N802  aiosmtpd finds its hooks by these names
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        # Without credentials no mechanism is left, and an empty AUTH line would confuse clients.
        return [line for line in responses if line.rstrip() != "250-AUTH"]

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not address.isprintable():
            return "553 5.1.7 malformed sender"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not address.isprintable():
            return "553 5.1.3 malformed recipient"
        if not self._accepts(address):
            return "550 5.7.1 this demo takes no mail for that domain"
        if len(envelope.rcpt_tos) >= RECIPIENTS_PER_MESSAGE:
            return "452 4.5.3 too many recipients"
        refusal = self._refusal(address)
        if refusal is not None:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.original_content or b""
        sender = envelope.mail_from or ""
        try:
            stored = await self._maildrop.deliver(
                content,
                sender="" if sender == "<>" else sender,
                recipients=envelope.rcpt_tos,
                origin=_origin(session),
                protocol=_protocol(session),
            )
        except OSError as error:
            # 4xx, and no exception into aiosmtpd, which would leave the envelope open for the next mail.
            _log.error("demo_mail_not_stored", reason=error.strerror)
            return "452 4.3.1 the mail could not be stored, try again later"
        return f"250 2.0.0 queued as {stored.id}"

    def _accepts(self, address: str) -> bool:
        _, _, domain = address.lower().rpartition("@")
        return any(_covers(allowed, domain) for allowed in self._domains)

    def _refusal(self, address: str) -> str | None:
        if self._policy is None:
            return None
        attempt = self._attempts.pop(address, 0) + 1
        self._attempts[address] = attempt
        if len(self._attempts) > _REMEMBERED_RECIPIENTS:
            del self._attempts[next(iter(self._attempts))]
        reply = self._policy(address, attempt)
        if reply is not None and _REFUSAL.fullmatch(reply) is None:
            raise ValueError(f"not a 4xx or 5xx SMTP reply: {reply!r}")
        return reply


def _covers(allowed: str, domain: str) -> bool:
    if allowed.startswith("*."):
        return domain.endswith(allowed[1:]) and domain != allowed[1:]
    return domain == allowed


def _origin(session: Session) -> str:
    name = session.host_name or ""
    return name if _HOST_NAME.fullmatch(name) else "unknown"


def _protocol(session: Session) -> str:
    if not session.extended_smtp:
        return "SMTP"
    return "ESMTP" + ("S" if session.ssl is not None else "") + ("A" if session.authenticated else "")
