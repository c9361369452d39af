"""The worker's process, and what pages and workers have in common: they notice what operators change."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

import structlog

from reclave.bootstrap.portals import check_portals
from reclave.bootstrap.telemetry import answer_operators, publish, watch, watched
from reclave.bootstrap.waking import Doorbell, end, first_of, listen_to_database, on_signals, say_begun
from reclave.bootstrap.wiring import Wired, build_mailer, build_worker, warm_mails, wired
from reclave.domain.errors import ReclaveError
from reclave.settings import Settings
from reclave.supervisor import Inherited
from reclave.worker.loop import Stage, Worker

REFRESH_SECONDS = 2.0
"""How soon every process notices what an operator's command changed."""
NICENESS = 10
"""Of a worker beside page processes: people who wait for a page go first, and what they asked for waits on the disk."""
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
        parts, mailer = begun, build_mailer(settings)
        beside = [
            asyncio.create_task(asyncio.to_thread(warm_mails, parts.services)),
            asyncio.create_task(listen_to_database(settings, bell.ring)),
            keep_fresh(parts, stop),
        ]
        telling = asyncio.gather(
            answer_operators(parts, opened.services.store, watching, stop), publish(watching, stop)
        )
        say_begun(inherited)
        while not stop.is_set():
            await _work(build_worker(parts, mailer, stage), bell, first_of(stop, hangup), stop)
            if hangup.is_set():
                hangup.clear()
                parts = reloaded(parts)
                _log.info("worker_reloaded", portals=sorted(parts.services.portals))
        await end(beside)
        await mailer.close()
        await telling


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


async def _repeated(refresh: Callable[[], Awaitable[None]], seconds: float, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await refresh()
        except Exception:  # noqa: BLE001 - the reason follows
            # A keyring being edited or a database that is away: what was read before stays in force.
            _log.exception("refresh_failed")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
