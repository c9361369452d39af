"""What operators' commands ask of the store: pages, counts, erasure, and the outbox by hand."""

import pytest

from reclave.domain.accounts import AccountIdentifier
from reclave.domain.grants import Purpose, State
from reclave.domain.intake import Outcome
from reclave.domain.outbox import LEASE, Message, MessageState, Refused, Sent
from reclave.domain.time import DAY, MINUTE, SECOND
from reclave.ports.outbox import Listed
from reclave.ports.records import SealedBatch, SealedBy
from reclave.ports.store import Store
from tests.contracts.rows import (
    ACCOUNT,
    ELSEWHERE,
    PORTAL,
    a_grant,
    a_message,
    a_nit,
    a_request,
    a_session,
    an_account,
    an_entry,
    new_id,
)
from tests.stores import Clock

REFUSED = Refused(550, "5.1.1 No such user")


async def test_accounts_are_paged_by_id_within_their_portal(store: Store) -> None:
    async with store.transaction() as tx:
        for name in ("c", "a", "d", "b"):
            await tx.accounts.add(an_account(name), [])
        await tx.accounts.add(an_account("bb", portal=ELSEWHERE), [])
        first = await tx.accounts.page(PORTAL, limit=2)
        rest = await tx.accounts.page(PORTAL, after=first[-1].id, limit=5)
        assert [one.id for one in (*first, *rest)] == ["a", "b", "c", "d"]
        assert await tx.accounts.page(PORTAL, after="d", limit=5) == []


@pytest.mark.req("S50")
async def test_an_erased_account_is_found_by_nothing_and_its_names_are_free_again(store: Store) -> None:
    other = an_account("account-2")
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(), [a_nit()], {"identification": "3059999015"})
        await tx.accounts.add(other, [AccountIdentifier("nit", "9001234999")], {"identification": "3059999015"})
        assert await tx.accounts.erase(PORTAL, ACCOUNT)
        assert not await tx.accounts.erase(PORTAL, ACCOUNT)
        assert await tx.accounts.get(PORTAL, ACCOUNT) is None
        assert await tx.accounts.by_identifier(PORTAL, "nit", "9001234561") is None
        assert await tx.accounts.by_facts(PORTAL, {"identification": "3059999015"}) == [other]
        assert await tx.accounts.facts(PORTAL, ACCOUNT) == {}
        assert await tx.accounts.add(an_account("account-3"), [a_nit()])


@pytest.mark.req("I4")
async def test_the_live_grants_of_a_key_are_counted_and_ended_a_few_at_a_time(store: Store, clock: Clock) -> None:
    async with store.transaction() as tx:
        for number in range(5):
            await tx.grants.issue(a_grant(tx.now, account=f"account-{number}", key_id="k1", sealed=b"kept"))
        await tx.grants.issue(a_grant(tx.now, account="other", key_id="k2"))
        lapsed = a_grant(tx.now, account="lapsed", expires_at=tx.now + SECOND)
        await tx.grants.issue(lapsed)
    clock.move(MINUTE)
    async with store.transaction() as tx:
        assert dict(await tx.grants.live_by_key()) == {"k1": 5, "k2": 1}
        ended = [*await tx.grants.end_of_key("k1", State.REVOKED, limit=3)]
        ended += await tx.grants.end_of_key("k1", State.REVOKED, limit=3)
        assert await tx.grants.end_of_key("k1", State.REVOKED, limit=3) == []
        assert sorted(one.account for one in ended) == [f"account-{number}" for number in range(5)]
        assert {(one.state, one.sealed) for one in ended} == {(State.REVOKED, None)}
        assert dict(await tx.grants.live_by_key()) == {"k2": 1}


