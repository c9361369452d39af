from dataclasses import replace

from reclave.domain.switches import Switch
from reclave.domain.time import HOUR
from reclave.ports.store import Store
from tests.contracts.rows import ELSEWHERE, PORTAL, now


async def every(store: Store) -> list[Switch]:
    async with store.reading() as tx:
        return await tx.switches.every()


async def put(store: Store, *switches: Switch) -> None:
    for switch in switches:
        async with store.transaction() as tx:
            await tx.switches.put(switch)


async def test_switches_are_listed_as_they_were_put_by_portal_and_journey(store: Store) -> None:
    paused = Switch(portal=PORTAL, journey="reset_link", paused=True, until=await now(store) + HOUR)
    banner = Switch(portal=PORTAL, banner={"es": "Mantenimiento el sábado.", "en": "Maintenance on Saturday."})
    elsewhere = Switch(portal=ELSEWHERE, paused=True)
    await put(store, paused, banner, elsewhere)
    found = await every(store)
    assert [replace(switch, changed_at=0) for switch in found] == [elsewhere, banner, paused]
    assert all(switch.changed_at > 0 for switch in found)


async def test_a_switch_is_written_over_the_one_before(store: Store) -> None:
    await put(store, Switch(portal=PORTAL, paused=True), Switch(portal=PORTAL, banner={"es": "Todo en orden."}))
    (switch,) = await every(store)
    assert (switch.paused, switch.banner) == (False, {"es": "Todo en orden."})


async def test_a_switch_that_is_taken_back_is_gone_and_no_other(store: Store) -> None:
    await put(store, Switch(portal=PORTAL, paused=True), Switch(portal=PORTAL, journey="sign_in", paused=True))
    async with store.transaction() as tx:
        assert await tx.switches.remove(PORTAL, "sign_in")
        assert not await tx.switches.remove(PORTAL, "sign_in")
    assert [switch.journey for switch in await every(store)] == [""]
