"""`reclave serve --processes N` and its parts as processes, on PostgreSQL: replaced under load, killed, stopped."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psutil
import pytest

from reclave.bootstrap import new_keyring, wired
from reclave.demo.seeds import seed
from reclave.settings import Settings
from reclave.worker.housekeeping import seal_audit
from tests.servers import ROOT
from tests.stores import template_name
from tests.test_operations_listener import numbers_with
from tests.test_serve import (
    HOST,
    MAIL_SECONDS,
    ONE,
    PORTALS,
    STOP_SECONDS,
    TWO,
    Program,
    Service,
    Start,
    all_end,
    free_ports,
    mail_server,
    start,
    write_settings,
)

__all__ = ["start", "template_name"]

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]
PAGES = 2
PATIENT = "import reclave.worker.loop as loop; loop.POLL_SECONDS = 3600.0; from reclave.cli import main; main()"


@pytest.fixture
async def folder(postgresql_database: str, tmp_path: Path) -> Path:
    """A folder with a keyring, for a database of PostgreSQL that holds the demo's companies."""
    new_keyring(tmp_path / "keyring")
    settings = Settings(
        base_url="http://localhost:8000", database=postgresql_database, keyring=tmp_path / "keyring", portals=PORTALS
    )
    async with wired(settings) as parts:
        await seed(parts.services, parts.services.portals["pagos"])
        await seal_audit(parts.services)
    return tmp_path


@pytest.fixture
def database(postgresql_database: str) -> str:
    """The URL of that database."""
    return postgresql_database


def processes_of(program: Program) -> dict[str, list[int]]:
    """The fleet's processes by their command."""
    found: dict[str, list[int]] = {"web": [], "worker": []}
    for child in psutil.Process(program.process.pid).children():
        found[child.cmdline()[3]].append(child.pid)
    return found


async def fleet(start: Start, settings: Path) -> Service:
    """Start it and wait until all of its processes answer."""
    program = await start("serve", "--processes", str(PAGES), "--settings", settings)
    return Service(program, (await program.says("listening on ")).removeprefix("listening on "))


