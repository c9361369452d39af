"""Ten million accounts beside ten thousand: recoveries, sign-ins and look-ups on the screen (A9), by turns.

Both databases are on one PostgreSQL of its own that waits for the disk and has memory for both (13 GB with ten
million accounts), into which they are read beforehand; the customs portal has all accounts. Each turn asks for people
drawn anew from the whole table. Ids are given in order, which fills a table of this size in minutes. Prints the rows as
the database counts them, every turn, and the medians' proportion.

    python -m bench.millions --accounts 10000000 --rounds 5 --seconds 5
    python -m bench.millions --shared-buffers 1GB --cold    how it is when what is asked for has to be read
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from bench.figures import at_least, plain, show
from bench.forms import CUSTOMS, passport, user_name
from bench.http_client import post
from bench.peers.drive import check, hammer
from bench.service import PASSWORD, SEED, Service, prepared, running_sink
from reclave.bootstrap import wired
from tests.servers.own_clusters import as_store, own_clusters
from tests.servers.postgresql import PostgresServer

FEW = 10_000
GOAL = 0.9
SIGN_IN = "/aduana/ingresar"
_DRAIN_SECONDS = 300
_FIRST_CLIENT = int(IPv4Address("10.0.0.0"))
_MOST = 60_000  # requests made for one turn
_SEED = (
    """
    INSERT INTO account (portal, id, status, credential_version, address, address_canonical, address_provenance,
                         password_hash, password_blocked, created_at, changed_at)
    SELECT 'aduana', lpad(n::text, 32, '0'), 'active', 1, mail, mail, 'confirmed', %(hash)s, false, %(now)s, %(now)s
    FROM generate_series(%(first)s::bigint, %(last)s) AS n, format('p%%s@correo.example', lpad(n::text, 8, '0')) AS mail
    """,
    """
    INSERT INTO account_identifier (portal, field, value, account)
    SELECT 'aduana', 'user_id', format('usuario.%%s', lpad(n::text, 8, '0')), lpad(n::text, 32, '0')
    FROM generate_series(%(first)s::bigint, %(last)s) AS n
    """,
    """
    INSERT INTO account_fact (portal, account, field, value)
    SELECT 'aduana', lpad(n::text, 32, '0'), field, value
    FROM generate_series(%(first)s::bigint, %(last)s) AS n,
         LATERAL (VALUES ('classification', 'expert'), ('identification', format('XA%%s', lpad(n::text, 8, '0'))))
             AS fact (field, value)
    """,
)
_STEP = 200_000  # accounts a transaction
_SETTINGS = """
fsync = on
synchronous_commit = on
full_page_writes = on
max_wal_size = 16GB
shared_buffers = {shared_buffers}
"""


def _search(service: Service, person: int) -> bytes:
    typed = {"find_classification": "expert", "find_identification": passport(person)}
    form = {**typed, "find_email": service.people.address(person), "action": "search"}
    return post(service.port, CUSTOMS, form, _client(person))


def _sign_in(service: Service, person: int) -> bytes:
    return post(service.port, SIGN_IN, {"identifier": user_name(person), "password": PASSWORD}, _client(person))


def _recover(service: Service, person: int) -> bytes:
    typed = {"user_id": user_name(person), "identification": passport(person), "confirmed": "yes"}
    return post(service.port, CUSTOMS, {**typed, "email": service.people.address(person)}, _client(person))


def _client(person: int) -> str:
    """Everybody has an address of their own: there are limits for one that nothing lifts."""
    return str(IPv4Address(_FIRST_CLIENT + person))


KINDS: Mapping[str, tuple[Callable[[Service, int], bytes], int]] = {
    "look-ups on the screen": (_search, 200),
    "sign-ins": (_sign_in, 303),
    "recoveries, to the last mail": (_recover, 303),
}
ACCEPTED = "requests accepted"
"""What recoveries begin with: measured with them."""


@dataclass(slots=True)
class Site:
    """One of the two installations, and what it did in each turn, a second."""

    accounts: int
    url: str
    service: Service
    folder: Path
    wal: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    """KiB of the write-ahead log for each answer, in each turn."""
    rates: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in (*KINDS, ACCEPTED)})
    drawn: random.Random = field(default_factory=lambda: random.Random(SEED))

    def turn(self, kind: str, seconds: int) -> None:
        """Ask for people drawn from all accounts; of recoveries, wait until the last mail is sent."""
        make, status = KINDS[kind]
        people = [self.drawn.randrange(self.accounts) for _ in range(_MOST)]
        logged, queued = _logged(self.url), _queued(self.url)
        began = time.perf_counter()
        load = hammer(self.service.port, (make(self.service, one) for one in people), seconds, self.folder)
        check(load, status)
        took = load.seconds
        if make is _recover:
            began += time.perf_counter() - began - load.seconds  # when wrk began to ask
            if not asyncio.run(self.service.drained(_DRAIN_SECONDS)):
                raise RuntimeError("the worker did not come to an end")
            took = time.perf_counter() - began
            self.rates[ACCEPTED].append(load.rate)
        # Who asks again too soon, as many of the few do, is answered and gets no second mail.
        done = _queued(self.url) - queued if make is _recover else load.answers
        self.rates[kind].append(done / took)
        self.wal[kind].append((_logged(self.url) - logged) / load.answers / 1024)


def _logged(url: str) -> int:
    """How many bytes the server has written to its write-ahead log."""
    return _number(url, "SELECT pg_current_wal_lsn() - '0/0'")


def _queued(url: str) -> int:
    """How many mails the service has written."""
    return _number(url, "SELECT count(*) FROM outbox")


def read_into_memory(url: str) -> int:
    """Have PostgreSQL read the accounts and their indexes into its buffers; how many bytes it has read."""
    return _number(
        url,
        """
        CREATE EXTENSION IF NOT EXISTS pg_prewarm;
        SELECT sum(pg_prewarm(oid)) * current_setting('block_size')::bigint
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')
        """,
    )


def _number(url: str, statements: LiteralString) -> int:
    """The number that the last of these statements gives."""
    with psycopg.connect(_libpq(url), autocommit=True) as connection:
        cursor = connection.execute(statements)
        while cursor.nextset():
            pass
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _libpq(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def seed(url: str, accounts: int, password_hash: str) -> Mapping[str, int]:
    """Fill the tables with this many accounts, analysed; the rows and bytes that the database then counts."""
    with psycopg.connect(_libpq(url), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # foreign keys hold by construction
        connection.execute("SET synchronous_commit = off")
        for first in range(0, accounts, _STEP):
            last, now = min(first + _STEP, accounts) - 1, time.time_ns() // 1_000
            with connection.transaction():
                for statement in _SEED:
                    connection.execute(statement, {"first": first, "last": last, "hash": password_hash, "now": now})
            print(f"\r{last + 1:,} accounts", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        counts = {}
        for table in ("account", "account_identifier", "account_fact"):
            named = sql.Identifier(table)
            connection.execute(sql.SQL("VACUUM ANALYZE {}").format(named))
            row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(named)).fetchone()
            counts[table] = int(row[0]) if row else 0
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        return counts | {"bytes": int(row[0]) if row else 0}


@contextmanager
def site(server: PostgresServer, folder: Path, accounts: int, *, cold: bool = False) -> Iterator[Site]:
    """An installation that answers, over a database of its own with so many accounts, in memory unless `cold`."""
    folder.mkdir()
    url = server.url_of(server.create_database())

    async def make() -> tuple[Service, str]:
        async with prepared(folder, url, 0, sink) as service, wired(service.settings) as parts:
            return service, await parts.services.hasher.hash(PASSWORD)

    with running_sink() as sink:
        service, password_hash = asyncio.run(make())
        print(f"rows: {json.dumps(seed(url, accounts, password_hash))}", flush=True)
        if not cold:
            print(f"read into memory: {read_into_memory(url):,} bytes", flush=True)
        with service.started("--processes", "2"):
            yield Site(accounts, url, service, folder)


def measured(few: Site, many: Site, rounds: int, seconds: int) -> None:
    """Take turns: first the one, in the next round the other."""
    for number in range(rounds):
        for kind in KINDS:
            pair: Sequence[Site] = (few, many) if number % 2 == 0 else (many, few)
            for one in pair:
                one.turn(kind, seconds)
        for kind in few.rates:
            print(f"round {number + 1}, {kind}: {few.rates[kind][-1]:,.0f} and {many.rates[kind][-1]:,.0f} a second")


def _wal_beside(few: Site, many: Site, kind: str) -> dict[str, float]:
    if kind not in KINDS:
        return {}
    return {"few_wal_kib": statistics.median(few.wal[kind]), "many_wal_kib": statistics.median(many.wal[kind])}


def main() -> None:
    """Parse the command line, measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--accounts", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="length of each turn")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--shared-buffers", default="14GB", help="PostgreSQL's memory for both databases")
    parser.add_argument("--cold", action="store_true", help="do not read the databases into memory beforehand")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="reclave-millions-") as place,
        own_clusters() as named,
        ExitStack() as run,
    ):
        cluster = named("millions")
        cluster.create(_SETTINGS.format(shared_buffers=given.shared_buffers))
        server = PostgresServer(as_store(cluster.start()), "reclave_millions")
        few = run.enter_context(site(server, Path(place) / "few", FEW, cold=given.cold))
        many = run.enter_context(site(server, Path(place) / "many", given.accounts, cold=given.cold))
        measured(few, many, given.rounds, given.seconds)
    figures = [
        at_least(
            "PostgreSQL",
            f"{kind}: {given.accounts:,} ÷ {FEW:,} accounts",
            statistics.median(many.rates[kind]) / statistics.median(few.rates[kind]),
            "×",
            GOAL,
            few=statistics.median(few.rates[kind]),
            many=statistics.median(many.rates[kind]),
            **_wal_beside(few, many, kind),
        )
        for kind in few.rates
    ]
    if given.json:
        print(json.dumps(plain(figures), indent=1))
    else:
        show(figures)


if __name__ == "__main__":
    main()
