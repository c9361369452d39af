"""Sign-ins over the tables that they touch."""

from reclave.adapters.memory.grants import MemoryGrants
from reclave.adapters.memory.guesses import MemoryGuesses
from reclave.adapters.memory.password_schemes import MemoryPasswordSchemes
from reclave.adapters.memory.sessions import MemorySessions
from reclave.adapters.memory.tables import Tables
from reclave.domain.sessions import Session
from reclave.domain.throttle import Guess
from reclave.domain.time import Instant
from reclave.ports.sign_ins import COMPARED, OPENED_BY_TEMPORARY, Standing, Tried


class MemorySignIns:
    """`ports.sign_ins.SignIns` in memory."""

    def __init__(self, tables: Tables, now: Instant) -> None:
        self._grants = MemoryGrants(tables, now)
        self._guesses = MemoryGuesses(tables, now)
        self._schemes = MemoryPasswordSchemes(tables)
        self._sessions = MemorySessions(tables, now)

    async def standing(self, portal: str, account: str, device: bytes) -> Standing:
        return Standing(
            await self._sessions.recognised(portal, device, account),
            await self._grants.recent(portal, account, OPENED_BY_TEMPORARY, limit=COMPARED),
            await self._schemes.every(portal),
        )

    async def count(self, portal: str, subject: bytes, everyone: bytes) -> Tried:
        wait = await self._guesses.count(portal, Guess.PASSWORD, subject, identifier=everyone)
        if wait:
            return Tried(wait, 0)
        return Tried(0, await self._guesses.add(portal, Guess.PASSWORD, everyone, identifier=everyone))

    async def open(self, session: Session, device: bytes, subject: bytes, everyone: bytes) -> None:
        for forgotten in (subject, everyone):
            await self._guesses.reset(session.portal, Guess.PASSWORD, forgotten)
        await self._sessions.add(session)
        await self._sessions.recognise(session.portal, device, session.account)
