"""Hashing a chunk's passwords: as many at a time as the hasher has threads, so that none is turned away for long."""

import asyncio
from collections.abc import Sequence

from reclave.domain.errors import Overloaded
from reclave.operations.import_accounts.planning import Planned
from reclave.operations.import_accounts.rows import ImportedRow
from reclave.ports.hasher import Hasher


async def hash_secrets(hasher: Hasher, planned: Sequence[Planned], *, at_once: int) -> int:
    """Hash initial passwords and wrap foreign hashes, `at_once` at a time; how many. Overloaded, it tries again."""
    waiting = [each for each in planned if each.hashes]
    places = asyncio.Semaphore(at_once)

    async def one(each: Planned) -> None:
        async with places:
            each.password_hash = await _hashed(hasher, each.row)

    await asyncio.gather(*(one(each) for each in waiting))
    return len(waiting)


async def _hashed(hasher: Hasher, row: ImportedRow) -> str:
    while True:
        try:
            if row.initial_password is not None:
                return await hasher.hash(row.initial_password)
            return await hasher.wrap(row.password_hash or "")
        except Overloaded as overloaded:
            await asyncio.sleep(overloaded.retry_after)
