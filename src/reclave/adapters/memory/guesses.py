"""Counters of guesses."""

from dataclasses import replace

from reclave.adapters.memory.tables import Tables
from reclave.domain.throttle import Guess, Tally, counted
from reclave.domain.time import Instant, Span


class MemoryGuesses:
    """`ports.store.Guesses` in memory: each tally with the instant at which it was last counted."""

    def __init__(self, tables: Tables, now: Instant) -> None:
        self._tallies = tables.guesses
        self._now = now

    async def count(self, portal: str, guess: Guess, subject: bytes) -> Span:
        tally = await self.tally(portal, guess, subject)
        wait = tally.wait(self._now)
        if wait == 0:
            self._tallies.put((portal, guess, subject), (counted(tally, self._now), self._now))
        return wait

    async def tally(self, portal: str, guess: Guess, subject: bytes) -> Tally:
        known = self._tallies.get((portal, guess, subject))
        return known[0] if known else Tally()

    async def add(self, portal: str, guess: Guess, subject: bytes) -> int:
        tally = await self.tally(portal, guess, subject)
        more = replace(tally, failures=tally.failures + 1)
        self._tallies.put((portal, guess, subject), (more, self._now))
        return more.failures

    async def reset(self, portal: str, guess: Guess, subject: bytes) -> None:
        self._tallies.remove((portal, guess, subject))

    async def purge(self, *, counted_before: Instant, limit: int) -> int:
        old = [key for key, (_, counted_at) in self._tallies.items() if counted_at < counted_before][:limit]
        for key in old:
            self._tallies.remove(key)
        return len(old)
