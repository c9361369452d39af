"""`reclave serve` and `reclave demo` as processes: how they start, refuse to start, and end."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psutil
import pytest

from reclave.bootstrap import new_keyring, wired
from reclave.demo.maildrop import Maildrop
from reclave.demo.seeds import seed
from reclave.demo.smtp_server import LoopbackSmtpServer
from reclave.settings import Settings
from reclave.worker.housekeeping import seal_audit
from tests.servers import ROOT, wait_for_end
from tests.stores import sqlite_template

__all__ = ["sqlite_template"]

ONE = "tesoreria@andina.example"
TWO = "pagos@grupo.example"
START_SECONDS = 120.0
STOP_SECONDS = 10.0
MAIL_SECONDS = 60.0
HOST = "127.0.0.1"
PORTALS = ROOT / "portals"

pytestmark = pytest.mark.timeout(400)


@dataclass(slots=True)
class Program:
    """A started `reclave`: what it has said, line by line, and its end."""

    process: asyncio.subprocess.Process
    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)
    _reading: list[asyncio.Task[None]] = field(default_factory=list)
    _said: asyncio.Condition = field(default_factory=asyncio.Condition)

    def listen(self) -> None:
        """Begin to read what it says."""
        for stream, lines in ((self.process.stdout, self.stdout), (self.process.stderr, self.stderr)):
            assert stream is not None
            self._reading.append(asyncio.create_task(self._read(stream, lines)))

    async def says(self, words: str) -> str:
        """Wait for a line with these words; the line. Raises AssertionError when the program ends without."""

        def found() -> str | None:
            return next((line for line in [*self.stdout, *self.stderr] if words in line), None)

        def over() -> bool:
            return all(task.done() for task in self._reading)

        async with asyncio.timeout(START_SECONDS), self._said:
            await self._said.wait_for(lambda: found() or over())
        line = found()
        assert line is not None, "\n".join(self.stderr)
        return line

    async def ends(self, within: float = START_SECONDS) -> int:
        """Wait for its end; the exit code."""
        async with asyncio.timeout(within):
            code = await self.process.wait()
        await asyncio.gather(*self._reading)
        return code

    def children(self) -> list[int]:
        """The processes that it has started, and theirs."""
        return [child.pid for child in psutil.Process(self.process.pid).children(recursive=True)]

    async def _read(self, stream: asyncio.StreamReader, lines: list[str]) -> None:
        async for line in stream:
            lines.append(line.decode().rstrip())
            async with self._said:
                self._said.notify_all()
        async with self._said:
            self._said.notify_all()


async def all_end(pids: list[int], within: float) -> None:
    """Wait until processes have ended. Raises TimeoutError."""
    for pid in pids:
        await asyncio.to_thread(wait_for_end, pid, within)


Start = Callable[..., "asyncio.Task[Program]"]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts `reclave` with arguments, in a process group of its own that does not outlive the test."""
    started: list[asyncio.subprocess.Process] = []

    async def begin(*arguments: str | Path) -> Program:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "reclave", *map(str, arguments)),
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "200"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        started.append(process)
        program = Program(process)
        program.listen()
        return program

    yield lambda *arguments: asyncio.create_task(begin(*arguments))
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        await process.wait()


@pytest.fixture(scope="session")
def blueprint(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """A folder with a keyring and a database that holds the demo's companies and a sealed audit trail."""
    folder = tmp_path_factory.mktemp("blueprint")
    new_keyring(folder / "keyring")
    shutil.copyfile(sqlite_template, folder / "reclave.sqlite")
    settings = Settings(
        base_url="http://localhost:8000",
        database=f"sqlite+aiosqlite:///{folder / 'reclave.sqlite'}",
        keyring=folder / "keyring",
        portals=PORTALS,
    )

    async def sow() -> None:
        async with wired(settings) as parts:
            await seed(parts.services, parts.services.portals["pagos"])
            await seal_audit(parts.services)

    asyncio.run(sow())
    return folder


@pytest.fixture
def folder(blueprint: Path, tmp_path: Path) -> Path:
    """A copy of the blueprint, this test's own."""
    return Path(shutil.copytree(blueprint, tmp_path / "installation"))


def write_settings(folder: Path, **given: str | int) -> Path:
    """Write a settings file; on any free port where none is given."""
    settings: Mapping[str, str | int] = {
        "base_url": "http://localhost:8000",
        "database": f"sqlite+aiosqlite:///{folder / 'reclave.sqlite'}",
        "keyring": "keyring",
        "portals": str(PORTALS),
        "port": 0,
        "smtp_host": HOST,
        "smtp_security": "none",
        "hashing_threads": 1,
        "log_level": "warning",
        **given,
    }
    path = folder / "reclave.toml"
    # What JSON writes, TOML reads.
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()), "utf-8")
    return path