@pytest.mark.req("S50")
async def test_an_accounts_grants_sessions_and_devices_are_erased_and_no_others(store: Store) -> None:
    async with store.transaction() as tx:
        for account in (ACCOUNT, "other"):
            await tx.grants.issue(a_grant(tx.now, account=account))
            await tx.grants.issue(a_grant(tx.now, account=account, purpose=Purpose.REPORT))
            await tx.sessions.add(a_session(tx.now, account=account))
            await tx.sessions.recognise(PORTAL, new_id(32), account)
            await tx.sessions.recognise(PORTAL, new_id(32), account)
        assert await tx.sessions.devices(PORTAL, ACCOUNT) == 2
        assert await tx.grants.erase(PORTAL, ACCOUNT) == 2
        assert await tx.sessions.erase(PORTAL, ACCOUNT) == 3
        assert await tx.sessions.devices(PORTAL, ACCOUNT) == 0
        assert await tx.grants.recent(PORTAL, ACCOUNT, list(Purpose)) == []
        assert len(await tx.grants.recent(PORTAL, "other", list(Purpose))) == 2
        assert len(await tx.sessions.of_account(PORTAL, "other")) == 1
        assert await tx.sessions.devices(PORTAL, "other") == 2


@pytest.mark.req("S43")
async def test_the_trail_is_read_forward_and_back_with_its_numbers(store: Store) -> None:
    for number in range(5):
        async with store.transaction() as tx:
            await tx.audit.add(an_entry(reference=f"REF{number}-0000"))
    async with store.reading() as tx:
        everything = await tx.audit.entries(limit=10)
        assert [entry.reference[:4] for _, entry in everything] == ["REF0", "REF1", "REF2", "REF3", "REF4"]
        numbers = [number for number, _ in everything]
        assert numbers == sorted(numbers)
        assert await tx.audit.entries(after=numbers[1], limit=2) == everything[2:4]
        assert await tx.audit.entries(limit=2, newest=True) == everything[:2:-1]
        assert await tx.audit.entries(before=numbers[3], limit=9, newest=True) == everything[2::-1]
        assert await tx.audit.entries(after=numbers[0], before=numbers[3], limit=9) == everything[1:3]


@pytest.mark.req("S45")
async def test_what_each_key_has_sealed_is_told(store: Store) -> None:
    async with store.transaction() as tx:
        assert await tx.audit.sealed_by() == []
        for number, key in enumerate(("k1", "k1", "k2"), 1):
            await tx.audit.add_batch(SealedBatch(number, 10 * number - 9, 10 * number, bytes(32), key))
        assert await tx.audit.sealed_by() == [SealedBy("k1", 2, 1, 20), SealedBy("k2", 1, 21, 30)]


async def failed(store: Store, message: Message) -> None:
    async with store.transaction() as tx:
        await tx.outbox.add(message)
        (claim,) = await tx.outbox.claim(limit=1, lease=LEASE)
        assert await tx.outbox.settle(claim, REFUSED)


async def found(store: Store, message: Message) -> Listed:
    async with store.reading() as tx:
        (listed,) = await tx.outbox.between(message.portal, message.id, message.id)
    return listed


async def test_messages_are_listed_newest_first_by_state_and_portal_page_by_page(store: Store, clock: Clock) -> None:
    one, two, elsewhere = a_message(), a_message(), a_message(portal=ELSEWHERE)
    await failed(store, one)
    clock.move(SECOND)
    for message in (two, elsewhere):
        async with store.transaction() as tx:
            await tx.outbox.add(message)
        clock.move(SECOND)
    async with store.reading() as tx:
        listed = await tx.outbox.listed(limit=9)
        assert [each.message.id for each in listed] == [elsewhere.id, two.id, one.id]
        assert [each.state for each in listed] == [MessageState.QUEUED, MessageState.QUEUED, MessageState.FAILED]
        assert [each.due_at is None for each in listed] == [False, False, True]
        last = listed[0].message
        rest = await tx.outbox.listed(limit=9, before=(last.created_at, last.id))
        assert rest == listed[1:]
        assert await tx.outbox.listed(limit=9, portal=PORTAL, states={MessageState.QUEUED}) == listed[1:2]
        assert await tx.outbox.listed(limit=1) == listed[:1]
        assert await tx.outbox.to_recipient(PORTAL, two.recipient, limit=9) == listed[1:2]
        between = await tx.outbox.between(PORTAL, one.id, two.id, limit=9)
        assert [each.message.id for each in between] == sorted([one.id, two.id])


