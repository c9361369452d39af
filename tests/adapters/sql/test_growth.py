"""The planner hears of tables that have grown, so that no statement goes on reading all that is there."""

import json
from typing import Any

import pytest

from reclave.adapters.sql.engine import PostgresqlDatabase
from reclave.adapters.sql.growth import note_growth
from reclave.adapters.sql.store import SqlStore
from tests.contracts.rows import a_grant

pytestmark = pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
_FIND = "SELECT * FROM recovery_grant WHERE portal = $1 AND id = $2"
_FILL = (
    "INSERT INTO recovery_grant SELECT portal, decode(md5(id::text || n), 'hex'), md5(account || n), purpose,"
    " presentation, state, credential_version, key_id, issued_at, expires_at, requested_at, opened_at, ended_at,"
    " reference, tries, context, sealed FROM recovery_grant, generate_series(1, 2000) n"
)


async def noted(database: PostgresqlDatabase) -> list[str]:
    """Every table of which the planner is told, one after the other."""
    tables: list[str] = []
    while (table := await note_growth(database)) is not None:
        tables.append(table)
    return tables


async def test_a_table_that_has_more_than_doubled_is_told_of_once(store: SqlStore) -> None:
    assert isinstance(store.database, PostgresqlDatabase)
    assert await noted(store.database) == []
    async with store.transaction() as tx:
        await tx.grants.issue(a_grant(tx.now))
    assert await noted(store.database) == []
    async with store.database.writing() as (connection, _now):
        await connection.exec_driver_sql(_FILL)
    assert await noted(store.database) == ["recovery_grant"]


async def test_a_plan_that_was_made_while_the_table_was_empty_is_made_anew(store: SqlStore) -> None:
    assert isinstance(store.database, PostgresqlDatabase)
    async with store.transaction() as tx:
        await tx.grants.issue(a_grant(tx.now))
    async with store.database.writing() as (connection, _now):
        await connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.exec_driver_sql(f"PREPARE found (text, bytea) AS {_FIND}")
        before = await _plan(connection)
        await connection.exec_driver_sql(_FILL)
        assert await _plan(connection) == before
        await connection.commit()
        await noted(store.database)
        after = await _plan(connection)
    assert after != before
    assert after["Index Name"] == "recovery_grant_pkey"


async def _plan(connection: Any) -> dict[str, Any]:
    (row,) = await connection.exec_driver_sql("EXPLAIN (FORMAT JSON) EXECUTE found ('pagos', '')")
    plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return {name: plan[0]["Plan"].get(name) for name in ("Node Type", "Index Name", "Plan Rows", "Total Cost")}
