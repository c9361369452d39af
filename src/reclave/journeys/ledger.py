"""A batch's ledger: what its requests look up is read at once, and what each of them writes is written at once.

What the second request of an account finds there is what the first one left, as in a transaction of its own.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from reclave.domain.audit import Entry
from reclave.domain.errors import SecretEnded
from reclave.domain.grants import Grant, Purpose, State
from reclave.domain.outbox import LEASE, Message
from reclave.domain.time import Instant
from reclave.ports.store import Transaction

_Item = TypeVar("_Item")
_PURPOSES = (Purpose.SET_PASSWORD, Purpose.REPORT)


class Issued(Protocol):
    """What issuing needs of `ports.store.Grants`."""

    async def recent(
        self, portal: str, account: str, purposes: Collection[Purpose], *, limit: int = 5
    ) -> list[Grant]: ...
    async def issue(self, grant: Grant) -> bool: ...
    async def answer(self, portal: str, grant: bytes, *, requested_at: Instant, expires_at: Instant) -> bool: ...
    async def end(self, portal: str, grant: bytes, state: State) -> bool: ...


class Queue(Protocol):
    """What queueing mail needs of `ports.outbox.Outbox`."""

    async def add(self, message: Message) -> None: ...


class Trail(Protocol):
    """What recording needs of `ports.records.Audit`."""

    async def add(self, entry: Entry) -> None: ...


class Writing(Protocol):
    """What answering a request writes through: a transaction or a ledger."""

    @property
    def now(self) -> Instant: ...
    @property
    def grants(self) -> Issued: ...
    @property
    def outbox(self) -> Queue: ...
    @property
    def audit(self) -> Trail: ...


class Ledger:
    """`Writing` for the requests of one transaction, which may touch only the accounts that it was opened for."""

    def __init__(self, now: Instant, newest: Mapping[tuple[str, str, Purpose], Grant]) -> None:
        self.now = now
        self.grants = _Grants(now, newest)
        self.outbox = _Kept[Message]()
        self.audit = _Kept[Entry]()

    async def write(self, tx: Transaction, *, claim: int = 0) -> list[Message]:
        """Write everything; of the messages, claim so many for who sends them at once, and give these.

        Raises `SecretEnded` where somebody else issued a grant meanwhile.
        """
        await self.write_grants(tx)
        at_once, later = self.outbox.added[:claim], self.outbox.added[claim:]
        claimed = await tx.outbox.add_claimed(at_once, lease=LEASE) if at_once else []
        if later:
            await tx.outbox.add_all(later)
        if self.audit.added:
            await tx.audit.add_all(self.audit.added)
        return claimed

    async def write_grants(self, tx: Transaction) -> None:
        """Write what became of grants. Raises as `write` does."""
        for grant in self.grants.changed.values():
            if grant.ended_at is None:
                times = {"requested_at": grant.requested_at, "expires_at": grant.expires_at}
                await tx.grants.answer(grant.portal, grant.id, **times)
            else:
                await tx.grants.end(grant.portal, grant.id, grant.state)
        if self.grants.issued and not await tx.grants.issue_all(list(self.grants.issued.values())):
            raise SecretEnded(State.REPLACED)


async def open_ledger(tx: Transaction, accounts: Mapping[str, Collection[str]]) -> Ledger:
    """The ledger of these accounts, by portal; their rows must be locked."""
    newest = {
        (portal, *key): grant
        for portal, own in sorted(accounts.items())
        for key, grant in (await tx.grants.newest(portal, own, _PURPOSES)).items()
    }
    return Ledger(tx.now, newest)


class _Grants:
    def __init__(self, now: Instant, newest: Mapping[tuple[str, str, Purpose], Grant]) -> None:
        self._now = now
        self._newest = dict(newest)
        self.issued: dict[bytes, Grant] = {}
        self.changed: dict[bytes, Grant] = {}

    async def recent(self, portal: str, account: str, purposes: Collection[Purpose], *, limit: int = 5) -> list[Grant]:
        found = (self._newest.get((portal, account, purpose)) for purpose in purposes)
        return [grant for grant in found if grant is not None][:limit]

    async def issue(self, grant: Grant) -> bool:
        key = (grant.portal, grant.account, grant.purpose)
        last = self._newest.get(key)
        if last is not None and last.live(self._now):
            return False
        self._newest[key] = self.issued[grant.id] = grant
        return True

    async def answer(self, portal: str, grant: bytes, *, requested_at: Instant, expires_at: Instant) -> bool:
        last = self._live(portal, grant)
        return last is not None and self._put(replace(last, requested_at=requested_at, expires_at=expires_at))

    async def end(self, portal: str, grant: bytes, state: State) -> bool:
        last = self._live(portal, grant)
        return last is not None and self._put(replace(last, state=state, ended_at=self._now))

    def _live(self, portal: str, grant: bytes) -> Grant | None:
        found = (each for each in self._newest.values() if (each.portal, each.id) == (portal, grant))
        return next((each for each in found if each.live(self._now)), None)

    def _put(self, grant: Grant) -> bool:
        self._newest[grant.portal, grant.account, grant.purpose] = grant
        written = self.issued if grant.id in self.issued else self.changed
        written[grant.id] = grant
        return True


class _Kept(Generic[_Item]):
    def __init__(self) -> None:
        self.added: list[_Item] = []

    async def add(self, item: _Item) -> None:
        self.added.append(item)
