"""Whether a name has an account, where accounts were imported with the hashes of other systems."""

import base64
import csv
import hashlib
import random

import bcrypt

from bench.service import PASSWORD, PORTAL, SEED, Service
from reclave.bootstrap import wired
from reclave.operations.import_accounts.accounting import Options, Tally
from reclave.operations.import_accounts.running import import_accounts

_BCRYPT_COST = 8
_PBKDF2_ROUNDS = 100_000
_SALT = b"salado"


async def seed(service: Service, people: list[int]) -> None:
    """Import accounts for these people: half with bcrypt, a quarter each with Django's PBKDF2 and a salted SHA-1.

    Raises RuntimeError when a row is refused.
    """
    path = service.settings_path.with_name("foreign.csv")
    made = [_bcrypt(), _bcrypt(), _pbkdf2(), _ssha()]
    drawn = random.Random(SEED)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["nit", "status", "password_hash"])
        rows.writerows([service.people.nit(person), "active", drawn.choice(made)] for person in people)
    async with wired(service.settings) as parts:
        portal = parts.services.portals[PORTAL]
        done = await import_accounts(parts.services, portal, path, Options(by="bench"), lambda *_: None)
    if done.tallies[Tally.ADDED] != len(people):
        raise RuntimeError(f"imported {done.tallies}, not {len(people)} accounts")


def _bcrypt() -> str:
    return bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(_BCRYPT_COST)).decode()


def _pbkdf2() -> str:
    derived = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), _SALT, _PBKDF2_ROUNDS)
    return f"pbkdf2_sha256${_PBKDF2_ROUNDS}${_SALT.decode()}${base64.b64encode(derived).decode()}"


def _ssha() -> str:
    digest = hashlib.sha1(PASSWORD.encode() + _SALT, usedforsecurity=False).digest()
    return "{SSHA}" + base64.b64encode(digest + _SALT).decode()
