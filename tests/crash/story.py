"""A person's story with the portal, told once and played over services that die in the middle of it.

Everything that a person does goes through a `Stage`: it plays a new scene, or hands out the answer of one that was
played before. So a story is one function without a word about crashes; what it may rely on it notes in its `Facts`.
"""

from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Literal, Protocol

import httpx2

from reclave.demo.stored_message import StoredMessage
from reclave.domain.outbox import Template
from reclave.domain.time import Span
from tests.crash.wire import Answered, Deed, KeepHouse, Request, Work
from tests.world import NEW_PASSWORD, Person, nit

_FOREIGN_HOST = "atacante.example"
"""What requests name as their host: no mail may repeat it (invariant 7)."""


class Stuck(Exception):
    """The person cannot go on: says what was expected and what was seen."""


@dataclass(slots=True)
class Facts:
    """What a story has done so far, as far as the invariants ask for it.

    `owner` is the user name (a NIT in the payments portal) that the story is about, `old` and `new` its passwords,
    `proposed` an address that its owner has typed. `proven`: the form that comes now proves to be the owner's, so the
    account may change; `changed`: the new password was confirmed; `reporting`: «No fui yo» comes now, after a change;
    `blocked`: it was confirmed. `guessing`: a wrong password or code comes now; `wrong` and `wrong_codes` were refused
    since the last right one. `promised` are the mails that must have come, `used_…` the temporary passwords and links
    that must work no more: `used_links` reported something, `used_resets` set a password.
    """

    owner: str
    old: str | None
    new: str = NEW_PASSWORD
    proven: bool = False
    changed: bool = False
    reporting: bool = False
    blocked: bool = False
    guessing: Literal["", "password", "code"] = ""
    wrong: int = 0
    wrong_codes: int = 0
    promised: list[tuple[Template, str]] = field(default_factory=list)
    proposed: str | None = None
    used_passwords: list[str] = field(default_factory=list)
    used_links: list[str] = field(default_factory=list)
    used_resets: list[str] = field(default_factory=list)
    portal: str = "pagos"

    def copy(self) -> "Facts":
        """The facts as they are now."""
        now = copy(self)
        now.promised, now.used_passwords = list(self.promised), list(self.used_passwords)
        now.used_links, now.used_resets = list(self.used_links), list(self.used_resets)
        return now


class Stage(Protocol):
    """Where a story plays."""

    async def play(self, deed: Deed) -> Answered | None:
        """Do something; the answer, if it was a request."""

    def wait(self, span: Span) -> None:
        """Let time pass."""

    def mails(self) -> Sequence[StoredMessage]:
        """Every mail that has arrived by now, newest first."""

    def begin(self) -> None:
        """What came before belongs to another story: no process dies in it."""


class _Requests(httpx2.AsyncBaseTransport):
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = tuple((name.decode().lower(), value.decode("latin-1")) for name, value in request.headers.raw)
        path = request.url.raw_path.decode()
        deed = Request(request.method, path, headers, await request.aread())
        answer = await self._stage.play(deed)
        if answer is None:
            raise Stuck(f"I5: {request.method} {path} got no answer, twice")
        return httpx2.Response(answer.status, headers=[*answer.headers], content=answer.body, request=request)


class Story:
    """One telling of a story on a stage."""

    def __init__(self, stage: Stage, facts: Facts, initial_password: str) -> None:
        self.stage = stage
        self.facts = facts
        self.initial_password = initial_password

    def person(self) -> Person:
        """Someone with a browser of their own."""
        headers = {
            "host": _FOREIGN_HOST,
            "x-forwarded-host": _FOREIGN_HOST,
            "sec-fetch-site": "same-origin",
            "accept-language": "es-CO",
            "accept-encoding": "identity",
            "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
        }
        transport = _Requests(self.stage)
        client = httpx2.AsyncClient(transport=transport, base_url="https://localhost:8000", headers=headers)
        return Person(client, self.facts.portal)

    async def guess(self, what: Literal["password", "code"], form: Awaitable[httpx2.Response]) -> None:
        """Send a form with a wrong password or code; the page says so."""
        self.facts.guessing = what
        refused = await form
        if refused.status_code != 422:
            raise Stuck(f"a wrong {what} was answered with {refused.status_code}")
        self.facts.guessing = ""
        self.facts.wrong += what == "password"
        self.facts.wrong_codes += what == "code"

    async def work(self) -> None:
        """The worker resolves and sends."""
        await self.stage.play(Work())

    async def keep_house(self) -> None:
        """The worker keeps house."""
        await self.stage.play(KeepHouse())

    def newest_mail(self, address: str, template: Template) -> StoredMessage:
        """The newest mail of an address, which the service has promised."""
        self.facts.promised.append((template, address))
        for mail in self.stage.mails():
            if mail.recipients == (address,):
                return mail
        raise Stuck(f"I5: no mail has come to {address}")


def facts_of(index: int, old: str | None) -> Callable[[], Facts]:
    """Makes the facts of a story about a demo company, before it begins."""
    return lambda: Facts(owner=nit(index), old=old)
