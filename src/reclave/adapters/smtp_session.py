"""A connection that a mail server has let in: messages one after the other, each in a transaction of its own.

Where the server offers PIPELINING (RFC 2920), MAIL, RCPT and DATA go out together: two round trips a message instead
of four. The message itself is never sent before all three are answered.
"""

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import cast

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponse,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

_OK = 250
_FORWARDED = 251
_GO_ON = 354
_CLOSING = 421
_NO_CODE = -1
_LONGEST_LINE = 8192  # RFC 5321 section 4.5.3.1.5 says 512; servers say more
_LONGEST_REPLY = 4 * _LONGEST_LINE
_BREAK = re.compile(rb"\r\n|\r|\n")


class StaleError(Exception):
    """A kept connection that had died before it was used: nothing was tried."""


class SmtpSession(asyncio.Protocol):
    """The client's side of a connection after EHLO, STARTTLS and AUTH, which it takes over from aiosmtplib."""

    def __init__(self, client: SMTP) -> None:
        """`client`: is connected and has said EHLO. Raises `SMTPServerDisconnected`."""
        transport = client.transport
        if transport is None or transport.is_closing():
            raise SMTPServerDisconnected("Connection lost")
        self._transport = cast("asyncio.Transport", transport)
        self._pipelining = client.supports_extension("pipelining")
        self._received = bytearray()
        self._said: list[bytes] = []
        self._replies: list[SMTPResponse] = []
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._fault: Exception | None = None
        self._transport.set_protocol(self)

    @property
    def alive(self) -> bool:
        """Whether the connection may still be used."""
        return self._fault is None and not self._transport.is_closing()

    async def send(self, sender: str, recipient: str, content: bytes, *, patience: float | None) -> SMTPResponse:
        """Hand one message over; the server's answer to its end. Addresses and content are ASCII.

        With `patience` (seconds until the first answer), a connection that has died raises `StaleError`. Raises
        `SMTPSenderRefused`, `SMTPRecipientRefused`, `SMTPDataError`, `SMTPServerDisconnected`, `SMTPResponseException`.
        """
        commands = [f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA"]
        replies: list[SMTPResponse] = []
        for group in [commands] if self._pipelining else [[each] for each in commands]:
            replies += await self._ask(group, patience=None if replies else patience)
            _check(replies, sender, recipient)
        answer = await self.hand_over(content)
        if answer.code != _OK:
            raise SMTPDataError(answer.code, answer.message)
        return answer

    async def hand_over(self, content: bytes) -> SMTPResponse:
        """The message itself, once DATA has been answered: from here on the server may have it."""
        (answer,) = await self._exchange(_stuffed(content), 1)
        return answer

    def leave(self) -> None:
        """Close a connection that is between two commands: QUIT, without waiting for its answer."""
        waits_for_content = bool(self._replies) and self._replies[-1].code == _GO_ON
        if not self.alive or waits_for_content:
            self.drop()
        else:
            self._transport.write(b"QUIT\r\n")
            self._transport.close()

    def drop(self) -> None:
        """Cut the connection in the middle of anything: what is in its buffer must not become a message."""
        self._transport.abort()

    async def quit(self, patience: float) -> None:
        """Say goodbye, and wait `patience` seconds at most for the answer."""
        with suppress(SMTPException, OSError):
            async with asyncio.timeout(patience):
                await self._exchange(b"QUIT\r\n", 1)
        self.drop()

    async def _ask(self, commands: Sequence[str], *, patience: float | None) -> list[SMTPResponse]:
        written = "".join(f"{command}\r\n" for command in commands).encode("ascii")
        try:
            async with asyncio.timeout(patience):
                replies = await self._exchange(written, len(commands))
        except OSError as error:
            if patience is None or (self._replies and not isinstance(error, TimeoutError)):
                raise
            if not self._replies:
                raise StaleError from error
            # Whoever has answered the first command is there, and may think about a recipient for longer.
            replies = await self._read()
        if patience is not None and replies[0].code == _CLOSING:
            raise StaleError
        return replies

    async def _exchange(self, written: bytes, answers: int) -> list[SMTPResponse]:
        self._received.clear()
        self._said, self._replies, self._wanted = [], [], answers
        if not self.alive:
            raise self._fault or SMTPServerDisconnected("Connection lost")
        self._transport.write(written)
        return await self._read()

    async def _read(self) -> list[SMTPResponse]:
        if self._fault is None and len(self._replies) < self._wanted:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if len(self._replies) < self._wanted:
            raise self._fault or SMTPServerDisconnected("Connection lost")
        self._wanted = 0
        return self._replies

    def data_received(self, data: bytes) -> None:
        """Take what the server says; what nobody asked for is thrown away."""
        if not self._wanted or self._fault is not None:
            return
        self._received += data
        *lines, rest = bytes(self._received).split(b"\n")
        self._received[:] = rest
        for line in lines:
            self._take(line)
        if len(rest) > _LONGEST_LINE:
            self._end(_malformed("Response too long"))
        elif len(self._replies) >= self._wanted:
            self._wake()

    def eof_received(self) -> bool:
        """The server says no more."""
        self._end(SMTPServerDisconnected("Unexpected EOF received"))
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        lost = SMTPServerDisconnected("Connection lost")
        lost.__cause__ = error
        self._end(lost)

    def _take(self, line: bytes) -> None:
        self._said.append(line[4:].strip())
        if len(line) > _LONGEST_LINE or sum(map(len, self._said)) > _LONGEST_REPLY:
            self._end(_malformed("Response too long"))
        elif not line[:3].isdigit():
            self._end(_malformed(f"Malformed SMTP response line: {line.decode('utf-8', 'ignore')}"))
        elif line[3:4] != b"-":
            said, self._said = b"\n".join(self._said), []
            self._replies.append(SMTPResponse(int(line[:3]), said.decode("utf-8", "surrogateescape")))

    def _end(self, fault: Exception) -> None:
        self._fault = self._fault or fault
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _check(replies: Sequence[SMTPResponse], sender: str, recipient: str) -> None:
    """Raise what the first answer means that is not the one hoped for; to MAIL, RCPT and DATA, as far as there are."""
    for number, answer in enumerate(replies):
        match number:
            case 0 if answer.code != _OK:
                raise SMTPSenderRefused(answer.code, answer.message, sender)
            case 1 if answer.code not in {_OK, _FORWARDED}:
                raise SMTPRecipientRefused(answer.code, answer.message, recipient)
            case 2 if answer.code != _GO_ON:
                raise SMTPDataError(answer.code, answer.message)


def _stuffed(content: bytes) -> bytes:
    """A message as DATA takes it (RFC 5321 sections 2.3.8 and 4.5.2): CRLF at every line's end, no end before the end.

    A bare CR or LF that is passed on can end a message for some servers and not for others.
    """
    breaks = content.count(b"\r\n")
    if not content.count(b"\r") == content.count(b"\n") == breaks:
        content = _BREAK.sub(b"\r\n", content)
    dots = content.replace(b"\r\n.", b"\r\n..")
    start = b"." if content.startswith(b".") else b""
    return b"".join((start, dots, b"" if content.endswith(b"\r\n") else b"\r\n", b".\r\n"))


def _malformed(why: str) -> SMTPResponseException:
    return SMTPResponseException(_NO_CODE, why)
