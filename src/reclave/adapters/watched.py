"""A store and a hasher that are counted and timed: what passes through them is unchanged.

Counting at the ports keeps the journeys free of it, and the numbers agree with the audit trail: an entry counts when
its transaction has committed. A request is counted by what became of it at the door alone (S1).
"""

import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from typing import Any, TypeVar, cast

from reclave.domain.audit import Entry
from reclave.domain.errors import Overloaded
from reclave.domain.foreign_hashes import ForeignHash
from reclave.domain.intake import Admission, Request
from reclave.domain.sessions import Session
from reclave.domain.time import Instant
from reclave.ports.hasher import Hasher
from reclave.ports.meter import EVENTS, HASH_SECONDS, HASHES, HASHES_REFUSED, REQUESTS, Meter
from reclave.ports.sign_ins import Attempt, Met, Opening
from reclave.ports.store import Store, Transaction

_Result = TypeVar("_Result")


class WatchedStore:
    """`ports.store.Store` over another one, with requests and audit entries counted."""

    def __init__(self, store: Store, meter: Meter) -> None:
        self._store = store
        self._meter = meter

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with self._store.transaction() as tx:
            noting = _NotingAudit(tx.audit)
            yield cast(Transaction, _NotingTransaction(tx, noting))
        for entry in noting.entries:
            self._note(entry)

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        return self._store.reading()

    async def accept(self, request: Request) -> Admission:
        admission = await self._store.accept(request)
        self._meter.count(REQUESTS, portal=request.portal, journey=request.journey, outcome=admission)
        return admission

    async def try_password(self, attempt: Attempt) -> Met:
        return await self._store.try_password(attempt)

    async def open_session(self, opening: Opening) -> Session | None:
        session = await self._store.open_session(opening)
        if session is not None:
            self._note(opening.entry)
        return session

    async def record(self, entry: Entry) -> None:
        await self._store.record(entry)
        self._note(entry)

    async def turned_away(self, portal: str, *, since: Instant) -> int:
        return await self._store.turned_away(portal, since=since)

    async def close(self) -> None:
        await self._store.close()

    def _note(self, entry: Entry) -> None:
        self._meter.count(EVENTS, portal=entry.portal, event=entry.event)


class _NotingTransaction:
    """A transaction whose audit trail is another object; of a rehearsal nothing is noted, for it is undone."""

    def __init__(self, tx: Transaction, audit: "_NotingAudit") -> None:
        self.audit = audit
        self._tx = tx

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)


class _NotingAudit:
    """An audit trail that keeps what was added, to be counted after the commit."""

    def __init__(self, audit: Any) -> None:
        self.entries: list[Entry] = []
        self._audit = audit

    async def add(self, entry: Entry) -> None:
        await self._audit.add(entry)
        self.entries.append(entry)

    async def add_all(self, entries: Sequence[Entry]) -> None:
        await self._audit.add_all(entries)
        self.entries += entries

    def __getattr__(self, name: str) -> Any:
        return getattr(self._audit, name)


class WatchedHasher:
    """`ports.hasher.Hasher` over another one, timed; a hash counts the same whatever it is compared with (S26)."""

    def __init__(self, hasher: Hasher, meter: Meter) -> None:
        self._hasher = hasher
        self._meter = meter

    async def hash(self, password: str) -> str:
        return await self._timed(self._hasher.hash(password))

    def seal(self, foreign: ForeignHash) -> str:
        return self._hasher.seal(foreign)

    def seal_anew(self, stored: str) -> str:
        return self._hasher.seal_anew(stored)

    async def wrap(self, foreign: str) -> str:
        return await self._timed(self._hasher.wrap(foreign))

    async def verify(self, stored: str | None, password: str, *, decoy: str | None = None) -> bool:
        return await self._timed(self._hasher.verify(stored, password, decoy=decoy))

    @contextmanager
    def reserved(self) -> Iterator[Hasher]:
        with ExitStack() as place:
            try:
                hasher = place.enter_context(self._hasher.reserved())
            except Overloaded:
                self._meter.count(HASHES_REFUSED)
                raise
            yield WatchedHasher(hasher, self._meter)

    def outdated(self, stored: str) -> bool:
        return self._hasher.outdated(stored)

    async def _timed(self, work: Awaitable[_Result]) -> _Result:
        began = time.perf_counter()
        self._meter.change(HASHES, 1)
        try:
            result = await work
        except Overloaded:
            self._meter.count(HASHES_REFUSED)
            raise
        finally:
            self._meter.change(HASHES, -1)
        self._meter.observe(HASH_SECONDS, time.perf_counter() - began)
        return result
