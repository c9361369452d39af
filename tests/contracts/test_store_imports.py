from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as replace_struct

from reclave.domain.accounts import AccountIdentifier, Status
from reclave.domain.addresses import Address
from reclave.domain.grants import Purpose, State
from reclave.domain.time import HOUR
from reclave.ports.imports import IdentifierTaken, Known, NewAccount, Run
from reclave.ports.store import Store
from tests.contracts.rows import ELSEWHERE, PORTAL, a_grant, an_account, new_id, now

ROW = bytes(range(32))


def a_new_account(number: int, **given: Any) -> NewAccount:
    made: dict[str, Any] = {
        "portal": PORTAL,
        "id": f"account-{number}",
        "status": Status.ACTIVE,
        "address": Address("Maria@empresa.example", "maria@empresa.example"),
        "password_hash": "k1:$argon2id$",
        "language": "es",
        "at": 7,
        "field": "nit",
        "value": f"90012345{number:02}",
        "facts": {},
        "row": ROW,
    }
    return NewAccount(**{**made, **given})


async def add(store: Store, *rows: NewAccount) -> None:
    async with store.transaction() as tx:
        await tx.imports.add(rows)


async def test_accounts_that_are_added_together_are_there_with_all_that_belongs_to_them(store: Store) -> None:
    grant = a_grant(await now(store), account="account-1", purpose=Purpose.ACTIVATE)
    plain = a_new_account(2, address=None, password_hash=None, language=None, status=Status.AWAITING_FIRST_SIGN_IN)
    facts = {"classification": "employee", "identification": "3059999031"}
    full = a_new_account(1, facts=facts, grant=grant)
    await add(store, full, plain)
    async with store.reading() as tx:
        assert await tx.accounts.by_identifier(PORTAL, "nit", "9001234501") == full.account()
        assert await tx.accounts.get(PORTAL, "account-2") == plain.account()
        assert await tx.accounts.facts(PORTAL, "account-1") == facts
        assert await tx.accounts.facts(PORTAL, "account-2") == {}
        assert await tx.grants.get(PORTAL, grant.id) == grant


async def test_what_an_identifier_names_is_known_with_the_digest_of_its_row(store: Store) -> None:
    await add(store, a_new_account(1))
    async with store.transaction() as tx:
        waits = an_account("account-2", status=Status.AWAITING_FIRST_SIGN_IN, password_hash=None)
        await tx.accounts.add(waits, [AccountIdentifier("nit", "9001234502")])
        assert await tx.accounts.change(an_account("account-1", credential_version=4), was=1)
    async with store.reading() as tx:
        asked = ["9001234501", "9001234502", "9001234503"]
        assert await tx.imports.known(PORTAL, "nit", asked) == {
            "9001234501": Known("account-1", waits=False, row=ROW, imported_version=1),
            "9001234502": Known("account-2", waits=True),
        }
        assert await tx.imports.known(ELSEWHERE, "nit", asked) == {}
        assert await tx.imports.known(PORTAL, "user_name", asked) == {}


async def test_an_identifier_that_is_taken_stops_the_whole_chunk(store: Store) -> None:
    await add(store, a_new_account(1))
    again = a_new_account(1, id="account-9")
    with pytest.raises(IdentifierTaken):
        await add(store, a_new_account(2), again)
    async with store.reading() as tx:
        assert list(await tx.imports.known(PORTAL, "nit", ["9001234501", "9001234502"])) == ["9001234501"]
        assert await tx.accounts.get(PORTAL, "account-2") is None


async def test_a_row_that_was_imported_again_is_remembered_anew(store: Store) -> None:
    await add(store, a_new_account(1, facts={"classification": "employee", "company_ruc": "1799000012001"}))
    async with store.transaction() as tx:
        await tx.imports.imported(PORTAL, "account-1", b"another digest", 1)
        await tx.imports.put_facts(PORTAL, "account-1", {"classification": "assistant", "document": "XA1234567"})
    async with store.reading() as tx:
        assert (await tx.imports.known(PORTAL, "nit", ["9001234501"]))["9001234501"].row == b"another digest"
        assert await tx.accounts.facts(PORTAL, "account-1") == {
            "classification": "assistant",
            "company_ruc": "1799000012001",
            "document": "XA1234567",
        }


