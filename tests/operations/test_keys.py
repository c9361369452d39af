"""A compromised key: what it made ends, is mailed anew where that can be, and its seals are told apart."""

import pytest

from reclave.adapters.entropy import SystemEntropy
from reclave.adapters.keyring import add_key, mark_compromised
from reclave.domain.audit import Event
from reclave.domain.grants import Purpose
from reclave.domain.outbox import Template
from reclave.operations.keys import Ended, Holding, end_what_it_made, holdings, record, seal_anew
from reclave.ports.records import SealedBy
from reclave.worker.housekeeping import doubtful_seals, seal_audit, verify_audit
from tests.worker.post_office import ONE, TWO, trail
from tests.world import DEMO_PASSWORD, World, code_in, nit, opened_page, reset_link, said, temporary_passwords


def compromise(world: World, key: str = "k1") -> None:
    path = world.wired.settings.keyring
    add_key(path, SystemEntropy(), 1)
    mark_compromised(path, key)
    world.services.vault.reload()


async def end(world: World, key: str = "k1") -> Ended:
    return await end_what_it_made(world.services, key, step=lambda _: None)


@pytest.mark.req("I4", "S10")
async def test_what_a_compromised_key_made_ends_and_recoveries_are_mailed_anew(world: World) -> None:
    for address in (ONE, TWO):
        await world.person().ask(address)
    await world.work()
    old = temporary_passwords(world.mails(ONE)[0])[0]
    # One account with an initial password, three recoveries, and what two mails offer to whom it was not.
    assert await holdings(world.services) == {"k1": Holding(6, 0)}
    compromise(world)
    ended = await end(world)
    assert (ended.mailed, ended.on_paper) == (3, 1)
    assert set(await holdings(world.services)) == {"k2"}
    await world.work()
    assert opened_page(await world.person().sign_in(nit(0), old)) is None
    new = temporary_passwords(world.mails(ONE)[0])[0]
    assert new != old
    assert opened_page(await world.person().sign_in(nit(0), new)) == "/pagos/registro"
    assert opened_page(await world.person().sign_in(nit(1), world.seeded["900.200.002-8"].password)) is None
    assert await end(world) == Ended()


@pytest.mark.req("S19")
async def test_passwords_with_the_pepper_of_a_compromised_key_still_fit_and_are_hashed_anew(world: World) -> None:
    compromise(world)
    assert opened_page(await world.person().sign_in(nit(0), DEMO_PASSWORD)) == "/pagos/cuenta"
    assert ((await world.account(nit(0))).password_hash or "").startswith("k2:")


async def test_a_link_is_mailed_anew_without_the_code_that_only_the_asking_browser_could_use(world: World) -> None:
    await world.seed("compras")
    address = "ventas@ferreteriasur.example"
    asked = await world.person().post("/compras/recuperar", {"user_name": "ferreteria.sur"})
    assert asked.status_code == 303, asked.text
    await world.work()
    code = code_in(world.mails(address)[0])
    old = reset_link(world.mails(address)[0])
    compromise(world)
    assert (await end(world)).mailed == 1
    await world.work()
    again = world.mails(address)[0]
    assert reset_link(again) != old
    assert code not in said(again)
    assert "código" not in said(again).lower()


@pytest.mark.req("I5")
async def test_what_waits_for_the_worker_is_sealed_anew_and_not_lost(world: World) -> None:
    await world.person().ask(ONE)
    await world.worker.resolve()
    await world.person().ask(TWO)
    add_key(world.wired.settings.keyring, SystemEntropy(), 1)
    world.services.vault.reload()
    assert await seal_anew(world.services, "k1") == 2
    assert await seal_anew(world.services, "k1") == 0
    mark_compromised(world.wired.settings.keyring, "k1")
    world.services.vault.reload()
    assert (await end(world)).mailed == 1
    await world.work()
    assert (len(world.mails(ONE)), len(temporary_passwords(world.mails(TWO)[0]))) == (1, 2)


@pytest.mark.req("S45")
async def test_the_trail_stays_whole_and_what_a_compromised_key_sealed_is_told_apart(world: World) -> None:
    store = world.services.store
    await seal_audit(world.services)
    sealed = len(await trail(store))
    compromise(world)
    await record(world.services, Event.KEY_RETIRED, "k1", by="operator1", state="compromised")
    await seal_audit(world.services)
    assert await verify_audit(world.services) == (sealed + 1, None)
    assert await doubtful_seals(world.services) == [SealedBy("k1", 1, 1, sealed)]
    assert (await trail(store))[-1].detail == {"key": "k1", "by": "operator1", "state": "compromised"}


async def test_a_grant_that_its_account_has_outgrown_is_ended_and_not_mailed(world: World) -> None:
    await world.person().ask(ONE)
    await world.work()
    account = await world.account(nit(0))
    async with world.services.store.transaction() as tx:
        (grant,) = await tx.grants.recent("pagos", account.id, [Purpose.SET_PASSWORD])
        await tx.accounts.erase("pagos", account.id)
    compromise(world)
    assert (await end(world)).mailed == 0
    async with world.services.store.reading() as tx:
        assert (await tx.grants.get("pagos", grant.id) or grant).ended_at is not None
        listed = await tx.outbox.listed(limit=9)
    assert [one.message.template for one in listed] == [Template.TEMPORARY_PASSWORD]
