import asyncio
from dataclasses import replace

import pytest

from reclave.domain.accounts import AccountIdentifier, Provenance, Status
from reclave.domain.time import DAY, SECOND
from reclave.ports.store import Store
from tests.contracts.rows import ACCOUNT, ELSEWHERE, PORTAL, a_nit, an_account, now
from tests.stores import OpenAnother


async def test_an_account_comes_back_as_it_was_added(store: Store) -> None:
    at = await now(store)
    full = an_account(
        status=Status.AWAITING_FIRST_SIGN_IN,
        credential_version=7,
        next_address="Nueva@empresa.example",
        next_address_canonical="nueva@empresa.example",
        next_address_at=at + DAY,
        password_blocked=True,
        created_at=at - DAY,
        changed_at=at - SECOND,
    )
    bare = an_account(
        "account-2",
        status=Status.PENDING,
        address=None,
        address_canonical=None,
        address_provenance=None,
        password_hash=None,
        language=None,
    )
    async with store.transaction() as tx:
        assert await tx.accounts.add(full, [a_nit()])
        assert await tx.accounts.add(bare, [])
    async with store.reading() as tx:
        assert await tx.accounts.get(PORTAL, ACCOUNT) == full
        assert await tx.accounts.get(PORTAL, "account-2") == bare


async def test_an_account_is_found_by_each_of_its_identifiers(store: Store) -> None:
    user_name = AccountIdentifier("user_name", "tesoreria")
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(), [user_name, a_nit()])
    async with store.reading() as tx:
        assert await tx.accounts.by_identifier(PORTAL, "nit", "9001234561") == an_account()
        assert await tx.accounts.by_identifier(PORTAL, "user_name", "tesoreria") == an_account()
        assert await tx.accounts.identifiers(PORTAL, ACCOUNT) == [a_nit(), user_name]


async def test_what_nobody_registered_is_not_found(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(), [a_nit()])
        assert await tx.accounts.get(PORTAL, "account-2") is None
        assert await tx.accounts.by_identifier(PORTAL, "nit", "900123456") is None
        assert await tx.accounts.by_identifier(PORTAL, "user_name", "9001234561") is None
        assert await tx.accounts.by_address(PORTAL, "otra@empresa.example") == []
        assert await tx.accounts.identifiers(PORTAL, "account-2") == []


@pytest.mark.statement("A9", "A10")
async def test_facts_lead_to_every_account_of_which_all_of_them_are_known(store: Store) -> None:
    company = {"company_ruc": "1799000012001"}
    async with store.transaction() as tx:
        await tx.accounts.add(an_account("b"), [AccountIdentifier("user_id", "b")], {**company, "identification": "2"})
        await tx.accounts.add(an_account("a"), [AccountIdentifier("user_id", "a")], {**company, "identification": "1"})
        await tx.accounts.add(an_account("c"), [AccountIdentifier("user_id", "c")])
        assert [one.id for one in await tx.accounts.by_facts(PORTAL, company)] == ["a", "b"]
        assert [one.id for one in await tx.accounts.by_facts(PORTAL, {**company, "identification": "2"})] == ["b"]
        assert await tx.accounts.by_facts(PORTAL, {**company, "identification": "3"}) == []
        assert await tx.accounts.by_facts(PORTAL, {"identification": "1799000012001"}) == []
        assert await tx.accounts.by_facts(ELSEWHERE, company) == []
        assert await tx.accounts.facts(PORTAL, "a") == {**company, "identification": "1"}
        known = {"a": {**company, "identification": "1"}, "b": {**company, "identification": "2"}}
        assert await tx.accounts.facts_of_all(PORTAL, ["a", "b", "c", "nobody"]) == known
        assert await tx.accounts.facts_of_all(ELSEWHERE, ["a"]) == {}
        assert await tx.accounts.facts(PORTAL, "c") == await tx.accounts.facts(ELSEWHERE, "a") == {}


async def test_a_refused_account_leaves_no_facts(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(), [a_nit()])
        assert not await tx.accounts.add(an_account("account-2"), [a_nit()], {"identification": "1"})
        assert await tx.accounts.by_facts(PORTAL, {"identification": "1"}) == []


async def test_facts_lead_to_fifty_accounts_at_most(store: Store) -> None:
    async with store.transaction() as tx:
        for number in range(53):
            await tx.accounts.add(an_account(f"account-{number:02}"), [], {"company_ruc": "1"})
        found = await tx.accounts.by_facts(PORTAL, {"company_ruc": "1"})
    assert [one.id for one in found] == [f"account-{number:02}" for number in range(50)]


