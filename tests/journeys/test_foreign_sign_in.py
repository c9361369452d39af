"""Sign-in with an imported hash of another system: S19's upgrade, and the same work for everybody (S26)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
from nacl.pwhash import argon2id

from reclave.adapters import argon2, foreign_hashes
from reclave.domain.accounts import Account, Status
from reclave.domain.foreign_recipes import NATIVE, Recipe, scheme_of
from reclave.domain.identifiers import nit_check_digit
from reclave.journeys.password_schemes import count_change, decoy_scheme
from tests.world import DEMO_PASSWORD, World, nit, opened_page

FOREIGN = "pbkdf2_sha256$20000$H0dPx8NeajVu$GiC4k5kqbbR9qWBlsRgDywNqC2vd9kqfk7zdorEnNas="
OLD_PASSWORD = "hashcat"
SCHEME = "pbkdf2_sha256:20000:32"
WRONG = "esta no es la clave"
UNKNOWN = [body + nit_check_digit(body) for body in map(str, range(900_770_000, 900_770_050))]


@dataclass(slots=True)
class Work:
    """What the hasher has done since it was last asked: the schemes of foreign digests, and Argon2id comparisons."""

    foreign: list[str] = field(default_factory=list)
    compared: int = 0

    def done(self) -> tuple[list[str], int]:
        """The work, told once."""
        told = self.foreign, self.compared
        self.foreign, self.compared = [], 0
        return told


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    noted = Work()
    digest, verify = foreign_hashes.foreign_digest, argon2id.verify

    def noting_digest(recipe: Recipe, password: str) -> bytes:
        noted.foreign.append(recipe.scheme)
        return digest(recipe, password)

    def noting_verify(phc: bytes, password: bytes) -> bool:
        noted.compared += 1
        return verify(phc, password)

    monkeypatch.setattr(argon2, "foreign_digest", noting_digest)
    monkeypatch.setattr(argon2id, "verify", noting_verify)
    return noted


async def imported(world: World, company: int, status: Status = Status.ACTIVE) -> Account:
    """Give a company's account the hash of another system."""
    account = await world.account(nit(company))
    stored = await world.services.hasher.wrap(FOREIGN)
    async with world.services.store.transaction() as tx:
        changed = replace(account, password_hash=stored, status=status)
        assert await tx.accounts.change(changed, was=account.credential_version)
    return changed


async def counted(world: World, **schemes: int) -> None:
    """Count accounts of our own (`native`) and of the foreign scheme."""
    async with world.services.store.transaction() as tx:
        for name, accounts in schemes.items():
            await tx.password_schemes.count("pagos", SCHEME if name == "foreign" else name, accounts)


async def counts(world: World) -> Mapping[str, int]:
    async with world.services.store.reading() as tx:
        return await tx.password_schemes.every("pagos")


@pytest.mark.req("S19")
async def test_the_old_password_signs_in_and_is_upgraded_with_the_first_time(world: World, work: Work) -> None:
    was = await imported(world, 0)
    await counted(world, foreign=2, native=5)
    assert (await world.person().sign_in(nit(0), WRONG)).status_code == 422
    assert (await world.account(nit(0))).password_hash == was.password_hash
    work.done()
    assert opened_page(await world.person().sign_in(nit(0), OLD_PASSWORD)) == "/pagos/cuenta"
    assert work.done() == ([SCHEME], 1)
    account = await world.account(nit(0))
    assert scheme_of(account.password_hash) == NATIVE
    assert account.credential_version == was.credential_version
    assert await counts(world) == {SCHEME: 1, NATIVE: 6}
    assert opened_page(await world.person().sign_in(nit(0), OLD_PASSWORD)) == "/pagos/cuenta"
    assert work.done() == ([], 1)
    assert await counts(world) == {SCHEME: 1, NATIVE: 6}


@pytest.mark.req("S26")
async def test_every_sign_in_does_the_work_of_one_account_of_the_portal(world: World, work: Work) -> None:
    await imported(world, 0)
    await imported(world, 2, Status.DISABLED)
    await counted(world, foreign=50, native=50)

    async def work_of(identifier: str, password: str = WRONG) -> tuple[list[str], int]:
        work.done()
        assert (await world.person().sign_in(identifier, password)).status_code == 422
        return work.done()

    assert await work_of(nit(0)) == ([SCHEME], 1)
    assert await work_of(nit(2), OLD_PASSWORD) == ([SCHEME], 1)
    known = await counts(world)
    drawn = {one: decoy_scheme(world.services, world.portal, known, one) for one in (nit(1), *UNKNOWN)}
    an_unknown_one_of_each = {scheme: identifier for identifier, scheme in drawn.items()}
    assert an_unknown_one_of_each.keys() == {SCHEME, NATIVE}
    for identifier in (nit(1), *an_unknown_one_of_each.values()):
        assert await work_of(identifier) == ([SCHEME] if drawn[identifier] == SCHEME else [], 1)


@pytest.mark.req("S26")
async def test_a_portal_that_imported_nothing_is_all_native(world: World, work: Work) -> None:
    for identifier in (nit(0), nit(1), UNKNOWN[0]):
        await world.person().sign_in(identifier, WRONG)
        assert work.done() == ([], 1)
    await world.person().sign_in(nit(0), DEMO_PASSWORD)
    assert await counts(world) == {}


@pytest.mark.req("S26")
async def test_unknown_identifiers_draw_schemes_in_their_shares_and_keep_what_they_drew(world: World) -> None:
    async def drawn() -> list[str]:
        known = await counts(world)
        return [decoy_scheme(world.services, world.portal, known, str(number)) for number in range(300)]

    await counted(world, foreign=30, native=60, sha1=10)
    before = await drawn()
    shares = Counter(before)
    # Each within five standard deviations of its share.
    assert abs(shares[SCHEME] - 90) < 40
    assert abs(shares["sha1"] - 30) < 26
    assert await drawn() == before
    await counted(world, foreign=-3, native=3)
    moved = [(was, now) for was, now in zip(before, await drawn(), strict=True) if was != now]
    assert len(moved) < 40
    assert all(was == SCHEME or now == NATIVE for was, now in moved)


async def test_the_counts_follow_passwords_that_are_set_and_taken_away_once_an_import_began_them(world: World) -> None:
    foreign = await imported(world, 0)
    native = await world.services.hasher.hash(WRONG)
    changes = [(foreign, None), (replace(foreign, password_hash=None), native), (foreign, native)]
    async with world.services.store.transaction() as tx:
        for was, now in changes:
            await count_change(tx, was, now)
    assert await counts(world) == {}
    await counted(world, foreign=5, native=5)
    followed = []
    for was, now in changes:
        async with world.services.store.transaction() as tx:
            await count_change(tx, was, now)
        followed.append(await counts(world))
    assert followed == [{SCHEME: 4, NATIVE: 5}, {SCHEME: 4, NATIVE: 6}, {SCHEME: 3, NATIVE: 7}]
