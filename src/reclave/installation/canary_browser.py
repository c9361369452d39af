"""A browser without JavaScript for the canary: it keeps cookies, and follows no redirect by itself."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlencode, urlsplit

from reclave.domain.errors import ReclaveError

_MOST_BYTES = 1024 * 1024


class Unreachable(ReclaveError):
    """The service did not answer, or not in HTTP."""

    code = "unreachable"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service answered: the status, and the path that it leads on to (without its query)."""

    status: int
    leads_to: str = ""

    def __str__(self) -> str:
        return f"HTTP {self.status}" + (f", on to {self.leads_to}" if self.leads_to else "")


class Browser:
    """One person's browser at the service that answers at `origin`; `host` is the name it asks for."""

    def __init__(self, origin: str, host: str, *, patience: float) -> None:
        self._origin = urlsplit(origin)
        self._host = host
        self._patience = patience
        self._cookies: dict[str, str] = {}

    @property
    def cookies(self) -> str:
        """The cookies, as a request carries them."""
        return "; ".join(f"{name}={value}" for name, value in self._cookies.items())

    async def get(self, path: str) -> Answer:
        """Open a page. Raises `Unreachable`."""
        return await asyncio.to_thread(self._ask, "GET", path, b"")

    async def post(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Send a form. Raises `Unreachable`."""
        return await asyncio.to_thread(self._ask, "POST", path, urlencode(fields).encode())

    def _ask(self, method: str, path: str, body: bytes) -> Answer:
        connection = self._connection()
        try:
            connection.request(method, path, body or None, self._headers(body))
            answer = connection.getresponse()
            answer.read(_MOST_BYTES)
        except (OSError, HTTPException) as error:
            said = str(error) or type(error).__name__
            raise Unreachable(f"no answer from {self._origin.geturl()}: {said}") from error
        finally:
            connection.close()
        for header in answer.headers.get_all("set-cookie", []):
            self._keep(header)
        return Answer(answer.status, urlsplit(answer.headers.get("location", "")).path)

    def _connection(self) -> HTTPConnection:
        kind = HTTPSConnection if self._origin.scheme == "https" else HTTPConnection
        return kind(self._origin.hostname or "", self._origin.port, timeout=self._patience)

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {
            "host": self._host,
            "user-agent": "reclave canary",
            "accept-language": "es",
            "sec-fetch-site": "same-origin",
        }
        if body:
            headers["content-type"] = "application/x-www-form-urlencoded"
        # `Secure` cookies too: over plain HTTP the way to the service is the loopback.
        return headers | ({"cookie": self.cookies} if self._cookies else {})

    def _keep(self, header: str) -> None:
        try:
            found = SimpleCookie(header)
        except CookieError:
            return
        for name, cookie in found.items():
            if cookie.value and cookie["max-age"] != "0":
                self._cookies[name] = cookie.value
            else:
                self._cookies.pop(name, None)
