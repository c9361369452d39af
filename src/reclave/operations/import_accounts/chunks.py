"""A file's rows in chunks, each row read and digested before the database is asked anything."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from reclave.domain.portal import EMAIL, Portal
from reclave.operations.import_accounts.accounting import Outcomes, Tally
from reclave.operations.import_accounts.deciding import row_digest
from reclave.operations.import_accounts.findings import Finding, Outcome, masked
from reclave.operations.import_accounts.pacing import MOST
from reclave.operations.import_accounts.planning import ReadRow
from reclave.operations.import_accounts.reading import Record
from reclave.operations.import_accounts.rows import INITIAL_PASSWORD, PASSWORD_HASH, ImportedRow, RowReader
from reclave.operations.import_accounts.seen import Kind, Seen

_READ_AT_ONCE = 32
"""Rows read before whatever else is under way has its turn: about a millisecond."""


@dataclass(slots=True)
class Chunk:
    """Rows whose identifiers stand in the file for the first time, what was refused already, the last row's number."""

    rows: Sequence[ReadRow]
    outcomes: Outcomes
    last: int


@dataclass(slots=True)
class _Reading:
    rows: list[ImportedRow] = field(default_factory=list)
    outcomes: Outcomes = field(default_factory=Outcomes)
    last: int = 0

    def is_full(self, size: int) -> bool:
        """Whether it has as many rows as are to be written together, or as many findings as memory should hold."""
        return len(self.rows) >= size or len(self.outcomes.findings) >= MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunks:
    """Reads chunks. `key` keys the digests of rows; `size` says how many rows the next chunk has.

    `border` is a row that ends a chunk: how far an earlier run has come.
    """

    portal: Portal
    reader: RowReader
    seen: Seen
    key: bytes
    border: int
    accept_shared: bool
    size: Callable[[], int]

    async def of(self, records: Iterable[Record], *, in_turns: bool) -> AsyncIterator[Chunk]:
        """Every row's chunk, the last one too where it is empty. `in_turns`: chunks before it are being written."""
        reading = _Reading()
        for record in records:
            if in_turns and not record.number % _READ_AT_ONCE:
                await asyncio.sleep(0)
            self._take(reading, record)
            if record.number == self.border or reading.is_full(self.size()):
                yield self._without_repetitions(reading)
                reading = _Reading(last=reading.last)
        yield self._without_repetitions(reading)

    def _take(self, reading: _Reading, record: Record) -> None:
        reading.last = record.number
        row = self.reader.read(record)
        if isinstance(row, ImportedRow):
            reading.rows.append(row)
        elif row:
            reading.outcomes.refuse(row)

    def _without_repetitions(self, reading: _Reading) -> Chunk:
        """Leave out rows whose identifier, or whose own initial password, stands in another row."""
        firsts = self.seen.firsts(Kind.IDENTIFIER, [(row.identifier, row.line) for row in reading.rows])
        column = self.portal.file.sign_in.identifier
        rows = []
        for row, first in zip(reading.rows, firsts, strict=True):
            shared = row.hands_out and self.seen.is_shared(Kind.SECRET, row.secret or "")
            if first != row.line:
                why = f"the same as in line {first}"
                reading.outcomes.refuse([_finding(row.line, column, row.identifier, Outcome.REFUSED, why)])
            elif shared and not self.accept_shared:
                secret = INITIAL_PASSWORD if row.initial_password else PASSWORD_HASH
                why = "other rows have the same initial password: each account needs its own"
                reading.outcomes.refuse([_finding(row.line, secret, row.secret or "", Outcome.REFUSED, why)])
            else:
                rows.append(ReadRow(row, row_digest(self.key, row), shared))
        self._note_addresses(reading.outcomes, [each.row for each in rows])
        return Chunk(rows, reading.outcomes, reading.last)

    def _note_addresses(self, outcomes: Outcomes, rows: Sequence[ImportedRow]) -> None:
        addressed = [(row.address.canonical, row.line) for row in rows if row.address]
        for (address, line), first in zip(addressed, self.seen.firsts(Kind.ADDRESS, addressed), strict=True):
            if first != line:
                outcomes.tallies[Tally.SHARED_ADDRESSES] += 1
                why = f"the same as in line {first}: one mail to it lists every account"
                outcomes.findings.append(_finding(line, EMAIL, address, Outcome.SHARED_ADDRESS, why))


def _finding(line: int, column: str, value: str, outcome: Outcome, reason: str) -> Finding:
    return Finding(line, column, masked(column, value), outcome, reason)
