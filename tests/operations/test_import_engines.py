"""The import over every store: what it writes in bulk is what journeys read."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from reclave.adapters.entropy import SystemEntropy
from reclave.adapters.keyring import add_key, mark_compromised
from reclave.adapters.sql.store import SqlStore
from reclave.domain.accounts import Status
from reclave.domain.foreign_recipes import NATIVE, scheme_of
from reclave.journeys import foreign_hashes
from reclave.journeys.foreign_hashes import wrap_sealed_hashes
from reclave.operations.import_accounts import importer
from reclave.operations.import_accounts.planning import Planned
from reclave.operations.import_accounts.writing import Writer
from reclave.operations.keys import seal_anew
from reclave.ports.store import Store, Transaction
from tests.operations.importing import a_nit, counted, read, run, run_over, write
from tests.operations.test_import_rows import BCRYPT
from tests.stores import Clock, open_another, sqlite_template, store, template_name
from tests.world import World, open_world

SSHA = "{SSHA}AZKja92fbuuB9SpRlHqaoXxbTc43Mzc2MDM1Ng=="
"""A published hash of the password `hashcat`."""
SSHA_DIGEST = SSHA[6:30]

__all__ = ["open_another", "sqlite_template", "store", "template_name"]


@pytest.fixture
async def world(store: Store, tmp_path: Path, clock: Clock) -> AsyncIterator[World]:
    async with open_world(store, tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven rows at a time, so that a file has many chunks."""
    for most in ("MOST", "MOST_UNWAITED"):
        monkeypatch.setattr(importer, most, 7)


@pytest.mark.usefixtures("small_chunks")
async def test_a_file_is_imported_twice_and_then_with_changes(world: World, tmp_path: Path) -> None:
    rows = [{"nit": a_nit(number), "email": f"c{number}@empresa.example", "status": ""} for number in range(20)]
    rows[3] |= {"password_hash": BCRYPT}
    path = write(tmp_path / "accounts.csv", rows)
    first = await run(world, path, generate=tmp_path / "letters.csv")
    assert counted(first) == {"added": 20, "passwords_generated": 19, "sealed": 1}
    assert counted(await run(world, path)) == {"unchanged": 20}
    rows[4] |= {"email": "otra@empresa.example"}
    rows[5] |= {"status": "disabled"}
    second = await run(world, write(path, rows), generate=tmp_path / "more.csv")
    assert counted(second) == {"updated": 2, "unchanged": 18, "passwords_generated": 1}
    letters = read(tmp_path / "more.csv")
    assert len(letters) == 18
    person = world.person()
    assert (await person.sign_in(letters[4]["nit"], letters[4]["initial_password"])).status_code == 303
    assert (await world.account(a_nit(5))).status is Status.DISABLED


async def test_accounts_that_are_met_after_a_stretch_of_new_ones_are_followed_not_overwritten(
    world: World, tmp_path: Path
) -> None:
    rows = [{"nit": a_nit(number), "language": "es"} for number in range(300)]
    await run(world, write(tmp_path / "some.csv", rows[200:210]))
    rows[205] |= {"language": "pt"}
    whole = write(tmp_path / "whole.csv", rows)
    assert counted(await run(world, whole)) == {"added": 290, "updated": 1, "unchanged": 9}
    assert (await world.account(a_nit(205))).language == "pt"
    assert counted(await run(world, whole)) == {"unchanged": 300}


@pytest.mark.usefixtures("small_chunks")
async def test_known_accounts_between_new_ones_are_met_on_trial_and_followed(world: World, tmp_path: Path) -> None:
    rows = [{"nit": a_nit(number), "language": "es"} for number in range(100)]
    await run(world, write(tmp_path / "some.csv", rows[50:52]))
    rows[51] |= {"language": "pt"}
    whole = write(tmp_path / "whole.csv", rows)
    assert counted(await run(world, whole)) == {"added": 98, "updated": 1, "unchanged": 1}
    assert counted(await run(world, whole)) == {"unchanged": 100}


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("after", [7, 21, 63])
async def test_a_run_that_stopped_at_any_chunk_goes_on_and_each_account_is_there_once(
    world: World, tmp_path: Path, after: int
) -> None:
    rows = [{"nit": a_nit(number), "email": f"c{number}@empresa.example"} for number in range(90)]
    path, letters = write(tmp_path / "accounts.csv", rows), tmp_path / "letters.csv"

    def stop(done: int, _total: int) -> None:
        if done >= after:
            raise OSError("no space left on the disk")

    with pytest.raises(OSError, match="no space"):
        await run_over(world.services, path, generate=letters, listener=stop)
    async with world.services.store.reading() as tx:
        there = await tx.imports.known("pagos", "nit", [row["nit"] for row in rows])
    # Whole chunks in the file's order: nothing behind a row that is missing.
    assert sorted(there) == sorted(row["nit"] for row in rows[: len(there)])
    summary = await run(world, path, generate=letters)
    assert summary.resumed_at == len(there) >= after
    assert counted(summary) == {"added": 90, "passwords_generated": 90}
    assert [row["nit"][-1] for row in read(letters)] == [row["nit"][-1] for row in rows]
    assert len({row["initial_password"] for row in read(letters)}) == 90


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("open_another", ["postgresql"], indirect=True)
async def test_a_chunk_that_is_overtaken_is_settled_before_the_one_behind_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overtaken, settled = asyncio.Event(), []
    write_rows, put_run = Writer.write, importer.Importer._put_run

    async def write_in_another_order(self: Writer, tx: Transaction, planned: Sequence[Planned], written: Any) -> None:
        await write_rows(self, tx, planned, written)
        if planned[0].row.line == 16:
            await overtaken.wait()
        elif planned[0].row.line == 23:
            overtaken.set()

    async def noted(self: importer.Importer, tx: Transaction, last: int, tallies: Any, **given: Any) -> None:
        settled.append((last, tallies["added"]))
        await put_run(self, tx, last, tallies, **given)

    monkeypatch.setattr(Writer, "write", write_in_another_order)
    monkeypatch.setattr(importer.Importer, "_put_run", noted)
    await run(world, write(tmp_path / "accounts.csv", [{"nit": a_nit(number)} for number in range(40)]))
    assert settled == [(7, 7), (14, 14), (21, 21), (28, 28), (35, 35), (40, 40), (40, 40)]


