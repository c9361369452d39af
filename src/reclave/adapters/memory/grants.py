"""Grants."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from reclave.adapters.memory.tables import Tables
from reclave.domain.grants import LIVE, Grant, Purpose, State
from reclave.domain.time import Instant


class MemoryGrants:
    """`ports.store.Grants` in memory."""

    def __init__(self, tables: Tables, now: Instant) -> None:
        self._grants = tables.grants
        self._now = now

    async def get(self, portal: str, grant: bytes) -> Grant | None:
        return self._grants.get((portal, grant))

    async def recent(
        self,
        portal: str,
        account: str,
        purposes: Collection[Purpose],
        *,
        limit: int = 5,
        lock: bool = False,  # noqa: ARG002 - one writer at a time needs no lock of a row
    ) -> list[Grant]:
        found = [grant for grant in self._of(portal, account) if grant.purpose in purposes]
        return sorted(found, key=lambda grant: (grant.state not in LIVE, -grant.issued_at, grant.id))[:limit]

    async def get_all(self, portal: str, grants: Collection[bytes]) -> Mapping[bytes, Grant]:
        found = {each: await self.get(portal, each) for each in grants}
        return {each: grant for each, grant in found.items() if grant is not None}

    async def get_alike(self, nobodys: Grant, grants: Sequence[bytes]) -> list[Grant]:
        return [await self.get(nobodys.portal, each) or nobodys for each in grants]

    async def newest(
        self, portal: str, accounts: Collection[str], purposes: Collection[Purpose]
    ) -> Mapping[tuple[str, Purpose], Grant]:
        found = [await self.recent(portal, each, {purpose}, limit=1) for each in accounts for purpose in purposes]
        return {(grant.account, grant.purpose): grant for newest in found for grant in newest}

    async def issue(self, grant: Grant) -> bool:
        if (grant.portal, grant.id) in self._grants:
            raise ValueError("the portal has a grant with this id")
        for there in self._of(grant.portal, grant.account):
            if there.purpose is grant.purpose and there.state in LIVE:
                if there.live(self._now):
                    return False
                self._end(there, State.EXPIRED)
        self._put(grant)
        return True

    async def issue_all(self, grants: Sequence[Grant]) -> bool:
        return all([await self.issue(grant) for grant in grants])

    async def answer(self, portal: str, grant: bytes, *, requested_at: Instant, expires_at: Instant) -> bool:
        there = self._live(portal, grant)
        if there is None:
            return False
        self._put(replace(there, requested_at=requested_at, expires_at=expires_at))
        return True

    async def opened(self, portal: str, grant: bytes, *, expires_at: Instant | None = None) -> bool:
        there = self._live(portal, grant)
        if there is None or there.opened_at is not None:
            return False
        expiry = there.expires_at if expires_at is None else expires_at
        self._put(replace(there, opened_at=self._now, expires_at=expiry))
        return True

    async def keep(self, portal: str, grant: bytes, sealed: bytes) -> bool:
        there = self._live(portal, grant)
        if there is None:
            return False
        self._put(replace(there, sealed=sealed))
        return True

    async def count_try(self, portal: str, grant: bytes) -> int:
        there = self._grants.get((portal, grant))
        if there is None:
            return 0
        self._put(replace(there, tries=there.tries + 1))
        return there.tries + 1

    async def consume(self, portal: str, grant: bytes, *, credential_version: int) -> Grant | None:
        there = self._live(portal, grant)
        if there is None or there.state is not State.ISSUED or there.credential_version != credential_version:
            return None
        return replace(self._end(there, State.CONSUMED), sealed=there.sealed)

    async def end(self, portal: str, grant: bytes, state: State) -> bool:
        there = self._grants.get((portal, grant))
        if there is None or there.state not in LIVE:
            return False
        self._end(there, state)
        return True

    async def end_all(
        self, portal: str, account: str, state: State, *, purposes: Collection[Purpose] | None = None
    ) -> int:
        ending = [
            grant
            for grant in self._of(portal, account)
            if grant.state in LIVE and (purposes is None or grant.purpose in purposes)
        ]
        for grant in ending:
            self._end(grant, state)
        return len(ending)

    async def purge(self, *, ended_before: Instant, limit: int) -> int:
        for grant in self._grants:
            if grant.state in LIVE and not grant.live(self._now):
                self._end(grant, State.EXPIRED)
        over = [grant for grant in self._grants if grant.ended_at is not None and grant.ended_at < ended_before][:limit]
        for grant in over:
            self._grants.remove((grant.portal, grant.id))
        return len(over)

    async def live_by_key(self) -> Mapping[str, int]:
        return Counter(grant.key_id for grant in self._grants if grant.live(self._now))

    async def end_of_key(self, key_id: str, state: State, *, limit: int) -> list[Grant]:
        ending = [grant for grant in self._grants if grant.key_id == key_id and grant.live(self._now)][:limit]
        return [self._end(grant, state) for grant in ending]

    async def erase(self, portal: str, account: str) -> int:
        return sum(self._grants.remove((portal, grant.id)) for grant in self._of(portal, account))

    def _of(self, portal: str, account: str) -> Iterable[Grant]:
        return [grant for grant in self._grants if grant.portal == portal and grant.account == account]

    def _live(self, portal: str, grant: bytes) -> Grant | None:
        there = self._grants.get((portal, grant))
        return there if there is not None and there.live(self._now) else None

    def _end(self, grant: Grant, state: State) -> Grant:
        ended = replace(grant, state=state, ended_at=self._now, sealed=None)
        self._put(ended)
        return ended

    def _put(self, grant: Grant) -> None:
        self._grants.put((grant.portal, grant.id), grant)
