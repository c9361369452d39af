"""What a store that cannot do it at once does for a sign-in: one step after the other, in one transaction."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Protocol

from reclave.domain.audit import Entry
from reclave.domain.sessions import Session
from reclave.ports.sign_ins import NOBODY, Attempt, Met, Opening
from reclave.ports.store import Transaction


class _Store(Protocol):
    def transaction(self) -> AbstractAsyncContextManager[Transaction]: ...


async def try_password(store: _Store, attempt: Attempt) -> Met:
    """`ports.store.Store.try_password`."""
    async with store.transaction() as tx:
        account = await tx.accounts.by_identifier(attempt.portal, attempt.field, attempt.identifier)
        owner = account.id if account else NOBODY
        standing = await tx.sign_ins.standing(attempt.portal, owner, attempt.device)
        if not standing.recognised and not sum(await tx.limits.take([attempt.spray])):
            return Met(account, standing, None)
        tried = await tx.sign_ins.count(attempt.portal, attempt.subject(standing), attempt.everyone)
        return Met(account, standing, tried)


async def open_session(store: _Store, opening: Opening) -> Session | None:
    """`ports.store.Store.open_session`."""
    was = opening.account
    async with store.transaction() as tx:
        current = await tx.accounts.get(was.portal, was.id, lock=True)
        if current is None or not current.can_sign_in() or current.password_hash != was.password_hash:
            return None
        version = current.credential_version
        session = replace(opening.session, credential_version=version, started_at=tx.now, last_seen_at=tx.now)
        await tx.sign_ins.open(session, opening.device, opening.subject, opening.everyone)
        await tx.audit.add(opening.entry)
        return session


async def record(store: _Store, entry: Entry) -> None:
    """`ports.store.Store.record`."""
    async with store.transaction() as tx:
        await tx.audit.add(entry)
