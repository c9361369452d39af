"""The audit trail's order where transactions overtake each other, and its bytes."""

import json
from contextlib import AsyncExitStack

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from reclave.adapters.sql.audit import SqlAudit
from reclave.adapters.sql.store import SqlStore
from tests.contracts.rows import an_entry


async def numbers(store: SqlStore) -> list[int]:
    async with store.reading() as tx:
        return [number for number, _ in await tx.audit.read(after=0, limit=100)]


async def begin(store: SqlStore, stack: AsyncExitStack) -> tuple[AsyncConnection, SqlAudit]:
    connection, now = await stack.enter_async_context(store.database.writing())
    return connection, SqlAudit(connection, now)


@pytest.mark.req("S45")
@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
async def test_an_entry_is_read_when_every_lower_number_is_settled(store: SqlStore) -> None:
    async with AsyncExitStack() as stack:
        first, first_audit = await begin(store, stack)
        second, second_audit = await begin(store, stack)
        third, third_audit = await begin(store, stack)
        await first_audit.add(an_entry())
        await second_audit.add(an_entry())
        await third_audit.add(an_entry())
        await first_audit.add(an_entry())
        await third.commit()
        assert await numbers(store) == []
        await first.commit()
        assert await numbers(store) == [1]
        await second.commit()
        assert await numbers(store) == [1, 2, 3, 4]


@pytest.mark.req("S45")
@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
async def test_a_number_whose_transaction_was_rolled_back_holds_nothing_up(store: SqlStore) -> None:
    async with AsyncExitStack() as stack:
        first, first_audit = await begin(store, stack)
        second, second_audit = await begin(store, stack)
        await first_audit.add(an_entry())
        await second_audit.add(an_entry())
        await second.commit()
        assert await numbers(store) == []
        await first.rollback()
        assert await numbers(store) == [2]


async def test_a_transaction_reads_its_own_entries(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.audit.add(an_entry())
        await tx.audit.add(an_entry())
        assert [number for number, _ in await tx.audit.read(after=0, limit=9)] == [1, 2]


@pytest.mark.req("S45")
async def test_the_bytes_of_an_entry_are_one_line_of_canonical_json(store: SqlStore) -> None:
    async with store.transaction() as tx:
        at = tx.now
        await tx.audit.add(an_entry(client=b"\x00\xff", detail={"z": "ñ «1»", "a": '"\n'}))
        await tx.audit.add(an_entry(account=None, client=b"", reference="", detail={}))
    async with store.reading() as tx:
        (_, full), (_, empty) = await tx.audit.read(after=0, limit=2)
    head = '[1,"pagos","sign_in_succeeded","account-1","00ff","ABCD-EF12"'
    assert full.decode() == head + ',{"a":"\\"\\n","z":"ñ «1»"},' + f"{at}]"
    assert json.loads(empty) == [2, "pagos", "sign_in_succeeded", None, "", "", {}, at]
