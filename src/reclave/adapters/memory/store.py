"""The memory store: one writer at a time behind a fair lock, readers on the last committed state."""

import asyncio
import operator
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from reclave.adapters import step_by_step
from reclave.adapters.memory.accounts import MemoryAccounts
from reclave.adapters.memory.audit import MemoryAudit
from reclave.adapters.memory.cases import MemoryCases
from reclave.adapters.memory.grants import MemoryGrants
from reclave.adapters.memory.guesses import MemoryGuesses
from reclave.adapters.memory.imports import MemoryImports
from reclave.adapters.memory.intakes import MemoryIntakes
from reclave.adapters.memory.leases import MemoryLeases
from reclave.adapters.memory.limits import MemoryLimits
from reclave.adapters.memory.outbox import MemoryOutbox
from reclave.adapters.memory.password_schemes import MemoryPasswordSchemes
from reclave.adapters.memory.sessions import MemorySessions
from reclave.adapters.memory.sign_ins import MemorySignIns
from reclave.adapters.memory.switches import MemorySwitches
from reclave.adapters.memory.tables import Tables
from reclave.domain.audit import Entry
from reclave.domain.intake import Admission, Request
from reclave.domain.sessions import Session
from reclave.domain.time import HOUR, Instant
from reclave.ports.sign_ins import Attempt, Met, Opening


def _machine_clock() -> Instant:
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class MemoryTransaction:
    """One transaction's sight of the tables, and the clock at its start."""

    now: Instant
    accounts: MemoryAccounts
    grants: MemoryGrants
    intakes: MemoryIntakes
    outbox: MemoryOutbox
    sessions: MemorySessions
    sign_ins: MemorySignIns
    guesses: MemoryGuesses
    limits: MemoryLimits
    audit: MemoryAudit
    cases: MemoryCases
    switches: MemorySwitches
    password_schemes: MemoryPasswordSchemes
    imports: MemoryImports
    leases: MemoryLeases
    _tables: Tables

    @asynccontextmanager
    async def rehearsal(self) -> AsyncIterator["MemoryTransaction"]:
        """The same over a snapshot that is thrown away."""
        yield self.over(self._tables.snapshot(writable=True), self.now)

    @classmethod
    def over(cls, tables: Tables, now: Instant) -> "MemoryTransaction":
        """A transaction over these tables at this instant."""
        return cls(
            _tables=tables,
            now=now,
            accounts=MemoryAccounts(tables, now),
            grants=MemoryGrants(tables, now),
            intakes=MemoryIntakes(tables, now),
            outbox=MemoryOutbox(tables, now),
            sessions=MemorySessions(tables, now),
            sign_ins=MemorySignIns(tables, now),
            guesses=MemoryGuesses(tables, now),
            limits=MemoryLimits(tables, now),
            audit=MemoryAudit(tables, now),
            cases=MemoryCases(tables, now),
            switches=MemorySwitches(tables, now),
            password_schemes=MemoryPasswordSchemes(tables),
            imports=MemoryImports(tables, now),
            leases=MemoryLeases(tables, now),
        )


class MemoryStore:
    """A `Store` for one process and one event loop. `clock` gives microseconds since the Unix epoch, UTC."""

    def __init__(self, clock: Callable[[], Instant] = _machine_clock) -> None:
        self._clock = clock
        self._committed = Tables()
        self._writing = asyncio.Lock()
        self._writer: asyncio.Task[object] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryTransaction]:
        """A transaction that may write; the next one waits in line until it ends.

        Raises RuntimeError within another transaction of the same task, which would wait for itself for ever.
        """
        task = asyncio.current_task()
        if self._writer is not None and self._writer is task:
            raise RuntimeError("a transaction within a transaction of the same task")
        async with self._writing:
            self._writer = task
            tables = self._committed.snapshot(writable=True)
            try:
                yield MemoryTransaction.over(tables, self._clock())
                self._committed = tables
            finally:
                tables.end()
                self._writer = None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[MemoryTransaction]:
        """A transaction over what is committed now; writing through it raises `NotWritable`."""
        yield MemoryTransaction.over(self._committed.snapshot(writable=False), self._clock())

    async def accept(self, request: Request) -> Admission:
        """Take the request's costs and write its intake, in a transaction of its own.

        Raises ValueError when the portal has an intake with this id.
        """
        async with self.transaction() as tx:
            costs = [*request.costs, request.cooldown]
            *passed, cooled = map(operator.eq, await tx.limits.take(costs), (cost.amount for cost in costs))
            if all(passed) and cooled:
                tx.intakes.write(request)
                return Admission.ACCEPTED
            tx.intakes.turn_away(request.portal)
            return Admission.COOLING if all(passed) else Admission.OVER_LIMIT

    async def try_password(self, attempt: Attempt) -> Met:
        return await step_by_step.try_password(self, attempt)

    async def open_session(self, opening: Opening) -> Session | None:
        return await step_by_step.open_session(self, opening)

    async def record(self, entry: Entry) -> None:
        await step_by_step.record(self, entry)

    async def turned_away(self, portal: str, *, since: Instant) -> int:
        """How many requests of the hours that lie wholly or partly after `since` left no row."""
        return sum(
            count
            for (there, hour), count in self._committed.turned_away.items()
            if there == portal and hour + HOUR > since
        )

    async def close(self) -> None:
        """Wait for the transactions in line; there is nothing else to close."""
        async with self._writing:
            pass
