"""Sessions and recognised devices."""

from dataclasses import replace

from reclave.adapters.memory.tables import Tables
from reclave.domain.sessions import Session
from reclave.domain.time import Instant


class MemorySessions:
    """`ports.sessions.Sessions` in memory."""

    def __init__(self, tables: Tables, now: Instant) -> None:
        self._sessions = tables.sessions
        self._devices = tables.devices
        self._now = now

    async def add(self, session: Session) -> None:
        if (session.portal, session.digest) in self._sessions:
            raise ValueError("the portal has a session under this digest")
        self._sessions.put((session.portal, session.digest), session)

    async def get(self, portal: str, digest: bytes) -> Session | None:
        return self._sessions.get((portal, digest))

    async def touch(self, portal: str, digest: bytes) -> None:
        session = self._sessions.get((portal, digest))
        if session is not None:
            self._sessions.put((portal, digest), replace(session, last_seen_at=self._now))

    async def of_account(self, portal: str, account: str) -> list[Session]:
        own = [each for each in self._sessions if each.portal == portal and each.account == account]
        return sorted(own, key=lambda session: (-session.last_seen_at, session.digest))

    async def end(self, portal: str, digest: bytes) -> bool:
        return self._sessions.remove((portal, digest))

    async def end_all(self, portal: str, account: str, *, keep: bytes | None = None) -> int:
        ending = [each for each in await self.of_account(portal, account) if each.digest != keep]
        for session in ending:
            self._sessions.remove((portal, session.digest))
        return len(ending)

    async def devices(self, portal: str, account: str) -> int:
        return len(self._devices_of(portal, account))

    async def erase(self, portal: str, account: str) -> int:
        return await self.end_all(portal, account) + sum(map(self._devices.remove, self._devices_of(portal, account)))

    async def recognise(self, portal: str, device: bytes, account: str) -> None:
        self._devices.put((portal, device, account), self._now)

    async def recognised(self, portal: str, device: bytes, account: str) -> bool:
        return (portal, device, account) in self._devices

    async def purge(self, *, seen_before: Instant, devices_before: Instant) -> int:
        unseen = [key for key, session in self._sessions.items() if session.last_seen_at < seen_before]
        unused = [key for key, used_at in self._devices.items() if used_at < devices_before]
        return sum(map(self._sessions.remove, unseen)) + sum(map(self._devices.remove, unused))

    def _devices_of(self, portal: str, account: str) -> list[tuple[str, bytes, str]]:
        return [key for key, _ in self._devices.items() if (key[0], key[2]) == (portal, account)]
