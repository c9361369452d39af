"""An import that is killed with SIGKILL, several times, and started again."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from reclave.adapters.sql import migrate
from reclave.adapters.sql.operation_tables import account_import
from reclave.adapters.sql.tables import account_identifier, recovery_grant
from reclave.bootstrap import new_keyring
from tests.operations.importing import a_nit, read, write
from tests.servers import ROOT
from tests.servers.postgresql import PostgresServer
from tests.stores import emptied, sqlite_template, template_name

__all__ = ["sqlite_template", "template_name"]

ROWS = 30_000
"""More than an import writes in the moment before a kill, three times over."""
KILLS = 3


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database."""
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgresql_server")
        return emptied(server, request.getfixturevalue("template_name"))
    shutil.copyfile(request.getfixturevalue("sqlite_template"), tmp_path / "reclave.sqlite")
    return f"sqlite+aiosqlite:///{tmp_path / 'reclave.sqlite'}"


@pytest.fixture
def settings(url: str, tmp_path: Path) -> Path:
    """An installation's settings file."""
    new_keyring(tmp_path / "keyring")
    path = tmp_path / "reclave.toml"
    portals = ROOT / "portals"
    path.write_text(
        f'base_url = "http://localhost:8000"\ndatabase = "{url}"\nkeyring = "{tmp_path / "keyring"}"\n'
        f'portals = "{portals}"\n'
    )
    return path


@pytest.mark.long
@pytest.mark.timeout(120)
def test_each_account_is_there_once_and_has_one_letter_however_often_the_import_was_killed(
    url: str, settings: Path, tmp_path: Path
) -> None:
    rows = [{"nit": a_nit(number), "email": f"c{number}@empresa.example"} for number in range(ROWS)]
    path, letters = write(tmp_path / "accounts.csv", rows), tmp_path / "letters.csv"
    there: set[str] = set()
    for _ in range(KILLS):
        before = len(there)
        _kill(_begun(settings, path, letters), url, before)
        there = _there(url)
        assert before < len(there) < ROWS
        assert there == {row["nit"] for row in rows[: len(there)]}
    last = _begun(settings, path, letters)
    assert last.wait(60) == 0
    assert _there(url) == {row["nit"] for row in rows}
    assert len({row["initial_password"] for row in read(letters)}) == len(read(letters)) == ROWS
    with migrate.connect(url) as connection:
        for table in (recovery_grant, account_import):
            assert connection.scalar(select(func.count()).select_from(table)) == ROWS


def _begun(settings: Path, path: Path, letters: Path) -> "subprocess.Popen[bytes]":
    command = ["accounts", "import", path, "--portal", "pagos", "--generate-passwords", letters, "--settings", settings]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen(
        [sys.executable, "-m", "reclave", *map(str, command)], env=environment, stdout=subprocess.DEVNULL
    )


def _kill(running: "subprocess.Popen[bytes]", url: str, already: int) -> None:
    """Kill a process once it has added accounts to those that were there already."""
    until = time.monotonic() + 30
    while _count(url) <= already and running.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    running.kill()
    running.wait()


def _count(url: str) -> int:
    with migrate.connect(url) as connection:
        return connection.scalar(select(func.count()).select_from(account_identifier)) or 0


def _there(url: str) -> set[str]:
    with migrate.connect(url) as connection:
        return set(connection.scalars(select(account_identifier.c.value)))
