"""What an import of another system's hashes leaves to do: each is sealed, and here wrapped in Argon2id (S19)."""

from collections.abc import Sequence
from dataclasses import replace

from reclave.domain.accounts import Account
from reclave.domain.errors import Overloaded
from reclave.journeys.services import Services
from reclave.ports.vault import Unsealable

AT_ONCE = 32
"""Hashes of a round, one after the other: about a second of one core, of which sign-ins keep the others."""
_LOOKED_AT = 500


async def wrap_sealed_hashes(services: Services) -> bool:
    """Wrap some; whether there are more. What its owner has replaced meanwhile is left alone, as is what does not open.

    Sign-ins go first: where they fill the hasher, this waits for another round.
    """
    done, after = 0, ("", "")
    while found := await _sealed(services, after):
        for account in found:
            if done == AT_ONCE:
                return True
            after = account.portal, account.id
            try:
                wrapped = await services.hasher.wrap(account.password_hash or "")
            except Unsealable:
                continue
            except Overloaded:
                return False
            await _store(services, account, wrapped)
            done += 1
    return False


async def _sealed(services: Services, after: tuple[str, str]) -> Sequence[Account]:
    async with services.store.reading() as tx:
        return await tx.imports.sealed(limit=_LOOKED_AT, after=after)


async def _store(services: Services, account: Account, wrapped: str) -> None:
    async with services.store.transaction() as tx:
        current = await tx.accounts.get(account.portal, account.id, lock=True)
        if current is not None and current.password_hash == account.password_hash:
            await tx.accounts.change(replace(current, password_hash=wrapped), was=current.credential_version)
