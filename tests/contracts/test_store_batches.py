"""What is done for many rows at once does what is done for one: the same rows, the same guards."""

import asyncio
from dataclasses import replace

import pytest

from reclave.adapters.sql.engine import PostgresqlDatabase
from reclave.adapters.sql.store import SqlStore
from reclave.domain.accounts import AccountIdentifier
from reclave.domain.grants import Purpose, State
from reclave.domain.intake import Admission, Outcome
from reclave.domain.outbox import LEASE, Deferred, MessageState, Refused, Sent
from reclave.domain.time import HOUR, MINUTE, SECOND
from reclave.ports.outbox import Settled
from reclave.ports.store import Store
from tests.contracts.rows import ELSEWHERE, PORTAL, a_grant, a_message, a_nit, a_request, an_account, an_entry, new_id
from tests.stores import Clock, OpenAnother

SHARED = "grupo@empresa.example"
OF_TWO = {Purpose.SET_PASSWORD, Purpose.REPORT}


async def add_three(store: Store) -> None:
    """Two accounts of one address, one of another; each with a NIT and, elsewhere, a namesake."""
    async with store.transaction() as tx:
        for number, address in enumerate((SHARED, SHARED, "otra@empresa.example"), start=1):
            for portal in (PORTAL, ELSEWHERE):
                account = an_account(f"account-{number}", portal=portal, address_canonical=address)
                assert await tx.accounts.add(
                    account, [a_nit(f"90012345{number}"), AccountIdentifier("alias", "x" * number)]
                )


async def test_many_accounts_are_found_as_one_is(store: Store) -> None:
    await add_three(store)
    async with store.transaction() as tx:
        every = {name: await tx.accounts.get(PORTAL, name) for name in ("account-1", "account-2", "account-3")}
        for lock in (False, True):
            assert await tx.accounts.get_all(PORTAL, {*every, "nobody"}, lock=lock) == every
        named = await tx.accounts.by_identifiers(PORTAL, "nit", {"900123453", "900123451", "x"})
        assert named == {"900123451": every["account-1"], "900123453": every["account-3"]}
        at = await tx.accounts.by_addresses(PORTAL, {SHARED, "otra@empresa.example", "nadie@nada.example"})
        assert {address: found for address, found in at.items() if found} == {
            SHARED: [every["account-1"], every["account-2"]],
            "otra@empresa.example": [every["account-3"]],
        }
        assert await tx.accounts.identifiers_of_all(PORTAL, {"account-2", "nobody"}) == {
            "account-2": await tx.accounts.identifiers(PORTAL, "account-2")
        }


async def test_an_address_of_very_many_accounts_takes_no_room_from_another(store: Store) -> None:
    async with store.transaction() as tx:
        for number in range(120):
            await tx.accounts.add(an_account(f"account-{number:03}", address_canonical=SHARED), [])
        await tx.accounts.add(an_account("last", address_canonical="otra@empresa.example"), [])
        found = await tx.accounts.by_addresses(PORTAL, {SHARED, "otra@empresa.example"})
        assert [account.id for account in found[SHARED]] == [f"account-{number:03}" for number in range(50)]
        assert [account.id for account in found["otra@empresa.example"]] == ["last"]


@pytest.mark.req("I2")
async def test_many_grants_are_issued_where_none_lives_and_the_newest_of_each_account_is_found(store: Store) -> None:
    async with store.transaction() as tx:
        lapsed = a_grant(tx.now - 2 * HOUR)
        assert await tx.grants.issue(lapsed)
        fresh = [a_grant(tx.now), a_grant(tx.now, purpose=Purpose.REPORT), a_grant(tx.now, account="account-2")]
        assert await tx.grants.issue_all(fresh)
        newest = await tx.grants.newest(PORTAL, {"account-1", "account-2", "account-3"}, OF_TWO)
        assert newest == {(grant.account, grant.purpose): grant for grant in fresh}
        assert await tx.grants.get_all(PORTAL, [fresh[0].id, lapsed.id, new_id()]) == {
            fresh[0].id: fresh[0],
            lapsed.id: replace(lapsed, state=State.EXPIRED, ended_at=tx.now),
        }
        assert await tx.grants.get_all(ELSEWHERE, [fresh[0].id]) == {}
        assert not await tx.grants.issue_all([a_grant(tx.now, account="account-3"), a_grant(tx.now)])


