"""Any valid portal file serves its pages and completes its journeys: files drawn from the options, over memory."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings

from reclave.adapters.memory import MemoryStore
from reclave.bootstrap import build_web
from reclave.domain.accounts import Status
from reclave.domain.portal import Portal, ResetLink
from reclave.journeys import first_sign_in
from reclave.pages.urls import PATHS, page_path, portal_origin
from tests.drawn_portals import PORTAL, Fact, fact, portal_documents
from tests.portal_text import portal_toml
from tests.schema_check import refused_by_schema
from tests.stores import Clock
from tests.world import (
    DEMO_PASSWORD,
    NEW_PASSWORD,
    ORIGIN,
    Person,
    World,
    code_in,
    links_in,
    open_world,
    opened_page,
    said,
    temporary_passwords,
)

pytestmark = pytest.mark.req("B7")
ADDRESS = fact("email", 1)


@dataclass(slots=True)
class Drawn:
    """A drawn portal in its world, and the account of number 1."""

    world: World
    facts: dict[str, Fact]

    @property
    def portal(self) -> Portal:
        """The portal."""
        return self.world.services.portals[PORTAL]

    def person(self, language: str = "") -> Person:
        """Someone at the portal's host who reads a language."""
        language = language or self.portal.default_language
        return self.world.person(host=self.portal.file.portal.host or "localhost:8000", language=language)

    def at(self, name: str, **query: str) -> str:
        """A page's path."""
        return page_path(self.portal, name, **query)

    def typed(self, *names: str) -> dict[str, str]:
        """What the account's owner types into fields."""
        return {name: self.facts[name].typed for name in names}

    @property
    def identifier(self) -> Fact:
        """What the owner signs in with."""
        return self.facts[self.portal.file.sign_in.identifier]

    async def signed_in(self, person: Person, password: str) -> str | None:
        """Where a password leads."""
        answer = await person.post(
            self.at("sign_in"), {"identifier": self.identifier.typed.strip(), "password": password}
        )
        return opened_page(answer)

    async def password_set(self, person: Person, page: str, **more: str) -> None:
        """Send the form for a new password, and see that it is set."""
        fields = {"password": NEW_PASSWORD, "confirm": NEW_PASSWORD, **more}
        assert opened_page(await person.post(self.at(page), fields)) == self.at("sign_in", notice="password_changed")
        assert await self.signed_in(self.person(), NEW_PASSWORD) == self.at("account")
        await self.world.work()


def facts_of(portal: Portal, number: int) -> dict[str, Fact]:
    """What the account of a number is known by, by field."""
    address = fact("email", number)
    described = {
        name: fact(asked.kind if isinstance(asked.kind, str) else list(asked.kind), number)
        for name, asked in portal.file.fields.items()
    }
    return described | {"email": address}


async def added(world: World, number: int, classification: str) -> dict[str, Fact]:
    """Add the account of a number, registered as a classification."""
    portal = world.services.portals[PORTAL]
    facts = facts_of(portal, number)
    identifier = portal.file.sign_in.identifier
    known = {name: each.canonical for name, each in facts.items() if name not in ("email", identifier)}
    if classification:
        known["classification"] = classification
    await world.add_account(PORTAL, facts[identifier].canonical, facts["email"].canonical, known)
    return facts


async def serves_its_pages(drawn: Drawn) -> None:
    """Every page that needs nothing before it is there in each language, and a journey not offered has none."""
    journeys = drawn.portal.file.journeys
    offered = {
        "front": drawn.portal.file.portal.front_page,
        "sign_in": True,
        "recover": drawn.portal.recovery is not None or journeys.find_user_id is not None,
        "user_names": journeys.recover_user_name is not None,
        "reset": None,
    }
    for language in drawn.portal.file.portal.languages:
        person = drawn.person(language)
        for name, there in offered.items():
            page = await person.get(drawn.at(name))
            assert page.status_code == (200 if there or drawn.at(name) == drawn.at("sign_in") else 404), name
            assert page.headers["content-language"] == language
            if not there:
                continue
            links = set(re.findall(r'(?:href|action)="(/[^"#]*)"', page.text))
            for link in links - {drawn.at("sign_out")}:
                found = await drawn.person(language).get(link)
                assert found.status_code in (200, 303), (name, link)
    chosen = await drawn.person("fr").get(drawn.at("sign_in", lang=language))
    assert chosen.headers["content-language"] == language


