"""The real thing to measure: `reclave serve` with its worker, a database with accounts, and a mail server."""

import asyncio
import contextlib
import json
import random
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from reclave.bootstrap import new_keyring, upgrade_database, wired
from reclave.domain.accounts import Status
from reclave.domain.addresses import Address
from reclave.domain.identifiers import nit_check_digit
from reclave.domain.time import Instant
from reclave.ports.imports import NewAccount
from reclave.settings import Settings, read_settings
from reclave.supervisor import own_command

ROOT = Path(__file__).parents[1]
SEED = 20261122
PORTAL = "pagos"
RECOVER = "/pagos/recuperar"
SIGN_IN = "/pagos/"
PASSWORD = "la lluvia llega tarde"  # noqa: S105 (made up)
_CHUNK = 5_000  # accounts a transaction
_LIMITS = re.compile(r"^limits = \[.*\]$|^daily_budget = \d+", re.MULTILINE)
_LIFTED = 'limits = ["999999999/hour per client", "999999999/hour per identifier", "999999999/hour per portal"]'
START_SECONDS = 30
STOP_SECONDS = 20


class People:
    """Addresses and tax numbers of one pattern, half of them of accounts, drawn with a fixed seed.

    Those of accounts and the others can be told apart by nothing but the database.
    """

    def __init__(self, accounts: int) -> None:
        drawn = random.Random(SEED).sample(range(2 * accounts), 2 * accounts)
        self.known, self.unknown = drawn[:accounts], drawn[accounts:]
        self._fresh = 2 * accounts

    def fresh(self) -> int:
        """Somebody who never comes twice and has no account."""
        self._fresh += 1
        return self._fresh

    @staticmethod
    def address(person: int) -> str:
        """Their address."""
        return f"p{person:08d}@correo.example"

    @staticmethod
    def nit(person: int) -> str:
        """Their tax number, ten digits."""
        base = f"{800_000_000 + person * 61}"
        return base + nit_check_digit(base)


@dataclass(frozen=True, slots=True)
class Sink:
    """The mail server's process."""

    port: int

    def seen(self) -> dict[str, int]:
        """When each recipient's mail was taken, in nanoseconds of CLOCK_MONOTONIC."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection, connection.makefile("rb") as lines:
            lines.readline()
            connection.sendall(b"XSEEN\r\n")
            taken: dict[str, int] = json.loads(lines.readline())
        return taken


@contextlib.contextmanager
def running_sink() -> Iterator[Sink]:
    """A mail server in a process of its own."""
    process = subprocess.Popen([sys.executable, "-m", "bench.smtp_sink"], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        if process.stdout is None:
            raise RuntimeError("the mail server has no output")
        yield Sink(int(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True, slots=True)
class Service:
    """An installation in a folder; `started` runs it."""

    settings_path: Path
    settings: Settings
    people: People
    sink: Sink

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.settings.port

    @contextlib.contextmanager
    def started(
        self, *options: str, command: str = "serve", environment: Mapping[str, str] | None = None
    ) -> Iterator[psutil.Process]:
        """`reclave serve`, or `web`, with these options, answering, in this environment or ours; gives its process."""
        with (self.settings_path.parent / "log").open("ab") as log:
            words = own_command(command, "--settings", str(self.settings_path), *options)
            process = subprocess.Popen(words, stdout=log, stderr=log, env=environment)
        try:
            wait_for_page(self.port, process)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    async def drained(self, seconds: float) -> bool:
        """Wait until the worker has resolved and sent everything; False when `seconds` were not enough."""
        until = time.monotonic() + seconds
        async with wired(self.settings) as parts:
            while time.monotonic() < until:
                async with parts.services.store.reading() as tx:
                    waiting, _ = await tx.intakes.waiting()
                    due = await tx.outbox.next_due()
                if not waiting and due is None:
                    return True
                await asyncio.sleep(0.2)
        return False


def wait_for_page(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when the sign-in page is answered with 200. Raises RuntimeError when the service does not start."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with (
            contextlib.suppress(ConnectionError, TimeoutError),
            socket.create_connection(("127.0.0.1", port), 5) as client,
        ):
            client.sendall(f"GET {SIGN_IN} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            if client.recv(12) == b"HTTP/1.1 200":
                return
        time.sleep(0.002)
    raise RuntimeError(f"the service did not start (exit code {process.poll()})")


@contextlib.asynccontextmanager
async def prepared(
    folder: Path, database: str, accounts: int, sink: Sink | None = None, port: int | None = None
) -> AsyncIterator[Service]:
    """An installation with its portal, keyring, migrated database and accounts, and a mail server that runs.

    `sink`: one that somebody else runs; `port`: where the service is to listen, else on a free one.
    """
    with contextlib.nullcontext(sink) if sink else running_sink() as taking:
        path = _write(folder, database, taking.port, port or free_port())
        service = Service(path, read_settings(path), People(accounts), taking)
        await asyncio.to_thread(upgrade_database, service.settings)
        await _seed(service)
        if service.settings.database.startswith("postgresql"):
            tidied(service.settings.database.replace("+psycopg", ""))
        yield service


def tidied(database: str) -> None:
    """Have PostgreSQL do now what it does in the minutes after a load: gather statistics, write to the disk."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _write(folder: Path, database: str, smtp_port: int, port: int) -> Path:
    portals = folder / "portals"
    portals.mkdir()
    for source in sorted((ROOT / "portals").iterdir()):
        if source.suffix == ".svg":
            shutil.copy(source, portals)
        if source.suffix == ".toml":
            (portals / source.name).write_text(_lifted(source.read_text("utf-8")), "utf-8")
    new_keyring(folder / "keyring")
    path = folder / "reclave.toml"
    path.write_text(
        f'base_url = "http://127.0.0.1:{port}"\nhost = "127.0.0.1"\nport = {port}\ndatabase = "{database}"\n'
        f'keyring = "keyring"\nportals = "portals"\nsmtp_host = "127.0.0.1"\nsmtp_port = {smtp_port}\n'
        'smtp_security = "none"\nspecial_use_domains = true\ntrusted_proxies = ["127.0.0.1/32"]\n'
    )
    return path


def _lifted(portal: str) -> str:
    """A portal file whose limits no benchmark reaches."""
    return _LIMITS.sub(lambda found: _LIFTED if found[0].startswith("limits") else "daily_budget = 1000000", portal)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


async def _seed(service: Service) -> None:
    people = service.people
    async with wired(service.settings) as parts:
        hashed = await parts.services.hasher.hash(PASSWORD)
        for start in range(0, len(people.known), _CHUNK):
            async with parts.services.store.transaction() as tx:
                chunk = people.known[start : start + _CHUNK]
                await tx.imports.add([_account(people, each, hashed, tx.now) for each in chunk])


def _account(people: People, person: int, password_hash: str, at: Instant) -> NewAccount:
    address = people.address(person)
    return NewAccount(
        portal=PORTAL,
        id=f"{person:032x}",
        status=Status.ACTIVE,
        address=Address(address, address),
        password_hash=password_hash,
        at=at,
        field="nit",
        value=people.nit(person),
        facts={},
        row=person.to_bytes(32, "big"),
    )
