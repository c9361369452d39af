"""The SQL stores against the memory store: the same long random story, told to both, has the same answers."""

import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from reclave.adapters.memory import MemoryStore
from reclave.domain.grants import Purpose, State
from reclave.domain.intake import Intake, Outcome
from reclave.domain.limits import Cost, Limit, Scope
from reclave.domain.outbox import Deferred, Delivery, Message, Refused, Sent, Template
from reclave.domain.time import DAY, HOUR, MINUTE, Instant, Span
from reclave.ports.store import Store
from tests.contracts.rows import PORTAL, a_cooldown, a_grant, a_message, a_request
from tests.stores import Clock, OpenAnother

STEPS = 120
UNIT: Span = 10 * MINUTE
"""Whatever a story moves or waits for is a multiple of this; a SQL store's clock gains less on memory's meanwhile."""

ACCOUNTS = ["account-1", "account-2"]
PURPOSES = [Purpose.SET_PASSWORD, Purpose.REPORT]
ENDINGS = [State.REPLACED, State.REVOKED, State.EXPIRED]
ANSWERS: list[Delivery] = [
    Sent(250, "Ok"),
    Deferred(451, "Later"),
    Deferred(None, "connection refused"),
    Refused(550, "No such user"),
]
LEASES = [UNIT, 3 * UNIT]


