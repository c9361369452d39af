"""What a run counts and says: tallies that survive a stop, the first findings, the report of all of them."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from reclave.operations.import_accounts.findings import Finding, Outcome
from reclave.operations.import_accounts.planning import Planned
from reclave.operations.import_accounts.reading import Source

MOST_SHOWN = 20
"""Findings of each kind that a summary holds; a report holds all."""
REPORT_COLUMNS = ("line", "column", "value", "outcome", "reason")
Listener: TypeAlias = Callable[[int, int], None]
"""Is told how many rows are done, and about how many there are."""


class Tally(StrEnum):
    """What rows are counted as; a row may be updated and have something kept."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    REFUSED = "refused"
    SHARED_ADDRESSES = "shared_addresses"
    PASSWORDS_ENDED = "passwords_ended"
    PASSWORDS_GENERATED = "passwords_generated"
    HASHED = "hashed"
    SEALED = "sealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to import. `by`: the operator's login name. `generate`, `report`: files to write.

    `hashes_at_once`: how many passwords are hashed at a time, as many as the hasher has threads.
    """

    by: str
    dry_run: bool = False
    generate: Path | None = None
    report: Path | None = None
    accept_shared: bool = False
    hashes_at_once: int = 1
    encoding: str | None = None
    delimiter: str | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What an import did: over the whole file, but `rows_now`, `hashes_now` and `seconds`, which are of this run.

    `resumed_at` is the row that an earlier run had come to (0: none); `findings` are the first of each kind.
    """

    source: Source
    dry_run: bool
    rows: int
    tallies: Mapping[str, int]
    findings: Sequence[Finding]
    resumed_at: int
    rows_now: int
    hashes_now: int
    seconds: float

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows_now / self.seconds if self.seconds else 0.0

    @property
    def refused(self) -> int:
        """How many rows were refused."""
        return self.tallies.get(Tally.REFUSED, 0)


@dataclass(slots=True)
class Outcomes:
    """What came of a chunk."""

    tallies: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def refuse(self, findings: Sequence[Finding]) -> None:
        """Count one row as refused, with everything that is wrong with it."""
        self.tallies[Tally.REFUSED] += 1
        self.findings += findings

    def count(self, planned: Iterable[Planned], ended: Sequence[Finding], *, generated: bool) -> None:
        """Count rows that were planned and, but in a dry run, written."""
        added = invited = hashed = sealed = 0
        for each in planned:
            if each.known is None:
                added += 1
            else:
                self._count_known(each)
            invited += each.invite
            hashed += each.hashes
            sealed += each.seals is not None
        self.tallies[Tally.ADDED] += added
        self.tallies[Tally.PASSWORDS_GENERATED] += invited if generated else 0
        self.tallies[Tally.HASHED] += hashed
        self.tallies[Tally.SEALED] += sealed
        self.tallies[Tally.PASSWORDS_ENDED] += len(ended)
        self.findings += ended

    def _count_known(self, planned: Planned) -> None:
        self.tallies[Tally.UPDATED if planned.updates else Tally.UNCHANGED] += 1
        if planned.decision is not None and planned.decision.kept:
            self.tallies[Tally.KEPT] += 1
            self.findings += planned.decision.kept


class Findings:
    """The first findings of each kind, to be shown."""

    def __init__(self) -> None:
        self._first: dict[Outcome, deque[Finding]] = {}

    def add(self, findings: Iterable[Finding]) -> None:
        """Keep those that are among the first."""
        for finding in findings:
            kept = self._first.setdefault(finding.outcome, deque())
            if len(kept) < MOST_SHOWN:
                kept.append(finding)

    def every(self) -> list[Finding]:
        """Those that were kept, kind by kind."""
        return [finding for outcome in Outcome for finding in self._first.get(outcome, ())]


def report_row(finding: Finding) -> list[str]:
    """A finding as the report writes it."""
    return [str(value) for value in asdict(finding).values()]
