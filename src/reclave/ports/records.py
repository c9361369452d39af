"""The rest of the store: counters of guesses, rate limits, the audit trail, cases and switches."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from reclave.domain.audit import Entry, Event
from reclave.domain.cases import Case
from reclave.domain.limits import Cost
from reclave.domain.switches import Switch
from reclave.domain.throttle import Guess, Tally
from reclave.domain.time import Instant, Span


class Guesses(Protocol):
    """Counters of guesses, in logged tables, for unknown subjects too. Subjects are keyed digests."""

    async def count(self, portal: str, guess: Guess, subject: bytes, *, identifier: bytes | None = None) -> Span:
        """Count one guess before it is compared (`throttle.counted`); 0 when it was counted.

        While an earlier wait lasts nothing is counted and the microseconds left are returned. `identifier` (a keyed
        digest) is what was guessed at, whoever guessed: `forgive` finds the subject by it.
        """

    async def tally(self, portal: str, guess: Guess, subject: bytes) -> Tally:
        """The subject's tally."""

    async def add(self, portal: str, guess: Guess, subject: bytes, *, identifier: bytes | None = None) -> int:
        """Count one guess of a subject that never waits; the failures including this one. `identifier`: see `count`."""

    async def reset(self, portal: str, guess: Guess, subject: bytes) -> None:
        """Forget the subject's failures."""

    async def forgive(self, portal: str, identifier: bytes) -> int:
        """Forget every subject that was counted under an identifier (a keyed digest); how many."""

    async def purge(self, *, counted_before: Instant, limit: int) -> int:
        """Delete subjects that nobody has guessed at since an instant; how many."""


class Limits(Protocol):
    """Rate limits (disposable)."""

    async def take(self, costs: Sequence[Cost]) -> list[int]:
        """Take each cost from its limit (`limits.admitted`), atomically per key; how much of each passed."""

    async def purge(self) -> int:
        """Delete limits that are full again; how many."""


@dataclass(frozen=True, slots=True)
class SealedBatch:
    """A sealed run of the audit trail: entries numbered `first`..`last`, over the previous seal."""

    number: int
    first: int
    last: int
    seal: bytes
    key_id: str


@dataclass(frozen=True, slots=True)
class SealedBy:
    """What one key has sealed: how many batches, and the lowest and the highest entry in them."""

    key_id: str
    batches: int
    first: int
    last: int


class Audit(Protocol):
    """The audit trail, appended to and never changed."""

    async def add(self, entry: Entry) -> None:
        """Append an entry (`at` is set to now)."""

    async def add_all(self, entries: Sequence[Entry]) -> None:
        """Append entries (one at least) in this order."""

    async def of_account(self, portal: str, account: str, events: Collection[Event], *, limit: int) -> list[Entry]:
        """The account's newest entries for these events, newest first."""

    async def read(self, *, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Entries numbered above `after` in order, each as (number, canonical bytes of all its columns)."""

    async def batches(self, *, after: int = 0, limit: int = 1000) -> list[SealedBatch]:
        """Sealed batches numbered above `after`, in order."""

    async def last_batch(self) -> SealedBatch | None:
        """The newest sealed batch."""

    async def entries(
        self, *, after: int = 0, before: int | None = None, limit: int, newest: bool = False
    ) -> list[tuple[int, Entry]]:
        """Entries numbered between the two, exclusive: the first ones in order, or the last ones, newest first.

        In order only those are read below which none can appear any more.
        """

    async def sealed_by(self) -> list[SealedBy]:
        """What each key has sealed, by key."""

    async def add_batch(self, batch: SealedBatch) -> bool:
        """Append a sealed batch; False if its number exists (another worker sealed it)."""


class Cases(Protocol):
    """Cases for the help desk."""

    async def open(self, case: Case) -> None:
        """Open a case (`opened_at` is set to now)."""

    async def of_account(self, portal: str, account: str) -> list[Case]:
        """The account's cases, newest first."""


class Switches(Protocol):
    """An operator's switches of journeys."""

    async def every(self) -> list[Switch]:
        """All of them, those that hold no longer too, by portal and journey."""

    async def put(self, switch: Switch) -> None:
        """Write a switch over the one that its portal and journey have (`changed_at` is set to now)."""

    async def remove(self, portal: str, journey: str) -> bool:
        """Take a switch back; whether there was one."""


class Leases(Protocol):
    """What one process does at a time: for economy, not for safety, since a lease may end while its holder works."""

    async def hold(self, name: str, holder: bytes, span: Span) -> bool:
        """Take a task for `span` microseconds, or keep it for as long from now; False while another holder has it.

        A lease that ends further ahead than `span` comes from a clock that jumped back, and has ended.
        """

    async def release(self, name: str, holder: bytes) -> bool:
        """Give a task back; whether this holder had it."""


class PasswordSchemes(Protocol):
    """How many accounts have a password of each scheme (`foreign_recipes.scheme_of`), kept from an import on."""

    async def count(self, portal: str, scheme: str, delta: int) -> None:
        """Add to a scheme's accounts. Several schemes of one transaction are counted in the order of their names."""

    async def every(self, portal: str) -> Mapping[str, int]:
        """The accounts of each scheme that has any."""
