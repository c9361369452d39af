"""Counters of guesses."""

from dataclasses import replace

from reclave.adapters.memory.tables import GuessRow, Tables
from reclave.domain.throttle import Guess, Tally, counted
from reclave.domain.time import Instant, Span


class MemoryGuesses:
    """`ports.store.Guesses` in memory: each tally with the instant at which it was last counted."""

    def __init__(self, tables: Tables, now: Instant) -> None:
        self._rows = tables.guesses
        self._now = now

    async def count(self, portal: str, guess: Guess, subject: bytes, *, identifier: bytes | None = None) -> Span:
        tally = await self.tally(portal, guess, subject)
        wait = tally.wait(self._now)
        if wait == 0:
            self._put((portal, guess, subject), counted(tally, self._now), identifier)
        return wait

    async def tally(self, portal: str, guess: Guess, subject: bytes) -> Tally:
        known = self._rows.get((portal, guess, subject))
        return known.tally if known else Tally()

    async def add(self, portal: str, guess: Guess, subject: bytes, *, identifier: bytes | None = None) -> int:
        tally = await self.tally(portal, guess, subject)
        more = replace(tally, failures=tally.failures + 1)
        self._put((portal, guess, subject), more, identifier)
        return more.failures

    async def reset(self, portal: str, guess: Guess, subject: bytes) -> None:
        self._rows.remove((portal, guess, subject))

    async def forgive(self, portal: str, identifier: bytes) -> int:
        named = [key for key, row in self._rows.items() if (key[0], row.identifier) == (portal, identifier)]
        return sum(map(self._rows.remove, named))

    async def purge(self, *, counted_before: Instant, limit: int) -> int:
        old = [key for key, row in self._rows.items() if row.counted_at < counted_before][:limit]
        return sum(map(self._rows.remove, old))

    def _put(self, key: tuple[str, str, bytes], tally: Tally, identifier: bytes | None) -> None:
        known = self._rows.get(key)
        named = known.identifier if known and known.identifier is not None else identifier
        self._rows.put(key, GuessRow(tally, self._now, named))