@dataclass(slots=True)
class Service:
    """A running `reclave serve`, and the address of its pages."""

    program: Program
    origin: str

    async def ask(self, address: str) -> None:
        """Ask for a temporary password."""
        assert await self.asked(address) == 303

    async def asked(self, address: str) -> int:
        """Ask for a temporary password; the status of the answer."""
        async with httpx2.AsyncClient(base_url=self.origin, headers={"sec-fetch-site": "same-origin"}) as person:
            answered = await person.post("/pagos/recuperar", data={"email": address}, timeout=30)
        return answered.status_code

    async def page(self, path: str) -> str:
        """The text of a page."""
        async with httpx2.AsyncClient(base_url=self.origin) as person:
            return (await person.get(path, timeout=30)).text

    def worker(self) -> int:
        """The process id of its only child."""
        (pid,) = self.program.children()
        return pid


async def serving(start: Start, settings: Path) -> Service:
    """Start `reclave serve` and wait until it answers."""
    program = await start("serve", "--settings", settings)
    line = await program.says("listening on ")
    return Service(program, line.removeprefix("listening on "))


@asynccontextmanager
async def mail_server() -> AsyncIterator[tuple[Maildrop, int]]:
    """A mail server on a free port."""
    maildrop = Maildrop()
    server = LoopbackSmtpServer(maildrop)
    await server.start()
    try:
        yield maildrop, server.port
    finally:
        await server.stop()


@asynccontextmanager
async def silent_server() -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A port where connections are taken and nothing is ever said, and whether there was one."""
    reached = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], reached


@pytest.mark.req("I5")
async def test_sigterm_stops_pages_and_worker_in_time_with_exit_code_0(start: Start, folder: Path) -> None:
    async with mail_server() as (maildrop, port):
        service = await serving(start, write_settings(folder, smtp_port=port))
        await service.ask(ONE)
        await maildrop.wait_for(ONE, timeout=MAIL_SECONDS)
        worker = service.worker()
        service.program.process.terminate()
        assert await service.program.ends(STOP_SECONDS) == 0
        await all_end([worker], 1)
    assert service.program.stderr == [f"listening on {service.origin}"]
    assert service.program.stdout == []


@pytest.mark.req("I5")
async def test_a_silent_mail_server_does_not_keep_the_service_from_stopping(start: Start, folder: Path) -> None:
    async with silent_server() as (port, reached):
        service = await serving(start, write_settings(folder, smtp_port=port))
        await service.ask(ONE)
        async with asyncio.timeout(MAIL_SECONDS):
            await reached.wait()
        worker = service.worker()
        service.program.process.terminate()
        assert await service.program.ends(STOP_SECONDS + 5) == 0
        await all_end([worker], 1)


@pytest.mark.req("I5")
async def test_a_worker_that_is_killed_is_started_again_and_mail_still_flows(start: Start, folder: Path) -> None:
    async with mail_server() as (maildrop, port):
        service = await serving(start, write_settings(folder, smtp_port=port))
        await service.ask(ONE)
        await maildrop.wait_for(ONE, timeout=MAIL_SECONDS)
        killed = service.worker()
        os.kill(killed, signal.SIGKILL)
        await service.ask(TWO)
        await maildrop.wait_for(TWO, timeout=MAIL_SECONDS)
        assert service.worker() != killed
        assert len(maildrop.messages()) == 2
        service.program.process.terminate()
        assert await service.program.ends(STOP_SECONDS) == 0
    assert any("worker_ended" in line for line in service.program.stderr)


async def test_a_changed_portal_file_is_in_force_after_a_hangup_and_one_with_a_mistake_is_not(
    start: Start, folder: Path
) -> None:
    portals = Path(shutil.copytree(PORTALS, folder / "portals"))
    file = portals / "pagos.toml"
    text = file.read_text("utf-8")
    async with mail_server() as (maildrop, port):
        settings = write_settings(folder, smtp_port=port, portals="portals", log_level="info")
        service = await serving(start, settings)
        for name, said in (("Pagos Renovados", "worker_reloaded"), ("", "reload_refused")):
            file.write_text(text.replace('name = "Pagos de Ejemplo"', f'name = "{name}"'), "utf-8")
            service.program.process.send_signal(signal.SIGHUP)
            await service.program.says(said)
            assert "Pagos Renovados" in await service.page("/pagos/")
        await service.ask(ONE)
        (mail,) = await maildrop.wait_for(ONE, timeout=MAIL_SECONDS)
        assert "Pagos Renovados" in str(mail.text)
        service.program.process.terminate()
        assert await service.program.ends(STOP_SECONDS) == 0
    assert any("portal.name" in line for line in service.program.stderr if "reload_refused" in line)


@pytest.mark.req("I5")
async def test_a_worker_whose_service_is_killed_ends_by_itself(start: Start, folder: Path) -> None:
    async with mail_server() as (maildrop, port):
        service = await serving(start, write_settings(folder, smtp_port=port))
        await service.ask(ONE)
        await maildrop.wait_for(ONE, timeout=MAIL_SECONDS)
        worker = service.worker()
        service.program.process.kill()
        await all_end([worker], STOP_SECONDS)
        assert await service.program.ends() == -signal.SIGKILL
    assert service.program.stderr == [f"listening on {service.origin}"]


async def test_ctrl_c_ends_a_service_that_still_starts_without_a_word(start: Start, folder: Path) -> None:
    pipe = folder / "settings"
    os.mkfifo(pipe)
    opening = asyncio.create_task(asyncio.to_thread(os.open, pipe, os.O_WRONLY))
    try:
        program = await start("serve", "--settings", pipe)
        async with asyncio.timeout(START_SECONDS):
            writing = await asyncio.shield(opening)  # opens when the program begins to read its settings
        program.process.send_signal(signal.SIGINT)
        assert await program.ends() == -signal.SIGINT
        os.close(writing)
    finally:
        os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))  # lets a thread go that still waits for a reader
    assert (program.stdout, program.stderr) == ([], [])


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port at which another program listens."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        yield port


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port at which nobody listens, and that nobody else is given meanwhile."""
    with socket.socket() as held:
        held.bind((HOST, 0))
        port: int = held.getsockname()[1]
        yield port


