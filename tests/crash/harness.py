"""Kills the service at every point of a story, starts it again, and looks.

For every point of every scene, a process plays the scene from its beginning and is killed at the point. What it leaves
behind is checked as it is. Then the story goes on from there: the person sends a form that got no answer once more,
time passes until every lease has ended, the worker works, and all is checked again at the end. Of points that leave
the same behind, but for the moments at which things happened, only the first goes on.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from reclave.demo.stored_message import StoredMessage
from reclave.domain.outbox import LEASE
from reclave.domain.time import MINUTE, SECOND, Span
from tests.crash.database import Rows
from tests.crash.invariants import Sight, at_death, at_the_end, row_of_owner, unchanged
from tests.crash.processes import Deeds, Process
from tests.crash.recording import Failure, Recording, Scene, seed_of
from tests.crash.scenarios import Scenario
from tests.crash.story import Facts, Story, Stuck
from tests.crash.theatre import Theatre, likeness
from tests.crash.wire import Answered, Deed, Point, Request, Work
from tests.world import opened_page

_ANOTHER = "ninguna de las dos anteriores"  # a password that no story sets

PAST_LEASES: Span = LEASE + MINUTE


@dataclass(frozen=True, slots=True)
class Fault:
    """What was wrong after a death; `number` is the point's in its scene."""

    scene: Scene
    number: int
    point: Point
    wrong: Sequence[str]

    def __str__(self) -> str:
        return "\n    ".join([f"{self.scene}, killed at point {self.number}: {self.point}", *self.wrong])


@dataclass(slots=True)
class Harness:
    """Kills, looks and goes on, for one scenario: in its `scenes` from the one numbered `first`."""

    theatre: Theatre
    scenario: Scenario
    scenes: Sequence[Scene]
    first: int
    faults: list[Fault] = field(default_factory=list)
    kills: int = 0
    _seen: set[tuple[int, bool, bytes]] = field(default_factory=set)

    async def kill_everywhere(self) -> None:
        """Kill a process at every point of every scene, until a process ends before it is killed."""
        for scene in self.scenes[self.first :]:
            for number in itertools.count(1):
                if not await self.kill_at(scene, number):
                    break

    async def kill_here_and_there(self, each: int) -> None:
        """Kill a process after every commit and mail, around every answer, and at each so many awaits.

        Nobody goes on from where the story passes anyway: a scene that has not begun, or is over and answered.
        """
        for scene, following in itertools.pairwise(self.scenes):
            answered = scene.answer is not None
            self._seen.add((scene.number, False, likeness(scene.rows, scene.mails, scene.began_at)))
            self._seen.add((scene.number, answered, likeness(following.rows, following.mails, scene.began_at)))
        for scene in self.scenes[self.first :]:
            for number in sample(scene, each):
                await self.kill_at(scene, number)

    async def kill_at(self, scene: Scene, number: int) -> bool:
        """Kill a process at one point of a scene and note what is wrong; False if it ended before that point."""
        theatre = self.theatre
        theatre.rewind(scene.kept, scene.mails)
        async with theatre.fork_server.process() as process:
            deeds = await theatre.play(process, scene.deed, scene.began_at, seed_of(scene.number), kill_at=number)
        if deeds.killed_at is None and deeds.failed is None:
            return False
        self.kills += 1
        rows, mails = theatre.database.rows(), theatre.mails()
        wrong = [deeds.failed] if deeds.failed else []
        if isinstance(scene.deed, Request) and scene.deed.method == "GET":
            wrong += unchanged(scene.rows, rows)
        wrong += at_death(await self._sight(rows, scene.facts, deeds))
        left_behind = (scene.number, deeds.answer is not None, likeness(rows, mails, scene.began_at))
        if left_behind not in self._seen:
            self._seen.add(left_behind)
            wrong += await self._go_on(scene, deeds)
        if wrong:
            self.faults.append(Fault(scene, number, deeds.killed_at or Point("failure", ()), wrong))
        return deeds.killed_at is not None

    async def _go_on(self, fatal: Scene, deeds: Deeds) -> list[str]:
        """Start the service again and play the story to its end; what is wrong then."""
        async with self.theatre.fork_server.process() as process:
            stage = Aftermath(self.theatre, process, self.scenes, fatal, deeds)
            story = Story(stage, self.scenario.facts(), self.theatre.initial_password)
            try:
                await self.scenario.tell(story)
                return await self.end(story)
            except Stuck as stuck:
                return [f"stuck: {stuck}"]

    async def end(self, story: Story) -> list[str]:
        """What is wrong at the end of a story."""
        sight = await self._sight(self.theatre.database.rows(), story.facts, None)
        return at_the_end(sight) + await _epilogue(story)

    async def _sight(self, rows: Rows, facts: Facts, deeds: Deeds | None) -> Sight:
        hashed = row_of_owner(rows, facts.owner)["password_hash"]
        return Sight(
            baseline=self.scenes[0].rows,
            rows=rows,
            raw=self.theatre.database.raw(),
            mails=self.theatre.mails(),
            cookies=[cookie for scene in self.scenes if scene.answer for cookie in _cookies(scene.answer)],
            facts=facts,
            answered=deeds is not None and deeds.answer is not None,
            compared=deeds is not None and deeds.compared,
            services=self.theatre.services,
            fitting=await self.theatre.fit(hashed, [p for p in (facts.old, facts.new) if p]),
        )


