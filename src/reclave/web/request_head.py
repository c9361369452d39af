"""What a request's head may be: the limits, and the rules of RFC 9112 that llhttp leaves to its user."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import httptools

_LAST_PORT = 65535
_LENGTH_DIGITS = 19  # of 2^63; llhttp has refused anything but digits
_HOST = re.compile(rb"(?:[A-Za-z0-9._-]+|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What one client may send, and how long it may take: bytes, counts, seconds."""

    header_bytes: int = 16 * 1024
    header_count: int = 64
    request_line_bytes: int = 8 * 1024
    body_bytes: int = 16 * 1024
    header_seconds: float = 10
    body_seconds: float = 10
    keep_alive_seconds: float = 15
    connections: int = 1000
    write_seconds: float = 30
    """How long a client may leave an answer unread, once the socket's buffers are full."""
    linger_seconds: float = 2
    """How long a refused client may go on sending: closed earlier, a reset would destroy our answer."""
    stop_seconds: float = 10
    """How long requests in flight may take to finish once the server stops."""


class Refused(httptools.HttpParserError):
    """Ends the parsing of a request, also from inside the parser's callbacks, with the status to answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def check_head(
    version: str,
    target: bytes,
    headers: Sequence[tuple[bytes, bytes]],
    limits: ServerLimits,
    *,
    upgrade: bool,
) -> bool:
    """Return whether the client waits for `100 Continue`; raise Refused with the status otherwise.

    `headers` have lower-case names and have passed llhttp: one Content-Length at most, of digits, and none
    beside Transfer-Encoding. `upgrade` is llhttp's word that the client asks for another protocol.
    """
    size = sum(map(len, chain.from_iterable(headers))) + len(headers) * len(b": \r\n")
    if len(headers) > limits.header_count or size > limits.header_bytes:
        raise Refused(431)
    if version not in {"1.1", "1.0"} or not _is_target(target):
        raise Refused(400)
    fields = dict(headers)
    names = [name for name, _ in headers]
    hosts = names.count(b"host")
    if hosts > 1 or (version == "1.1" and not hosts) or (hosts and not _is_host(fields[b"host"])):
        raise Refused(400)
    if names.count(b"transfer-encoding") > 1:
        raise Refused(400)
    has_body = _has_body(version, fields, limits)
    if has_body and upgrade:  # llhttp leaves it to the other protocol; uvicorn would read it as a request
        raise Refused(400)
    return has_body and version == "1.1" and fields.get(b"expect", b"").lower() == b"100-continue"


def _has_body(version: str, fields: Mapping[bytes, bytes], limits: ServerLimits) -> bool:
    """Whether a body follows (RFC 9112, 6.1 and 6.3): chunked is the one coding, and HTTP/1.1's alone."""
    coding = fields.get(b"transfer-encoding")
    if coding is not None:
        if version != "1.1" or coding.lower() != b"chunked":
            raise Refused(400)
        return True
    length = fields.get(b"content-length", b"0")
    if len(length) > _LENGTH_DIGITS or int(length) > limits.body_bytes:
        raise Refused(413)
    return int(length) > 0


def _is_host(value: bytes) -> bool:
    """Whether a Host field is a name or address with an optional port; `[::1]:80` is, `[::` is not."""
    match = _HOST.fullmatch(value)
    if match is None:
        return False
    address, port = match.groups()
    if port is not None and int(port) > _LAST_PORT:
        return False
    if address is None:
        return True
    try:
        ipaddress.IPv6Address(address.decode())
    except ValueError:
        return False
    return True


def _is_target(target: bytes) -> bool:
    """Whether a target names a path: `/x`, `http://host/x`, `*` do, `host:443` and `http://host` do not."""
    if target.startswith(b"/"):
        return True
    try:
        return bool(httptools.parse_url(target).path)
    except httptools.HttpParserInvalidURLError:
        return False
