"""The import over every store: what it writes in bulk is what journeys read."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reclave.domain.accounts import Status
from reclave.operations.import_accounts import importer
from reclave.ports.store import Store
from tests.operations.importing import a_nit, counted, read, run, write
from tests.operations.test_import_rows import BCRYPT
from tests.stores import Clock, open_another, sqlite_template, store, template_name
from tests.world import World, open_world

__all__ = ["open_another", "sqlite_template", "store", "template_name"]


@pytest.fixture
async def world(store: Store, tmp_path: Path, clock: Clock) -> AsyncIterator[World]:
    async with open_world(store, tmp_path, clock) as opened:
        yield opened


async def test_a_file_is_imported_twice_and_then_with_changes(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "MOST", 7)
    rows = [{"nit": a_nit(number), "email": f"c{number}@empresa.example", "status": ""} for number in range(20)]
    rows[3] |= {"password_hash": BCRYPT}
    path = write(tmp_path / "accounts.csv", rows)
    first = await run(world, path, generate=tmp_path / "letters.csv")
    assert counted(first) == {"added": 20, "passwords_generated": 19, "hashed": 1}
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