async def test_invitations_are_the_live_grants_that_activate(store: Store) -> None:
    at = await now(store)
    grants = {
        number: a_grant(at, account=f"account-{number}", purpose=Purpose.ACTIVATE, id=new_id()) for number in (1, 2)
    }
    lapsed = a_grant(at, account="account-3", purpose=Purpose.ACTIVATE, expires_at=at - HOUR)
    other = a_grant(at, account="account-4")
    rows = [a_new_account(number, grant=grant) for number, grant in grants.items()]
    await add(store, *rows, a_new_account(3, grant=lapsed), a_new_account(4, grant=other), a_new_account(5))
    async with store.transaction() as tx:
        await tx.grants.end(PORTAL, grants[2].id, State.REVOKED)
    async with store.reading() as tx:
        asked = [f"account-{number}" for number in range(1, 6)]
        assert await tx.imports.invitations(PORTAL, asked) == {"account-1": grants[1]}


async def test_a_run_says_how_far_it_has_come_and_begins_anew_only_when_it_was_finished(store: Store) -> None:
    run = Run(portal=PORTAL, file=b"digest of the file", lines=500, tallies={"added": "498", "refused": "2"})
    async with store.transaction() as tx:
        assert await tx.imports.run(PORTAL, run.file) is None
        await tx.imports.put_run(run)
    async with store.transaction() as tx:
        first = await tx.imports.run(PORTAL, run.file)
        await tx.imports.put_run(replace(run, lines=1_000))
    assert first is not None
    assert replace(first, started_at=0, changed_at=0) == run
    assert first.started_at > 0
    async with store.transaction() as tx:
        second = await tx.imports.run(PORTAL, run.file)
        await tx.imports.put_run(replace(run, lines=1_200), finished=True)
    assert second is not None
    assert (second.lines, second.started_at, second.finished_at) == (1_000, first.started_at, None)
    async with store.reading() as tx:
        third = await tx.imports.run(PORTAL, run.file)
        assert await tx.imports.run(ELSEWHERE, run.file) is None
    assert third is not None
    assert third.finished_at == third.changed_at


async def test_clearing_up_behind_what_was_written_loses_nothing(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.imports.begin()
    for number in range(3):
        await add(store, a_new_account(number))
        async with store.reading() as tx:
            await tx.imports.clear_up()
    async with store.reading() as tx:
        assert len(await tx.imports.known(PORTAL, "nit", [f"90012345{number:02}" for number in range(3)])) == 3


async def test_the_planner_may_be_told_what_there_is_while_others_write(store: Store) -> None:
    await add(store, a_new_account(1))
    async with store.reading() as tx:
        await tx.imports.take_stock()
        await tx.imports.take_stock()
    async with store.reading() as tx:
        assert list(await tx.imports.known(PORTAL, "nit", ["9001234501"])) == ["9001234501"]


async def test_hashes_that_wait_sealed_are_found_one_after_the_other_by_portal_and_account(store: Store) -> None:
    sealed = [replace_struct(a_new_account(n), password_hash=f"sealed:k{n % 2}:sha1;$") for n in (3, 1, 2)]
    elsewhere = replace_struct(a_new_account(0), portal=ELSEWHERE, password_hash="sealed:k0:sha1;$")
    await add(store, *sealed, elsewhere, a_new_account(4))
    async with store.reading() as tx:
        everyone = await tx.imports.sealed(limit=9)
        named = [(each.portal, each.id) for each in everyone]
        assert named == sorted([*((PORTAL, f"account-{n}") for n in (1, 2, 3)), (ELSEWHERE, "account-0")])
        assert await tx.imports.sealed(limit=2, after=named[0]) == everyone[1:3]
        assert await tx.imports.sealed(limit=9, key_id="k1", after=(PORTAL, "account-1")) == [
            each for each in everyone if (each.portal, each.id) == (PORTAL, "account-3")
        ]
