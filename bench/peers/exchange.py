"""One request and its whole answer, timed, whatever way the server ends answers and connections (RFC 9112)."""

import socket
import time
from dataclasses import dataclass
from http.client import HTTPResponse

PATIENCE = 60  # seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and how long it took (nanoseconds, from the first byte sent to the last one read)."""

    status: int
    headers: dict[str, list[str]]
    body: bytes
    took: int


class Line:
    """A connection to loopback, kept for as long as the server keeps it, and made anew outside the time measured."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def ask(self, request: bytes) -> Answer:
        """Send a request and read its answer. Raises OSError or http.client.HTTPException."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), PATIENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sent = time.perf_counter_ns()
        self._socket.sendall(request)
        response = HTTPResponse(self._socket, method=request[: request.index(b" ")].decode())
        response.begin()
        body = response.read()
        took = time.perf_counter_ns() - sent
        if response.will_close:
            self.close()
        headers: dict[str, list[str]] = {}
        for name, value in response.getheaders():
            headers.setdefault(name.lower(), []).append(value)
        return Answer(response.status, headers, body, took)

    def close(self) -> None:
        """Close it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
