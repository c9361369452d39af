"""What an import does to accounts, and what it leaves alone."""

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reclave.domain.accounts import Provenance, Status
from reclave.domain.audit import Event
from reclave.domain.grants import Purpose, State
from reclave.domain.portal import Portal
from reclave.operations.import_accounts import importer
from reclave.operations.import_accounts.reading import ImportRefused
from reclave.operations.import_accounts.writing import SHARED
from tests.operations.importing import a_nit, counted, read, remarks, run, write
from tests.operations.test_import_rows import BCRYPT
from tests.world import World, nit, opened_page

GIVEN = "piedra clara junto al rio"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.csv"


def rows(count: int, **cells: str) -> list[dict[str, str]]:
    return [{"nit": a_nit(number), **cells} for number in range(count)]


def addressed(count: int) -> list[dict[str, str]]:
    return [{"nit": a_nit(number), "email": f"c{number}@empresa.example"} for number in range(count)]


def accepting_shared(world: World) -> Portal:
    """The payments portal, whose file accepts shared initial passwords."""
    portal = world.portal
    first = portal.file.journeys.first_sign_in
    assert first is not None
    first = msgspec.structs.replace(first, accept_risk=("shared_initial_passwords",))
    journeys = msgspec.structs.replace(portal.file.journeys, first_sign_in=first)
    file = msgspec.structs.replace(portal.file, journeys=journeys)
    world.services.portals["pagos"] = msgspec.structs.replace(portal, file=file)
    return world.services.portals["pagos"]


@pytest.mark.req("S5")
async def test_accounts_are_there_with_what_the_file_says_of_them(world: World, tmp_path: Path) -> None:
    people = [
        {
            "user_id": "NLopez",
            "email": "Nora@Correo.Example",
            "classification": "employee",
            "identification": "3059999031",
            "company_ruc": "1799000012001",
            "language": "en",
            "status": "active",
        },
        {"user_id": "opaz"},
    ]
    summary = await run(world, write(tmp_path / "people.csv", people, delimiter=";"), portal="aduana")
    assert counted(summary) == {"added": 2}
    nora = await world.holder("aduana", "nlopez")
    assert (nora.status, nora.language, nora.password_hash) == (Status.ACTIVE, "en", None)
    assert (nora.address, nora.address_canonical) == ("Nora@Correo.Example", "nora@correo.example")
    assert nora.address_provenance is Provenance.ASSERTED_BY_OPERATOR
    assert nora.can_recover()
    async with world.services.store.reading() as tx:
        assert await tx.accounts.facts("aduana", nora.id) == {
            "classification": "employee",
            "company_ruc": "1799000012001",
            "identification": "3059999031",
        }
    bare = await world.holder("aduana", "opaz")
    assert (bare.status, bare.address, bare.language) == (Status.AWAITING_FIRST_SIGN_IN, None, None)


async def test_the_same_file_twice_changes_nothing(world: World, path: Path) -> None:
    write(path, addressed(3))
    await run(world, path)
    before = [await world.account(a_nit(number)) for number in range(3)]
    assert counted(await run(world, path)) == {"unchanged": 3}
    assert [await world.account(a_nit(number)) for number in range(3)] == before


async def test_a_dry_run_says_what_would_be_done_and_does_nothing(world: World, path: Path, tmp_path: Path) -> None:
    write(path, [*addressed(2), {"nit": "1"}])
    said = await run(world, path, dry_run=True, generate=tmp_path / "letters.csv")
    assert counted(said) == {"added": 2, "refused": 1, "passwords_generated": 2}
    assert not (tmp_path / "letters.csv").exists()
    async with world.services.store.reading() as tx:
        assert await tx.imports.known("pagos", "nit", [a_nit(0), a_nit(1)]) == {}
        assert await tx.audit.entries(limit=5, newest=True) == [] or all(
            entry.event is not Event.ACCOUNTS_IMPORTED for _, entry in await tx.audit.entries(limit=5, newest=True)
        )


