"""The demo's start page: what to try in each portal, with the accounts to try it with."""

import re

import httpx2
import pytest

from reclave.demo.mailbox import mailbox_app
from reclave.demo.maildrop import Maildrop
from reclave.demo.seeds import SEEDS, Seeded
from reclave.demo.start_page import PATH, Place, with_start_page
from reclave.domain.portal_reader import read_portal
from tests.servers import ROOT

PLACES = [Place(name, f"Portal {name}", "lema", f"http://localhost:8000/{name}/") for name in SEEDS]
SEEDED = [
    Seeded(portal, one.identifier, one.password or "", one.address or "", one.what_to_try)
    for portal, accounts in SEEDS.items()
    for one in accounts
]


async def opened(path: str, host: str = "localhost") -> httpx2.Response:
    """A page of the mailbox's server."""
    app = with_start_page(mailbox_app(Maildrop()), PLACES, SEEDED)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=f"http://{host}") as client:
        return await client.get(path)


async def test_each_portal_is_told_in_three_sentences_with_every_account_of_it() -> None:
    page = (await opened(PATH)).text
    sections = re.findall(r"<section.*?</section>", page, re.DOTALL)
    assert len(sections) == len(PLACES) == 3
    for place, section in zip(PLACES, sections, strict=True):
        assert section.count("<li>") == 3
        assert place.address in section
        for one in (seeded for seeded in SEEDED if seeded.portal == place.id):
            assert one.identifier in section
            assert one.address in section


async def test_the_mailbox_is_beside_it() -> None:
    assert "Buzón de demostración" in (await opened("/")).text
    assert (await opened("/static/start.css")).status_code == 200


async def test_it_is_shown_under_no_foreign_name() -> None:
    assert (await opened(PATH, "ataque.example")).status_code == 421


@pytest.mark.req("S26")
def test_there_is_an_account_for_every_classification_and_state() -> None:
    customs = read_portal((ROOT / "portals" / "aduana.toml").read_text("utf-8"))
    known = {one.facts.get("classification") for one in SEEDS["aduana"]}
    assert known == {one.id for one in customs.file.classification}
    states = {one.status.value for accounts in SEEDS.values() for one in accounts}
    assert states == {"active", "awaiting_first_sign_in", "pending", "rejected", "disabled"}