@pytest.mark.parametrize("open_another", ["postgresql"], indirect=True)
async def test_the_planner_knows_of_many_new_accounts_before_anybody_looks_one_up(
    world: World, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(store, SqlStore)
    monkeypatch.setattr(importer, "_STOCK_TAKEN_AFTER", 20)
    await run(world, write(tmp_path / "accounts.csv", [{"nit": a_nit(number)} for number in range(20)]))
    async with store.database.reading() as (connection, _now):
        asked = text("SELECT reltuples FROM pg_class WHERE oid = 'account_identifier'::regclass")
        there = await connection.scalar(text("SELECT count(*) FROM account_identifier"))
        assert await connection.scalar(asked) == there


@pytest.mark.req("S9", "S19")
async def test_an_imported_hash_opens_before_and_after_it_was_wrapped_and_is_never_in_the_database(
    world: World, tmp_path: Path
) -> None:
    await run(world, write(tmp_path / "accounts.csv", [{"nit": a_nit(0), "password_hash": SSHA}]))
    sealed = (await world.account(a_nit(0))).password_hash
    assert sealed is not None
    assert sealed.startswith("sealed:k1:sha1;")
    assert SSHA_DIGEST not in sealed
    assert not await wrap_sealed_hashes(world.services)
    wrapped = (await world.account(a_nit(0))).password_hash
    assert wrapped is not None
    assert "$argon2id$" in wrapped
    async with world.services.store.reading() as tx:
        assert await tx.imports.sealed(limit=5) == []
    for stored in (sealed, wrapped):
        assert await world.services.hasher.verify(stored, "hashcat")
        assert not await world.services.hasher.verify(stored, "hashcaT")


@pytest.mark.req("S19")
async def test_the_owner_of_a_sealed_hash_who_signs_in_has_one_of_our_own(world: World, tmp_path: Path) -> None:
    await run(world, write(tmp_path / "accounts.csv", [{"nit": a_nit(0), "password_hash": SSHA}]))
    assert (await world.person().sign_in(a_nit(0), "hashcat")).status_code == 303
    stored = (await world.account(a_nit(0))).password_hash or ""
    assert scheme_of(stored) == NATIVE
    async with world.services.store.reading() as tx:
        assert await tx.password_schemes.every("pagos") == {NATIVE: 1}


async def test_more_hashes_than_a_round_wraps_are_left_for_the_next_one(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_hashes, "AT_ONCE", 2)
    rows = [{"nit": a_nit(number), "password_hash": SSHA} for number in range(5)]
    await run(world, write(tmp_path / "accounts.csv", rows))
    assert [await wrap_sealed_hashes(world.services) for _ in range(3)] == [True, True, False]
    async with world.services.store.reading() as tx:
        assert await tx.imports.sealed(limit=5) == []


async def test_a_hash_that_does_not_open_keeps_no_other_from_being_wrapped(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_hashes, "_LOOKED_AT", 1)
    rows = [{"nit": a_nit(number), "password_hash": SSHA} for number in range(3)]
    await run(world, write(tmp_path / "accounts.csv", rows))
    broken = await world.account(a_nit(0))
    forged = replace(broken, password_hash=(broken.password_hash or "")[:-8] + "AAAAAAA=")
    async with world.services.store.transaction() as tx:
        assert await tx.accounts.change(forged, was=1)
    assert not await wrap_sealed_hashes(world.services)
    async with world.services.store.reading() as tx:
        assert [each.id for each in await tx.imports.sealed(limit=5)] == [broken.id]
    assert not await world.services.hasher.verify(forged.password_hash, "hashcat")


async def test_what_a_key_sealed_is_sealed_anew_before_that_key_is_retired(world: World, tmp_path: Path) -> None:
    rows = [{"nit": a_nit(number), "password_hash": SSHA} for number in range(3)]
    await run(world, write(tmp_path / "accounts.csv", rows))
    add_key(world.wired.settings.keyring, SystemEntropy(), 1)
    world.services.vault.reload()
    assert await seal_anew(world.services, "k1") == 3
    assert await seal_anew(world.services, "k1") == 0
    mark_compromised(world.wired.settings.keyring, "k1")
    world.services.vault.reload()
    stored = (await world.account(a_nit(0))).password_hash or ""
    assert stored.startswith("sealed:k2:sha1;")
    assert await world.services.hasher.verify(stored, "hashcat")