async def serves_its_account_pages(drawn: Drawn) -> None:
    """Someone who signed in sees every page of their account, in each language."""
    for language in drawn.portal.file.portal.languages:
        person = drawn.person(language)
        assert await drawn.signed_in(person, DEMO_PASSWORD) == drawn.at("account")
        for name in ("account", "change_password", "change_address"):
            page = await person.get(drawn.at(name))
            assert (page.status_code, page.headers["content-language"]) == (200, language), name


async def recovers(drawn: Drawn) -> None:
    """The journey of a lost password, from the form to the sign-in with a new one."""
    recovery = drawn.portal.recovery
    if recovery is None:
        return
    person = drawn.person()
    asked = await person.post(drawn.at("recover"), drawn.typed(*recovery.proves))
    if recovery.confirm:
        assert asked.status_code == 200
        asked = await person.post(drawn.at("recover"), drawn.typed(*recovery.proves) | {"confirmed": "yes"})
    assert opened_page(asked) == drawn.at("recover_sent")
    assert (await person.get(drawn.at("recover_sent"))).status_code == 200
    await drawn.world.work()
    (mail,) = drawn.world.mails(ADDRESS.canonical)
    origin = portal_origin(drawn.portal, ORIGIN) + drawn.portal.file.portal.path
    assert all(link.startswith(f"{origin}/") for link in links_in(mail))
    if not isinstance(recovery, ResetLink):
        (secret,) = temporary_passwords(mail)
        assert await drawn.signed_in(person, secret) == drawn.at("details")
        assert (await person.get(drawn.at("details"))).status_code == 200
        await drawn.password_set(person, "details", email=ADDRESS.typed)
        return
    if "code" in recovery.presents:
        assert opened_page(await person.post(drawn.at("recover_code"), {"code": code_in(mail)})) == drawn.at("reset")
    links = [link for link in links_in(mail) if "/cambiar/" in link]
    assert bool(links) is ("link" in recovery.presents)
    if links:
        person = drawn.person()
        assert opened_page(await person.get(urlsplit(links[0]).path)) == drawn.at("reset")
    assert (await person.get(drawn.at("reset"))).status_code == 200
    await drawn.password_set(person, "reset")


async def tells_the_user_names(drawn: Drawn) -> None:
    """The journey of a forgotten user name."""
    if drawn.portal.file.journeys.recover_user_name is None:
        return
    person = drawn.person()
    before = len(drawn.world.mails(ADDRESS.canonical))
    asked = await person.post(drawn.at("user_names"), {"email": ADDRESS.typed})
    assert opened_page(asked) == drawn.at("user_names_sent")
    assert (await person.get(drawn.at("user_names_sent"))).status_code == 200
    await drawn.world.work()
    mails = drawn.world.mails(ADDRESS.canonical)
    assert len(mails) == before + 1
    assert shown(drawn) in said(mails[0])


def shown(drawn: Drawn) -> str:
    """The owner's identifier as the portal shows it."""
    kinds = drawn.portal.identifier_field.kinds
    spelt = len(kinds) == 1 and kinds[0] in ("co.nit", "ec.ci")
    return drawn.identifier.typed if spelt else drawn.identifier.canonical