@dataclass(slots=True)
class Story:
    """One store's side of a story. Equal seeds give equal stories, as long as the stores answer alike."""

    store: Store
    clock: Clock
    random: Random
    moves_the_clock: bool
    grants: list[bytes] = field(default_factory=lambda: [b"\x00" * 16])
    intakes: list[Intake] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    serial: int = 0

    def at(self, *units: int) -> Instant:
        """An instant some units from now, by the clock that both sides share."""
        return self.clock.standing() + UNIT * self.random.choice(units)

    def new_id(self) -> bytes:
        self.serial += 1
        return self.serial.to_bytes(16, "big")

    def seen(self, answer: Any) -> Any:
        """An answer without what must differ: instants become whole units since the story began."""
        if isinstance(answer, list | tuple):
            return [self.seen(each) for each in answer]
        if dataclasses.is_dataclass(answer) and not isinstance(answer, type):
            return [(each.name, self.seen(getattr(answer, each.name))) for each in dataclasses.fields(answer)]
        if isinstance(answer, int) and abs(answer) > 1000 * DAY:
            return ("unit", (answer - self.clock.started_at) // UNIT)
        return answer

    async def step(self) -> Any:
        """One random step; what was asked, and what the store answered."""
        teller: Callable[[], Awaitable[Any]] = self.random.choice(
            [self.move, self.door, *[self.of_grants] * 5, *[self.of_intakes] * 3, *[self.of_outbox] * 4]
        )
        return self.seen(await teller())

    async def move(self) -> Any:
        span = UNIT * self.random.choice([1, 1, 1, 2, 3, 6, 7, 150, -1, -6, -160])
        if self.moves_the_clock:
            self.clock.move(span)
        return "move", span // UNIT

    async def door(self) -> Any:
        who = bytes([self.random.randrange(3)])
        limit = Cost(b"limit" + who, Limit(3, HOUR, Scope.IDENTIFIER))
        cooldown = a_cooldown(b"cooldown" + who)
        request = a_request(
            id=self.new_id(), cooldown=cooldown, costs=(limit,), identifier=who, client=who, waiting=who
        )
        admission = await self.store.accept(request)
        return "accept", admission, await self.store.turned_away(PORTAL, since=0)

    async def of_grants(self) -> Any:
        pick, grant = self.random.choice, self.random.choice(self.grants[-6:])
        account, purposes = pick(ACCOUNTS), pick([PURPOSES, PURPOSES[:1], []])
        new = a_grant(
            self.at(0, 0, 0, -3, 3),
            id=self.new_id(),
            account=account,
            purpose=pick(PURPOSES),
            expires_at=self.at(1, 6, 6, 200),
            credential_version=pick([1, 1, 2]),
            sealed=pick([None, b"values"]),
        )
        what, instant = self.random.randrange(12), self.at(0, 1, 6, -6, -150)
        async with self.store.transaction() as tx:
            match what:
                case 0 | 1 | 2:
                    self.grants.append(new.id)
                    answer: Any = await tx.grants.issue(new)
                case 3:
                    answer = await tx.grants.answer(PORTAL, grant, requested_at=tx.now, expires_at=instant)
                case 4:
                    answer = await tx.grants.opened(PORTAL, grant, expires_at=pick([None, instant]))
                case 5:
                    answer = await tx.grants.keep(PORTAL, grant, b"kept")
                case 6:
                    answer = await tx.grants.count_try(PORTAL, grant)
                case 7 | 8:
                    answer = await tx.grants.consume(PORTAL, grant, credential_version=pick([1, 1, 2]))
                case 9:
                    answer = await tx.grants.end(PORTAL, grant, pick(ENDINGS))
                case 10:
                    answer = await tx.grants.end_all(PORTAL, account, pick(ENDINGS), purposes=pick([None, purposes]))
                case _:
                    answer = await tx.grants.purge(ended_before=instant, limit=100)
            recent = await tx.grants.recent(PORTAL, account, purposes, limit=pick([1, 5]))
            return what, answer, await tx.grants.get(PORTAL, grant), recent

    async def of_intakes(self) -> Any:
        pick, what, instant = self.random.choice, self.random.randrange(6), self.at(0, -6, -150, -300)
        claim, outcome = pick(self.intakes[-6:] or [None]), pick(list(Outcome))
        async with self.store.transaction() as tx:
            match what:
                case 0 | 1:
                    claimed = await tx.intakes.claim(limit=pick([1, 3]), lease=pick(LEASES))
                    self.intakes += claimed
                    answer: Any = claimed
                case 2 | 3:
                    answer = claim and await tx.intakes.resolve(claim, outcome)
                case 4:
                    answer = await tx.intakes.erase(accepted_before=instant)
                case _:
                    answer = await tx.intakes.purge(accepted_before=instant, limit=100)
            there = claim and await tx.intakes.get(PORTAL, claim.id)
            return what, answer, there, await tx.intakes.waiting()

    async def of_outbox(self) -> Any:
        pick, what, instant = self.random.choice, self.random.randrange(8), self.at(1, 3, 150, -6, -150)
        claim, id_ = pick(self.messages[-6:] or [None]), self.new_id()
        message = a_message(id=id_, message_id=id_.hex(), recipient=pick([b"a", b"b"]), grants=(id_,))
        async with self.store.transaction() as tx:
            match what:
                case 0 | 1:
                    await tx.outbox.add(message, not_before=pick([0, instant]))
                    answer: Any = None
                case 2 | 3:
                    # All that are due: which of several come first may depend on less than a unit.
                    claimed = await tx.outbox.claim(limit=1000, lease=pick(LEASES))
                    claimed.sort(key=lambda each: each.id)
                    self.messages += claimed
                    answer = claimed
                case 4 | 5:
                    answer = claim and await tx.outbox.settle(claim, pick(ANSWERS), retry_at=pick([None, instant]))
                case 6:
                    answer = claim and await tx.outbox.cancel(claim)
                case _:
                    answer = await tx.outbox.purge(ended_before=instant, limit=100)
            there = claim and (await tx.outbox.state(PORTAL, claim.id), await tx.outbox.attempts(PORTAL, claim.id))
            mailed = await tx.outbox.mailed(PORTAL, Template.TEMPORARY_PASSWORD, b"a", since=self.at(-6, 0))
            return what, answer, there, mailed, await tx.outbox.next_due()


@pytest.mark.req("I2", "I5", "I8")
@pytest.mark.parametrize("open_another", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 22))])
async def test_a_sql_store_answers_a_long_story_like_the_plain_one(
    open_another: OpenAnother, clock: Clock, seed: int
) -> None:
    plain = Story(MemoryStore(clock.standing), clock, Random(seed), moves_the_clock=True)
    tested = Story(await open_another(), clock, Random(seed), moves_the_clock=False)
    for number in range(STEPS):
        expected, got = await plain.step(), await tested.step()
        assert got == expected, f"step {number}"