async def refusal(start: Start, *arguments: str | Path) -> str:
    """What a command says in its one line as it refuses to start, with exit code 1."""
    program = await start(*arguments)
    assert await program.ends() == 1
    assert program.stdout == []
    (line,) = program.stderr
    assert line.startswith("reclave: ")
    return line


async def test_a_taken_port_is_named(start: Start, folder: Path, taken_port: int) -> None:
    said = await refusal(start, "serve", "--settings", write_settings(folder, port=taken_port))
    assert f"port {taken_port} is in use by another program" in said
    assert "set another `port`" in said


async def test_a_missing_keyring_is_named_with_the_command_that_makes_one(start: Start, folder: Path) -> None:
    said = await refusal(start, "serve", "--settings", write_settings(folder, keyring="elsewhere"))
    assert f"reclave keys new {folder / 'elsewhere'}" in said


async def test_a_keyring_that_others_may_read_is_refused_with_the_way_to_close_it(start: Start, folder: Path) -> None:
    (folder / "keyring").chmod(0o640)
    said = await refusal(start, "serve", "--settings", write_settings(folder))
    assert f"chmod 600 {folder / 'keyring'}" in said


async def test_a_database_that_is_not_up_to_date_is_refused_with_the_command_that_mends_it(
    start: Start, folder: Path
) -> None:
    (folder / "reclave.sqlite").unlink()
    settings = write_settings(folder)
    assert "run `reclave migrate`" in await refusal(start, "serve", "--settings", settings)
    migrated = await start("migrate", "--settings", settings)
    assert await migrated.ends() == 0
    service = await serving(start, settings)
    service.program.process.terminate()
    assert await service.program.ends(STOP_SECONDS) == 0


async def test_an_unknown_setting_is_named(start: Start, folder: Path) -> None:
    settings = write_settings(folder, smtp_sekurity="tls")
    assert "no setting has this name; did you mean 'smtp_security'?" in await refusal(
        start, "serve", "--settings", settings
    )


async def test_a_database_that_cannot_be_reached_is_named_without_its_password(
    start: Start, folder: Path, free_port: int
) -> None:
    url = f"postgresql+psycopg://reclave:0pen-sesame@{HOST}:{free_port}/reclave"
    settings = write_settings(folder, database=url)
    for command in ("serve", "migrate"):
        said = await refusal(start, command, "--settings", settings)
        assert f"port {free_port} failed" in said
        assert "0pen-sesame" not in said


