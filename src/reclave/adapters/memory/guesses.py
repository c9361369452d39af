"""Counters of guesses."""

from dataclasses import replace

from reclave.adapters.memory.tables import Tables
from reclave.domain.throttle import Guess, Tally, counted
from reclave.domain.time import Instant, Span


class MemoryGuesses:
    """`ports.store.Guesses` in memory."""

    def __init__(self, tables: Tables, now: Instant) -> None:
        self._tallies = tables.guesses
        self._now = now

    async def count(self, portal: str, guess: Guess, subject: bytes) -> Span:
        tally = await self.tally(portal, guess, subject)
        wait = tally.wait(self._now)
        if wait == 0:
            self._tallies.put((portal, guess, subject), counted(tally, self._now))
        return wait

    async def tally(self, portal: str, guess: Guess, subject: bytes) -> Tally:
        return self._tallies.get((portal, guess, subject)) or Tally()

    async def add(self, portal: str, guess: Guess, subject: bytes) -> int:
        tally = await self.tally(portal, guess, subject)
        self._tallies.put((portal, guess, subject), replace(tally, failures=tally.failures + 1))
        return tally.failures + 1

    async def reset(self, portal: str, guess: Guess, subject: bytes) -> None:
        self._tallies.remove((portal, guess, subject))
