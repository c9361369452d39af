"""The worker's process, and what pages and workers have in common: they notice what operators change."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

import structlog

from reclave.adapters.sql.growth import note_growth
from reclave.bootstrap.portals import check_portals
from reclave.bootstrap.telemetry import answer_operators, publish, watch, watched
from reclave.bootstrap.waking import Doorbell, end, first_of, listen_to_database, on_signals, say_begun
from reclave.bootstrap.wiring import Wired, build_mailer, build_worker, postgresql_of, warm_mails, wired
from reclave.domain.errors import ReclaveError, StoreAway
from reclave.settings import Settings
from reclave.supervisor import Inherited
from reclave.worker.loop import Stage, Worker
from reclave.worker.sender import AT_ONCE

REFRESH_SECONDS = 2.0
"""How soon every process notices what an operator's command changed."""
NICENESS = 10
"""Of a worker beside page processes: people who wait for a page go first, and what they asked for waits on the disk."""
_FEWEST_AT_ONCE = 4
GROWTH_SECONDS = 1.0
"""How often a worker looks whether tables have outgrown what the database's planner knows of them."""
PACE_SECONDS = 60.0
"""How often pages learn how fast mail goes."""
_log = structlog.get_logger("reclave")


async def run_worker(settings: Settings, inherited: Inherited | None = None, only: str | None = None) -> None:
    """Work until SIGTERM or SIGINT, or until the process that started it is gone; `only` in this stage.

    One that was started by another process begins when its bell rings for the first time. SIGHUP has it finish what is
    under way and go on with the portal files as they are now.
    """
    if inherited is not None:
        os.nice(NICENESS)
    stage = None if only is None else Stage(only)
    stop, hangup = on_signals(signal.SIGTERM, signal.SIGINT), on_signals(signal.SIGHUP)
    bell = Doorbell(stop, None if inherited is None else inherited.parent)
    if not await bell.first():
        return
    watching = watch(settings, inherited)
    async with wired(settings) as opened, watched(opened, watching, "worker") as begun:
        at_once = _share_of_connections(inherited)
        parts, mailer = begun, build_mailer(settings, at_once)
        beside = [asyncio.create_task(asyncio.to_thread(warm_mails, parts.services)), keep_fresh(parts, stop)]
        if (database := postgresql_of(opened.services.store)) is not None:
            beside.append(
                asyncio.create_task(
                    _repeated(partial(note_growth, database), GROWTH_SECONDS, stop, rest=60 * GROWTH_SECONDS)
                )
            )
        if inherited is None or not inherited.helps:
            beside.append(asyncio.create_task(listen_to_database(settings, bell.ring)))
        telling = asyncio.gather(
            answer_operators(parts, opened.services.store, watching, stop), publish(watching, stop)
        )
        say_begun(inherited)
        while not stop.is_set():
            await _work(build_worker(parts, mailer, stage, at_once=at_once), bell, first_of(stop, hangup), stop)
            if hangup.is_set():
                hangup.clear()
                parts = reloaded(parts)
                _log.info("worker_reloaded", portals=sorted(parts.services.portals))
        await end(beside)
        await mailer.close()
        await telling


def _share_of_connections(inherited: Inherited | None) -> int:
    """How many connections to the mail server a worker may hold: mail servers take 50 or so of one client."""
    return AT_ONCE if inherited is None else max(_FEWEST_AT_ONCE, min(AT_ONCE, 2 * AT_ONCE // inherited.workers))


async def _work(worker: Worker, bell: Doorbell, until: asyncio.Event, ending: asyncio.Event) -> None:
    """Have a worker work, woken by the bell, until an event; `ending` says that the process ends."""
    ringing = asyncio.create_task(bell.pass_on(worker.wake))
    worker.wake()
    await worker.run(until, ending)
    ringing.cancel()


def reloaded(parts: Wired) -> Wired:
    """The installation with its portal files as they are now; as it was, with a line in the log, if they are refused.

    Whoever reloads keeps the same store, keyring and switchboard.
    """
    try:
        files = check_portals(parts.settings.portals)
    except ReclaveError as refused:
        for problem in str(refused).splitlines():
            _log.error("reload_refused", why=problem)
        return parts
    return Wired(parts.settings, replace(parts.services, portals=dict(files.portals)), files)


def keep_fresh(parts: Wired, stop: asyncio.Event) -> asyncio.Task[None]:
    """Notice, until `stop` is set, what operators change beside the running processes: the keyring and the switches."""
    return asyncio.create_task(_repeated(lambda: _refresh(parts), REFRESH_SECONDS, stop))


def keep_pace(parts: Wired, stop: asyncio.Event) -> asyncio.Task[None]:
    """Learn, until `stop` is set, how fast each portal's mail goes."""
    services = parts.services
    return asyncio.create_task(
        _repeated(lambda: services.mail_pace.refresh(services.store, services.portals), PACE_SECONDS, stop)
    )


async def _refresh(parts: Wired) -> None:
    if parts.services.vault.reload():
        _log.info("keyring_reloaded", key_id=parts.services.vault.key_id, epoch=parts.services.vault.epoch)
    await parts.services.switchboard.refresh(parts.services.store)


async def _repeated(
    refresh: Callable[[], Awaitable[object]], seconds: float, stop: asyncio.Event, *, rest: float | None = None
) -> None:
    """Refresh every so many seconds; after a fault after a `rest`, which is as long where none is given."""
    while not stop.is_set():
        pause = seconds
        try:
            await refresh()
        except StoreAway:
            pass  # its connections have said so; what was read before stays in force
        except Exception:  # noqa: BLE001 - the reason follows
            # A keyring being edited, for example: what was read before stays in force.
            _log.exception("refresh_failed")
            pause = rest or seconds
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
