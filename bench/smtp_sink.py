"""`python -m bench.smtp_sink`: an SMTP server (RFC 5321) that takes everything and keeps when, not what.

Prints its port. `XSEEN` answers one line of JSON: for each recipient the instant at which its first message was
answered 250, in nanoseconds of CLOCK_MONOTONIC (`time.perf_counter_ns` on Linux), which every process shares.
"""

import asyncio
import json
import time

GREETING = b"220 sink.example ESMTP\r\n"
OK = b"250 OK\r\n"


class Session(asyncio.Protocol):
    """One connection."""

    def __init__(self, seen: dict[str, int]) -> None:
        self._seen = seen
        self._buffer = b""
        self._recipients: list[str] = []
        self._in_data = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (for the type checker)
        self._transport = transport
        transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        """Answer what is whole."""
        self._buffer += data
        while True:
            part, end, rest = self._buffer.partition(b"\r\n.\r\n" if self._in_data else b"\r\n")
            if not end:
                return
            self._buffer = rest
            if self._in_data:
                self._took()
            else:
                self._command(part)

    def _took(self) -> None:
        self._in_data = False
        self._transport.write(OK)
        now = time.perf_counter_ns()
        for recipient in self._recipients:
            self._seen.setdefault(recipient, now)

    def _command(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb == b"EHLO":
            self._transport.write(b"250-sink.example\r\n250 8BITMIME\r\n")
        elif verb == b"MAIL":
            self._recipients = []
            self._transport.write(OK)
        elif verb == b"RCPT":
            self._recipients.append(line[line.index(b"<") + 1 : line.rindex(b">")].decode())
            self._transport.write(OK)
        elif verb == b"DATA":
            self._in_data = True
            self._transport.write(b"354 Go on\r\n")
        elif verb == b"XSEE":
            self._transport.write(json.dumps(self._seen).encode() + b"\r\n")
        elif verb == b"QUIT":
            self._transport.write(b"221 Bye\r\n")
            self._transport.close()
        else:
            self._transport.write(OK)


async def main() -> None:
    """Serve until told to end."""
    seen: dict[str, int] = {}
    server = await asyncio.get_running_loop().create_server(lambda: Session(seen), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
