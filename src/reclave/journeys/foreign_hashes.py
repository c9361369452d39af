"""What an import of another system's hashes leaves to do: each is sealed, and here wrapped in Argon2id (S19)."""

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
    async with services.store.reading() as tx:
        found = await tx.imports.sealed(limit=_LOOKED_AT)
    done = 0
    for account in found:
        if done == AT_ONCE:
            return True
        try:
            wrapped = await services.hasher.wrap(account.password_hash or "")
        except Unsealable:
            continue
        except Overloaded:
            return False
        await _store(services, account, wrapped)
        done += 1
    return False


async def _store(services: Services, account: Account, wrapped: str) -> None:
    async with services.store.transaction() as tx:
        current = await tx.accounts.get(account.portal, account.id, lock=True)
        if current is not None and current.password_hash == account.password_hash:
            await tx.accounts.change(replace(current, password_hash=wrapped), was=current.credential_version)
