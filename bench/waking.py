"""What it costs to wake workers in other processes, and how soon they are awake.

Three ways of writing an intake by so many connections at a time: saying nothing, NOTIFY within the transaction, and
NOTIFY after it, once for all commits of a moment. Then the time from a ring in this process to a wake in another one.
Every commit waits for the disk. PostgreSQL is a throw-away cluster, or `RECLAVE_TEST_POSTGRES`.

    python -m bench.waking --connections 8 --seconds 4
"""

import argparse
import asyncio
import statistics
import sys
import time
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from bench.accept_rate import databases
from reclave.adapters.sql.clock import no_offset
from reclave.adapters.sql.engine import PostgresqlDatabase
from reclave.adapters.sql.notify import CHANNEL, NotifyBell

RINGS = 500
ECHO = """
import asyncio, sys
from reclave.adapters.sql.listen import listen

def heard():
    sys.stdout.write("!\\n")
    sys.stdout.flush()

asyncio.run(listen(sys.argv[1], heard))
"""


async def commits(url: str, connections: int, seconds: float, way: str) -> float:
    """Commits a second."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    database = PostgresqlDatabase(make_url(url), no_offset)
    bell = NotifyBell(lambda: database.notify(CHANNEL))
    until, made = time.perf_counter() + seconds, 0

    async def write() -> None:
        nonlocal made
        async with await psycopg.AsyncConnection.connect(address, prepare_threshold=None) as connection:
            while time.perf_counter() < until:
                await connection.execute("INSERT INTO waking VALUES ('an intake')")
                if way == "within":
                    await connection.execute(f"NOTIFY {CHANNEL}")
                await connection.commit()
                if way == "after":
                    bell.ring()
                made += 1

    await asyncio.gather(*(write() for _ in range(connections)))
    await bell.close()
    await database.close()
    return made / seconds


async def waking(url: str) -> list[float]:
    """Seconds from each ring to the wake, sorted; the wake's way back over a pipe is part of it."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", ECHO, url, stdout=asyncio.subprocess.PIPE)
    if process.stdout is None:
        raise RuntimeError("no pipe")
    await process.stdout.readline()
    database = PostgresqlDatabase(make_url(url), no_offset)
    bell, took = NotifyBell(lambda: database.notify(CHANNEL)), []
    for _ in range(RINGS):
        await asyncio.sleep(0.02)
        began = time.perf_counter()
        bell.ring()
        await process.stdout.readline()
        took.append(time.perf_counter() - began)
    process.kill()
    await process.wait()
    await bell.close()
    await database.close()
    return sorted(took)


async def main(url: str, connections: int, seconds: float) -> None:
    """Print the figures."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute("CREATE TABLE waking (what text)")
    for _ in range(3):
        for way in ("nothing", "within", "after"):
            rate = await commits(url, connections, seconds, way)
            print(f"NOTIFY {way:8} {rate:8.0f} commits/s, {connections} connections")
    took = await waking(url)
    p50, p99 = statistics.median(took) * 1000, took[int(len(took) * 0.99)] * 1000
    print(f"from a ring to a wake: p50 {p50:.2f} ms, p99 {p99:.2f} ms, {RINGS} rings")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=4)
    options = parser.parse_args()
    with databases(Path(), ["postgresql"]) as urls:
        asyncio.run(main(urls["PostgreSQL"], options.connections, options.seconds))
