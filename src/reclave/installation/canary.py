"""The canary: an account of its own whose access is recovered through the running service, as a person would.

It goes the whole way: page, request, worker, mail server, secret, new password, sign-in. Only the mailbox is left out:
the secret is derived with the keyring once the mail server has taken the mail. No account is touched that `prepare`
did not make: the fact `canary` marks it, and no portal asks people for such a field.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request

from reclave.domain.grants import Grant
from reclave.domain.intake import Intake, Outcome
from reclave.domain.outbox import MessageState
from reclave.domain.portal import Portal, ResetLink
from reclave.domain.secrets import Presentation, digest_of
from reclave.domain.time import Span
from reclave.installation.canary_account import Canary
from reclave.installation.canary_browser import Answer, Browser, Unreachable
from reclave.journeys import reset_link
from reclave.journeys.messages import recipient_digest
from reclave.journeys.services import Services
from reclave.pages import cookies
from reclave.pages.urls import RESET_LINK, page_path

_OK = 200
_POLL_SECONDS = 0.2
_SEE_SERVICE = "is `reclave serve` running, does --origin lead to it, and is nothing paused (`reclave switches`)?"
_SEE_LOG = "see the service's log"
_SEE_WORKER = "is the worker running, and what does its log say?"
_SEE_MAIL = "see `reclave outbox list`, the smtp_ settings and the mail server's log"


@dataclass(frozen=True, slots=True)
class Step:
    """A step that held, and how long it took."""

    name: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Failure:
    """The step that did not hold, what was seen, and what to look at."""

    step: str
    seen: str
    look_at: str


@dataclass(frozen=True, slots=True)
class Flight:
    """How a run went: the steps that held; the one that did not; or how long to wait before the next can be tried."""

    steps: tuple[Step, ...] = ()
    failure: Failure | None = None
    wait: Span = 0


class _Failed(Exception):
    def __init__(self, seen: str | Answer, look_at: str = _SEE_LOG) -> None:
        super().__init__(str(seen))
        self.look_at = look_at


class _Cooling(Exception):
    """The service said that it sends nothing new yet."""


async def fly(services: Services, canary: Canary, browser: Browser, *, patience: float) -> Flight:
    """Recover the canary's access once; `patience` is how many seconds worker and mail server may take together.

    Within the portal's cooldown, and sooner than its limits earn a request back, nothing is tried.
    """
    wait = await canary.wait(services)
    return Flight(wait=wait) if wait else await _Run(services, canary, browser, patience).go()


class _Run:
    def __init__(self, services: Services, canary: Canary, browser: Browser, patience: float) -> None:
        self._services = services
        self._portal: Portal = canary.portal
        self._canary = canary
        self._browser = browser
        self._patience = patience
        self._deadline = 0.0
        self._handle = b""
        self._intake: Intake | None = None
        self._grant: Grant | None = None
        self._password = canary.new_password(services)

    async def go(self) -> Flight:
        """Take the steps one after the other, to the first that does not hold."""
        steps: list[Step] = []
        for name, take in self._steps():
            began = time.monotonic()
            try:
                await take()
            except _Failed as failed:
                return Flight(tuple(steps), Failure(name, str(failed), failed.look_at))
            except Unreachable as gone:
                return Flight(tuple(steps), Failure(name, str(gone), _SEE_SERVICE))
            except _Cooling:
                return Flight(tuple(steps), wait=self._canary.cooldown)
            steps.append(Step(name, round((time.monotonic() - began) * 1000)))
        return Flight(tuple(steps))

    def _steps(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        by_link = isinstance(self._portal.recovery, ResetLink)
        return [
            ("page", self._open_page),
            ("request", self._ask),
            ("worker", self._wait_for_worker),
            ("mail", self._wait_for_mail),
            ("secret", self._open_link if by_link else self._type_temporary_password),
            ("new password", self._choose_after_link if by_link else self._choose_after_sign_in),
            ("sign in", self._sign_in),
            ("account", self._open_account),
            ("sign out", self._sign_out),
        ]

    async def _open_page(self) -> None:
        answer = await self._browser.get(self._path("recover"))
        if answer.status != _OK:
            raise _Failed(answer, _SEE_SERVICE)

    async def _ask(self) -> None:
        self._deadline = time.monotonic() + self._patience
        recovery, fields = self._portal.recovery, dict(self._canary.typed)
        if recovery is not None and recovery.confirm:
            asked = await self._browser.post(self._path("recover"), fields | {"action": "send"})
            if asked.status != _OK:
                raise _Failed(asked)
            await self._send("recover", fields | {"confirmed": "yes"}, on_to="recover_sent")
        else:
            await self._send("recover", fields | {"action": "send"}, on_to="recover_sent")
        await self._note_request()

    async def _note_request(self) -> None:
        """Find the intake by what the browser was given to wait with."""
        request = Request({"type": "http", "headers": [(b"cookie", self._browser.cookies.encode())]})
        now = self._services.clock.now()
        flow = cookies.read_flow(request, self._portal, self._services.vault, "waiting", now)
        if flow is None:
            raise _Failed("the flow cookie is not there", "does the service use this keyring?")
        if flow.cooling:
            raise _Cooling
        self._handle = flow.handle
        async with self._services.store.reading() as tx:
            if await tx.intakes.by_waiting(self._portal.id, digest_of(flow.handle)) is None:
                raise _Failed("the request was over a limit, or went to another database", "the portal's `limits`")

    async def _wait_for_worker(self) -> None:
        outcome = None
        while outcome is None:
            async with self._services.store.reading() as tx:
                self._intake = await tx.intakes.by_waiting(self._portal.id, digest_of(self._handle))
                outcome = self._intake.outcome if self._intake else None
                if self._intake is not None and self._intake.grants:
                    self._grant = await tx.grants.get(self._portal.id, self._intake.grants[0])
            if outcome is None:
                await self._rest("the request is not resolved", _SEE_WORKER)
        grant = self._grant
        if outcome is not Outcome.SENT or grant is None or not self._canary.holds(grant):
            raise _Failed(f"the request was resolved as {outcome}", "run `reclave canary prepare` again")

    async def _wait_for_mail(self) -> None:
        seen = "the mail is not queued"
        while True:
            async with self._services.store.reading() as tx:
                recipient = recipient_digest(self._services, self._portal.id, self._canary.canonical_address)
                listed = await tx.outbox.to_recipient(self._portal.id, recipient, limit=20)
                mail = next((one for one in listed if self._is_answer(one.message.reference)), None)
                if mail is not None:
                    attempts = await tx.outbox.attempts(self._portal.id, mail.message.id)
                    answers = [attempt.answer.text for attempt in attempts if attempt.answer is not None]
                    seen = f"the mail is {mail.state}" + (f"; the mail server: {answers[-1]}" if answers else "")
            if mail is not None and mail.state is MessageState.SENT:
                return
            if mail is not None and mail.state in {MessageState.FAILED, MessageState.CANCELLED}:
                raise _Failed(seen, _SEE_MAIL)
            await self._rest(seen, _SEE_MAIL)

    def _is_answer(self, reference: str) -> bool:
        return self._intake is not None and reference == self._intake.reference

    async def _rest(self, seen: str, look_at: str) -> None:
        if time.monotonic() > self._deadline:
            raise _Failed(f"{seen} after {self._patience:g} s", look_at)
        await asyncio.sleep(_POLL_SECONDS)

    async def _open_link(self) -> None:
        if reset_link.presentation_in(self._portal) is Presentation.LINK:
            path = self._portal.file.portal.path + RESET_LINK.format(token=self._token())
            self._led(await self._browser.get(path), "reset")
        else:
            code = reset_link.code_for(self._services, self._issued(), digest_of(self._handle))
            await self._send("recover_code", {"code": code}, on_to="reset")
        await self._open("reset")

    async def _type_temporary_password(self) -> None:
        grant = self._issued()
        secret = self._services.vault.secret(grant.bound(self._services.vault.epoch))
        await self._send("sign_in", {"identifier": self._canary.identifier, "password": secret}, on_to="details")
        await self._open("details")

    async def _choose_after_link(self) -> None:
        await self._send("reset", self._new_password(), on_to="sign_in")

    async def _choose_after_sign_in(self) -> None:
        await self._send("details", self._new_password() | {"email": self._canary.address}, on_to="sign_in")

    async def _sign_in(self) -> None:
        fields = {"identifier": self._canary.identifier, "password": self._password}
        await self._send("sign_in", fields, on_to="account")

    async def _open_account(self) -> None:
        await self._open("account")

    async def _sign_out(self) -> None:
        await self._send("sign_out", {}, on_to="sign_in")

    async def _open(self, name: str) -> None:
        answer = await self._browser.get(self._path(name))
        if answer.status != _OK:
            raise _Failed(answer)

    async def _send(self, name: str, fields: Mapping[str, str], *, on_to: str) -> None:
        self._led(await self._browser.post(self._path(name), fields), on_to)

    def _led(self, answer: Answer, on_to: str) -> None:
        if answer.leads_to != self._path(on_to):
            raise _Failed(answer)

    def _path(self, name: str) -> str:
        return page_path(self._portal, name)

    def _token(self) -> str:
        return reset_link.token_for(self._services, self._issued())

    def _issued(self) -> Grant:
        if self._grant is None:
            raise _Failed("there is no grant")
        return self._grant

    def _new_password(self) -> dict[str, str]:
        return {"password": self._password, "confirm": self._password}