@pytest.mark.req("S47")
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"database": "mysql://localhost/reclave"}, "postgresql+psycopg://"),
        ({"smtp_security": "startls"}, "'startls' is none of starttls, tls, none"),
        ({"smtp_host": "correo.pagos.example"}, "would travel in the clear"),
        ({"base_url": "http://pagos.example"}, "write https://pagos.example"),
        ({"base_url": "pagos.example"}, "is no address of a host"),
        ({"trusted_proxies": "10.0.0.0/8,proxy"}, "'proxy' is no network"),
        ({"log_level": "loud"}, "'loud' is none of debug, info, warning, error"),
    ],
)
async def test_a_setting_that_cannot_be_meant_stops_the_start(
    start: Start, folder: Path, given: dict[str, str | int], said: str
) -> None:
    assert said in await refusal(start, "serve", "--settings", write_settings(folder, **given))


@pytest.mark.req("S45")
async def test_audit_verify_tells_by_its_exit_code_whether_the_trail_was_changed(start: Start, folder: Path) -> None:
    settings = write_settings(folder)
    sound = await start("audit", "verify", "--settings", settings)
    assert await sound.ends() == 0
    assert sound.stdout == ["1 entries are as they were sealed."]
    with sqlite3.connect(folder / "reclave.sqlite") as database:
        assert database.execute("UPDATE audit SET reference = 'ABCD-EF12'").rowcount == 1
    database.close()
    assert "batch 1 " in await refusal(start, "audit", "verify", "--settings", settings)


def free_ports() -> tuple[int, int]:
    """Two ports that were free a moment ago."""
    with socket.socket() as one, socket.socket() as other:
        one.bind((HOST, 0))
        other.bind((HOST, 0))
        return one.getsockname()[1], other.getsockname()[1]


@dataclass(frozen=True, slots=True)
class Demo:
    """A started demo and the options that say where it is."""

    program: Program
    options: tuple[str, ...]


async def demo(start: Start, state: Path, *more: str) -> Demo:
    """Start the demo and wait until it tells where to look."""
    port, mailbox_port = free_ports()
    options = ("--port", str(port), "--mailbox-port", str(mailbox_port), "--state", str(state))
    program = await start("demo", *options, *more)
    await program.says("Ctrl-C stops the demo")
    return Demo(program, options)


async def test_ctrl_c_ends_the_demo_with_everything_that_it_started(start: Start, tmp_path: Path) -> None:
    state = tmp_path / "state"
    running = await demo(start, state)
    await running.program.says("listening on ")
    said = await refusal(start, "demo", *running.options)
    assert f"port {running.options[1]} is taken by another program" in said
    assert "--port N" in said
    others = running.program.children()
    assert len(others) == 2
    os.killpg(running.program.process.pid, signal.SIGINT)
    assert await running.program.ends(30) == 0
    await all_end(others, 1)
    assert "Start it again" in running.program.stdout[-1]
    assert [line for line in running.program.stderr if "Traceback" in line or "Aborted" in line] == []
    assert (state / "reclave.toml").exists()


async def test_fresh_forgets_an_earlier_demo_which_ends_in_order_even_while_its_service_still_starts(
    start: Start, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    (state / "mail" / "new").mkdir(parents=True)
    old = state / "mail" / "new" / "1.eml"
    old.write_bytes(b"Return-Path: <a@pagos.example>\r\nDelivered-To: b@empresa.example\r\n\r\nold\r\n")
    (state / "reclave.toml").write_text("", "utf-8")
    new_keyring(state / "keyring")
    earlier = (state / "keyring").read_bytes()
    running = await demo(start, state, "--fresh")
    assert not old.exists()
    assert (state / "keyring").read_bytes() != earlier
    others = running.program.children()
    running.program.process.terminate()
    assert await running.program.ends(30) == 0
    await all_end(others, 1)
    assert [line for line in running.program.stderr if not line.startswith("listening on ")] == []


async def test_fresh_deletes_nothing_in_a_folder_that_is_not_the_demos(start: Start, tmp_path: Path) -> None:
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work", "utf-8")
    port, mailbox_port = free_ports()
    options = ("--port", str(port), "--mailbox-port", str(mailbox_port), "--state", str(tmp_path))
    assert "nothing was deleted" in await refusal(start, "demo", *options, "--fresh")
    assert thesis.read_text("utf-8") == "years of work"