async def test_every_cell_that_was_refused_is_reported_and_the_other_rows_are_imported(
    world: World, path: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.csv"
    write(path, [{"nit": a_nit(0), "email": "x"}, {"nit": a_nit(1)}, {"nit": "=1+2", "email": "@y.example"}])
    summary = await run(world, path, report=report)
    assert counted(summary) == {"added": 1, "refused": 2}
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    found = read(report)
    assert [(each["line"], each["column"], each["outcome"]) for each in found] == [
        ("2", "email", "refused"),
        ("4", "nit", "refused"),
        ("4", "email", "refused"),
    ]
    assert found[1]["reason"] == "nit not a number"
    assert found[1]["value"] == "'=1•••"


async def test_an_identifier_that_stands_twice_is_imported_once_and_shared_addresses_are_listed(
    world: World, path: Path
) -> None:
    write(
        path,
        [
            {"nit": a_nit(0), "email": "pagos@empresa.example"},
            {"nit": a_nit(0), "email": "otra@empresa.example"},
            {"nit": a_nit(1), "email": "Pagos@empresa.example"},
        ],
    )
    summary = await run(world, path)
    assert counted(summary) == {"added": 2, "refused": 1, "shared_addresses": 1}
    assert remarks(summary) == [
        (3, "nit", "the same as in line 2"),
        (4, "email", "the same as in line 2: one mail to it lists every account"),
    ]
    assert (await world.account(a_nit(0))).address == "pagos@empresa.example"


@pytest.mark.req("S15")
async def test_a_given_initial_password_is_hashed_and_opens_only_the_first_sign_in(world: World, path: Path) -> None:
    write(path, [{"nit": a_nit(0), "initial_password": GIVEN}])
    assert counted(await run(world, path)) == {"added": 1, "hashed": 1}
    account = await world.account(a_nit(0))
    assert account.status is Status.AWAITING_FIRST_SIGN_IN
    assert await world.services.hasher.verify(account.password_hash, GIVEN)
    async with world.services.store.reading() as tx:
        (grant,) = await tx.grants.recent("pagos", account.id, {Purpose.ACTIVATE})
        assert grant.context == b""
        assert grant.expires_at == grant.issued_at + world.portal.first_sign_in_lifetime
        assert await tx.password_schemes.every("pagos") == {"native": 1}


@pytest.mark.req("S15")
async def test_an_initial_password_that_rows_share_is_refused_unless_the_operator_overrides_it_in_writing(
    world: World, path: Path
) -> None:
    write(path, [*rows(2, initial_password=GIVEN), {"nit": a_nit(2), "initial_password": "otra clave"}])
    with pytest.raises(ImportRefused, match=r"accept_risk = \[\"shared_initial_passwords\"\]"):
        await run(world, path, accept_shared=True)
    why = "other rows have the same initial password: each account needs its own"
    summary = await run(world, path)
    assert counted(summary) == {"added": 1, "refused": 2, "hashed": 1}
    assert remarks(summary) == [(2, "initial_password", why), (3, "initial_password", why)]
    accepting_shared(world)
    summary = await run(world, path, accept_shared=True)
    assert counted(summary) == {"added": 2, "unchanged": 1, "hashed": 2}
    contexts = []
    async with world.services.store.reading() as tx:
        for number in range(3):
            account = await world.account(a_nit(number))
            (grant,) = await tx.grants.recent("pagos", account.id, {Purpose.ACTIVATE})
            contexts.append(grant.context)
    assert contexts == [SHARED, SHARED, b""]


@pytest.mark.req("S19")
async def test_a_foreign_hash_is_wrapped_and_its_scheme_counted(world: World, path: Path) -> None:
    write(path, [{"nit": a_nit(0), "password_hash": BCRYPT}])
    await run(world, path)
    account = await world.account(a_nit(0))
    assert account.status is Status.ACTIVE
    assert account.password_hash is not None
    assert BCRYPT[-31:] not in account.password_hash
    async with world.services.store.reading() as tx:
        counts = await tx.password_schemes.every("pagos")
    assert len(counts) == 1
    assert next(iter(counts)).startswith("bcrypt")


@pytest.mark.req("S9", "S15", "S42")
async def test_generated_initial_passwords_are_written_once_and_open_the_first_sign_in(
    world: World, path: Path, tmp_path: Path
) -> None:
    letters = tmp_path / "letters.csv"
    write(path, [*addressed(2), {"nit": a_nit(2), "status": "pending"}, {"nit": a_nit(3), "initial_password": GIVEN}])
    summary = await run(world, path, generate=letters)
    assert counted(summary) == {"added": 4, "passwords_generated": 2, "hashed": 1}
    assert stat.S_IMODE(letters.stat().st_mode) == 0o600
    first, second = read(letters)
    assert list(first) == ["nit", "initial_password", "valid_until", "email"]
    assert (first["nit"], first["email"]) == ("800.500.000-" + a_nit(0)[-1], "c0@empresa.example")
    assert first["valid_until"].endswith(" America/Bogota")
    assert second["initial_password"] != first["initial_password"]
    person = world.person()
    signed_in = await person.sign_in(first["nit"], first["initial_password"])
    assert opened_page(signed_in) == "/pagos/registro"


async def test_letters_are_never_written_over_and_can_be_written_again_to_another_file(
    world: World, path: Path, tmp_path: Path
) -> None:
    letters, again = tmp_path / "letters.csv", tmp_path / "again.csv"
    write(path, addressed(2))
    await run(world, path, generate=letters)
    with pytest.raises(ImportRefused, match="is there already"):
        await run(world, path, generate=letters)
    assert counted(await run(world, path, generate=again)) == {"unchanged": 2}
    assert read(again) == read(letters)


async def test_accounts_that_were_imported_without_get_an_initial_password_later(
    world: World, path: Path, tmp_path: Path
) -> None:
    write(path, addressed(2))
    await run(world, path)
    summary = await run(world, path, generate=tmp_path / "letters.csv")
    assert counted(summary) == {"unchanged": 2, "passwords_generated": 2}
    assert len(read(tmp_path / "letters.csv")) == 2


async def stopped(world: World, path: Path, monkeypatch: pytest.MonkeyPatch, after: int, **options: Any) -> None:
    """A run that stops after so many chunks of two rows."""
    chunks = 0
    write_chunk = importer.Importer._write

    async def write_and_stop(self: importer.Importer, *given: Any) -> Any:
        nonlocal chunks
        if chunks == after:
            raise KeyboardInterrupt
        chunks += 1
        return await write_chunk(self, *given)

    with monkeypatch.context() as patched:
        patched.setattr(importer.Importer, "_write", write_and_stop)
        with pytest.raises(KeyboardInterrupt):
            await run(world, path, **options)


async def test_a_run_that_stopped_goes_on_where_it_was_and_completes_its_files(
    world: World, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "MOST", 2)
    letters, report = tmp_path / "letters.csv", tmp_path / "report.csv"
    write(path, [*addressed(3), {"nit": "wrong", "email": ""}, *addressed(8)[2:]])
    await stopped(world, path, monkeypatch, 2, generate=letters, report=report)
    letters.write_text("\ufeffnit,initial_password,valid_until,email\r\n800.5")  # what a crash leaves of a file
    summary = await run(world, path, generate=letters, report=report)
    assert summary.resumed_at == 5
    assert summary.rows_now == 5
    assert counted(summary) == {"added": 8, "refused": 2, "passwords_generated": 8}
    assert len({row["initial_password"] for row in read(letters)}) == 8
    assert [(row["line"], row["outcome"]) for row in read(report)] == [("5", "refused"), ("6", "refused")]
    with pytest.raises(ImportRefused, match="is there already"):
        await run(world, path, generate=letters)


async def changed(world: World, number: int, **changes: Any) -> None:
    """What the account's owner does: a change with a new credential version."""
    account = await world.account(a_nit(number))
    after = replace(account, credential_version=account.credential_version + 1, **changes)
    async with world.services.store.transaction() as tx:
        assert await tx.accounts.change(after, was=account.credential_version)


async def test_what_the_file_changes_is_changed_and_what_was_issued_before_ends(world: World, path: Path) -> None:
    write(path, [{"nit": a_nit(0), "email": "c0@empresa.example", "language": "es", "initial_password": GIVEN}])
    await run(world, path)
    before = await world.account(a_nit(0))
    row = {"nit": a_nit(0), "email": "nueva@empresa.example", "language": "pt", "initial_password": GIVEN}
    assert counted(await run(world, write(path, [row]))) == {"updated": 1}
    account = await world.account(a_nit(0))
    assert (account.address, account.language) == ("nueva@empresa.example", "pt")
    assert (account.credential_version, account.password_hash) == (2, before.password_hash)
    async with world.services.store.reading() as tx:
        live, ended = await tx.grants.recent("pagos", account.id, {Purpose.ACTIVATE})
    assert (ended.state, live.state, live.credential_version) == (State.REPLACED, State.ISSUED, 2)
    assert live.expires_at == ended.expires_at
    summary = await run(world, write(path, [row | {"status": "disabled", "initial_password": ""}]))
    assert counted(summary) == {"updated": 1}
    assert (await world.account(a_nit(0))).status is Status.DISABLED


async def test_many_changes_are_written_a_few_at_a_time_and_new_accounts_with_them(world: World, path: Path) -> None:
    await run(world, write(path, rows(20, language="es")))
    summary = await run(world, write(path, rows(25, language="pt")))
    assert counted(summary) == {"added": 5, "updated": 20}
    assert {(await world.account(a_nit(number))).language for number in range(25)} == {"pt"}
    assert counted(await run(world, path)) == {"unchanged": 25}


async def test_a_generated_password_that_ends_with_a_change_is_listed(world: World, path: Path, tmp_path: Path) -> None:
    await run(world, write(path, addressed(1)), generate=tmp_path / "letters.csv")
    summary = await run(world, write(path, [{"nit": a_nit(0), "email": "otra@empresa.example"}]))
    assert counted(summary) == {"updated": 1, "passwords_ended": 1}
    summary = await run(world, path, generate=tmp_path / "new.csv")
    assert counted(summary) == {"unchanged": 1, "passwords_generated": 1}
    before, after = read(tmp_path / "letters.csv"), read(tmp_path / "new.csv")
    assert before[0]["initial_password"] != after[0]["initial_password"]


@pytest.mark.req("S5", "S35")
async def test_a_confirmed_address_and_what_was_changed_since_are_kept_and_said(world: World, path: Path) -> None:
    start = {"email": "", "password_hash": BCRYPT, "language": "es", "status": "active"}
    write(path, [{"nit": a_nit(number), **start, "email": f"c{number}@empresa.example"} for number in range(2)])
    await run(world, path)
    await changed(world, 0, address_provenance=Provenance.CONFIRMED, password_hash="k1:own", language="en")
    other = {"password_hash": BCRYPT.replace("9", "8"), "language": "pt", "status": "disabled"}
    write(path, [{"nit": a_nit(0), **other, "email": "x@empresa.example"}, {"nit": a_nit(1), **start}])
    for _ in range(2):  # it is said each time
        summary = await run(world, path)
        assert counted(summary) == {"unchanged": 2, "kept": 1}
        since = "the account was changed since it was imported"
        assert remarks(summary) == [
            (2, "language", since),
            (2, "email", "its owner has confirmed the registered address"),
            (2, "status", since),
            (2, "password_hash", since),
        ]
    account = await world.account(a_nit(0))
    assert (account.address, account.password_hash) == ("c0@empresa.example", "k1:own")
    assert (account.status, account.language, account.credential_version) == (Status.ACTIVE, "en", 2)
    assert (await world.account(a_nit(1))).address == "c1@empresa.example"


async def test_an_account_that_no_import_made_keeps_everything(world: World, path: Path) -> None:
    before = await world.account(nit(0))
    summary = await run(world, write(path, [{"nit": nit(0), "email": "otra@x.example", "status": "disabled"}]))
    assert counted(summary) == {"unchanged": 1, "kept": 1}
    assert {why for _, _, why in remarks(summary)} == {"the account was not made by an import"}
    assert await world.account(nit(0)) == before


async def test_facts_follow_the_file_even_when_the_owner_has_changed_the_account(world: World, path: Path) -> None:
    row = {"user_id": "nlopez", "classification": "employee", "identification": "3059999031"}
    await run(world, write(path, [row]), portal="aduana")
    account = await world.holder("aduana", "nlopez")
    async with world.services.store.transaction() as tx:
        assert await tx.accounts.change(replace(account, credential_version=5), was=1)
    write(path, [row | {"classification": "assistant"}])
    assert counted(await run(world, path, portal="aduana")) == {"updated": 1}
    assert counted(await run(world, path, portal="aduana")) == {"unchanged": 1}
    async with world.services.store.reading() as tx:
        facts = await tx.accounts.facts("aduana", account.id)
    assert facts == {"classification": "assistant", "identification": "3059999031"}


@pytest.mark.req("S43", "S44")
async def test_each_chunk_is_audited_with_counts_and_nothing_of_the_rows(
    world: World, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "MOST", 2)
    await run(world, write(path, [*addressed(3), {"nit": "1"}]))
    async with world.services.store.reading() as tx:
        found = [entry for _, entry in await tx.audit.entries(limit=5, newest=True)]
    details = [entry.detail for entry in found if entry.event is Event.ACCOUNTS_IMPORTED]
    assert [(each["by"], each["rows"], each.get("added"), each.get("refused")) for each in details] == [
        ("ana", "4", None, None),
        ("ana", "4", "1", "1"),
        ("ana", "2", "2", None),
    ]
    assert "empresa" not in str(details)
    assert a_nit(0) not in str(details)


async def test_a_portal_without_a_first_sign_in_generates_nothing(world: World, tmp_path: Path) -> None:
    people = write(tmp_path / "people.csv", [{"user_name": "opaz"}])
    with pytest.raises(ImportRefused, match="first_sign_in"):
        await run(world, people, portal="compras", generate=tmp_path / "letters.csv")
    assert not (tmp_path / "letters.csv").exists()
