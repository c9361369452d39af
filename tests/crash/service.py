"""The service whose processes are killed: pages and worker as `bootstrap` wires them, over a real database and SMTP.

It is put together once, in the fork server; what belongs to one life (clock, randomness, threads, connections) is
exchanged at its start.
"""

import asyncio
import gc
import random
import threading
import time
import traceback
from asyncio import mixins
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sqlalchemy import event
from starlette.types import ASGIApp, Message

from reclave.adapters.argon2 import Argon2Hasher, Peppers
from reclave.adapters.directory_builtin import BuiltinDirectory
from reclave.adapters.keyring_vault import KeyringVault
from reclave.adapters.portal_files import read_portals
from reclave.adapters.smtp import SmtpMailer, SmtpSettings
from reclave.adapters.sql.engine import SqliteDatabase, open_database
from reclave.adapters.sql.store import SqlStore
from reclave.bootstrap import SilentBell, Wired, build_web, build_worker
from reclave.domain.foreign_hashes import ForeignHash
from reclave.domain.outbox import Delivery
from reclave.domain.time import Instant
from reclave.journeys.services import Services
from reclave.ports.mailer import Envelope, Mailer
from reclave.settings import Settings
from reclave.worker.housekeeping import keep_house
from reclave.worker.loop import Worker
from tests.crash.points import Points
from tests.crash.wire import Answered, Compared, Done, Failed, Job, KeepHouse, Report, Request
from tests.world import ORIGIN, PORTALS

Tell = Callable[[Report], None]
NextJob = Callable[[], Job | None]


@dataclass(slots=True)
class SeededEntropy:
    """Bytes that are the same in every life with the same seed."""

    source: random.Random = field(default_factory=lambda: random.Random(0))

    def bytes(self, count: int) -> bytes:
        """The next bytes."""
        return self.source.randbytes(count)


@dataclass(slots=True)
class ShiftedClock:
    """The host's clock and the database's, moved by the same span."""

    offset: int = 0

    def __call__(self) -> int:
        """Microseconds to add to the database's own clock."""
        return self.offset

    def now(self) -> Instant:
        """Now, moved."""
        return time.time_ns() // 1000 + self.offset

    def set(self, now: Instant) -> None:
        """Have the clock show this from now on."""
        self.offset = now - time.time_ns() // 1000


class ThisLifesHasher:
    """Hashing in threads of this process, cheap, and telling before it compares."""

    def __init__(self, peppers: Peppers) -> None:
        self._peppers = peppers
        self._tell: Tell | None = None
        self._hasher: Argon2Hasher | None = None

    def begin(self, tell: Tell) -> None:
        """Start with threads of one's own."""
        self._tell = tell
        self._hasher = Argon2Hasher(self._peppers, workers=1, memory_kib=64, passes=1)

    def end(self) -> None:
        """End the threads."""
        if self._hasher is not None:
            self._hasher.close()

    @property
    def _real(self) -> Argon2Hasher:
        assert self._hasher is not None
        return self._hasher

    async def hash(self, password: str) -> str:
        return await self._real.hash(password)

    def seal(self, foreign: ForeignHash) -> str:
        return self._real.seal(foreign)

    def seal_anew(self, stored: str) -> str:
        return self._real.seal_anew(stored)

    async def wrap(self, foreign: str) -> str:
        return await self._real.wrap(foreign)

    async def verify(self, stored: str | None, password: str, *, decoy: str | None = None) -> bool:
        assert self._tell is not None
        self._tell(Compared())
        return await self._real.verify(stored, password, decoy=decoy)

    @contextmanager
    def reserved(self) -> Iterator["ThisLifesHasher"]:
        with self._real.reserved() as hasher:
            reserved = copy(self)
            reserved._hasher = hasher
            yield reserved

    def outdated(self, stored: str) -> bool:
        return self._real.outdated(stored)


