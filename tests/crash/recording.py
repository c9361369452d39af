"""A story played once without a crash, scene by scene; each scene remembers the state that it began with."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from reclave.demo.stored_message import StoredMessage
from reclave.domain.time import SECOND, Instant, Span
from tests.crash.database import Kept, Rows
from tests.crash.scenarios import Scenario
from tests.crash.story import Facts, Story
from tests.crash.theatre import Theatre
from tests.crash.wire import Answered, Deed, Point, Request


class Failure(AssertionError):
    """The service failed without having been killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What happened in one process's life, and everything that it began with."""

    number: int
    deed: Deed
    began_at: Instant
    kept: Kept
    rows: Rows
    mails: Sequence[StoredMessage]
    facts: Facts
    answer: Answered | None
    points: Sequence[Point]

    @property
    def seed(self) -> str:
        """Where the randomness of every life that plays this scene comes from."""
        return f"scene {self.number}"

    def __str__(self) -> str:
        if isinstance(self.deed, Request):
            return f"scene {self.number} ({self.deed.method} {self.deed.path[:40]})"
        return f"scene {self.number} ({type(self.deed).__name__})"


@dataclass(slots=True)
class Recording:
    """A stage on which every scene is played and remembered; `here`: by the fork server itself, to warm it up."""

    theatre: Theatre
    facts: Facts
    now: Instant
    here: bool = False
    scenes: list[Scene] = field(default_factory=list)
    first: int = 0

    async def play(self, deed: Deed) -> Answered | None:
        """Play a scene and remember what it began with."""
        theatre, number = self.theatre, len(self.scenes)
        facts, mails, rows = self.facts.copy(), theatre.mails(), theatre.database.rows()
        kept = theatre.database.keep()
        life = await theatre.live(deed, self.now, f"scene {number}", here=self.here)
        if life.failed:
            raise Failure(f"scene {number}, {deed}: {life.failed}")
        self.scenes.append(
            Scene(
                number=number,
                deed=deed,
                began_at=self.now,
                kept=kept,
                rows=rows,
                mails=mails,
                facts=facts,
                answer=life.answer,
                points=life.passed,
            )
        )
        self.now += SECOND
        return life.answer

    def wait(self, span: Span) -> None:
        """Let time pass."""
        self.now += span

    def mails(self) -> Sequence[StoredMessage]:
        """What has arrived."""
        return self.theatre.mails()

    def begin(self) -> None:
        """The scenes so far belong to another story."""
        self.first = len(self.scenes)


async def record(theatre: Theatre, scenario: Scenario, *, here: bool = False) -> Recording:
    """Play a scenario from the theatre's first state, without a crash."""
    theatre.rewind()
    facts = scenario.facts()
    recording = Recording(theatre, facts, theatre.opened_at, here=here)
    await scenario.tell(Story(recording, facts, theatre.initial_password))
    return recording