@pytest.mark.req("I5")
async def test_what_is_taken_to_be_resolved_belongs_to_one_worker_until_its_transaction_ends(
    store: Store, open_another: OpenAnother, clock: Clock
) -> None:
    requests = [a_request() for _ in range(3)]
    for request in requests:
        assert await store.accept(request) is Admission.ACCEPTED
        clock.move(SECOND)
    other = await open_another()

    async def claim() -> list[bytes]:
        async with other.transaction() as tx:
            return [intake.id for intake in await tx.intakes.claim(limit=9, lease=MINUTE)]

    # On PostgreSQL the other worker passes by what is taken; elsewhere it waits until this transaction ends.
    beside = isinstance(store, SqlStore) and isinstance(store.database, PostgresqlDatabase)
    async with store.transaction() as tx:
        taken = await tx.intakes.take(limit=2, lease=MINUTE)
        assert [intake.id for intake in taken] == [request.id for request in requests[:2]]
        claiming = asyncio.create_task(claim())
        await asyncio.wait({claiming}, timeout=10 if beside else 0)
        assert claiming.done() == beside
        grant = new_id()
        assert await tx.intakes.resolve_all([(taken[0], Outcome.SENT, [grant]), (taken[1], Outcome.STALE, [])])
        kept = [await tx.intakes.get(PORTAL, intake.id) for intake in taken]
    assert await claiming == [requests[2].id]
    assert [(one.outcome, one.grants, one.sealed_fields) for one in kept if one] == [
        (Outcome.SENT, (grant,), None),
        (Outcome.STALE, (), None),
    ]


@pytest.mark.req("I5")
async def test_a_claim_under_lease_is_not_taken_and_a_lost_one_resolves_nothing(store: Store, clock: Clock) -> None:
    await store.accept(a_request())
    async with store.transaction() as tx:
        (first,) = await tx.intakes.claim(limit=1, lease=MINUTE)
        assert await tx.intakes.take(limit=1, lease=MINUTE) == []
    clock.move(2 * MINUTE)
    async with store.transaction() as tx:
        (again,) = await tx.intakes.claim(limit=1, lease=MINUTE)
        assert not await tx.intakes.resolve_all([(first, Outcome.SENT, [])])
        assert await tx.intakes.resolve_all([(again, Outcome.NO_MATCH, [])])


@pytest.mark.req("I5")
async def test_many_messages_are_settled_each_in_its_own_way_but_for_claims_that_were_lost(store: Store) -> None:
    messages = [a_message(grants=(new_id(), new_id())) for _ in range(5)]
    async with store.transaction() as tx:
        await tx.outbox.add_all(messages)
        claims = {claim.id: claim for claim in await tx.outbox.claim(limit=9, lease=LEASE)}
        sent, later, refused, given_up, lost = (claims[message.id] for message in messages)
        assert sent.grants == messages[0].grants
        settled = [
            Settled(sent, Sent(250, "«sí»")),
            Settled(later, Deferred(451, "later"), tx.now + MINUTE),
            Settled(refused, Refused(550, "no")),
            Settled(given_up, None),
            Settled(replace(lost, fence=lost.fence - 1), Sent(250, "late")),
        ]
        assert await tx.outbox.settle_all(settled) == settled[:4]
        states = [await tx.outbox.state(PORTAL, message.id) for message in messages]
        kept = [await tx.outbox.attempts(PORTAL, message.id) for message in messages]
        next_due = await tx.outbox.next_due()
    assert states == [
        MessageState.SENT,
        MessageState.QUEUED,
        MessageState.FAILED,
        MessageState.CANCELLED,
        MessageState.SENDING,
    ]
    assert [attempt.answer for (attempt,) in kept] == [
        settled[0].answer,
        settled[1].answer,
        settled[2].answer,
        None,
        None,
    ]
    assert next_due == settled[1].retry_at


@pytest.mark.req("S43")
async def test_entries_that_are_added_together_stand_in_their_order(store: Store) -> None:
    details = [{"número": f"«{number}»"} for number in range(4)]
    async with store.transaction() as tx:
        await tx.audit.add(an_entry(detail=details[0]))
        await tx.audit.add_all([an_entry(detail=detail) for detail in details[1:]])
        expected = [an_entry(detail=detail, at=tx.now) for detail in details]
    async with store.reading() as tx:
        assert [entry for _, entry in await tx.audit.entries(limit=10)] == expected
