from dataclasses import replace

import pytest

from reclave.domain.sessions import SessionKind
from reclave.domain.time import DAY, HOUR, MINUTE
from reclave.ports.store import Store
from tests.contracts.rows import ACCOUNT, ELSEWHERE, PORTAL, a_session, new_id, now
from tests.stores import Clock


async def test_a_session_comes_back_as_it_was_written(store: Store) -> None:
    at = await now(store)
    full = a_session(at, kind=SessionKind.CHANGE_ONLY, credential_version=3, grant=new_id())
    bare = a_session(at, device="", client=b"")
    async with store.transaction() as tx:
        await tx.sessions.add(full)
        await tx.sessions.add(bare)
    async with store.reading() as tx:
        assert await tx.sessions.get(PORTAL, full.digest) == full
        assert await tx.sessions.get(PORTAL, bare.digest) == bare
        assert await tx.sessions.get(PORTAL, new_id(32)) is None


async def test_touching_a_session_records_when_it_was_last_seen(store: Store, clock: Clock) -> None:
    at = await now(store)
    session, other = a_session(at), a_session(at)
    async with store.transaction() as tx:
        await tx.sessions.add(session)
        await tx.sessions.add(other)
    clock.move(MINUTE)
    async with store.transaction() as tx:
        seen_at = tx.now
        await tx.sessions.touch(PORTAL, session.digest)
        await tx.sessions.touch(PORTAL, new_id(32))
    async with store.reading() as tx:
        assert await tx.sessions.get(PORTAL, session.digest) == replace(session, last_seen_at=seen_at)
        assert await tx.sessions.get(PORTAL, other.digest) == other


async def test_an_account_sees_its_sessions_newest_use_first(store: Store) -> None:
    at = await now(store)
    old, new, middle = (a_session(at - HOUR, last_seen_at=at - ago) for ago in (3, 1, 2))
    async with store.transaction() as tx:
        for session in (
            old,
            new,
            middle,
            a_session(at, account="account-2"),
            a_session(at, portal=ELSEWHERE),
        ):
            await tx.sessions.add(session)
    async with store.reading() as tx:
        assert await tx.sessions.of_account(PORTAL, ACCOUNT) == [new, middle, old]
        assert await tx.sessions.of_account(PORTAL, "account-3") == []


async def test_a_session_ends_once(store: Store) -> None:
    session = a_session(await now(store))
    async with store.transaction() as tx:
        await tx.sessions.add(session)
    async with store.transaction() as tx:
        assert await tx.sessions.end(PORTAL, session.digest)
        assert not await tx.sessions.end(PORTAL, session.digest)
        assert await tx.sessions.get(PORTAL, session.digest) is None


@pytest.mark.req("S21", "S29")
async def test_all_sessions_of_an_account_end_but_the_one_that_is_kept(store: Store) -> None:
    at = await now(store)
    mine = [a_session(at) for _ in range(4)]
    others = [a_session(at, account="account-2"), a_session(at, portal=ELSEWHERE)]
    async with store.transaction() as tx:
        for session in [*mine, *others]:
            await tx.sessions.add(session)
    async with store.transaction() as tx:
        assert await tx.sessions.end_all(PORTAL, ACCOUNT, keep=mine[2].digest) == 3
        assert await tx.sessions.of_account(PORTAL, ACCOUNT) == [mine[2]]
        assert await tx.sessions.end_all(PORTAL, ACCOUNT) == 1
        assert await tx.sessions.end_all(PORTAL, ACCOUNT) == 0
        assert await tx.sessions.get(PORTAL, others[0].digest) == others[0]
        assert await tx.sessions.get(ELSEWHERE, others[1].digest) == others[1]


@pytest.mark.req("S11")
async def test_the_same_digest_in_another_portal_is_another_session(store: Store) -> None:
    here = a_session(await now(store))
    there = replace(here, portal=ELSEWHERE, account="account-2")
    async with store.transaction() as tx:
        await tx.sessions.add(here)
        await tx.sessions.add(there)
        assert await tx.sessions.end(PORTAL, here.digest)
        assert await tx.sessions.get(ELSEWHERE, here.digest) == there
        assert await tx.sessions.get("compras", here.digest) is None


@pytest.mark.req("S11")
async def test_a_device_is_recognised_for_the_account_that_signed_in_on_it(store: Store) -> None:
    device = new_id(32)
    async with store.transaction() as tx:
        assert not await tx.sessions.recognised(PORTAL, device, ACCOUNT)
        await tx.sessions.recognise(PORTAL, device, ACCOUNT)
        await tx.sessions.recognise(PORTAL, device, ACCOUNT)
        await tx.sessions.recognise(PORTAL, device, "account-2")
    async with store.reading() as tx:
        assert await tx.sessions.recognised(PORTAL, device, ACCOUNT)
        assert await tx.sessions.recognised(PORTAL, device, "account-2")
        assert not await tx.sessions.recognised(PORTAL, device, "account-3")
        assert not await tx.sessions.recognised(PORTAL, new_id(32), ACCOUNT)
        assert not await tx.sessions.recognised(ELSEWHERE, device, ACCOUNT)


@pytest.mark.req("S50")
async def test_the_purge_deletes_unseen_sessions_and_unused_devices(store: Store, clock: Clock) -> None:
    at = await now(store)
    unseen, seen = a_session(at), a_session(at)
    unused, used = new_id(32), new_id(32)
    async with store.transaction() as tx:
        await tx.sessions.add(unseen)
        await tx.sessions.add(seen)
        for device in (unused, used):
            await tx.sessions.recognise(PORTAL, device, ACCOUNT)
    clock.move(DAY)
    async with store.transaction() as tx:
        await tx.sessions.touch(PORTAL, seen.digest)
        await tx.sessions.recognise(PORTAL, used, ACCOUNT)
    async with store.transaction() as tx:
        assert await tx.sessions.purge(seen_before=at, devices_before=at) == 0
        assert await tx.sessions.purge(seen_before=tx.now - HOUR, devices_before=at) == 1
        assert await tx.sessions.purge(seen_before=at, devices_before=tx.now - HOUR) == 1
        assert await tx.sessions.get(PORTAL, unseen.digest) is None
        assert await tx.sessions.get(PORTAL, seen.digest) is not None
        assert not await tx.sessions.recognised(PORTAL, unused, ACCOUNT)
        assert await tx.sessions.recognised(PORTAL, used, ACCOUNT)
