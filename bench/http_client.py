"""A client that times one request after another on one connection, with as little of its own as Python allows."""

import socket
import time
from dataclasses import dataclass
from urllib.parse import urlencode

PATIENCE = 30  # seconds; no answer takes so long


@dataclass(frozen=True, slots=True)
class Timed:
    """One answer: its status, and when the request was sent and the answer wholly read (CLOCK_MONOTONIC, ns)."""

    status: int
    sent: int
    read: int

    @property
    def took(self) -> int:
        """Nanoseconds from the first to the last byte."""
        return self.read - self.sent


def post(port: int, path: str, form: dict[str, str], client: str = "", cookies: str = "") -> bytes:
    """A form as a browser sends it; `client` is the X-Forwarded-For of a proxy."""
    body = urlencode(form)
    forwarded = f"X-Forwarded-For: {client}\r\n" if client else ""
    forwarded += f"Cookie: {cookies}\r\n" if cookies else ""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nSec-Fetch-Site: same-origin\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
        f"Accept-Language: es\r\n{forwarded}Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


class Connection:
    """A keep-alive connection to loopback."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def timed(self, request: bytes) -> Timed:
        """Send a request and read its whole answer. Raises ConnectionError when there is none."""
        sent, answer = self._exchanged(request)
        return Timed(int(answer[9:12]), sent, time.perf_counter_ns())

    def cookies(self, request: bytes) -> str:
        """Send a request; the cookies that its answer sets, as a browser sends them back."""
        head = self._exchanged(request)[1].partition(b"\r\n\r\n")[0].decode("latin-1")
        lines = [line.partition(": ") for line in head.split("\r\n")]
        set_here = [value.partition(";")[0] for name, _, value in lines if name.lower() == "set-cookie"]
        return "; ".join(one for one in set_here if not one.endswith("="))

    def _exchanged(self, request: bytes) -> tuple[int, bytes]:
        receive = self._socket.recv
        sent = time.perf_counter_ns()
        self._socket.sendall(request)
        answer = receive(65536)
        while not _whole(answer):
            more = receive(65536)
            if not more:
                raise ConnectionError(f"the answer ended early: {answer[:200]!r}")
            answer += more
        return sent, answer

    def close(self) -> None:
        """Close it."""
        self._socket.close()


def _whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    at = head.lower().find(b"content-length:")
    if at < 0:
        raise ConnectionError(f"an answer without a length: {head!r}")
    return len(body) >= int(head[at + 15 :].split(b"\r\n", 1)[0])
