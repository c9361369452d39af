"""Reading the audit trail: the last entries, those to come, and all of a time with their seals."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from reclave.domain.audit import Entry, Event
from reclave.domain.time import Instant
from reclave.journeys.services import Services
from reclave.ports.records import SealedBatch

_AT_ONCE = 1000
Numbered = tuple[int, Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries: those that fit every part that is given. `until` is exclusive."""

    portal: str | None = None
    account: str | None = None
    events: frozenset[Event] = frozenset()
    since: Instant | None = None
    until: Instant | None = None

    def fits(self, entry: Entry) -> bool:
        """Whether an entry is wanted."""
        return (
            self.portal in {None, entry.portal}
            and self.account in {None, entry.account}
            and (not self.events or entry.event in self.events)
            and (self.since is None or entry.at >= self.since)
            and (self.until is None or entry.at < self.until)
        )


async def latest(services: Services, wanted: Wanted, count: int) -> list[Numbered]:
    """The last entries that are wanted, oldest first."""
    found: list[Numbered] = []
    before = None
    while len(found) < count:
        async with services.store.reading() as tx:
            page = await tx.audit.entries(before=before, limit=_AT_ONCE, newest=True)
        found += [one for one in page if wanted.fits(one[1])]
        if not page or (wanted.since is not None and page[-1][1].at < wanted.since):
            break
        before = page[-1][0]
    return found[:count][::-1]


async def newest_number(services: Services) -> int:
    """The number of the last entry; 0 where there is none."""
    async with services.store.reading() as tx:
        page = await tx.audit.entries(limit=1, newest=True)
    return page[0][0] if page else 0


async def after(services: Services, number: int, wanted: Wanted) -> tuple[int, list[Numbered]]:
    """The wanted entries after a number, at most a page of them, and the number to go on from."""
    async with services.store.reading() as tx:
        page = await tx.audit.entries(after=number, limit=_AT_ONCE)
    return (page[-1][0] if page else number), [one for one in page if wanted.fits(one[1])]


async def everything(services: Services, wanted: Wanted) -> AsyncIterator[Numbered | SealedBatch]:
    """All wanted entries in order, and after the last entry of each sealed batch its seal; a page is in memory."""
    number, batch, said = 0, await _batch_after(services, 0), False
    while True:
        async with services.store.reading() as tx:
            page = await tx.audit.entries(after=number, limit=_AT_ONCE)
        if not page:
            return
        for one in page:
            if wanted.fits(one[1]):
                said = True
                yield one
            number = one[0]
            if batch is not None and number >= batch.last:
                if said:
                    yield batch
                said = False
                batch = await _batch_after(services, batch.number)


async def _batch_after(services: Services, number: int) -> SealedBatch | None:
    async with services.store.reading() as tx:
        found = await tx.audit.batches(after=number, limit=1)
    return found[0] if found else None
