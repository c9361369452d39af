"""Every statement but the purge of limits finds its rows by an index."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from reclave.adapters.sql.accounts import by_facts
from reclave.adapters.sql.kept_several import Statement as Numbered
from reclave.adapters.sql.store import SqlStore
from reclave.adapters.sql.tables import intake, outbox
from reclave.domain.audit import Event
from reclave.domain.grants import Purpose, State
from reclave.domain.outbox import LEASE, MessageState, Sent, Template
from reclave.domain.time import HOUR, MINUTE
from tests.contracts.rows import (
    ACCOUNT,
    PORTAL,
    a_case,
    a_grant,
    a_message,
    a_nit,
    a_request,
    a_session,
    an_account,
    an_entry,
    new_id,
)

Statement = tuple[str, Any]


@contextmanager
def watched(engine: Engine) -> Iterator[list[Statement]]:
    """The queries, updates and deletions that the engine's connections execute, with their parameters."""
    seen: list[Statement] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


async def use_accounts_and_grants(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(), [a_nit()])
        await tx.accounts.by_identifier(PORTAL, "nit", "9001234561")
        await tx.accounts.by_address(PORTAL, "tesoreria@empresa.example")
        await tx.accounts.by_identifiers(PORTAL, "nit", ["9001234561", "9001234562"])
        await tx.accounts.by_addresses(PORTAL, ["tesoreria@empresa.example", "nadie@empresa.example"])
        await tx.accounts.get_all(PORTAL, [ACCOUNT, "nobody"], lock=True)
        await tx.accounts.identifiers(PORTAL, ACCOUNT)
        await tx.accounts.identifiers_of_all(PORTAL, [ACCOUNT, "nobody"])
        await tx.accounts.change(an_account(credential_version=2), was=1)
        await tx.accounts.due_addresses(10)
        await tx.accounts.page(PORTAL, after="a", limit=10)
        grant = a_grant(tx.now)
        await tx.grants.issue(grant)
        await tx.grants.recent(PORTAL, ACCOUNT, [Purpose.SET_PASSWORD])
        await tx.grants.newest(PORTAL, [ACCOUNT, "nobody"], [Purpose.SET_PASSWORD, Purpose.REPORT])
        await tx.grants.get_all(PORTAL, [grant.id, new_id()])
        await tx.grants.issue_all([a_grant(tx.now, account="nobody")])
        await tx.grants.opened(PORTAL, grant.id)
        await tx.grants.count_try(PORTAL, grant.id)
        await tx.grants.consume(PORTAL, grant.id, credential_version=1)
        await tx.grants.live_by_key()
        await tx.grants.end_of_key("k1", State.REVOKED, limit=10)
        await tx.grants.end_all(PORTAL, ACCOUNT, State.REVOKED)
        await tx.grants.erase(PORTAL, ACCOUNT)
        await tx.accounts.erase(PORTAL, ACCOUNT)
        await tx.grants.purge(ended_before=tx.now, limit=10)


async def use_mail(store: SqlStore) -> None:
    await store.accept(a_request())
    async with store.transaction() as tx:
        await tx.intakes.take(limit=10, lease=MINUTE)
        await tx.intakes.claim(limit=10, lease=MINUTE)
        await tx.intakes.erase(accepted_before=tx.now)
        await tx.intakes.purge(accepted_before=tx.now, limit=10)
        await tx.intakes.waiting()
        await tx.outbox.add(a_message())
        [message] = await tx.outbox.claim(limit=10, lease=MINUTE)
        await tx.outbox.settle(message, Sent(250, "ok"))
        await tx.outbox.attempts(PORTAL, message.id)
        await tx.outbox.mailed(PORTAL, Template.TEMPORARY_PASSWORD, message.recipient, since=0)
        await tx.outbox.next_due()
        await tx.outbox.pace(PORTAL, since=0, limit=10)
        before = (tx.now, message.id)
        await tx.outbox.listed(limit=10, portal=PORTAL, states={MessageState.FAILED}, before=before)
        await tx.outbox.between(PORTAL, bytes(16), message.id)
        await tx.outbox.to_recipient(PORTAL, message.recipient, limit=10)
        await tx.outbox.requeue(PORTAL, message.id, "<again@pagos.example>")
        await tx.outbox.drop(PORTAL, message.id)
        await tx.outbox.erase(PORTAL, message.id)
        await tx.outbox.purge(ended_before=tx.now - HOUR, cancelled_before=tx.now, limit=10)
        await tx.outbox.purge(ended_before=tx.now + HOUR, limit=10)


