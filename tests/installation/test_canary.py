"""The canary flies through the running service: it recovers its own access, touches nobody's, and says what broke."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from reclave.adapters.memory import MemoryStore
from reclave.bootstrap import build_web, wired
from reclave.demo.smtp_server import RecipientPolicy
from reclave.domain.accounts import Account
from reclave.domain.time import MINUTE
from reclave.installation.canary import Flight, fly
from reclave.installation.canary_account import Canary, CanaryRefused, canary_of, prepare
from reclave.installation.canary_browser import Browser
from reclave.settings import read_settings
from reclave.web.server import ServerLimits, listen, serve_http
from tests.stores import Clock, clock, sqlite_template
from tests.test_serve import Program, Start, blueprint, folder, mail_server, serving, start, write_settings
from tests.world import World, nit, open_world

__all__ = ["blueprint", "clock", "folder", "sqlite_template", "start"]

SINK = "canario@vigilancia.example"
NAMES = {"pagos": "901000009-4", "aduana": "canario", "compras": "canario"}
FACTS = {"aduana": {"identification": "3059999015"}}
EVERY_STEP = ["page", "request", "worker", "mail", "secret", "new password", "sign in", "account", "sign out"]
IMPATIENT = 0.3
PATIENT = 60.0


@asynccontextmanager
async def running(
    store: MemoryStore, folder: Path, clock: Clock, policy: RecipientPolicy | None = None
) -> AsyncIterator[tuple[World, str]]:
    """A world whose pages are served on a socket, and where."""
    async with open_world(store, folder, clock, policy=policy) as world:
        listener, stop = listen("127.0.0.1", 0), asyncio.Event()
        serving = asyncio.create_task(serve_http(build_web(world.wired), [listener], limits=ServerLimits(), stop=stop))
        try:
            yield world, f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()
            await serving


async def a_canary(world: World, portal: str) -> Canary:
    """The canary of a portal, as the command makes it."""
    made, _ = await prepare(
        world.services, world.services.portals[portal], NAMES[portal], SINK, FACTS.get(portal, {}), by="ana"
    )
    return made


async def everybody(world: World) -> list[Account]:
    """Every account of the portals, by portal and id."""
    async with world.services.store.reading() as tx:
        return [one for portal in NAMES for one in await tx.accounts.page(portal, limit=1000)]


async def flown(world: World, canary: Canary, origin: str, *, patience: float) -> Flight:
    return await fly(world.services, canary, Browser(origin, "localhost:8000", patience=30), patience=patience)


async def with_worker(world: World, canary: Canary, origin: str) -> Flight:
    """A flight while the worker works."""

    async def work() -> None:
        while True:
            await world.work()
            await asyncio.sleep(0.02)

    working = asyncio.create_task(work())
    try:
        return await flown(world, canary, origin, patience=PATIENT)
    finally:
        working.cancel()


@pytest.fixture
def store(clock: Clock) -> MemoryStore:
    return MemoryStore(clock.standing)


async def test_it_recovers_its_own_access_on_every_portal_and_touches_nobody_elses(
    store: MemoryStore, tmp_path: Path, clock: Clock
) -> None:
    async with running(store, tmp_path, clock) as (world, origin):
        for portal in ("compras", "aduana"):
            await world.seed(portal)
        people = await everybody(world)
        for portal in NAMES:
            canary = await a_canary(world, portal)
            flight = await with_worker(world, canary, origin)
            assert flight.failure is None
            assert [step.name for step in flight.steps] == EVERY_STEP
            assert world.services.portals[portal].id == canary.portal.id
        assert [one for one in await everybody(world) if one.address != SINK] == people
        assert {mail.recipients for mail in world.maildrop.messages()} == {(SINK,)}


async def test_it_tries_nothing_while_a_cooldown_or_limit_runs_and_never_uses_one_up(
    store: MemoryStore, tmp_path: Path, clock: Clock
) -> None:
    async with running(store, tmp_path, clock) as (world, origin):
        canary = await a_canary(world, "compras")
        for _ in range(6):
            assert (await with_worker(world, canary, origin)).failure is None
            mails = len(world.mails(SINK))
            clock.move(MINUTE)
            assert await flown(world, canary, origin, patience=IMPATIENT) == Flight(wait=canary.cooldown - MINUTE)
            assert len(world.mails(SINK)) == mails
            clock.move(canary.cooldown - MINUTE)


async def test_it_says_which_step_broke_what_was_seen_and_what_to_look_at(
    store: MemoryStore, tmp_path: Path, clock: Clock
) -> None:
    def refuse(_recipient: str, _attempt: int) -> str:
        return "550 5.7.1 this sender is blocked"

    async with running(store, tmp_path, clock, refuse) as (world, origin):
        canary = await a_canary(world, "pagos")
        paused = await flown(world, canary, origin, patience=IMPATIENT)
        assert paused.failure is not None
        assert (paused.failure.step, "worker" in paused.failure.look_at) == ("worker", True)
        clock.move(canary.cooldown)
        refused = await with_worker(world, canary, origin)
        assert refused.failure is not None
        assert (refused.failure.step, "this sender is blocked" in refused.failure.seen) == ("mail", True)
        clock.move(canary.cooldown)
        gone = await flown(world, canary, "http://127.0.0.1:9", patience=IMPATIENT)
        assert gone.failure is not None
        assert (gone.steps, gone.failure.step) == ((), "page")


async def test_a_persons_account_is_no_canary(store: MemoryStore, tmp_path: Path, clock: Clock) -> None:
    async with open_world(store, tmp_path, clock) as world:
        await world.seed("aduana")

        async def refused(portal: str, identifier: str, address: str = SINK, **facts: str) -> str:
            with pytest.raises(CanaryRefused) as caught:
                await prepare(world.services, world.services.portals[portal], identifier, address, facts, by="ana")
            return str(caught.value)

        assert "person's account" in await refused("pagos", nit(0))
        assert "leads to other accounts too" in await refused("pagos", NAMES["pagos"], "pagos@grupo.example")
        assert "identification" in await refused("aduana", "canario")
        assert "does not ask for x" in await refused("aduana", "canario", x="1")
        with pytest.raises(CanaryRefused, match="reclave canary prepare"):
            await canary_of(world.services, world.services.portals["pagos"], nit(0)[:0])
        with pytest.raises(CanaryRefused, match="person's account"):
            await canary_of(world.services, world.services.portals["pagos"], nit(0))
        made = await a_canary(world, "pagos")
        assert (await canary_of(world.services, made.portal)).account.id == made.account.id
        assert (await a_canary(world, "pagos")).account == made.account


@pytest.mark.timeout(200)
@pytest.mark.parametrize("portal", ["compras", pytest.param("pagos", marks=pytest.mark.long)])
async def test_monitoring_runs_it_beside_a_running_service(start: Start, folder: Path, portal: str) -> None:
    async with mail_server() as (maildrop, port):
        settings = write_settings(folder, smtp_port=port, special_use_domains="true")
        starting = asyncio.create_task(serving(start, settings))
        async with wired(read_settings(settings)) as parts:
            await prepare(parts.services, parts.services.portals[portal], NAMES[portal], SINK, {}, by="ana")
        service = await starting

        def run() -> "asyncio.Task[Program]":
            at = ("--origin", service.origin, "--settings", settings)
            return start("canary", "run", "--portal", portal, "--json", *at)

        program = await run()
        assert await program.ends() == 0, program.stderr
        flight = json.loads("\n".join(program.stdout))
        assert [step["name"] for step in flight["steps"]] == EVERY_STEP
        again = await run()
        assert await again.ends() == 3
        assert "nothing was tried" in again.stderr[0]
        assert await maildrop.wait_for(SINK, timeout=60)
        service.program.process.terminate()
        assert await service.program.ends(10) == 0
