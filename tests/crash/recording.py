"""A story played once without a crash, scene by scene; each scene remembers the state that it began with."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field

from reclave.demo.stored_message import StoredMessage
from reclave.domain.time import SECOND, Instant, Span
from tests.crash.database import Kept, Rows
from tests.crash.processes import Process
from tests.crash.story import Facts
from tests.crash.theatre import Theatre
from tests.crash.wire import Answered, Deed, Point, Request


class Failure(AssertionError):
    """The service failed without having been killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One thing that the service did, and everything that it began with."""

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
    def title(self) -> str:
        """What it is: «POST /pagos/recuperar», «Work»."""
        match self.deed:
            case Request(method=method, path=path):
                return f"{method} {path}"
            case other:
                return type(other).__name__

    def __str__(self) -> str:
        return f"scene {self.number} ({self.title})"


@dataclass(slots=True)
class Recording:
    """A stage on which every scene is played, each by a process of its own, and remembered.

    With `warming_up` that process plays them all.
    """

    theatre: Theatre
    facts: Facts
    now: Instant
    warming_up: Process | None = None
    scenes: list[Scene] = field(default_factory=list)
    first: int = 0

    async def play(self, deed: Deed) -> Answered | None:
        """Play a scene and remember what it began with."""
        theatre, number = self.theatre, len(self.scenes)
        facts, mails, rows = self.facts.copy(), theatre.mails(), theatre.database.rows()
        kept = theatre.database.keep()
        async with self._process() as process:
            deeds = await theatre.play(process, deed, self.now, seed_of(number))
        if deeds.failed:
            raise Failure(f"scene {number}, {deed}: {deeds.failed}")
        self.scenes.append(
            Scene(
                number=number,
                deed=deed,
                began_at=self.now,
                kept=kept,
                rows=rows,
                mails=mails,
                facts=facts,
                answer=deeds.answer,
                points=deeds.passed,
            )
        )
        self.now += SECOND
        return deeds.answer

    def wait(self, span: Span) -> None:
        """Let time pass."""
        self.now += span

    def mails(self) -> Sequence[StoredMessage]:
        """What has arrived."""
        return self.theatre.mails()

    def begin(self) -> None:
        """The scenes so far belong to another story."""
        self.first = len(self.scenes)

    def _process(self) -> AbstractAsyncContextManager[Process]:
        return nullcontext(self.warming_up) if self.warming_up else self.theatre.fork_server.process()


def seed_of(number: int) -> str:
    """Where the randomness of every process that plays this scene comes from."""
    return f"scene {number}"