async def finds_the_user_id(drawn: Drawn) -> None:
    """The search by what one is registered as."""
    journey = drawn.portal.file.journeys.find_user_id
    if journey is None:
        return
    person = drawn.person()
    chosen = drawn.portal.file.classification[0]
    before = len(drawn.world.mails(ADDRESS.canonical))
    typed = {f"find_{name}": value for name, value in drawn.typed(*chosen.requires).items()}
    typed |= {"action": "search", "find_classification": chosen.id}
    found: httpx2.Response = await person.post(drawn.at("recover"), typed)
    await drawn.world.work()
    mails = drawn.world.mails(ADDRESS.canonical)
    if journey.reveal == "screen":
        assert found.status_code == 200
        assert drawn.identifier.canonical in found.text or shown(drawn) in found.text
        assert len(mails) == before
    else:
        assert opened_page(found) == drawn.at("user_names_sent")
        assert (await person.get(drawn.at("user_names_sent"))).status_code == 200
        assert len(mails) == before + 1
        assert shown(drawn) in said(mails[0])


async def signs_in_for_the_first_time(drawn: Drawn) -> None:
    """The journey with an initial password, to a confirmed address and a password of one's own."""
    if drawn.portal.file.journeys.first_sign_in is None:
        return
    world = drawn.world
    newcomer = Drawn(world, facts_of(drawn.portal, 3))
    account = await world.add_account(PORTAL, newcomer.identifier.canonical, None)
    async with world.services.store.transaction() as tx:
        secret = await first_sign_in.invite(world.services, tx, drawn.portal, account)
    facts = newcomer.facts
    person = newcomer.person()
    assert await newcomer.signed_in(person, secret) == newcomer.at("details")
    form = {"email": facts["email"].typed, "password": NEW_PASSWORD, "confirm": NEW_PASSWORD}
    assert opened_page(await person.post(newcomer.at("details"), form)) == newcomer.at("details_code")
    assert (await person.get(newcomer.at("details_code"))).status_code == 200
    await world.work()
    code = code_in(world.mails(facts["email"].canonical)[0])
    done = await person.post(newcomer.at("details_code"), {"code": code})
    assert opened_page(done) == newcomer.at("sign_in", notice="password_changed")
    assert await newcomer.signed_in(person, NEW_PASSWORD) == newcomer.at("account")
    assert (await world.holder(PORTAL, newcomer.identifier.canonical)).status is Status.ACTIVE


async def lives(document: dict[str, Any]) -> None:
    """Read a portal file, serve its pages, and go through every journey that it offers."""
    text = portal_toml(document)
    note(text)
    assert refused_by_schema(document) == []
    with tempfile.TemporaryDirectory() as created:
        folder = Path(created)
        (folder / "quinto.toml").write_text(text, "utf-8")
        clock = Clock()
        async with open_world(MemoryStore(clock.standing), folder, clock, portals=folder) as world:
            world.app = build_web(world.wired)
            classes = [one["id"] for one in document["classification"]]
            facts = await added(world, 1, classes[0] if classes else "")
            stranger = await added(world, 2, classes[-1] if classes else "")
            drawn = Drawn(world, facts)
            await serves_its_pages(drawn)
            await serves_its_account_pages(drawn)
            await recovers(drawn)
            await tells_the_user_names(drawn)
            await finds_the_user_id(drawn)
            await signs_in_for_the_first_time(drawn)
            assert world.mails(stranger["email"].canonical) == []


# A file that fails is shown whole; making it smaller would take minutes.
_AS_DRAWN = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.timeout(300)
@settings(_AS_DRAWN, max_examples=15)
@given(document=portal_documents())
async def test_any_portal_file_serves_its_pages_and_completes_its_journeys(document: dict[str, Any]) -> None:
    await lives(document)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(_AS_DRAWN, max_examples=100)
@given(document=portal_documents())
async def test_a_hundred_portal_files_serve_their_pages_and_complete_their_journeys(
    document: dict[str, Any],
) -> None:
    await lives(document)


def test_the_pages_that_are_served_are_those_that_there_are() -> None:
    assert {"front", "sign_in", "recover", "user_names", "reset"} < set(PATHS)