@asynccontextmanager
async def patient_worker(settings: Path, only: str) -> AsyncIterator[Program]:
    """A worker of one stage that would look by itself after an hour."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PATIENT, "worker", "--only", only, "--settings", str(settings)),
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    program = Program(process)
    program.listen()
    try:
        yield program
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@dataclass(slots=True)
class Load:
    """Clients in a loop: how many answers they got, and what else they got."""

    answers: int = 0
    answered: asyncio.Condition = field(default_factory=asyncio.Condition)
    faults: list[str] = field(default_factory=list)

    async def keep_alive(self, origin: str) -> None:
        """Ask again and again over one connection."""
        async with httpx2.AsyncClient(base_url=origin) as client:
            while True:
                await self._ask(client)

    async def new_connections(self, origin: str) -> None:
        """Ask again and again, over a connection of its own each time."""
        while True:
            async with httpx2.AsyncClient(base_url=origin) as client:
                await self._ask(client)

    async def more(self, count: int) -> None:
        """Wait for so many more answers."""
        enough = self.answers + count
        async with self.answered:
            await self.answered.wait_for(lambda: self.answers >= enough)

    async def _ask(self, client: httpx2.AsyncClient) -> None:
        try:
            answered = await client.get("/pagos/", timeout=30)
        except httpx2.HTTPError as error:
            self.faults.append(repr(error))
        else:
            async with self.answered:
                self.answers += 1
                self.answered.notify_all()
            if answered.status_code != 200:
                self.faults.append(str(answered.status_code))


@asynccontextmanager
async def loaded(origin: str) -> AsyncIterator[Load]:
    """Load for the length of the block."""
    load = Load()
    clients = [load.keep_alive(origin) for _ in range(4)] + [load.new_connections(origin) for _ in range(2)]
    asking = [asyncio.create_task(client) for client in clients]
    yield load
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)


@pytest.mark.req("I5")
async def test_all_processes_are_replaced_under_load_without_a_failed_request_or_stay_where_new_ones_do_not_start(
    start: Start, folder: Path, database: str
) -> None:
    async with mail_server() as (maildrop, smtp_port):
        portals = Path(shutil.copytree(PORTALS, folder / "portals"))
        settings = write_settings(folder, database=database, smtp_port=smtp_port, portals="portals", log_level="info")
        service = await fleet(start, settings)
        before = processes_of(service.program)
        assert (len(before["web"]), len(before["worker"])) == (PAGES, PAGES)
        async with loaded(service.origin) as load:
            service.program.process.send_signal(signal.SIGUSR2)
            await service.program.says('"renewed"')
            await all_end([*before["web"], *before["worker"]], 60)
            await load.more(100)
        assert load.faults == []
        after = processes_of(service.program)
        assert (len(after["web"]), len(after["worker"])) == (PAGES, PAGES)
        await service.ask(ONE)
        await maildrop.wait_for(ONE, timeout=MAIL_SECONDS)
        (portals / "pagos.toml").write_text("no portal", "utf-8")
        service.program.process.send_signal(signal.SIGUSR2)
        await service.program.says('"renewal_refused"')
        assert processes_of(service.program) == after
        assert "Pagos" in await service.page("/pagos/")
        service.program.process.terminate()
        assert await service.program.ends(STOP_SECONDS) == 0
        await all_end([*after["web"], *after["worker"]], 1)
    assert not any("process_ended" in line for line in service.program.stderr)


@pytest.mark.req("I5")
async def test_killed_processes_are_replaced_the_numbers_are_those_of_all_and_none_outlives_its_supervisor(
    start: Start, folder: Path, database: str
) -> None:
    port, _ = free_ports()
    async with mail_server() as (maildrop, smtp_port):
        settings = write_settings(folder, database=database, smtp_port=smtp_port, operations_port=port)
        service = await fleet(start, settings)
        before = processes_of(service.program)
        await service.ask(ONE)
        await maildrop.wait_for(ONE, timeout=MAIL_SECONDS)
        async with httpx2.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=30) as operator:
            asked = 'reclave_pages_total{method="POST",page="recover",portal="pagos",status="303"}'
            sent = 'reclave_deliveries_total{answer="sent",portal="pagos",template="temporary_password"}'
            for counted in (asked, sent):
                await numbers_with(operator, f"{counted} 1.0")
            killed = [before["web"][0], *before["worker"]]
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
            await all_end(killed, STOP_SECONDS)
            await service.ask(TWO)
            await maildrop.wait_for(TWO, timeout=MAIL_SECONDS)
            for counted in (asked, sent):
                await numbers_with(operator, f"{counted} 2.0")
            assert (await operator.get("/readyz")).json()["ready"]
        assert sum("process_ended" in line for line in service.program.stderr) == len(killed)
        children = service.program.children()
        service.program.process.kill()
        await all_end(children, STOP_SECONDS)


@pytest.mark.req("I5")
async def test_whichever_worker_hangs_another_one_does_its_work(start: Start, folder: Path, database: str) -> None:
    async with mail_server() as (maildrop, smtp_port):
        service = await fleet(start, write_settings(folder, database=database, smtp_port=smtp_port))
        workers = processes_of(service.program)["worker"]
        assert len(workers) == PAGES
        for hanging, address in zip(workers, (ONE, TWO), strict=True):
            os.kill(hanging, signal.SIGSTOP)
            await ask_until_taken(service, address)
            await maildrop.wait_for(address, timeout=MAIL_SECONDS)
            os.kill(hanging, signal.SIGCONT)


async def ask_until_taken(service: Service, address: str) -> None:
    """Ask again as long as the page says that it cannot take a request now.

    Who is stopped in the middle of a transaction keeps what it has locked until PostgreSQL ends that (30 s).
    """
    async with asyncio.timeout(MAIL_SECONDS):
        while (status := await service.asked(address)) != 303:
            assert status == 503


@pytest.mark.req("I5")
async def test_pages_and_workers_on_their_own_wake_each_other_and_stop_in_time(
    start: Start, folder: Path, database: str
) -> None:
    async with mail_server() as (maildrop, smtp_port):
        settings = write_settings(folder, database=database, smtp_port=smtp_port)
        async with patient_worker(settings, "resolve") as resolver, patient_worker(settings, "send") as sender:
            program = await start("web", "--processes", str(PAGES), "--settings", settings)
            service = Service(program, (await program.says("listening on ")).removeprefix("listening on "))
            begun = processes_of(program)
            assert (len(begun["web"]), begun["worker"]) == (PAGES, [])
            for address in (ONE, TWO):  # the second one finds workers that wait
                await service.ask(address)
                await maildrop.wait_for(address, timeout=MAIL_SECONDS)
            for each in (program, resolver, sender):
                each.process.terminate()
            for each in (program, resolver, sender):
                assert await each.ends(STOP_SECONDS) == 0
                assert [line for line in each.stderr if not line.startswith("listening on ")] == []
