"""What time alone brings about: expiry, erasure, due changes of address, the seal over the audit trail (S45, S50)."""

from collections.abc import Mapping

from reclave.domain.audit import chained
from reclave.domain.intake import FIELDS_KEPT
from reclave.domain.time import DAY
from reclave.journeys.change_address import apply_due
from reclave.journeys.services import Services
from reclave.ports.records import SealedBatch

_CHUNK = 500
_SEALED_AT_ONCE = 1000
KEPT: Mapping[str, int] = {
    "intakes": 30 * DAY,
    "grants": 90 * DAY,
    "messages": 90 * DAY,
    "sessions": 31 * DAY,
    "devices": 400 * DAY,
}
"""How long each kind of row is kept after it ended (docs/reference/retention)."""


async def keep_house(services: Services) -> None:
    """One round: each step in a short transaction of its own, safe to repeat and to run in several processes."""
    async with services.store.transaction() as tx:
        for account in await tx.accounts.due_addresses(_CHUNK):
            await apply_due(services, tx, account)
    async with services.store.transaction() as tx:
        await tx.intakes.erase(accepted_before=tx.now - FIELDS_KEPT)
        await tx.intakes.purge(accepted_before=tx.now - KEPT["intakes"], limit=_CHUNK)
    async with services.store.transaction() as tx:
        await tx.grants.purge(ended_before=tx.now - KEPT["grants"], limit=_CHUNK)
        await tx.outbox.purge(ended_before=tx.now - KEPT["messages"], limit=_CHUNK)
    async with services.store.transaction() as tx:
        await tx.sessions.purge(seen_before=tx.now - KEPT["sessions"], devices_before=tx.now - KEPT["devices"])
        await tx.limits.purge()
    await seal_audit(services)


async def seal_audit(services: Services) -> int:
    """Seal what the audit trail gained since the last seal; how many entries."""
    async with services.store.transaction() as tx:
        last = await tx.audit.last_batch()
        entries = await tx.audit.read(after=last.last if last else 0, limit=_SEALED_AT_ONCE)
        if not entries:
            return 0
        key_id = services.vault.key_id
        batch = SealedBatch(
            number=last.number + 1 if last else 1,
            first=entries[0][0],
            last=entries[-1][0],
            seal=chained(services.vault.digest("audit", key_id), last.seal if last else b"", [e for _, e in entries]),
            key_id=key_id,
        )
        return len(entries) if await tx.audit.add_batch(batch) else 0


async def verify_audit(services: Services) -> tuple[int, str | None]:
    """Check every seal; how many entries were covered, and what is wrong with the first that does not fit (S45)."""
    previous, number, after = b"", 0, 0
    while True:
        async with services.store.reading() as tx:
            batches = await tx.audit.batches(after=number, limit=1)
            if not batches:
                return after, None
            batch = batches[0]
            entries = await tx.audit.read(after=after, limit=_SEALED_AT_ONCE * 2)
        covered = [entry for at, entry in entries if at <= batch.last]
        expected = chained(services.vault.digest("audit", batch.key_id), previous, covered)
        if batch.number != number + 1 or expected != batch.seal:
            return (
                after,
                f"batch {batch.number} (entries {batch.first} to {batch.last}) does not fit its seal",
            )
        previous, number, after = batch.seal, batch.number, batch.last
