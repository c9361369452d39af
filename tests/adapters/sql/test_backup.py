"""Backup and restore on both engines: whole under load, and never half."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, select, text

from reclave.adapters.sql import backup, backup_postgresql, backup_sqlite, migrate
from reclave.adapters.sql.backup import BackupRefused, Tools
from reclave.adapters.sql.store import SqlStore, open_store
from reclave.adapters.sql.tables import account, audit, intake
from reclave.domain.audit import Entry, Event
from reclave.domain.intake import Admission
from tests.contracts.rows import ACCOUNT, PORTAL, a_nit, a_request, an_account
from tests.servers.postgresql import binaries

STAMP = "20261122T093000Z"


def tools() -> Tools:
    """PostgreSQL's programs that belong to the tests' server, else those on PATH."""
    beside = binaries() / "pg_dump"
    return Tools(str(beside)) if beside.exists() else Tools()


def nothing_said(_done: int, _total: int | None) -> None:
    """Nobody watches."""


def take(url: str, path: Path) -> backup.Taken:
    return backup.back_up(url, path, tools=tools(), step=nothing_said)


def restore(url: str, path: Path, **given: Any) -> str:
    options = {"replace": False, "rehearse": False, "stamp": STAMP, "finish": lambda _: None, **given}
    return backup.restore(url, path, tools=tools(), step=nothing_said, **options)


def fill(url: str) -> None:
    """Put an account and two entries of the audit trail into a database."""
    asyncio.run(_fill(url))


async def _fill(url: str) -> None:
    store = await open_store(url)
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(language="first"), [a_nit()], {"id_card": "3059999015"})
        for _ in range(2):
            await tx.audit.add(Entry(portal=PORTAL, event=Event.SIGNED_OUT, account=ACCOUNT, detail={"note": "first"}))
    await store.close()


def change(url: str, note: str) -> None:
    """Write something that a restore must undo."""
    with migrate.connect(url) as connection:
        connection.execute(account.update().values(language=note))


def note_of(url: str) -> str:
    """What `fill` or `change` wrote last."""
    with migrate.connect(url) as connection:
        return str(connection.scalar(select(account.c.language)))


@pytest.mark.req("I5")
async def test_a_backup_under_load_ends_keeps_nobody_waiting_and_holds_all_that_was_accepted_before(
    url: str, store: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_sqlite, "_PAGES", 20)
    accepted: list[bytes] = []
    going, waited, steps = True, [], 0

    async def load() -> None:
        while going:
            asked = a_request()
            assert await store.accept(asked) is Admission.ACCEPTED
            accepted.append(asked.id)

    def step(done: int, total: int | None) -> None:
        """Between two steps of the copy, and before the dump: people get in meanwhile."""
        nonlocal steps
        steps += 1
        before, began = len(accepted), time.monotonic()
        while len(accepted) < before + 3:
            time.sleep(0.001)
            assert time.monotonic() - began < 20, f"nobody got in at {done} of {total}"
        waited.append(done)

    for _ in range(100):
        asked = a_request()
        await store.accept(asked)
        accepted.append(asked.id)
    writers = [asyncio.create_task(load()) for _ in range(4)]
    before = set(accepted)
    path = tmp_path / "backup"
    taken = await asyncio.to_thread(backup.back_up, url, path, tools=tools(), step=step)
    going = False
    await asyncio.gather(*writers)
    await store.close()
    held = await asyncio.to_thread(_intakes_in, url, path)
    assert before <= held <= set(accepted)
    assert len(held) == taken.rows["intake"] < len(accepted)
    if "sqlite" in url:
        assert 3 < steps < 50, "the copy began anew"


def _intakes_in(url: str, path: Path) -> set[bytes]:
    restore(url, path, replace=True)
    with migrate.connect(url) as connection:
        return set(connection.scalars(select(intake.c.id)))


def test_a_backup_is_private_whole_and_never_written_over(url: str, tmp_path: Path) -> None:
    fill(url)
    path = tmp_path / "backup"
    taken = take(url, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert (taken.revision, taken.rows["account"], taken.rows["audit"]) == (migrate.HEAD, 1, 2)
    assert taken.size == path.stat().st_size
    with pytest.raises(BackupRefused, match="something here already"):
        take(url, path)
    assert [each.name for each in tmp_path.iterdir() if "partial" in each.name] == []


def test_a_restore_brings_everything_back_and_keeps_what_was_there(url: str, tmp_path: Path) -> None:
    fill(url)
    path = tmp_path / "backup"
    take(url, path)
    change(url, "second")
    with pytest.raises(BackupRefused, match="--replace"):
        restore(url, path)
    assert note_of(url) == "second"
    kept = restore(url, path, replace=True)
    assert note_of(url) == "first"
    assert _kept_note(url, kept) == "second"
    asyncio.run(_use(url))
    with migrate.connect(url) as connection:
        numbers = connection.scalars(select(audit.c.number).order_by(audit.c.number)).all()
        assert list(numbers) == [1, 2, 3]


async def _use(url: str) -> None:
    store = await open_store(url)
    async with store.transaction() as tx:
        assert await tx.accounts.by_facts(PORTAL, {"id_card": "3059999015"})
        assert await tx.accounts.by_identifier(PORTAL, "nit", a_nit().value)
        await tx.audit.add(Entry(portal="", event=Event.DATABASE_RESTORED))
    await store.close()


def _kept_note(url: str, kept: str) -> str:
    if "sqlite" in url:
        return note_of(f"sqlite+aiosqlite:///{kept}")
    with migrate.connect(url) as connection:
        connection.execute(text(f"SET LOCAL search_path = {kept.removeprefix('schema ')}"))
        return str(connection.scalar(select(account.c.language)))


def test_an_empty_database_or_none_takes_a_backup_without_asking(url: str, tmp_path: Path) -> None:
    fill(url)
    path = tmp_path / "backup"
    take(url, path)
    if "sqlite" in url:
        url = url.replace("reclave.sqlite", "new.sqlite")
        restore(url, path, rehearse=True)
        assert migrate.missing(url)
    else:
        with migrate.connect(url) as connection:
            command.downgrade(migrate.configuration(connection), "base")
    assert restore(url, path) == ""
    assert note_of(url) == "first"


async def test_a_restore_is_refused_while_the_service_runs(url: str, store: SqlStore, tmp_path: Path) -> None:
    path = tmp_path / "backup"
    take(url, path)
    async with store.reading():
        pass  # a connection at rest, as every idle service has
    with pytest.raises(BackupRefused, match="stop"):
        await asyncio.to_thread(restore, url, path, replace=True)


def test_a_restore_that_is_rehearsed_or_fails_at_the_end_changes_nothing(url: str, tmp_path: Path) -> None:
    fill(url)
    path = tmp_path / "backup"
    take(url, path)
    change(url, "second")
    assert restore(url, path, replace=True, rehearse=True) == ""
    assert note_of(url) == "second"

    def fail(connection: Connection) -> None:
        assert connection.scalar(select(account.c.language)) == "first"
        raise BackupRefused("not now")

    with pytest.raises(BackupRefused, match="not now"):
        restore(url, path, replace=True, finish=fail)
    assert note_of(url) == "second"
    assert not [each for each in tmp_path.iterdir() if "restoring" in each.name or "before" in each.name]


def test_an_older_backup_is_brought_up_to_date_and_a_newer_one_is_refused(url: str, tmp_path: Path) -> None:
    with migrate.connect(url) as connection:
        command.downgrade(migrate.configuration(connection), "0002")
    take(url, tmp_path / "older")
    with migrate.connect(url) as connection:
        command.upgrade(migrate.configuration(connection), "head")
    restore(url, tmp_path / "older", replace=True)
    with migrate.connect(url) as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == migrate.HEAD
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    take(url, tmp_path / "newer")
    with pytest.raises(BackupRefused, match="9999, newer than"):
        restore(url, tmp_path / "newer", replace=True)


def test_what_is_no_backup_is_damaged_or_of_the_other_engine_is_refused(url: str, tmp_path: Path) -> None:
    fill(url)
    path = tmp_path / "backup"
    take(url, path)
    whole = path.read_bytes()
    for content, why in (
        (b"nothing", "no backup"),
        (b"PGDMP" if "sqlite" in url else b"SQLite format 3\0", "a backup of"),
        (whole[: len(whole) // 2], "."),
    ):
        path.write_bytes(content)
        with pytest.raises(BackupRefused, match=why):
            restore(url, path, replace=True)
    assert note_of(url) == "first"


def test_a_database_that_cannot_be_read_is_moved_away_first(sqlite_template: Path, tmp_path: Path) -> None:
    take(f"sqlite+aiosqlite:///{sqlite_template}", tmp_path / "backup")
    live = tmp_path / "live.sqlite"
    live.write_bytes(b"what a broken disk left" * 1000)
    with pytest.raises(BackupRefused, match="move it away"):
        restore(f"sqlite+aiosqlite:///{live}", tmp_path / "backup", replace=True)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = Tools(str(tmp_path / "pg_dump"))
    with pytest.raises(BackupRefused, match="cannot be run"):
        backup_postgresql._run("postgresql+psycopg://db.example/reclave", [missing.found().pg_dump])


def test_a_password_of_the_database_is_on_no_command_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program, said = tmp_path / "pg_dump", tmp_path / "said"
    program.write_text(f'#!/bin/sh\necho "$@" > {said}\necho "$PGPASSWORD $PGHOST $PGSSLMODE" >> {said}\n')
    program.chmod(0o700)
    monkeypatch.delenv("PGPASSWORD", raising=False)
    backup_postgresql._run(
        "postgresql+psycopg://service:hush@db.example/reclave?sslmode=verify-full", [program, "--version"]
    )
    assert said.read_text() == "--version\nhush db.example verify-full\n"


def test_pg_dump_goes_where_the_service_goes_of_several_hosts() -> None:
    url = "postgresql+psycopg://service@/reclave?host=a.example:5433&host=b.example"
    said = backup_postgresql._environment(url)
    assert (said["PGHOST"], said["PGPORT"]) == ("a.example,b.example", "5433,")
    assert (said["PGTARGETSESSIONATTRS"], said["PGAPPNAME"]) == ("read-write", "reclave backup")