async def test_an_identifier_that_another_account_has_is_refused_with_its_account(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(), [a_nit()])
    async with store.transaction() as tx:
        assert not await tx.accounts.add(an_account("account-2"), [a_nit("8001234561"), a_nit()])
    async with store.reading() as tx:
        assert await tx.accounts.get(PORTAL, "account-2") is None
        assert await tx.accounts.by_identifier(PORTAL, "nit", "8001234561") is None
        assert await tx.accounts.by_identifier(PORTAL, "nit", "9001234561") == an_account()


async def test_an_account_whose_id_exists_is_refused_with_its_identifiers(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(), [a_nit()])
        assert not await tx.accounts.add(an_account(language="pt"), [a_nit("8001234561")])
    async with store.reading() as tx:
        assert await tx.accounts.get(PORTAL, ACCOUNT) == an_account()
        assert await tx.accounts.by_identifier(PORTAL, "nit", "8001234561") is None


async def test_a_refused_account_does_not_spoil_its_transaction(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(), [a_nit()])
        assert not await tx.accounts.add(an_account("account-2"), [a_nit()])
        assert await tx.accounts.add(an_account("account-3"), [a_nit("8001234561")])
    async with store.reading() as tx:
        assert await tx.accounts.get(PORTAL, "account-3") == an_account("account-3")


async def test_of_fifty_concurrent_registrations_of_one_identifier_one_wins(store: Store) -> None:
    async def register(number: int) -> bool:
        async with store.transaction() as tx:
            return await tx.accounts.add(an_account(f"account-{number}"), [a_nit()])

    assert sum(await asyncio.gather(*map(register, range(50)))) == 1


@pytest.mark.req("S11")
async def test_the_same_id_identifier_and_address_in_another_portal_are_another_account(store: Store) -> None:
    here, there = an_account(), an_account(portal=ELSEWHERE, language="pt")
    async with store.transaction() as tx:
        assert await tx.accounts.add(here, [a_nit()])
        assert await tx.accounts.add(there, [a_nit()])
        changed = replace(here, credential_version=2, language="en")
        assert await tx.accounts.change(changed, was=1)
    async with store.reading() as tx:
        assert await tx.accounts.get(ELSEWHERE, ACCOUNT) == there
        assert await tx.accounts.by_identifier(PORTAL, "nit", "9001234561") == changed
        assert await tx.accounts.by_identifier(ELSEWHERE, "nit", "9001234561") == there
        assert await tx.accounts.by_address(ELSEWHERE, "tesoreria@empresa.example") == [there]
        assert await tx.accounts.by_address("compras", "tesoreria@empresa.example") == []


async def test_an_address_leads_to_all_of_its_accounts_in_the_order_of_their_ids(store: Store) -> None:
    ids = ["account-3", "account-1", "account-2"]
    async with store.transaction() as tx:
        for number, account in enumerate(ids):
            await tx.accounts.add(an_account(account), [a_nit(str(number))])
        await tx.accounts.add(an_account("account-4", address_canonical="otra@empresa.example"), [])
        await tx.accounts.add(an_account("account-5", status=Status.PENDING, address_provenance=Provenance.PENDING), [])
    async with store.reading() as tx:
        found = await tx.accounts.by_address(PORTAL, "tesoreria@empresa.example")
    assert [account.id for account in found] == ["account-1", "account-2", "account-3", "account-5"]


@pytest.mark.req("S34")
@pytest.mark.parametrize(
    "typed", ["Tesoreria@empresa.example", "tesorería@empresa.example", "TESORERIA@EMPRESA.EXAMPLE"]
)
async def test_an_address_or_identifier_in_another_spelling_matches_nothing(store: Store, typed: str) -> None:
    async with store.transaction() as tx:
        name = AccountIdentifier("user_name", "tesoreria@empresa.example")
        await tx.accounts.add(an_account(), [name])
        assert await tx.accounts.by_address(PORTAL, typed) == []
        assert await tx.accounts.by_identifier(PORTAL, "user_name", typed) is None


