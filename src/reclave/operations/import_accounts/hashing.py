"""Hashing a chunk's passwords: as many at a time as the hasher has threads, so that none is turned away for long."""

import asyncio
from collections.abc import Sequence

from reclave.domain.errors import Overloaded
from reclave.operations.import_accounts.planning import Planned
from reclave.ports.hasher import Hasher


async def hash_secrets(hasher: Hasher, planned: Sequence[Planned], *, at_once: int) -> int:
    """Seal foreign hashes, and hash initial passwords, `at_once` at a time; how many. Overloaded, it tries again."""
    for each in planned:
        if each.seals is not None:
            each.password_hash = hasher.seal(each.seals)
    waiting = [each for each in planned if each.hashes]
    places = asyncio.Semaphore(at_once)

    async def one(each: Planned) -> None:
        async with places:
            each.password_hash = await _hashed(hasher, each.row.initial_password or "")

    await asyncio.gather(*(one(each) for each in waiting))
    return len(waiting)


async def _hashed(hasher: Hasher, password: str) -> str:
    while True:
        try:
            return await hasher.hash(password)
        except Overloaded as overloaded:
            await asyncio.sleep(overloaded.retry_after)