def _cookies(answer: Answered) -> Iterator[str]:
    for name, value in answer.headers:
        cookie = value.partition("=")[2].partition(";")[0].strip('"')
        if name == "set-cookie" and cookie:
            yield cookie


def sample(scene: Scene, each: int) -> Iterator[int]:
    """The points after commits and mails, around answers, and each so many awaits: where most is at stake."""
    for number, point in enumerate(scene.points, 1):
        if point.kind not in {"await", "before commit", "before DATA"} or number % each == 0:
            yield number


class Aftermath:
    """A stage that hands out what was played before a death, and has a new process play what comes after it."""

    def __init__(self, theatre: Theatre, process: Process, scenes: Sequence[Scene], fatal: Scene, deeds: Deeds) -> None:
        self._theatre = theatre
        self._process = process
        self._scenes = scenes
        self._fatal = fatal
        self._deeds = deeds
        self._played = 0
        self._now = fatal.began_at

    async def play(self, deed: Deed) -> Answered | None:
        """Hand out or play a scene."""
        number = self._played
        self._played += 1
        if number > self._fatal.number:
            return await self._live(deed)
        if deed != self._scenes[number].deed:
            raise AssertionError(f"the story is told differently the second time: {deed}")
        if number < self._fatal.number:
            return self._scenes[number].answer
        self._now = self._fatal.began_at + SECOND
        return await self._resume(deed)

    async def _resume(self, deed: Deed) -> Answered | None:
        answer = self._deeds.answer
        if answer is None and isinstance(deed, Request):
            answer = await self._live(deed)
        self._now += PAST_LEASES
        if not isinstance(deed, Request):
            await self._live(deed)
        await self._live(Work())
        return answer

    async def _live(self, deed: Deed) -> Answered | None:
        self._now += SECOND
        seed = f"after scene {self._fatal.number}, {self._now}"
        deeds = await self._theatre.play(self._process, deed, self._now, seed)
        if deeds.failed:
            raise Stuck(f"after the restart, {deed} failed: {deeds.failed}")
        return deeds.answer

    def wait(self, span: Span) -> None:
        """Let time pass."""
        self._now += span

    def mails(self) -> Sequence[StoredMessage]:
        """What had arrived when the next scene began."""
        if self._played <= self._fatal.number:
            return self._scenes[self._played].mails
        return self._theatre.mails()

    def begin(self) -> None:
        """Nothing to note."""


async def _epilogue(story: Story) -> list[str]:
    """I1 and I2, as a person finds out: what was used works no more, and the password does unless it is blocked."""
    facts, wrong = story.facts, []
    for link in facts.used_links:
        person = story.person()
        await person.get(link)
        answer = await person.post("/pagos/no-fui-yo", {"confirm": "yes"})
        if answer.status_code != 410 and opened_page(answer) != "/pagos/no-fui-yo/listo":  # the case that it opened
            wrong.append("I2: a link works again")
    for link in facts.used_resets:
        person = story.person()
        await person.get(link)
        fields = {"password": _ANOTHER, "confirm": _ANOTHER}
        if (await person.post(f"/{facts.portal}/cambiar", fields)).status_code != 410:
            wrong.append("I2: a link sets another password")
    pages = [opened_page(await story.person().sign_in(facts.owner, secret)) for secret in facts.used_passwords]
    wrong += [f"I2: signing in with a used temporary password led to {page}" for page in pages if page]
    password = facts.new if facts.changed else facts.old
    opened = opened_page(await story.person().sign_in(facts.owner, password)) if password else None
    if opened != (None if facts.blocked else f"/{facts.portal}/cuenta"):
        wrong.append(f"I1: signing in with the password led to {opened}")
    return wrong


async def open_harness(theatre: Theatre, scenario: Scenario, *, warm_up: bool = True) -> Harness:
    """Warm the fork server up, and play the scenario once without a crash; that too has to end well."""
    if warm_up:
        async with theatre.fork_server.process(here=True) as process:
            await _record(theatre, scenario, process)
    return await _record(theatre, scenario)


async def _record(theatre: Theatre, scenario: Scenario, warming_up: Process | None = None) -> Harness:
    theatre.rewind()
    facts = scenario.facts()
    recording = Recording(theatre, facts, theatre.opened_at, warming_up)
    story = Story(recording, facts, theatre.initial_password)
    await scenario.tell(story)
    harness = Harness(theatre, scenario, [*recording.scenes], recording.first)
    if wrong := await harness.end(story):
        raise Failure("\n".join(wrong))
    return harness
