"""What the worker's tests send with: refusals on demand, letters that wait, a look into queue and audit trail."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

from sqlalchemy import select

from reclave.adapters.memory import MemoryStore
from reclave.adapters.smtp import SmtpMailer, SmtpSettings
from reclave.adapters.sql.store import SqlStore
from reclave.adapters.sql.tables import audit
from reclave.bootstrap import Wired, build_worker
from reclave.domain.audit import Entry, Event
from reclave.domain.intake import Intake
from reclave.domain.outbox import LEASE, Delivery, Message, Sent, Template
from reclave.domain.time import Instant
from reclave.journeys.messages import Letter, queue
from reclave.ports.mailer import Envelope, Mailer
from reclave.ports.outbox import Attempt
from reclave.ports.store import Store
from reclave.worker.loop import Worker
from tests.world import World

ONE = "tesoreria@andina.example"
TWO = "pagos@grupo.example"
NOBODY = "nadie@nada.example"
PENDING = "nueva@pendiente.example"
DISABLED = "antigua@cerrada.example"


@dataclass(slots=True)
class Refusals:
    """What the mail server answers a recipient, attempt by attempt; when they are used up it takes the mail."""

    answers: dict[str, Sequence[str]] = field(default_factory=dict)

    def __call__(self, recipient: str, attempt: int) -> str | None:
        given = self.answers.get(recipient, [])
        return given[attempt - 1] if attempt <= len(given) else None


class HeldMailer:
    """A mailer whose server takes its time: who is held waits until released, all others are taken at once.

    `begun` and `taken` list recipients in order; `at_once` is how many were under way at the same time at most.
    """

    def __init__(self, answers: Mapping[str, Delivery] | None = None) -> None:
        self._answers = dict(answers or {})
        self._held: dict[str, asyncio.Event] = {}
        self._changed = asyncio.Condition()
        self._under_way = 0
        self.begun: list[str] = []
        self.taken: list[str] = []
        self.at_once = 0

    def hold(self, recipient: str) -> asyncio.Event:
        """Hold what goes to a recipient until the event is set."""
        return self._held.setdefault(recipient, asyncio.Event())

    async def send(self, envelope: Envelope) -> Delivery:
        self._under_way += 1
        self.at_once = max(self.at_once, self._under_way)
        self.begun.append(envelope.recipient)
        await self._tell()
        if envelope.recipient in self._held:
            await self._held[envelope.recipient].wait()
        self._under_way -= 1
        self.taken.append(envelope.recipient)
        await self._tell()
        return self._answers.get(envelope.recipient, Sent(250, "2.0.0 queued"))

    async def close(self) -> None:
        """There is nothing to leave."""

    async def until(self, *, begun: int = 0, taken: int = 0) -> None:
        """Wait, 30 seconds at most, until so many were begun and taken."""
        async with asyncio.timeout(30), self._changed:
            await self._changed.wait_for(lambda: len(self.begun) >= begun and len(self.taken) >= taken)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def worker_with(world: World, mailer: Mailer, store: Store | None = None) -> Worker:
    """One more worker over the world's services, with a mailer and, where given, a store of its own."""
    services = replace(world.services, store=store) if store else world.services
    return build_worker(Wired(world.wired.settings, services, world.wired.files), mailer)


@asynccontextmanager
async def worker_at(world: World, port: int, store: Store | None = None) -> AsyncIterator[Worker]:
    """One more worker, whose mail server is at a port of this machine."""
    mailer = SmtpMailer(SmtpSettings(host="127.0.0.1", port=port, security="none", connections=8))
    try:
        yield worker_with(world, mailer, store)
    finally:
        await mailer.close()


class _Seen(Exception):
    """Rolls back what was done to look."""


async def waiting_messages(store: Store) -> list[Message]:
    """The messages that are due, oldest first; they stay unclaimed."""
    found: list[Message] = []
    with suppress(_Seen):
        async with store.transaction() as tx:
            found = await tx.outbox.claim(limit=1000, lease=LEASE)
            raise _Seen
    return found


async def waiting_intakes(store: Store) -> list[Intake]:
    """The intakes that can be claimed, oldest first; they stay unclaimed."""
    found: list[Intake] = []
    with suppress(_Seen):
        async with store.transaction() as tx:
            found = await tx.intakes.claim(limit=1000, lease=LEASE)
            raise _Seen
    return found


async def asked(world: World, address: str = ONE) -> Message:
    """Somebody asks and the request is resolved; the message that waits to be sent."""
    assert (await world.person().ask(address)).status_code == 303
    await world.worker.resolve()
    (message,) = await waiting_messages(world.services.store)
    return message


async def queue_letters(world: World, count: int) -> list[str]:
    """Queue so many letters that need no grant, each to an address of its own; the addresses."""
    addresses = [f"empresa{number}@correo.example" for number in range(count)]
    async with world.services.store.transaction() as tx:
        for address in addresses:
            letter = Letter(to=address, canonical=address, at=tx.now)
            reference = world.services.new_reference()
            await queue(
                world.services, tx, world.portal, Template.ADDRESS_CHANGED, letter, language="es", reference=reference
            )
    return addresses


async def now(store: Store) -> Instant:
    """The database's clock."""
    async with store.reading() as tx:
        return tx.now


async def state_of(store: Store, message: Message) -> str | None:
    """What became of a message."""
    async with store.reading() as tx:
        return await tx.outbox.state(message.portal, message.id)


async def attempts_at(store: Store, message: Message) -> list[Attempt]:
    """The deliveries of a message that were tried."""
    async with store.reading() as tx:
        return await tx.outbox.attempts(message.portal, message.id)


async def move_to_next_due(world: World) -> None:
    """Let time pass until the next message is due."""
    async with world.services.store.reading() as tx:
        due = await tx.outbox.next_due()
        assert due is not None
        world.wait(max(0, due - tx.now) + 1)


async def trail(store: Store, *events: Event) -> list[Entry]:
    """The audit trail, oldest first; of these events only, where given."""
    if isinstance(store, MemoryStore):
        entries = list(store._committed.audit)
    else:
        assert isinstance(store, SqlStore)
        columns = [each for each in audit.columns if each.name != "number"]
        async with store.database.reading() as (connection, _):
            rows = await connection.execute(select(*columns).order_by(audit.c.number))
            entries = [Entry(**row._asdict()) for row in rows]
    return [entry for entry in entries if not events or entry.event in events]


async def send_once(worker: Worker) -> int:
    """Claim what is due, once, and wait for the answers; how many were claimed."""
    claimed = await worker._sender.send_some()
    await worker._sender.finish()
    return claimed
