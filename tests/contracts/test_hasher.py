"""The contract of the hasher: every adapter of `ports.hasher.Hasher` passes this suite."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from reclave.adapters.argon2 import Argon2Hasher
from reclave.adapters.entropy import SystemEntropy
from reclave.adapters.keyring import add_key, create_keyring, mark_compromised
from reclave.adapters.keyring_vault import KeyringVault
from reclave.domain.errors import Overloaded
from reclave.domain.foreign_hashes import ForeignHashRefused, bcrypt_base64, parse_foreign_hash
from reclave.domain.foreign_recipes import scheme_of
from reclave.ports.hasher import Hasher
from reclave.ports.vault import Unsealable

PASSWORD = "Cóndor-andino-2045 vuela"
FOREIGN = [
    "{SSHA}AZKja92fbuuB9SpRlHqaoXxbTc43Mzc2MDM1Ng==",
    "pbkdf2_sha256$20000$H0dPx8NeajVu$GiC4k5kqbbR9qWBlsRgDywNqC2vd9kqfk7zdorEnNas=",
    "$P$984478476IagS59wHZvyQMArzfx58u.",
]
"""Published hashes of the password `hashcat`."""


def argon2_hasher(vault: KeyringVault) -> Argon2Hasher:
    """Real Argon2id, at a cost that tests can pay."""
    return Argon2Hasher(vault, memory_kib=1024, passes=1, workers=2, waiting=4)


@pytest.fixture
def keyring(tmp_path: Path) -> Path:
    path = tmp_path / "keyring.json"
    create_keyring(path, SystemEntropy(), 0)
    return path


@pytest_asyncio.fixture(params=[argon2_hasher])
async def hasher(request: pytest.FixtureRequest, keyring: Path) -> AsyncIterator[Hasher]:
    make: Callable[[KeyringVault], Argon2Hasher] = request.param
    made = make(KeyringVault(keyring, SystemEntropy()))
    yield made
    made.close()


@pytest.mark.req("S19")
async def test_only_the_password_fits_its_hash(hasher: Hasher) -> None:
    stored = await hasher.hash(PASSWORD)
    assert await hasher.verify(stored, PASSWORD)
    for other in ("", PASSWORD[:-1], PASSWORD + " ", PASSWORD.lower(), PASSWORD + "\0", stored):
        assert not await hasher.verify(stored, other)


@pytest.mark.req("S19")
async def test_a_hash_shows_nothing_and_two_of_the_same_password_differ(hasher: Hasher) -> None:
    one, other = await hasher.hash(PASSWORD), await hasher.hash(PASSWORD)
    assert one != other
    assert PASSWORD not in one


@pytest.mark.req("S26")
async def test_no_password_fits_an_account_that_is_not_there(hasher: Hasher) -> None:
    for password in (PASSWORD, ""):
        assert not await hasher.verify(None, password)


@pytest.mark.req("S26")
@pytest.mark.parametrize(
    "stored", ["", "!", "*", "k1:", "k1:$argon2id$", "$2b$12$abc", "k1:$argon2id$v=19$m=8,t=1,p=1$x"]
)
async def test_no_password_fits_what_is_no_hash(hasher: Hasher, stored: str) -> None:
    assert not await hasher.verify(stored, PASSWORD)
    assert not await hasher.verify(stored, stored)


@pytest.mark.req("S20")
async def test_the_same_characters_fit_however_they_are_composed(hasher: Hasher) -> None:
    stored = await hasher.hash("contrase\u00f1a")
    assert await hasher.verify(stored, "contrasen\u0303a")


@pytest.mark.req("S20")
@pytest.mark.parametrize("length", [71, 72, 127, 128, 255, 1000, 4095])
async def test_no_character_of_a_long_password_is_ignored(hasher: Hasher, length: int) -> None:
    stored = await hasher.hash("x" * length + "a")
    assert not await hasher.verify(stored, "x" * length + "b")
    assert not await hasher.verify(stored, "x" * length)


@pytest.mark.parametrize("password", ["", "\0", "a\0b", "\ud800", "🦙" * 64, " ", "\u00a0"])
async def test_every_text_can_be_hashed_and_fits_itself(hasher: Hasher, password: str) -> None:
    stored = await hasher.hash(password)
    assert await hasher.verify(stored, password)
    assert not await hasher.verify(stored, password + "x")


@pytest.mark.req("S19")
async def test_a_hash_is_outdated_when_the_key_of_its_pepper_is(hasher: Hasher, keyring: Path) -> None:
    stored = await hasher.hash(PASSWORD)
    assert not hasher.outdated(stored)
    add_key(keyring, SystemEntropy(), 1)
    vault = KeyringVault(keyring, SystemEntropy())
    renewed = argon2_hasher(vault)
    assert renewed.outdated(stored)
    assert await renewed.verify(stored, PASSWORD)
    assert not renewed.outdated(await renewed.hash(PASSWORD))
    renewed.close()


@pytest.mark.req("S19", "I4")
@pytest.mark.parametrize("foreign", FOREIGN)
async def test_a_wrapped_foreign_hash_fits_its_password_shows_no_digest_and_is_outdated(
    hasher: Hasher, foreign: str
) -> None:
    one, other = await hasher.wrap(foreign), await hasher.wrap(foreign)
    assert one != other
    assert hasher.outdated(one)
    assert await hasher.verify(one, "hashcat")
    for typed in ("Hashcat", "", foreign, one):
        assert not await hasher.verify(one, typed)
    digest = parse_foreign_hash(foreign).digest
    shown = (foreign[-16:], base64.b64encode(digest).decode()[:20], digest.hex(), bcrypt_base64(digest).decode())
    assert not any(text in one for text in shown)


@pytest.mark.req("S19", "I4")
@pytest.mark.parametrize("foreign", FOREIGN)
async def test_a_sealed_foreign_hash_fits_its_password_shows_no_digest_and_can_be_wrapped(
    hasher: Hasher, foreign: str
) -> None:
    read = parse_foreign_hash(foreign)
    one, other = hasher.seal(read), hasher.seal(read)
    assert one != other
    assert hasher.outdated(one)
    for stored in (one, await hasher.wrap(one)):
        assert scheme_of(stored) == read.recipe.scheme
        assert await hasher.verify(stored, "hashcat")
        for typed in ("Hashcat", "", foreign, stored):
            assert not await hasher.verify(stored, typed)
        shown = (foreign[-16:], base64.b64encode(read.digest).decode()[:20], read.digest.hex())
        assert not any(text in stored for text in shown)


@pytest.mark.req("I4")
async def test_a_sealed_hash_under_another_recipe_or_of_a_key_that_is_compromised_fits_nothing(
    hasher: Hasher, keyring: Path
) -> None:
    stored = hasher.seal(parse_foreign_hash(FOREIGN[0]))
    forged = stored.replace("sha1;", "sha256;")
    assert not await hasher.verify(forged, "hashcat")
    with pytest.raises(Unsealable):
        await hasher.wrap(forged)
    for damaged in (stored[:-4], stored.replace("$", "$ "), "sealed:", "sealed:sha1;$", f"sealed:{stored}"):
        assert not await hasher.verify(damaged, "hashcat")
    add_key(keyring, SystemEntropy(), 1)
    mark_compromised(keyring, "k1")
    later = argon2_hasher(KeyringVault(keyring, SystemEntropy()))
    assert not await later.verify(stored, "hashcat")
    later.close()


@pytest.mark.req("I4")
async def test_a_wrapped_hash_made_to_look_like_our_own_or_of_another_recipe_fits_nothing(hasher: Hasher) -> None:
    stored = await hasher.wrap(FOREIGN[0])
    key_id, phc = stored.partition(":")[0], stored[stored.index("$argon2id$") :]
    digest = parse_foreign_hash(FOREIGN[0]).digest
    for forged in (f"{key_id}:{phc}", stored.replace("sha1;", "sha256;")):
        assert forged != stored
        for typed in ("hashcat", digest.decode("latin-1"), digest.decode(errors="surrogateescape")):
            assert not await hasher.verify(forged, typed)


async def test_what_is_no_foreign_hash_is_refused_before_any_work(hasher: Hasher) -> None:
    for given in ("hashcat", "", await hasher.hash(PASSWORD)):
        with pytest.raises(ForeignHashRefused):
            await hasher.wrap(given)


@pytest.mark.req("S26")
@pytest.mark.parametrize("decoy", ["native", "sha1", "pbkdf2_sha256:1000:32", "bcrypt:31", "no scheme"])
async def test_no_password_fits_a_decoy_and_no_decoy_changes_what_fits(hasher: Hasher, decoy: str) -> None:
    stored = await hasher.hash(PASSWORD)
    assert not await hasher.verify(None, PASSWORD, decoy=decoy)
    assert await hasher.verify(stored, PASSWORD, decoy=decoy)


async def test_past_its_bound_it_says_at_once_that_it_is_overloaded(hasher: Hasher) -> None:
    stored = await hasher.hash(PASSWORD)
    results = await asyncio.gather(*(hasher.verify(stored, PASSWORD) for _ in range(300)), return_exceptions=True)
    overloaded = [result for result in results if isinstance(result, Overloaded)]
    assert all(error.retry_after > 0 for error in overloaded)
    assert 0 < len(overloaded) <= 294
    assert results.count(True) == 300 - len(overloaded)
    assert await hasher.verify(stored, PASSWORD)
