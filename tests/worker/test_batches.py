"""A batch costs what one request costs, and leaves what its requests would leave one after another."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from reclave.adapters.sql.engine import PostgresqlDatabase, SqliteDatabase
from reclave.adapters.sql.store import SqlStore
from reclave.domain.audit import Event
from reclave.domain.intake import Outcome
from reclave.domain.time import MINUTE
from reclave.ports.store import Store
from reclave.worker import resolver
from tests.worker.post_office import (
    DISABLED,
    NOBODY,
    ONE,
    PENDING,
    TWO,
    HeldMailer,
    queue_letters,
    send_once,
    trail,
    waiting_messages,
    worker_with,
)
from tests.world import World


async def resolve_each(world: World) -> None:
    """Resolve all that waits, each in a transaction of its own."""
    await resolver._resolve_singly(world.services, lambda: True)


async def resolve_all(world: World) -> None:
    """Resolve all that waits in one transaction."""
    await resolver._resolve_together(world.services)


async def ask_for(world: World, *addresses: str) -> None:
    for address in addresses:
        await world.person().ask(address)
        world.wait(3 * MINUTE)


@pytest.mark.req("I1", "I2", "I5")
@pytest.mark.parametrize("resolve", [resolve_each, resolve_all])
async def test_requests_of_one_batch_leave_what_they_would_leave_one_after_another(
    world: World, store: Store, resolve: Any
) -> None:
    before = len(await trail(store))
    await ask_for(world, ONE, NOBODY, TWO, ONE, TWO, PENDING, DISABLED, ONE)
    await resolve(world)
    outcomes = [entry.detail["outcome"] for entry in await trail(store, Event.RECOVERY_RESOLVED)]
    no, sent = Outcome.NO_MATCH, Outcome.SENT
    assert outcomes == [sent, no, sent, sent, sent, no, no, sent]
    entries = (await trail(store))[before:]
    assert Counter((entry.event, entry.detail.get("purpose", "")) for entry in entries) == {
        (Event.GRANT_ISSUED, "set_password"): 3,
        (Event.GRANT_ISSUED, "report"): 2,
        (Event.GRANT_RESENT, "set_password"): 4,
        (Event.RECOVERY_RESOLVED, ""): 8,
    }
    mails = [message.grants for message in await waiting_messages(store) if message.needs_grant and message.grants]
    assert sorted(Counter(mails).values()) == [2, 3]
    async with store.reading() as tx:
        grants = [await tx.grants.get("pagos", each) for message in mails for each in message]
    assert all(grant is not None and grant.requested_at > grant.issued_at - 60 * MINUTE for grant in grants)


@contextmanager
def counted(store: SqlStore) -> Iterator[list[str]]:
    """The statements that a store executes."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    engines = [engine.sync_engine for engine in _engines(store)]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
        event.listen(engine, "savepoint", lambda *_: seen.append("SAVEPOINT"))
        event.listen(engine, "rollback_savepoint", lambda *_: seen.append("ROLLBACK TO SAVEPOINT"))
    yield seen
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


def _engines(store: SqlStore) -> list[Any]:
    database = store.database
    if isinstance(database, PostgresqlDatabase):
        return [database._engine]
    assert isinstance(database, SqliteDatabase)
    return [database._writer, database._readers]


async def statements(world: World, store: SqlStore, work: Any) -> int:
    with counted(store) as seen:
        await work(world)
    return len(seen)


@pytest.mark.req("S1")
@pytest.mark.parametrize("open_another", ["sqlite", "postgresql"], indirect=True)
async def test_a_request_takes_as_many_statements_for_known_and_unknown_and_thirty_take_no_more(
    world: World, store: Store
) -> None:
    assert isinstance(store, SqlStore)
    taken = {}
    for address in (ONE, TWO, NOBODY, PENDING):
        await ask_for(world, address)
        taken[address] = await statements(world, store, resolve_all)
    await ask_for(world, *(f"nadie{number}@nada.example" for number in range(30)))
    taken["thirty"] = await statements(world, store, resolve_all)
    assert len(set(taken.values())) == 1, taken
    assert taken[ONE] <= 15


@pytest.mark.req("S1")
@pytest.mark.parametrize("open_another", ["sqlite", "postgresql"], indirect=True)
async def test_what_is_known_of_the_people_of_a_batch_takes_as_many_statements_for_known_unknown_and_thirty(
    world: World, store: Store
) -> None:
    assert isinstance(store, SqlStore)
    await world.seed("aduana")
    known = {"user_id": "mlopez", "identification": "3059999015", "email": "maria.lopez@correo.example"}
    another = {"user_id": "perito9", "identification": "XA1234567", "email": "perito@correo.example"}
    asked = {
        "known": [known],
        "no such user name": [{**known, "user_id": "nadie"}],
        "another's identification": [{**known, "identification": "3059999023"}],
        "another's address": [{**known, "email": another["email"]}],
        "thirty": [{**known, "user_id": f"nadie{number}"} for number in range(30)],
        "two that are known": [known, another],
    }
    taken = {}
    for who, requests in asked.items():
        for typed in requests:
            answer = await world.person().post("/aduana/recuperar", {"confirmed": "yes", **typed})
            assert answer.status_code == 303
        taken[who] = await statements(world, store, resolve_all)
        world.wait(60 * MINUTE)
    assert len(set(taken.values())) == 1, taken
    outcomes = Counter(entry.detail["outcome"] for entry in await trail(store, Event.RECOVERY_RESOLVED))
    assert outcomes == {Outcome.SENT: 3, Outcome.NO_MATCH: 33}


@pytest.mark.parametrize("open_another", ["sqlite", "postgresql"], indirect=True)
async def test_a_batch_of_mail_takes_few_statements_however_many_there_are(world: World, store: Store) -> None:
    assert isinstance(store, SqlStore)
    worker = worker_with(world, HeldMailer())
    taken = []
    for count in (2, 20):
        await queue_letters(world, count)

        async def send(_world: World) -> None:
            await send_once(worker)

        taken.append(await statements(world, store, send))
    assert taken[1] <= taken[0] + 1
    assert taken[0] <= 20
