"""An SMTP server that answers what a test tells it to, to see what the mailer makes of it."""

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

HANG_UP: Final = b""
"""Closes the connection without an answer."""
SILENCE: Final = None
"""Answers nothing until the client goes away."""

Answer = bytes | None

USUAL: Mapping[str, Sequence[Answer]] = {
    "greeting": [b"220 correo.example ESMTP"],
    "EHLO": [b"250-correo.example\r\n250 8BITMIME"],
    "AUTH": [b"235 2.7.0 ok"],
    "MAIL": [b"250 2.1.0 ok"],
    "RCPT": [b"250 2.1.5 ok"],
    "DATA": [b"354 go on"],
    ".": [b"250 2.0.0 queued"],
    "QUIT": [b"221 bye"],
}


class ScriptedSmtpServer:
    """Listens on a free port of 127.0.0.1; for each verb it gives its answers in turn, and repeats the last.

    Attributes:
        seen: for each connection the verbs it sent; `.` is the end of a message.
        lines: every line that was a command, whole.
        contents: the messages, as they were on the wire.
        at_once: how many connections were open at the same time, at most.
        gate: while it is cleared, no answer is given to the end of a message.
    """

    def __init__(
        self, answers: Mapping[str, Sequence[Answer]] | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._answers = {verb: list(given) for verb, given in {**USUAL, **(answers or {})}.items()}
        self._tls = tls
        self._open: set[asyncio.StreamWriter] = set()
        self._changed = asyncio.Condition()
        self.seen: list[list[str]] = []
        self.lines: list[bytes] = []
        self.contents: list[bytes] = []
        self.at_once = 0
        self.gate = asyncio.Event()
        self.gate.set()

    @staticmethod
    def usual(verb: str) -> Answer:
        """The answer that lets a verb pass."""
        return USUAL[verb][0]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await self.hang_up()
        await self._server.wait_closed()

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return len(self._open)

    async def hang_up(self) -> None:
        """Close every connection, as an idle time-out does, and wait until they are gone."""
        for writer in self._open:
            writer.transport.abort()
        await self.until(lambda: not self._open)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait, 10 seconds at most, until something that the server has seen fulfils a condition."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(condition)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        self.at_once = max(self.at_once, len(self._open))
        verbs: list[str] = []
        self.seen.append(verbs)
        try:
            await self._answer("greeting", reader, writer)
            while line := await reader.readline():
                verb = line.split()[0].decode("latin-1").upper()
                self.lines.append(line)
                verbs.append(verb)
                await self._notify()
                go_on = await self._answer(verb, reader, writer)
                if verb == "DATA" and go_on.startswith(b"354"):
                    self.contents.append((await reader.readuntil(b"\r\n.\r\n"))[:-3])
                    verbs.append(".")
                    await self._notify()
                    await self.gate.wait()
                    await self._answer(".", reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
            self._open.discard(writer)
            await self._notify()

    async def _answer(self, verb: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        given = self._answers.get(verb, [b"500 5.5.1 unknown"])
        answer = given.pop(0) if len(given) > 1 else given[0]
        if answer is SILENCE:
            await reader.read()
            raise ConnectionResetError
        if answer == HANG_UP:
            raise ConnectionResetError
        writer.write(answer + b"\r\n")
        await writer.drain()
        return answer
