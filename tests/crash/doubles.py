"""The service made wrong on purpose, once for each invariant: the harness must see it."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send

from reclave.adapters import step_by_step
from reclave.domain.audit import Entry
from reclave.domain.grants import Purpose, State
from reclave.domain.intake import Admission, Request
from reclave.domain.outbox import Delivery, Sent
from reclave.domain.sessions import Session
from reclave.domain.throttle import Guess, Tally
from reclave.domain.time import DAY, Span
from reclave.journeys.services import Services
from reclave.ports.mailer import Envelope, Mailer
from reclave.ports.sign_ins import Attempt, Met, Opening, SignIns, Tried
from reclave.ports.store import Store, Transaction
from tests.crash.service import Parts, Service
from tests.world import nit

_Double = Callable[[Service, Parts], Parts]
_SECRET = re.compile(rb"[a-z0-9]{6}-[a-z0-9]{6}-[a-z0-9]{6}")


class _Store:
    """A store that is like another one, until a subclass says otherwise."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self.store.transaction()

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        return self.store.reading()

    async def accept(self, request: Request) -> Admission:
        return await self.store.accept(request)

    async def try_password(self, attempt: Attempt) -> Met:
        return await step_by_step.try_password(self, attempt)

    async def open_session(self, opening: Opening) -> Session | None:
        return await step_by_step.open_session(self, opening)

    async def record(self, entry: Entry) -> None:
        await step_by_step.record(self, entry)

    async def turned_away(self, portal: str, *, since: int) -> int:
        return await self.store.turned_away(portal, since=since)

    async def close(self) -> None:
        await self.store.close()


class _AnswersBeforeTheCommit(_Store):
    """Accepts a request and writes it afterwards."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._writing: set[asyncio.Task[Admission]] = set()

    async def accept(self, request: Request) -> Admission:
        task = asyncio.create_task(self.store.accept(request))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return Admission.ACCEPTED


class _EndsTheOldPassword(_Store):
    """Takes the password away from whoever asks for a new one."""

    async def accept(self, request: Request) -> Admission:
        async with self.store.transaction() as tx:
            account = await tx.accounts.by_identifier(request.portal, "nit", nit(0))
            if account is not None:
                changed = replace(account, password_hash=None)
                await tx.accounts.change(changed, was=account.credential_version)
        return await self.store.accept(request)


class _CommitsPieceByPiece(_Store):
    """Makes a transaction of every statement."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with self.store.transaction() as tx:
            now = tx.now
        yield cast(Transaction, _Pieces(self.store, now))


class _Pieces:
    def __init__(self, store: Store, now: int) -> None:
        self._store = store
        self.now = now

    def __getattr__(self, part: str) -> "_Piece":
        return _Piece(self._store, part)

    @asynccontextmanager
    async def rehearsal(self) -> AsyncIterator[Transaction]:
        async with self._store.transaction() as tx, tx.rehearsal() as nothing:
            yield nothing


class _Piece:
    def __init__(self, store: Store, part: str) -> None:
        self._store = store
        self._part = part

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def alone(*given: object, **named: object) -> object:
            async with self._store.transaction() as tx:
                return await getattr(getattr(tx, self._part), name)(*given, **named)

        return alone


class _With:
    """A transaction with one part exchanged."""

    def __init__(self, tx: Transaction, **parts: object) -> None:
        self._tx = tx
        self._parts = parts

    def __getattr__(self, name: str) -> Any:
        return self._parts[name] if name in self._parts else getattr(self._tx, name)