class ThisLifesMailer:
    """SMTP over connections of this process; `port` is the mail server's on loopback."""

    def __init__(self) -> None:
        self.port = 0
        self._mailer: SmtpMailer | None = None

    def begin(self) -> None:
        """Start without a connection."""
        self._mailer = None

    async def send(self, envelope: Envelope) -> Delivery:
        if self._mailer is None:
            self._mailer = SmtpMailer(SmtpSettings(host="127.0.0.1", port=self.port, security="none"))
        return await self._mailer.send(envelope)

    async def close(self) -> None:
        if self._mailer is not None:
            await self._mailer.close()


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything of the service that a double may exchange."""

    services: Services
    mailer: Mailer
    app: ASGIApp
    worker: Worker


class Service:
    """The payments portal over the database at `url`, with the keyring at `keyring`."""

    def __init__(self, url: str, keyring: Path) -> None:
        self._clock = ShiftedClock()
        self._entropy = SeededEntropy()
        self._database = open_database(url, self._clock)
        if isinstance(self._database, SqliteDatabase):
            event.listen(self._database._writer.sync_engine, "connect", _without_waiting_for_the_disk)
        self._files = read_portals(PORTALS)
        self._settings = Settings(base_url=ORIGIN, database=url, keyring=keyring, portals=PORTALS)
        vault = KeyringVault(keyring, self._entropy)
        self._hasher = ThisLifesHasher(vault)
        self._mailer = ThisLifesMailer()
        self._services = Services(
            store=SqlStore(self._database),
            directory=BuiltinDirectory(),
            vault=vault,
            hasher=self._hasher,
            entropy=self._entropy,
            bell=SilentBell(),
            clock=self._clock,
            portals=dict(self._files.portals),
            special_use_domains=True,
        )
        self._parts = {"": self.parts(self._services, self._mailer)}

    def parts(self, services: Services, mailer: Mailer, base_url: str = ORIGIN) -> Parts:
        """Pages and worker over services and a mailer; `base_url` is what mail links to."""
        wired = Wired(self._settings, services, self._files)
        posting = replace(wired, settings=replace(self._settings, base_url=base_url))
        return Parts(services, mailer, build_web(wired), build_worker(posting, mailer))

    def live(self, next_job: NextJob, tell: Tell) -> None:
        """Do jobs until there are none, as a process whose points count; one that is to be killed does not return."""
        points = Points(tell)
        points.install()
        with asyncio.Runner() as runner:
            self._work(runner, points, next_job, tell)

    def warm_up(self, next_job: NextJob, tell: Tell) -> None:
        """Do jobs until there are none, and leave neither threads nor connections behind."""
        with asyncio.Runner() as runner:
            self._work(runner, Points(tell), next_job, tell)
            runner.run(self._leave())
        for thread in threading.enumerate():
            if thread is not threading.current_thread():
                thread.join()
        _forget_loops()

    def _work(self, runner: asyncio.Runner, points: Points, next_job: NextJob, tell: Tell) -> None:
        self._hasher.begin(tell)
        self._mailer.begin()
        while job := next_job():
            self._clock.set(job.now)
            self._entropy.source.seed(job.seed)
            self._mailer.port = job.smtp_port
            points.begin(job.kill_at)
            try:
                runner.run(self._watched(job, points, tell))
            except Exception:  # noqa: BLE001 (whatever it is, the test is told)
                tell(Failed(traceback.format_exc()))
            else:
                tell(Done(tuple(points.passed)))

    async def _watched(self, job: Job, points: Points, tell: Tell) -> None:
        parts = self._parts_with(job.double)
        loop = asyncio.get_running_loop()
        loop.set_task_factory(points.watch)
        try:
            await asyncio.create_task(_do(parts, job, points, tell))
            while others := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(others)
        finally:
            loop.set_task_factory(None)

    async def _leave(self) -> None:
        await self._mailer.close()
        await self._database.close()
        self._hasher.end()

    def _parts_with(self, double: str) -> Parts:
        if double not in self._parts:
            from tests.crash.doubles import DOUBLES

            self._parts[double] = DOUBLES[double](self, self._parts[""])
        return self._parts[double]


def _forget_loops() -> None:
    """Free asyncio's locks, which outlive the loop in which somebody waited for them, for the loop of a fork."""
    gc.unfreeze()
    for lock in gc.get_objects():
        if isinstance(lock, mixins._LoopBoundMixin):
            vars(lock)["_loop"] = None
    gc.collect()
    gc.freeze()


def _without_waiting_for_the_disk(connection: Any, _record: object) -> None:
    """What a process has written outlives it without that; only a machine without power would lose it."""
    connection.execute("PRAGMA synchronous = OFF")


async def _do(parts: Parts, job: Job, points: Points, tell: Tell) -> None:
    if isinstance(job.deed, Request):
        await _answer(parts.app, job.deed, points, tell)
    elif isinstance(job.deed, KeepHouse):
        await keep_house(parts.services)
    else:
        await parts.worker.run_until_idle()


async def _answer(app: ASGIApp, request: Request, points: Points, tell: Tell) -> None:
    """Have an ASGI application answer a request; the person sees the answer with its last byte."""
    path, _, query = request.path.partition("?")
    unread = [request.body]
    began: list[Message] = []
    body = bytearray()

    async def receive() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            began.append(message)
            return
        body.extend(message.get("body", b""))
        if not message.get("more_body"):
            headers = tuple((name.decode(), value.decode("latin-1")) for name, value in began[0]["headers"])
            points.reached("before answer")
            tell(Answered(began[0]["status"], headers, bytes(body)))
            points.reached("after answer")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in request.headers],
        "client": ("203.0.113.7", 50000),
        "server": ("127.0.0.1", 8000),
    }
    await app(scope, receive, send)
