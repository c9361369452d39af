"""Forcing a reset of passwords: they stop working, their owners are told by mail where to choose new ones.

Accounts are read page by page and changed a few at a time, so that neither memory nor the database's one writer is
held. Whoever stops in the middle runs it again: passwords that are blocked already are passed over.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import islice

from reclave.domain.accounts import Account, Status
from reclave.domain.audit import Event
from reclave.domain.foreign_recipes import NATIVE, SEALED, scheme_of
from reclave.domain.outbox import Template
from reclave.domain.portal import Portal
from reclave.domain.time import Instant
from reclave.journeys import grants, messages
from reclave.journeys.services import Services
from reclave.operations.find_account import AccountNotFound, canonical
from reclave.ports.store import Transaction

_READ_AT_ONCE = 500
_AT_ONCE = 6
"""Accounts changed in one transaction: under 50 ms on SQLite, so that sign-ins go on meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which accounts: those named, else all of the portal; and of these only those that fit every other part.

    `changed_before`: whose password, address or status has not changed since. `imported`: whose password still is
    the hash that was imported. `pepper`: whose password is hashed with the pepper of this key.
    """

    identifiers: Iterable[str] | None = None
    changed_before: Instant | None = None
    imported: bool = False
    pepper: str | None = None

    def fits(self, account: Account) -> bool:
        """Whether a password of the account is to be blocked; one that is blocked already is not.

        An account that awaits its first sign-in has no password of its owner's.
        """
        stored = account.password_hash
        if stored is None or account.password_blocked or account.status is Status.AWAITING_FIRST_SIGN_IN:
            return False
        if self.imported and scheme_of(stored) == NATIVE:
            return False
        if self.pepper is not None and not stored.removeprefix(SEALED).startswith(f"{self.pepper}:"):
            return False
        return self.changed_before is None or account.changed_at < self.changed_before


@dataclass(slots=True)
class Tally:
    """How many passwords were (or would be) blocked, how many owners have no address, which names are nobody's."""

    accounts: int = 0
    without_mail: int = 0
    unknown: list[str] = field(default_factory=list)

    def count(self, account: Account) -> None:
        """Count one account."""
        self.accounts += 1
        self.without_mail += not account.can_recover()


async def count(services: Services, portal: Portal, selection: Selection) -> Tally:
    """What a forced reset would do; changes nothing."""
    tally = Tally()
    async for page in _pages(services, portal, selection, tally):
        for account in page:
            tally.count(account)
    return tally


async def force(
    services: Services, portal: Portal, selection: Selection, *, by: str, step: Callable[[int], None]
) -> Tally:
    """Block the passwords of the selection and tell their owners; `step` is told how many accounts are done."""
    tally = Tally()
    async for page in _pages(services, portal, selection, tally):
        for start in range(0, len(page), _AT_ONCE):
            few = page[start : start + _AT_ONCE]
            async with services.store.transaction() as tx:
                changed = [await _force_one(services, tx, portal, selection, account, by) for account in few]
            for account in filter(None, changed):
                tally.count(account)
            step(len(few))
        services.bell.ring()
    return tally


async def _force_one(
    services: Services, tx: Transaction, portal: Portal, selection: Selection, account: Account, by: str
) -> Account | None:
    current = await services.directory.get(tx, portal.id, account.id, lock=True)
    if current is None or not selection.fits(current):
        return None
    version = current.credential_version
    changed = replace(current, password_blocked=True, credential_version=version + 1, changed_at=tx.now)
    if not await tx.accounts.change(changed, was=version):
        return None
    await grants.end_everything(tx, changed)
    reference = services.new_reference()
    await grants.record(tx, Event.RESET_FORCED, changed, reference, by=by)
    if changed.can_recover():
        await messages.queue(
            services,
            tx,
            portal,
            Template.RESET_REQUIRED,
            messages.letter_to(changed, at=tx.now),
            language=changed.language or portal.default_language,
            reference=reference,
            bulk=True,
        )
    return changed


async def _pages(
    services: Services, portal: Portal, selection: Selection, tally: Tally
) -> AsyncIterator[list[Account]]:
    """The accounts that fit, a page at a time, each page read in a transaction of its own."""
    if selection.identifiers is not None:
        names = iter(selection.identifiers)
        while typed := list(islice(names, _READ_AT_ONCE)):
            yield [one for one in await _named(services, portal, typed, tally) if selection.fits(one)]
        return
    after = ""
    while True:
        async with services.store.reading() as tx:
            page = await tx.accounts.page(portal.id, after=after, limit=_READ_AT_ONCE)
        if not page:
            return
        after = page[-1].id
        yield [account for account in page if selection.fits(account)]


async def _named(services: Services, portal: Portal, typed: list[str], tally: Tally) -> list[Account]:
    found: dict[str, Account] = {}
    async with services.store.reading() as tx:
        for name in typed:
            account = None
            try:
                value = canonical(portal, name)
                account = await services.directory.by_identifier(tx, portal.id, portal.file.sign_in.identifier, value)
            except AccountNotFound:
                pass
            if account is None:
                tally.unknown.append(name)
            else:
                found[account.id] = account
    return list(found.values())
