"""More sign-ins at once than the machine hashes, on a real server: who finds no place hears so at once."""

import asyncio
import sqlite3
import statistics
import time
from pathlib import Path

import httpx2
import pytest

from reclave.adapters.argon2 import WAITING_PER_WORKER
from reclave.domain.identifiers import nit_check_digit
from tests.stores import sqlite_template
from tests.test_serve import Start, blueprint, folder, serving, start, write_settings

__all__ = ["blueprint", "folder", "sqlite_template", "start"]

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]
AT_ONCE = 200
PLACES = 1 + WAITING_PER_WORKER


def nit(number: int) -> str:
    """A NIT that no account has."""
    base = f"{800_000_000 + number * 61}"
    return base + nit_check_digit(base)


@pytest.mark.req("S49", "I6")
async def test_of_two_hundred_sign_ins_at_once_the_surplus_is_turned_away_at_once_and_loses_no_guess(
    start: Start, folder: Path
) -> None:
    service = await serving(start, write_settings(folder, trusted_proxies="127.0.0.1/32", hashing_threads=1))
    together = asyncio.Barrier(AT_ONCE)

    async def sign_in(number: int) -> tuple[int, float, str]:
        client = f"10.0.{number // 250}.{number % 250 + 1}"
        headers = {"sec-fetch-site": "same-origin", "x-forwarded-for": client}
        async with httpx2.AsyncClient(base_url=service.origin, headers=headers, timeout=60) as person:
            await person.get("/.well-known/security.txt")
            await together.wait()
            asked = time.perf_counter()
            answer = await person.post("/pagos/", data={"identifier": nit(number), "password": "la lluvia no llega"})
            return answer.status_code, time.perf_counter() - asked, answer.headers.get("retry-after", "")

    answers = await asyncio.gather(*(sign_in(number) for number in range(AT_ONCE)))
    compared = [took for status, took, _ in answers if status == 422]
    refused = [took for status, took, _ in answers if status == 503]
    assert len(compared) + len(refused) == AT_ONCE
    # Some come when the first have been served.
    assert PLACES <= len(compared) < AT_ONCE // 2
    assert {retry_after for status, _, retry_after in answers if status == 503} == {"2"}
    assert statistics.median(refused) < statistics.median(compared) / 2
    with sqlite3.connect(folder / "reclave.sqlite") as database:
        ((guessed_at,),) = database.execute("SELECT count(DISTINCT identifier) FROM guess")
    assert guessed_at == len(compared)
