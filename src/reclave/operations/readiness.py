"""Whether the installation does its work: what `/readyz`, `reclave status` and the metrics say."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from reclave.domain.errors import ReclaveError
from reclave.domain.readiness import RESOLVED_WITHIN, SEALED_WITHIN, SENT_WITHIN, Check, Readiness, in_time
from reclave.domain.time import DAY, Instant
from reclave.journeys.services import Services
from reclave.ports.outbox import Standing
from reclave.ports.store import Transaction

PATIENCE = 5.0
"""Seconds after which a database that does not answer counts as gone."""
FAILED_SINCE = 2 * DAY
"""Mails created within this count as failed lately: those that are given up are a day old by then."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the store holds that waits, at an instant."""

    now: Instant
    unresolved: int
    oldest_request: Instant | None
    standing: Standing
    unsealed_since: Instant | None
    migrated: bool


async def check_readiness(services: Services, migrated: Callable[[], Awaitable[bool]]) -> Readiness:
    """Check everything; what fails is said, never raised. `migrated`: whether the schema is this code's."""
    keyring = _keyring(services)
    try:
        async with asyncio.timeout(PATIENCE):
            seen = await _seen(services, migrated)
    except Exception as error:  # noqa: BLE001 - whatever keeps the database from answering is what the check says
        unreachable = Check(
            "database",
            ok=False,
            why=f"The database did not answer: {type(error).__name__}.",
            remedy="See that it runs and can be reached under the setting `database`; `reclave check` says more.",
            for_pages=True,
        )
        return Readiness((unreachable, keyring))
    checks = (
        Check("database", ok=True, for_pages=True),
        _migration(seen.migrated),
        keyring,
        *_waiting(seen),
    )
    return Readiness(checks, seen.unresolved, seen.standing.unsent)


async def _seen(services: Services, migrated: Callable[[], Awaitable[bool]]) -> _Seen:
    up_to_date = await migrated()
    async with services.store.reading() as tx:
        if not up_to_date:
            return _Seen(tx.now, 0, None, Standing(0, None, 0), None, migrated=False)
        unresolved, oldest = await tx.intakes.waiting()
        standing = await tx.outbox.standing(failed_since=tx.now - FAILED_SINCE)
        return _Seen(tx.now, unresolved, oldest, standing, await _unsealed_since(tx), migrated=True)


async def _unsealed_since(tx: Transaction) -> Instant | None:
    last = await tx.audit.last_batch()
    first = await tx.audit.entries(after=last.last if last else 0, limit=1)
    return first[0][1].at if first else None


def _migration(up_to_date: bool) -> Check:
    if up_to_date:
        return Check("migration", ok=True, for_pages=True)
    return Check(
        "migration",
        ok=False,
        why="The database's tables are not those that this version works with.",
        remedy="Run `reclave migrate`.",
        for_pages=True,
    )


def _keyring(services: Services) -> Check:
    try:
        services.vault.reload()
    except (ReclaveError, OSError) as refused:
        return Check(
            "keyring",
            ok=False,
            why=f"The keyring cannot be read: {refused}",
            remedy="Mend the file or bring it back from its copy; until then the keys read before stay in use.",
            for_pages=True,
        )
    return Check("keyring", ok=True, for_pages=True)


def _waiting(seen: _Seen) -> tuple[Check, ...]:
    return (
        in_time(
            "unresolved_requests",
            seen.oldest_request,
            seen.now,
            RESOLVED_WITHIN,
            why="No worker resolves requests, or not as fast as they come.",
            remedy="See that `reclave serve` or `reclave worker` runs, and what its log says (`stage_failed`).",
        ),
        in_time(
            "unsent_mail",
            seen.standing.oldest,
            seen.now,
            SENT_WITHIN,
            why="Mail waits, and none that was queued as late has been sent.",
            remedy="See what the mail server answers: `reclave outbox list`, then `reclave mail test`.",
        ),
        _failed_mail(seen.standing.failed),
        in_time(
            "audit_seal",
            seen.unsealed_since,
            seen.now,
            SEALED_WITHIN,
            why="Nothing seals the audit trail.",
            remedy="See that a worker runs, and what its log says (`stage_failed`, stage `keep_house`).",
        ),
    )


def _failed_mail(failed: int) -> Check:
    """Says, but never fails: some recipients' servers always refuse."""
    why = "Mails of the last two days have failed." if failed else ""
    remedy = "`reclave outbox list --state failed` says why each." if failed else ""
    return Check("failed_mail", ok=True, value=failed, why=why, remedy=remedy)
