"""What time alone brings about: expiry, erasure, due changes of address, the seal over the audit trail (S45, S50).

Also what an import leaves to be done: `journeys.foreign_hashes`.
"""

from collections.abc import Mapping

from reclave.domain.audit import chained
from reclave.domain.intake import FIELDS_KEPT
from reclave.domain.time import DAY, MINUTE
from reclave.journeys.change_address import apply_due
from reclave.journeys.foreign_hashes import wrap_sealed_hashes
from reclave.journeys.services import Services
from reclave.ports.records import SealedBatch, SealedBy

_CHUNK = 500
_SEALED_AT_ONCE = 1000
_LEASE = "housekeeping"
_HELD = 3 * MINUTE
"""How long a process keeps house that says nothing: three rounds. When it is killed, another one follows after that."""
_BEFORE_ALL = -(2**63)
"""No entry has a lower number: the trail begins at 1, but who puts one in may choose."""
KEPT: Mapping[str, int] = {
    "intakes": 30 * DAY,
    "grants": 90 * DAY,
    "messages": 90 * DAY,
    "cancelled messages": DAY,
    "guesses": 90 * DAY,
    "sessions": 31 * DAY,
    "devices": 400 * DAY,
}
"""How long each kind of row is kept after it ended (docs/reference/retention.md)."""


async def keep_house_alone(services: Services, holder: bytes) -> bool:
    """One round, unless another process keeps house. `holder`: an id of this one's own. Answers and raises as below."""
    async with services.store.transaction() as tx:
        held = await tx.leases.hold(_LEASE, holder, _HELD)
    return held and await keep_house(services)


async def leave_house(services: Services, holder: bytes) -> None:
    """Let another process keep house at once."""
    async with services.store.transaction() as tx:
        await tx.leases.release(_LEASE, holder)


async def keep_house(services: Services) -> bool:
    """One round: each step in a short transaction of its own, safe to repeat and to run in several processes.

    A step that fails keeps no other from being done. Returns whether a step left work for another round at once.
    Raises an `ExceptionGroup` of the steps that failed.
    """
    more, faults = False, []
    forgetting = (_forget_intakes, _forget_grants, _forget_messages, _forget_sessions)
    for step in (_apply_due_addresses, *forgetting, _seal, wrap_sealed_hashes):
        try:
            more |= await step(services)
        except Exception as fault:  # noqa: BLE001 - raised below, with the others
            fault.add_note(f"keeping house: {step.__name__}")
            faults.append(fault)
    if faults:
        raise ExceptionGroup("steps of housekeeping that failed", faults)
    return more


async def _apply_due_addresses(services: Services) -> bool:
    async with services.store.transaction() as tx:
        applied = [await apply_due(services, tx, account) for account in await tx.accounts.due_addresses(_CHUNK)]
    return sum(applied) == _CHUNK


async def _forget_intakes(services: Services) -> bool:
    async with services.store.transaction() as tx:
        await tx.intakes.erase(accepted_before=tx.now - FIELDS_KEPT)
        return await tx.intakes.purge(accepted_before=tx.now - KEPT["intakes"], limit=_CHUNK) == _CHUNK


async def _forget_grants(services: Services) -> bool:
    async with services.store.transaction() as tx:
        return await tx.grants.purge(ended_before=tx.now - KEPT["grants"], limit=_CHUNK) == _CHUNK


async def _forget_messages(services: Services) -> bool:
    async with services.store.transaction() as tx:
        ended = {"ended_before": tx.now - KEPT["messages"], "cancelled_before": tx.now - KEPT["cancelled messages"]}
        return await tx.outbox.purge(limit=_CHUNK, **ended) == _CHUNK


async def _forget_sessions(services: Services) -> bool:
    async with services.store.transaction() as tx:
        await tx.sessions.purge(seen_before=tx.now - KEPT["sessions"], devices_before=tx.now - KEPT["devices"])
        await tx.limits.purge()
        return await tx.guesses.purge(counted_before=tx.now - KEPT["guesses"], limit=_CHUNK) == _CHUNK


async def _seal(services: Services) -> bool:
    return await seal_audit(services) == _SEALED_AT_ONCE


async def seal_audit(services: Services) -> int:
    """Seal what the audit trail gained since the last seal, a thousand entries at most; how many."""
    async with services.store.transaction() as tx:
        last = await tx.audit.last_batch()
        entries = await tx.audit.read(after=last.last if last else 0, limit=_SEALED_AT_ONCE)
        if not entries:
            return 0
        key_id = services.vault.key_id
        subkey = _subkey(services, key_id)
        if subkey is None:
            return 0
        batch = SealedBatch(
            number=last.number + 1 if last else 1,
            first=entries[0][0],
            last=entries[-1][0],
            seal=chained(subkey, last.seal if last else b"", [e for _, e in entries]),
            key_id=key_id,
        )
        return len(entries) if await tx.audit.add_batch(batch) else 0


async def verify_audit(services: Services) -> tuple[int, str | None]:
    """Check every seal; how many entries were covered, and what is wrong with the first that does not fit (S45).

    A seal is checked under the key that made it. One of a compromised key fits as well: see `doubtful_seals`.
    """
    previous, number, after, count = b"", 0, _BEFORE_ALL, 0
    while True:
        async with services.store.reading() as tx:
            batches = await tx.audit.batches(after=number, limit=1)
            if not batches:
                return count, None
            batch = batches[0]
            entries = await tx.audit.read(after=after, limit=_SEALED_AT_ONCE * 2)
        covered = [entry for at, entry in entries if at <= batch.last]
        subkey = _subkey(services, batch.key_id)
        if subkey is None:
            return count, f"batch {batch.number} was sealed by {batch.key_id}, which is not in the keyring"
        if batch.number != number + 1 or chained(subkey, previous, covered) != batch.seal:
            return count, f"batch {batch.number} (entries {batch.first} to {batch.last}) does not fit its seal"
        previous, number, after, count = batch.seal, batch.number, batch.last, count + len(covered)


async def doubtful_seals(services: Services) -> list[SealedBy]:
    """What keys have sealed that somebody else may know: it fits its seals, but could have been forged."""
    async with services.store.reading() as tx:
        return [each for each in await tx.audit.sealed_by() if services.vault.distrusted(each.key_id)]


def _subkey(services: Services, key_id: str) -> bytes | None:
    return services.vault.digest_by(key_id, "audit", key_id)