async def test_an_address_leads_to_fifty_accounts_at_most(store: Store) -> None:
    async with store.transaction() as tx:
        for number in range(60):
            await tx.accounts.add(an_account(f"account-{number:02}"), [])
    async with store.reading() as tx:
        found = await tx.accounts.by_address(PORTAL, "tesoreria@empresa.example")
    assert [account.id for account in found] == [f"account-{number:02}" for number in range(50)]


async def test_a_change_writes_the_whole_account(store: Store) -> None:
    at = await now(store)
    changed = an_account(
        status=Status.DISABLED,
        credential_version=2,
        address=None,
        address_canonical=None,
        address_provenance=None,
        next_address="Nueva@empresa.example",
        next_address_canonical="nueva@empresa.example",
        next_address_at=at,
        password_hash=None,
        password_blocked=True,
        language="en",
        created_at=at - DAY,
        changed_at=at,
    )
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(), [a_nit()])
    async with store.transaction() as tx:
        assert await tx.accounts.change(changed, was=1)
        assert await tx.accounts.get(PORTAL, ACCOUNT) == changed
    async with store.reading() as tx:
        assert await tx.accounts.by_identifier(PORTAL, "nit", "9001234561") == changed


async def test_a_change_loses_to_a_newer_version(store: Store) -> None:
    newer = an_account(credential_version=2, password_hash="$argon2id$two")
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(), [])
        assert await tx.accounts.change(newer, was=1)
    async with store.transaction() as tx:
        late = an_account(credential_version=2, password_hash="$argon2id$late")
        assert not await tx.accounts.change(late, was=1)
        assert not await tx.accounts.change(an_account("account-2"), was=1)
    async with store.reading() as tx:
        assert await tx.accounts.get(PORTAL, ACCOUNT) == newer
        assert await tx.accounts.get(PORTAL, "account-2") is None


async def test_fifty_concurrent_changes_under_a_lock_lose_none(store: Store, open_another: OpenAnother) -> None:
    stores = [store, await open_another()]
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(), [])

    async def change(number: int) -> bool:
        async with stores[number % 2].transaction() as tx:
            there = await tx.accounts.get(PORTAL, ACCOUNT, lock=True)
            assert there is not None
            version = there.credential_version
            return await tx.accounts.change(replace(there, credential_version=version + 1), was=version)

    assert all(await asyncio.gather(*map(change, range(50))))
    async with store.reading() as tx:
        assert await tx.accounts.get(PORTAL, ACCOUNT) == an_account(credential_version=51)


async def test_fifty_concurrent_changes_without_a_lock_lose_none_that_was_answered(
    store: Store, open_another: OpenAnother
) -> None:
    stores = [store, await open_another()]
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(), [])

    async def change(number: int) -> bool:
        async with stores[number % 2].transaction() as tx:
            there = await tx.accounts.get(PORTAL, ACCOUNT)
            assert there is not None
            version = there.credential_version
            return await tx.accounts.change(replace(there, credential_version=version + 1), was=version)

    changes = sum(await asyncio.gather(*map(change, range(50))))
    assert changes >= 1
    async with store.reading() as tx:
        assert await tx.accounts.get(PORTAL, ACCOUNT) == an_account(credential_version=1 + changes)


async def test_an_address_is_due_once_its_waiting_time_is_over(store: Store) -> None:
    async with store.transaction() as tx:
        due = an_account("due", next_address_at=tx.now)
        await tx.accounts.add(due, [])
        await tx.accounts.add(an_account("waits", next_address_at=tx.now + SECOND), [])
        await tx.accounts.add(an_account("settled"), [])
        assert await tx.accounts.due_addresses(10) == [due]


@pytest.mark.req("I5")
async def test_concurrent_workers_take_each_due_address_once(store: Store) -> None:
    async with store.transaction() as tx:
        for number in range(20):
            await tx.accounts.add(an_account(f"account-{number}", next_address_at=tx.now), [])

    async def work() -> list[str]:
        done: list[str] = []
        while True:
            async with store.transaction() as tx:
                due = await tx.accounts.due_addresses(3)
                assert len(due) <= 3
                for each in due:
                    assert await tx.accounts.change(replace(each, next_address_at=None), was=1)
            if not due:
                return done
            done += [each.id for each in due]

    done = [account for worker in await asyncio.gather(*(work() for _ in range(4))) for account in worker]
    assert len(done) == len(set(done)) <= 20
    async with store.transaction() as tx:
        left = await tx.accounts.due_addresses(20)
    assert len(done) + len(left) == 20