async def use_the_rest(store: SqlStore) -> None:
    async with store.transaction() as tx:
        session = a_session(tx.now)
        await tx.sessions.add(session)
        await tx.sessions.of_account(PORTAL, ACCOUNT)
        await tx.sessions.end_all(PORTAL, ACCOUNT, keep=session.digest)
        await tx.sessions.recognise(PORTAL, new_id(), ACCOUNT)
        await tx.sessions.devices(PORTAL, ACCOUNT)
        await tx.sessions.erase(PORTAL, ACCOUNT)
        await tx.sessions.purge(seen_before=tx.now - HOUR, devices_before=tx.now - HOUR)
        await tx.guesses.forgive(PORTAL, new_id())
        await tx.guesses.purge(counted_before=tx.now - HOUR, limit=10)
        await tx.audit.add(an_entry())
        await tx.audit.of_account(PORTAL, ACCOUNT, [Event.SIGN_IN_SUCCEEDED], limit=10)
        await tx.audit.read(after=0, limit=10)
        await tx.audit.entries(after=1, before=9, limit=10, newest=True)
        await tx.audit.last_batch()
        await tx.cases.open(a_case())
        await tx.cases.of_account(PORTAL, ACCOUNT)
        await tx.leases.release("task", b"holder")


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
async def test_every_statement_finds_its_rows_by_an_index(store: SqlStore, writer: Engine) -> None:
    with watched(writer) as seen:
        await use_accounts_and_grants(store)
        await use_mail(store)
        await use_the_rest(store)
    steps = set()
    async with store.database.writing() as (connection, _now):
        for statement, parameters in seen:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple(parameters))
            steps |= {str(row.detail) for row in plan}
    assert len(steps) > 30
    assert "SEARCH outbox USING INDEX outbox_due (state=? AND bulk=? AND due_at<?)" in steps
    assert "SEARCH outbox USING INDEX outbox_by_portal (portal=? AND bulk=? AND created_at>?)" in steps
    reads = {step for step in steps if step.startswith(("SCAN", "SEARCH"))}
    without_index = {step for step in reads if " USING " not in step}
    # What another step found, a SELECT without a table, and the highest number of the audit trail.
    named = {re.sub(r"few.*|\(subquery.*", "few", step) for step in without_index}
    assert named == {"SCAN few", "SCAN CONSTANT ROW", "SEARCH audit"}


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
async def test_workers_claim_by_an_index_in_its_order_however_much_waits(store: SqlStore, writer: Engine) -> None:
    await store.accept(a_request())
    async with store.transaction() as tx:
        await tx.outbox.add(a_message())
    async with store.database.writing() as (connection, _):
        for table, moved in ((outbox, "due_at"), (intake, "accepted_at")):
            given = {"id": "decode('f0' || lpad(to_hex(n), 30, '0'), 'hex')", moved: f"{moved} - n"}
            names = [column.name for column in table.columns]
            values = ", ".join(given.get(name, name) for name in names)
            rows = f"SELECT {values} FROM {table.name}, generate_series(1, 3000) n"  # noqa: S608 - the tables' own names
            await connection.exec_driver_sql(f"INSERT INTO {table.name} ({', '.join(names)}) {rows}")
            await connection.exec_driver_sql(f"ANALYZE {table.name}")
    with watched(writer) as seen:
        async with store.transaction() as tx:
            await tx.outbox.claim(limit=8, lease=LEASE)
            await tx.intakes.claim(limit=8, lease=MINUTE)
    claims = [each for each in seen if "SKIP LOCKED" in each[0]]
    assert len(claims) == 2
    for (statement, parameters), index in zip(claims, ("outbox_due", "intake_unresolved"), strict=True):
        async with store.database.writing() as (connection, _):
            plan = [str(row[0]) for row in await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)]
        assert any("LockRows" in line for line in plan)
        read = [line.partition(" on ")[0].split("->")[-1].strip() for line in plan if " Scan" in line]
        by_index = {each for each in read if "CTE" not in each and "Subquery" not in each}
        assert f"Index Scan using {index}" in by_index
        assert all(each.startswith("Index Scan using") for each in by_index)


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
@pytest.mark.parametrize("planned", ["force_custom_plan", "force_generic_plan"])
async def test_who_is_known_by_facts_is_found_without_going_through_who_shares_one_of_them(
    store: SqlStore, planned: str
) -> None:
    known = {"classification": "expert", "identification": "XA7"}
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(), (), known)
    async with store.database.writing() as (connection, _):
        others = "SELECT portal, id || n, status, credential_version, address_provenance, password_blocked, 0, 0"
        columns = "portal, id, status, credential_version, address_provenance, password_blocked, created_at, changed_at"
        every = f"INSERT INTO account ({columns}) {others} FROM account, generate_series(1, 3000) n"
        await connection.exec_driver_sql(every)
        for fact in ("'classification', 'expert'", "'identification', 'XB' || id"):
            of_others = f"SELECT portal, id, {fact} FROM account WHERE id <> '{ACCOUNT}'"  # noqa: S608 - our own words
            await connection.exec_driver_sql(f"INSERT INTO account_fact (portal, account, field, value) {of_others}")
        await connection.exec_driver_sql("ANALYZE account, account_fact")
        query, given = by_facts(PORTAL, known)
        looked_up = Numbered(query)
        await connection.exec_driver_sql(f"SET LOCAL plan_cache_mode = {planned}")
        await connection.exec_driver_sql(f"PREPARE look AS {looked_up.text}")
        written = ", ".join(repr(value) for value in looked_up.values({**given, "param_1": 50}))
        plan = await connection.scalar(text(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE look({written})"))
        await connection.exec_driver_sql("DEALLOCATE look")
    assert rows_read(plan[0]["Plan"]) < 20


def rows_read(node: Mapping[str, Any]) -> int:
    """How many rows a plan's steps have read or thrown away."""
    read = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    return int(read) + sum(rows_read(each) for each in node.get("Plans", ()))
