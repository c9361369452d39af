"""A PostgreSQL that is stuck, stopped and started, or replaced by its standby, while people ask."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import LiteralString

import httpx2
import psycopg
import pytest
from sqlalchemy import make_url

from reclave.adapters.sql import migrate
from reclave.adapters.sql.away import LONGEST_WAIT_SECONDS
from reclave.adapters.sql.store import SqlStore, open_store
from reclave.bootstrap import new_keyring, wired
from reclave.demo.seeds import seed
from reclave.domain.errors import StoreAway
from reclave.domain.intake import Admission
from reclave.settings import Settings
from reclave.worker.housekeeping import seal_audit
from tests.contracts.rows import PORTAL, a_request
from tests.servers.cluster import Cluster
from tests.servers.own_clusters import as_store, own_clusters
from tests.test_serve import MAIL_SECONDS, ONE, PORTALS, TWO, Start, mail_server, serving, start, write_settings

__all__ = ["start"]

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]
FOLLOWED = "wal_level = replica\nmax_wal_senders = 4\nhot_standby = on\nsynchronous_commit = on\n"
STUCK_SECONDS = 10.0
"""A statement's time, and that of the question whether it was committed all the same."""
AT_ONCE_SECONDS = 1.0
Named = Callable[[str], Cluster]


@pytest.fixture
def clusters() -> Iterator[Named]:
    """Names clusters of this test's own."""
    with own_clusters() as named:
        yield named


async def prepared(url: str, folder: Path) -> None:
    """A keyring in a folder, and the demo's companies in a database."""
    new_keyring(folder / "keyring")
    migrate.upgrade(url)
    settings = Settings(base_url="http://localhost:8000", database=url, keyring=folder / "keyring", portals=PORTALS)
    async with wired(settings) as parts:
        await seed(parts.services, parts.services.portals["pagos"])
        await seal_audit(parts.services)


class Person:
    """Somebody who asks for a temporary password, and how long each answer took."""

    def __init__(self, origin: str) -> None:
        self._origin = origin

    async def ask(self, address: str) -> tuple[httpx2.Response, float]:
        """The answer, and the seconds that it took."""
        began = time.perf_counter()
        async with httpx2.AsyncClient(base_url=self._origin, headers={"sec-fetch-site": "same-origin"}) as client:
            answered = await client.post("/pagos/recuperar", data={"email": address}, timeout=30)
        return answered, time.perf_counter() - began

    async def ask_until_accepted(self, address: str) -> None:
        """Ask again as often as the page says to."""
        async with asyncio.timeout(60):
            while True:
                answered, _ = await self.ask(address)
                if answered.status_code == 303:
                    return
                await asyncio.sleep(int(answered.headers["retry-after"]))


@pytest.mark.req("I5")
async def test_while_the_database_is_stuck_or_gone_people_are_told_so_at_once_and_afterwards_nothing_is_lost(
    start: Start, clusters: Named, tmp_path: Path
) -> None:
    cluster = clusters("only")
    cluster.create("synchronous_commit = on\n")
    address = cluster.start()
    url = as_store(address)
    await prepared(url, tmp_path)
    async with mail_server() as (maildrop, smtp_port):
        service = await serving(start, write_settings(tmp_path, database=url, smtp_port=smtp_port, log_level="info"))
        person = Person(service.origin)
        async with await psycopg.AsyncConnection.connect(address) as stuck:
            await stuck.execute("LOCK TABLE intake IN ACCESS EXCLUSIVE MODE")
            answered, seconds = await person.ask(ONE)
        assert (answered.status_code, answered.headers["retry-after"]) == (503, "1")
        assert seconds < STUCK_SECONDS
        assert "No se perdió nada" in answered.text
        await person.ask_until_accepted(ONE)
        await maildrop.wait_for(ONE, timeout=MAIL_SECONDS)
        cluster.stop()
        for _ in range(20):
            answered, seconds = await person.ask(TWO)
            assert answered.status_code == 503
            assert 1 <= int(answered.headers["retry-after"]) <= LONGEST_WAIT_SECONDS
            assert seconds < AT_ONCE_SECONDS
        cluster.start_at(make_url(address).port or 0)
        began = time.perf_counter()
        await person.ask_until_accepted(TWO)
        assert time.perf_counter() - began < 2 * LONGEST_WAIT_SECONDS
        await maildrop.wait_for(TWO, timeout=MAIL_SECONDS)
        assert {recipient for each in maildrop.messages() for recipient in each.recipients} == {ONE, TWO}
        await service.program.says("database_back")
    tries = sum('"database_away"' in line for line in service.program.stderr)
    assert 2 <= tries <= 40  # 20 people, the worker's stages and all that looks by itself


