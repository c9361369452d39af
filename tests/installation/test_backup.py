"""What a restore must not bring back to life: whatever was used, ended or refused since the backup was taken."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from reclave.adapters.entropy import SystemEntropy
from reclave.adapters.keyring import KeyringRefused, create_keyring, load_keyring
from reclave.adapters.sql.store import SqlStore, open_store
from reclave.domain.audit import Event
from reclave.installation.backup import Restored, back_up, restore
from reclave.settings import Settings
from tests.adapters.sql.conftest import engine_name, url
from tests.adapters.sql.test_backup import nothing_said, tools
from tests.stores import Clock, clock, sqlite_template, template_name
from tests.world import (
    COMPANIES,
    DEMO_PASSWORD,
    NEW_PASSWORD,
    ORIGIN,
    PORTALS,
    Person,
    World,
    nit,
    open_world,
    opened_page,
    reset_link,
    temporary_passwords,
)

__all__ = ["clock", "engine_name", "sqlite_template", "template_name", "url"]

COMPANY, USER, ADDRESS = str(COMPANIES[0].address), "ferreteria.sur", "ventas@ferreteriasur.example"


def put_in_force(settings: Settings, path: Path) -> Restored:
    return restore(settings, path, replace=True, rehearse=False, by="ana", tools=tools(), step=nothing_said)


async def asked_for_a_link(world: World, address: str) -> str:
    """Ask for a link, and the path of the one that comes by mail."""
    person = world.person(address=address)
    await person.post("/compras/recuperar", {"user_name": USER})
    await world.work()
    return reset_link(world.mails(ADDRESS)[0])


async def set_password(person: Person, link: str) -> int:
    """Open a link and set a password with it; the status of the answer."""
    await person.get(link)
    return (await person.post("/compras/cambiar", {"password": NEW_PASSWORD, "confirm": NEW_PASSWORD})).status_code


async def buyer_signs_in(world: World, password: str) -> int:
    """The status of a buyer's sign-in."""
    person = world.person(address="203.0.113.99")
    person.portal = "compras"
    return (await person.sign_in(USER, password)).status_code


@pytest.mark.req("S10", "I4")
async def test_nothing_that_was_used_or_ended_since_the_backup_comes_back_to_life(
    url: str, tmp_path: Path, clock: Clock
) -> None:
    settings = Settings(base_url=ORIGIN, database=url, keyring=tmp_path / "keyring", portals=PORTALS)
    backup = tmp_path / "backup"

    async def opened() -> SqlStore:
        return await open_store(url, clock_offset=clock)

    store = await opened()
    async with open_world(store, tmp_path, clock) as world:
        await world.seed("compras")
        used, unused = await asked_for_a_link(world, "203.0.113.1"), await _temporary_password(world)
        member = world.person()
        assert opened_page(await member.sign_in(nit(2), DEMO_PASSWORD)) == "/pagos/cuenta"
        await world.person(address="203.0.113.5").ask("pagos@grupo.example")  # nobody has resolved it yet
        taken = await asyncio.to_thread(back_up, settings, backup, tools=tools(), step=nothing_said)
        assert taken.rows["intake"] == 3
        assert await set_password(world.person(), used) == 303
        await member.post("/pagos/salir", {})
    await store.close()
    restored = await asyncio.to_thread(put_in_force, settings, backup)
    ended = restored.ended
    assert (ended.sessions, ended.requests, ended.on_paper, restored.epoch) == (1, 1, 1, 2)
    assert ended.grants > 2
    store = await opened()
    async with open_world(store, tmp_path, clock) as world:
        person = world.person()
        assert await set_password(person, used) == 404
        assert "Recuperar contraseña" in (await person.get("/compras/cambiar")).text
        assert (await world.person().sign_in(nit(0), unused)).status_code == 422
        assert opened_page(await member_again(world, member).get("/pagos/cuenta")) == "/pagos/?notice=session_ended"
        assert await buyer_signs_in(world, NEW_PASSWORD) == 422
        assert await buyer_signs_in(world, DEMO_PASSWORD) == 303
        assert await world.work() == 0  # nothing of before is resolved or sent
        assert await set_password(world.person(), await asked_for_a_link(world, "203.0.113.2")) == 303
        assert await buyer_signs_in(world, NEW_PASSWORD) == 303
        assert await said_in_the_trail(store) == ("ana", "2")
    await store.close()


async def _temporary_password(world: World) -> str:
    await world.person(address="203.0.113.3").ask(COMPANY)
    await world.work()
    return temporary_passwords(world.mails(COMPANY)[0])[0]


async def said_in_the_trail(store: SqlStore) -> tuple[str, str]:
    """Who restored the database, and the epoch since."""
    async with store.reading() as tx:
        trail = await tx.audit.entries(limit=10_000)
    (entry,) = [one for _, one in trail if one.event is Event.DATABASE_RESTORED]
    return entry.detail["by"], entry.detail["epoch"]


def member_again(world: World, member: Person) -> Person:
    """The browser of a member, with the cookies that it had."""
    again = world.person()
    again.client.cookies = member.client.cookies
    return again


def test_a_restore_without_the_keyring_that_it_needs_is_refused_and_the_epoch_stays(
    sqlite_template: Path, tmp_path: Path
) -> None:
    keyring, backup = tmp_path / "keyring", tmp_path / "backup"
    settings = Settings(
        base_url=ORIGIN, database=f"sqlite+aiosqlite:///{sqlite_template}", keyring=keyring, portals=PORTALS
    )
    create_keyring(keyring, SystemEntropy(), 0)
    back_up(settings, backup, tools=tools(), step=nothing_said)
    here = replace(settings, database=f"sqlite+aiosqlite:///{tmp_path / 'here.sqlite'}")
    dry = restore(here, backup, replace=False, rehearse=True, by="ana", tools=tools(), step=nothing_said)
    assert (dry.epoch, dry.done, load_keyring(keyring).epoch) == (2, False, 1)
    keyring.unlink()
    with pytest.raises(KeyringRefused):
        restore(here, backup, replace=False, rehearse=False, by="ana", tools=tools(), step=nothing_said)
    assert not (tmp_path / "here.sqlite").exists()