class _CountsInMemory(_Store):
    """Keeps the guesses where they end with the process."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._guesses = _Guesses()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with self.store.transaction() as tx:
            sign_ins = _SignIns(tx.sign_ins, self._guesses)
            yield cast(Transaction, _With(tx, guesses=self._guesses, sign_ins=sign_ins))


class _SignIns:
    def __init__(self, real: SignIns, guesses: "_Guesses") -> None:
        self._real = real
        self._guesses = guesses

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def count(self, portal: str, subject: bytes, everyone: bytes) -> Tried:
        wait = await self._guesses.count(portal, Guess.PASSWORD, subject)
        return Tried(wait, await self._guesses.add(portal, Guess.PASSWORD, everyone))


class _Guesses:
    def __init__(self) -> None:
        self._failures: dict[tuple[str, Guess, bytes], int] = {}

    async def count(self, portal: str, guess: Guess, subject: bytes, **_named: object) -> Span:
        await self.add(portal, guess, subject)
        return 0

    async def tally(self, portal: str, guess: Guess, subject: bytes) -> Tally:
        return Tally(self._failures.get((portal, guess, subject), 0))

    async def add(self, portal: str, guess: Guess, subject: bytes, **_named: object) -> int:
        key = (portal, guess, subject)
        self._failures[key] = self._failures.get(key, 0) + 1
        return self._failures[key]

    async def reset(self, portal: str, guess: Guess, subject: bytes) -> None:
        self._failures.pop((portal, guess, subject), None)


class _ClaimsForGood(_Store):
    """Has no leases: what a worker took is never taken by another."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with self.store.transaction() as tx:
            yield cast(Transaction, _With(tx, outbox=_Claims(tx.outbox), intakes=_Claims(tx.intakes)))


class _Claims:
    def __init__(self, queue: Any) -> None:
        self._queue = queue

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    async def claim(self, *, limit: int, lease: Span) -> list[Any]:
        claimed: list[Any] = await self._queue.claim(limit=limit, lease=lease + DAY)
        return claimed


class _NeverEnds(_Store):
    """Waits for something that does not come."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        await asyncio.Event().wait()
        async with self.store.transaction() as tx:
            yield tx


class _Unsent:
    """Takes mails for sent and keeps them."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def send(self, envelope: Envelope) -> Delivery:
        self.envelopes.append(envelope)
        return Sent(250, "OK")

    async def close(self) -> None:
        """Nothing is open."""


class _SendsAfterwards(_Store):
    """Sends what counts as sent, once that is committed."""

    def __init__(self, store: Store, unsent: _Unsent, mailer: Mailer) -> None:
        super().__init__(store)
        self._unsent = unsent
        self._mailer = mailer

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with self.store.transaction() as tx:
            yield tx
        while self._unsent.envelopes:
            await self._mailer.send(self._unsent.envelopes.pop())


class _WritesSecretsDown:
    """Keeps what a mail said with its delivery."""

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer

    async def send(self, envelope: Envelope) -> Delivery:
        await self._mailer.send(envelope)
        return Sent(250, " ".join(found.decode() for found in _SECRET.findall(envelope.content)))

    async def close(self) -> None:
        await self._mailer.close()


def _acts_on_get(services: Services, app: ASGIApp) -> ASGIApp:
    """Ends what «No fui yo» reports when its page is looked at."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET" and scope["path"] == "/pagos/no-fui-yo":
            async with services.store.transaction() as tx:
                account = await tx.accounts.by_identifier("pagos", "nit", nit(0))
                if account is not None:
                    purposes = {Purpose.SET_PASSWORD}
                    await tx.grants.end_all("pagos", account.id, State.REVOKED, purposes=purposes)
        await app(scope, receive, send)

    return answer


def _over(double: Callable[[Store], Store]) -> _Double:
    def exchange(service: Service, parts: Parts) -> Parts:
        return service.parts(replace(parts.services, store=double(parts.services.store)), parts.mailer)

    return exchange


def _sends_afterwards(service: Service, parts: Parts) -> Parts:
    unsent = _Unsent()
    store = _SendsAfterwards(parts.services.store, unsent, parts.mailer)
    return service.parts(replace(parts.services, store=store), unsent)


NEVER_ENDS = "never ends"
DOUBLES: Mapping[str, _Double] = {
    "ends the old password when somebody asks": _over(_EndsTheOldPassword),
    "commits piece by piece": _over(_CommitsPieceByPiece),
    "acts on GET": lambda _, parts: replace(parts, app=_acts_on_get(parts.services, parts.app)),
    "writes secrets down": lambda service, parts: service.parts(parts.services, _WritesSecretsDown(parts.mailer)),
    "answers before the commit": _over(_AnswersBeforeTheCommit),
    "sends what counts as sent": _sends_afterwards,
    NEVER_ENDS: _over(_NeverEnds),
    "claims for good": _over(_ClaimsForGood),
    "counts guesses in memory": _over(_CountsInMemory),
    "links to the host that was asked for": lambda service, parts: service.parts(
        parts.services, parts.mailer, "https://atacante.example"
    ),
}