async def test_a_failed_message_is_queued_again_as_if_it_were_new(store: Store, clock: Clock) -> None:
    message = a_message()
    await failed(store, message)
    clock.move(2 * DAY)
    async with store.transaction() as tx:
        assert await tx.outbox.requeue(PORTAL, message.id, "<again@pagos.example>")
        assert not await tx.outbox.requeue(PORTAL, message.id, "<twice@pagos.example>")
        (claim,) = await tx.outbox.claim(limit=9, lease=LEASE)
        assert (claim.message_id, claim.attempts) == ("<again@pagos.example>", 2)
        assert tx.now - claim.created_at < MINUTE
        assert await tx.outbox.settle(claim, Sent(250, "ok"))
    async with store.reading() as tx:
        assert [each.answer for each in await tx.outbox.attempts(PORTAL, message.id)] == [REFUSED, Sent(250, "ok")]


async def test_only_a_message_that_waits_can_be_dropped(store: Store) -> None:
    waits, ended = a_message(), a_message()
    await failed(store, ended)
    async with store.transaction() as tx:
        await tx.outbox.add(waits)
        assert await tx.outbox.drop(PORTAL, waits.id)
        assert not await tx.outbox.drop(PORTAL, waits.id)
        assert not await tx.outbox.drop(PORTAL, ended.id)
        assert not await tx.outbox.drop(PORTAL, new_id())
        assert await tx.outbox.claim(limit=9, lease=LEASE) == []
    assert (await found(store, waits)).state is MessageState.CANCELLED


@pytest.mark.req("S50")
async def test_an_erased_message_says_nothing_and_goes_nowhere(store: Store) -> None:
    ended, claimed, waits = a_message(), a_message(), a_message()
    await failed(store, ended)
    async with store.transaction() as tx:
        await tx.outbox.add(claimed)
        (claim,) = await tx.outbox.claim(limit=1, lease=LEASE)
        await tx.outbox.add(waits)
        for message in (ended, claimed, waits):
            assert await tx.outbox.erase(PORTAL, message.id)
        assert not await tx.outbox.erase(PORTAL, new_id())
        assert not await tx.outbox.settle(claim, Sent(250, "ok"))
    states = []
    for message in (ended, claimed, waits):
        listed = await found(store, message)
        assert (listed.message.sealed, listed.message.recipient, listed.due_at) == (b"", b"", None)
        states.append(listed.state)
    assert states == [MessageState.FAILED, MessageState.CANCELLED, MessageState.CANCELLED]


@pytest.mark.req("I4", "I5")
async def test_what_waits_is_listed_and_can_be_sealed_anew_what_has_ended_cannot(store: Store, clock: Clock) -> None:
    first, second, third = a_request(), a_request(), a_request()
    for request in (first, second, third):
        await store.accept(request)
        clock.move(SECOND)
    ended, waits = a_message(), a_message()
    await failed(store, ended)
    async with store.transaction() as tx:
        await tx.outbox.add(waits)
        (claim,) = await tx.intakes.claim(limit=1, lease=LEASE)
        assert await tx.intakes.resolve(claim, Outcome.NO_MATCH)
        page = await tx.intakes.unresolved(limit=1)
        assert [intake.id for intake in page] == [second.id]
        rest = await tx.intakes.unresolved(after=(page[0].accepted_at, page[0].id), limit=9)
        assert [intake.id for intake in rest] == [third.id]
        assert await tx.intakes.reseal(PORTAL, second.id, b"anew")
        assert not await tx.intakes.reseal(PORTAL, first.id, b"anew")
        assert await tx.outbox.reseal(PORTAL, waits.id, b"anew")
        assert not await tx.outbox.reseal(PORTAL, ended.id, b"anew")
        (claim,) = await tx.intakes.claim(limit=1, lease=LEASE)
        assert (claim.id, claim.sealed_fields) == (second.id, b"anew")
    assert (await found(store, waits)).message.sealed == b"anew"
