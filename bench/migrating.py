"""How long people wait while tables of many rows are updated: the longest insert beside `migrate.upgrade`.

Fills the tables that the migrations after 0002 change, then writes to each of them from connections of their own while
the migrations run: as they are, and, to compare, in one transaction with plain indexes. Commits wait for the disk.

    python -m bench.migrating --rows 5000000
"""

import argparse
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from alembic import command
from sqlalchemy import make_url

from bench.accept_rate import databases
from reclave.adapters.sql import migrate

BEFORE = "0002"
PAUSE_SECONDS = 0.005
_MANY = (
    "WITH many AS (SELECT number, lpad(number::text, 16, '0') AS word FROM generate_series(%s::bigint, %s) AS number)"
)
ROWS = {
    "intake": """
        INSERT INTO intake SELECT 'pagos', word::bytea, 'temporary_password', NULL, sha256(word::bytea), 'client', 'es',
            sha256(word::bytea), 'ABCD-EF12', number, 'sent', 1, 0, NULL
        FROM many""",
    "outbox": """
        INSERT INTO outbox SELECT 'pagos', word::bytea, 'temporary_password', 'es', word, 'ABCD-EF12',
            repeat('sealed ', 20)::bytea, sha256(word::bytea), '[]', NULL, true, number, 1, 1, 'sent', NULL, number
        FROM many""",
    "guess": "INSERT INTO guess SELECT 'pagos', 'password', sha256(word::bytea), 1, 0, number FROM many",
}
"""Rows of each table, from one number to another, as it is before."""


class Writer(threading.Thread):
    """Inserts a row at a time and remembers the longest that one took."""

    def __init__(self, address: str, statement: str, first: int) -> None:
        super().__init__()
        self.longest, self.written = 0.0, 0
        self.over = threading.Event()
        self._address, self._statement, self._next = address, statement, first

    def run(self) -> None:
        """Until `over` is set."""
        with psycopg.connect(self._address, autocommit=True, prepare_threshold=None) as connection:
            while not self.over.wait(PAUSE_SECONDS):
                began = time.perf_counter()
                connection.execute(_MANY + self._statement, (self._next, self._next))
                self.longest = max(self.longest, time.perf_counter() - began)
                self._next += 1
                self.written += 1


def in_one_transaction(url: str) -> None:
    """The same migrations as a new database has them."""
    with migrate.connect(url) as connection:
        command.upgrade(migrate.configuration(connection), "head")


def measure(url: str, rows: int, way: Callable[[str], None]) -> None:
    """Fill, update beside writers, print."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with migrate.connect(url) as connection:
        command.downgrade(migrate.configuration(connection), "base")
        command.upgrade(migrate.configuration(connection), BEFORE)
    with psycopg.connect(address, autocommit=True) as connection:
        for statement in ROWS.values():
            connection.execute(_MANY + statement, (1, rows))
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    writers = {table: Writer(address, statement, rows + 1) for table, statement in ROWS.items()}
    for writer in writers.values():
        writer.start()
    time.sleep(3)
    before = {table: writer.longest for table, writer in writers.items()}
    began = time.perf_counter()
    way(url)
    took = time.perf_counter() - began
    for writer in writers.values():
        writer.over.set()
        writer.join()
    print(f"{way.__module__}.{way.__name__}: {took:.1f} s over 3 tables of {rows:,} rows each")
    for table, writer in writers.items():
        longest, earlier = writer.longest * 1e3, before[table] * 1e3
        print(
            f"  {table:<7} longest insert {longest:7,.0f} ms (before it began {earlier:.0f} ms), "
            f"{writer.written:,} rows written",
            flush=True,
        )


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--live-only", action="store_true", help="leave the comparison out")
    given = parser.parse_args()
    with databases(Path(), ["postgresql"]) as urls:
        for way in (migrate.upgrade, in_one_transaction)[: 1 if given.live_only else 2]:
            measure(urls["PostgreSQL"], given.rows, way)


if __name__ == "__main__":
    main()
