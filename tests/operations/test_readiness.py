"""Readiness says what is wrong: each check passes, then fails with its reason and the way out."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import cast

import pytest

from reclave.domain.readiness import Check, Readiness
from reclave.domain.time import DAY, MINUTE, SECOND
from reclave.operations.readiness import check_readiness
from reclave.ports.store import Store, Transaction
from reclave.worker.housekeeping import seal_audit
from tests.worker.post_office import ONE, TWO, Refusals
from tests.world import World

ALL = ["database", "migration", "keyring", "unresolved_requests", "unsent_mail", "failed_mail", "audit_seal"]


async def migrated() -> bool:
    return True


async def readiness(world: World) -> Readiness:
    return await check_readiness(world.services, migrated)


async def failing(world: World) -> list[Check]:
    return [check for check in (await readiness(world)).checks if not check.ok]


async def test_an_installation_that_works_passes_every_check(world: World) -> None:
    found = await readiness(world)
    assert found.ready
    assert [check.name for check in found.checks] == ALL
    assert [check.name for check in found.for_pages().checks] == ["database", "migration", "keyring"]


async def test_a_request_that_no_worker_resolves_is_told_after_a_minute(world: World) -> None:
    await world.person().ask(ONE)
    world.wait(MINUTE)
    assert await failing(world) == []
    world.wait(SECOND)
    (check,) = await failing(world)
    assert (check.name, check.value, check.limit) == ("unresolved_requests", 61, 60)
    assert "reclave worker" in check.remedy
    assert (await readiness(world)).unresolved == 1


@pytest.mark.req("S2")
async def test_a_mail_server_that_takes_nothing_is_told_but_pages_go_on(world: World, refusals: Refusals) -> None:
    refusals.answers = {ONE: ["451 4.3.0 not now"] * 9, TWO: ["451 4.3.0 not now"]}
    await world.person().ask(ONE)
    await world.work()
    await seal_audit(world.services)
    world.wait(6 * MINUTE)
    (check,) = await failing(world)
    assert (check.name, check.value, check.limit) == ("unsent_mail", 360, 300)
    assert (await readiness(world)).for_pages().ready
    await world.person().ask("pagos@costa.example")
    await world.person().ask(TWO)
    world.wait(SECOND)
    refusals.answers[TWO] = []
    await world.work()
    assert [check.name for check in await failing(world)] == []
    assert (await readiness(world)).unsent == 1


async def test_mail_that_failed_is_told_without_failing(world: World, refusals: Refusals) -> None:
    refusals.answers[ONE] = ["550 5.1.1 no such user"]
    await world.person().ask(ONE)
    await world.work()
    found = await readiness(world)
    (check,) = [check for check in found.checks if check.name == "failed_mail"]
    assert (found.ready, check.value) == (True, 1)
    assert "reclave outbox list --state failed" in check.remedy


@pytest.mark.req("S45")
async def test_a_trail_that_nothing_seals_is_told(world: World) -> None:
    await seal_audit(world.services)
    await world.person().sign_in("900.100.001-1", "wrong")
    world.wait(11 * MINUTE)
    assert [check.name for check in await failing(world)] == ["audit_seal"]
    await seal_audit(world.services)
    assert await failing(world) == []


async def test_a_keyring_that_others_may_read_is_told_with_its_remedy(world: World) -> None:
    keyring = world.wired.settings.keyring
    keyring.chmod(0o640)
    (check,) = await failing(world)
    assert check.name == "keyring"
    assert "chmod 600" in check.why
    assert not (await readiness(world)).for_pages().ready


async def test_a_database_that_is_not_up_to_date_is_told_and_nothing_else_is_asked_of_it(world: World) -> None:
    async def behind() -> bool:
        return False

    found = await check_readiness(world.services, behind)
    assert [(each.name, each.remedy) for each in found.checks if not each.ok] == [
        ("migration", "Run `reclave migrate`.")
    ]


async def test_a_database_that_is_gone_is_told_without_what_the_driver_said(world: World) -> None:
    class Gone:
        def reading(self) -> AbstractAsyncContextManager[Transaction]:
            raise ConnectionRefusedError("postgresql://reclave:secret@db.example")

    services = replace(world.services, store=cast(Store, Gone()))
    found = await check_readiness(services, migrated)
    assert [(check.name, check.ok) for check in found.checks] == [("database", False), ("keyring", True)]
    assert (found.unresolved, found.unsent) == (None, None)
    assert found.checks[0].why == "The database did not answer: ConnectionRefusedError."


async def test_a_clock_that_jumped_back_makes_nothing_late(world: World) -> None:
    await world.person().ask(ONE)
    world.wait(-DAY)
    assert await failing(world) == []