async def accepted(store: SqlStore) -> float:
    """Seconds until a request is accepted, asking every 50 ms."""
    began = time.perf_counter()
    async with asyncio.timeout(60):
        while True:
            try:
                assert await store.accept(a_request()) is Admission.ACCEPTED
            except StoreAway:
                await asyncio.sleep(0.05)
            else:
                return time.perf_counter() - began


@pytest.mark.req("I5")
async def test_when_the_standby_takes_over_requests_go_there_and_what_was_accepted_is_there(clusters: Named) -> None:
    primary, standby = clusters("primary"), clusters("standby")
    primary.create(FOLLOWED)
    first = primary.start()
    migrate.upgrade(as_store(first))
    standby.create_standby_of(first)
    second = standby.start()
    hosts = [f"{make_url(each).host}:{make_url(each).port}" for each in (second, first)]
    both = make_url(as_store(first)).set(host=None, port=None).update_query_dict({"host": hosts})
    store = await open_store(both.render_as_string(hide_password=False))
    request = a_request()
    assert await store.accept(request) is Admission.ACCEPTED  # by the second host named: the first is a standby
    await followed(first)
    primary.stop()
    with pytest.raises(StoreAway):
        await store.accept(a_request())
    standby.promote()
    assert await accepted(store) < 2 * LONGEST_WAIT_SECONDS
    async with store.reading() as tx:
        assert await tx.intakes.get(PORTAL, request.id) is not None
    await store.close()


async def followed(primary: str) -> None:
    """Wait until a standby has all that was written."""
    caught_up = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_flush_lsn()"
    async with asyncio.timeout(30):
        while await answer(primary, caught_up) != 1:
            pass


async def test_a_server_that_becomes_a_standby_loses_its_connections_to_the_one_that_takes_writes(
    clusters: Named,
) -> None:
    here, there = clusters("here"), clusters("there")
    urls = []
    for cluster in (here, there):
        cluster.create()
        urls.append(cluster.start())
        migrate.upgrade(as_store(urls[-1]))
    hosts = [f"{make_url(each).host}:{make_url(each).port}" for each in urls]
    both = make_url(as_store(urls[0])).set(host=None, port=None).update_query_dict({"host": hosts})
    store = await open_store(both.render_as_string(hide_password=False))
    assert await store.accept(a_request()) is Admission.ACCEPTED
    async with await psycopg.AsyncConnection.connect(urls[0], autocommit=True) as operator:
        await operator.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        await operator.execute("SELECT pg_reload_conf()")
    await read_only(urls[0])
    assert await store.accept(a_request()) is Admission.ACCEPTED
    assert [await intakes_in(url) for url in urls] == [1, 1]
    await store.close()


async def read_only(url: str) -> None:
    """Wait until new connections of a server take no writes; those that are open hear of it at their next statement."""
    async with asyncio.timeout(30):
        while await answer(url, "SHOW default_transaction_read_only") != "on":
            pass


async def intakes_in(url: str) -> object:
    """How many requests a server has."""
    return await answer(url, "SELECT count(*) FROM intake")


async def answer(url: str, query: LiteralString) -> object:
    """What a server answers in its first row."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        row = await (await connection.execute(query)).fetchone()
    return row[0] if row else None
