"""A theatre on each engine: its database is laid out and its fork server started once for each worker."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from reclave.adapters.argon2 import Argon2Hasher
from reclave.adapters.directory_builtin import BuiltinDirectory
from reclave.adapters.entropy import SystemEntropy
from reclave.adapters.keyring import create_keyring
from reclave.adapters.keyring_vault import KeyringVault
from reclave.adapters.portal_files import read_portals
from reclave.adapters.sql.store import open_store
from reclave.bootstrap import SilentBell
from reclave.demo.seeds import seed
from reclave.demo.smtp_server import LoopbackSmtpServer
from reclave.journeys.services import Services
from tests.crash.database import Database, Kept, PostgresqlDatabase, SqliteFile
from tests.crash.processes import ForkServer, fork_server
from tests.crash.theatre import RewindableMaildrop, Theatre
from tests.servers.postgresql import PostgresServer
from tests.stores import Clock, sqlite_template, template_name
from tests.world import PORTALS, HostClock

__all__ = ["sqlite_template", "template_name"]


@dataclass(frozen=True, slots=True)
class House:
    """What outlives a test: a seeded database, and the fork server of the service over it."""

    database: Database
    seeded: Kept
    initial_password: str
    keyring: Path
    fork_server: ForkServer


@contextmanager
def _house(database: Database, folder: Path) -> Iterator[House]:
    keyring = folder / "keyring"
    create_keyring(keyring, SystemEntropy(), time.time_ns() // 1000)
    initial_password = asyncio.run(_seed(database.url, keyring))
    with fork_server(database.url, keyring) as processes:
        yield House(database, database.keep(), initial_password, keyring, processes)


async def _seed(url: str, keyring: Path) -> str:
    """Put the demo's companies into the database; the initial password of the one that awaits it."""
    services = await _services(url, keyring)
    try:
        seeded = await seed(services, services.portals["pagos"])
        await seed(services, services.portals["compras"])
    finally:
        await services.store.close()
    return seeded[1].password


async def _services(url: str, keyring: Path) -> Services:
    clock, entropy = Clock(), SystemEntropy()
    vault = KeyringVault(keyring, entropy)
    return Services(
        store=await open_store(url),
        directory=BuiltinDirectory(),
        vault=vault,
        hasher=Argon2Hasher(vault, workers=1, memory_kib=64, passes=1),
        entropy=entropy,
        bell=SilentBell(),
        clock=HostClock(clock),
        portals=dict(read_portals(PORTALS).portals),
    )


@pytest.fixture(scope="session")
def sqlite_house(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house over a SQLite file."""
    folder = tmp_path_factory.mktemp("crash-sqlite")
    shutil.copyfile(sqlite_template, folder / "reclave.sqlite")
    with _house(SqliteFile(folder / "reclave.sqlite"), folder) as house:
        yield house


@pytest.fixture(scope="session")
def postgresql_house(
    postgresql_server: PostgresServer, template_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A house over a database on PostgreSQL."""
    name = postgresql_server.create_database(template_name)
    with (
        closing(PostgresqlDatabase(postgresql_server.url_of(name))) as database,
        _house(database, tmp_path_factory.mktemp("crash-postgresql")) as house,
    ):
        yield house
    postgresql_server.drop_database(name)


@pytest.fixture
def house(engine: str, request: pytest.FixtureRequest) -> House:
    """The house of `engine`, «sqlite» or «postgresql»."""
    chosen: House = request.getfixturevalue(f"{engine}_house")
    return chosen


@pytest.fixture
async def theatre(house: House) -> AsyncIterator[Theatre]:
    """A theatre on an engine, with a mail server of this test's own."""
    maildrop = RewindableMaildrop()
    mail_server = LoopbackSmtpServer(maildrop)
    await mail_server.start()
    services = await _services(house.database.url, house.keyring)
    yield Theatre(
        database=house.database,
        fork_server=house.fork_server,
        services=services,
        maildrop=maildrop,
        mail_server=mail_server,
        first=house.seeded,
        opened_at=time.time_ns() // 1000,
        initial_password=house.initial_password,
    )
    await mail_server.stop()
    await services.store.close()
