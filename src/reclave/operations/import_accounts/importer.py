"""One run over a file: chunk after chunk, each holding the database's one writer for a few milliseconds."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from reclave.domain.audit import Entry, Event
from reclave.domain.portal import EMAIL, Portal
from reclave.journeys.services import Services
from reclave.operations.import_accounts.accounting import (
    REPORT_COLUMNS,
    Findings,
    Listener,
    Options,
    Outcomes,
    Summary,
    Tally,
    report_row,
)
from reclave.operations.import_accounts.findings import Finding, Outcome, masked
from reclave.operations.import_accounts.hashing import hash_secrets
from reclave.operations.import_accounts.letters import Letter, Letters, columns_of
from reclave.operations.import_accounts.pacing import MOST, Pace
from reclave.operations.import_accounts.planning import Planned, Planner, is_unused
from reclave.operations.import_accounts.private_csv import PrivateCsv, check_place
from reclave.operations.import_accounts.reading import ImportRefused, Record, Source
from reclave.operations.import_accounts.rows import INITIAL_PASSWORD, PASSWORD_HASH, SECRETS, ImportedRow, RowReader
from reclave.operations.import_accounts.seen import Kind, Seen
from reclave.operations.import_accounts.writing import Overtaken, Writer, Written
from reclave.ports.imports import IdentifierTaken, Run
from reclave.ports.store import Transaction

_MOST_HASHED = 64
"""Rows of a chunk whose passwords are hashed: a stop loses the hashes of one chunk at most."""
_CHANGES = 8
"""Accounts that were there already and are changed in one transaction."""
_GATHERED = 2_000
"""Rows after which the store is cleared up: about the 4 MB of log that SQLite itself lets gather."""
_TRIES = 5
_CROWDED = "somebody else keeps changing the same accounts; give the same command again later, and it goes on from here"


@dataclass(slots=True)
class _Chunk:
    """Rows that were read, what was refused of them already, and the number of the last."""

    rows: list[ImportedRow] = field(default_factory=list)
    outcomes: Outcomes = field(default_factory=Outcomes)
    last: int = 0

    def is_full(self, size: int) -> bool:
        """Whether it has as many rows as are to be written together, or as many findings as memory should hold."""
        return len(self.rows) >= size or len(self.outcomes.findings) >= MOST


class Importer:
    """Imports the rows of one file. `run` says how far an earlier run has come."""

    def __init__(
        self,
        *,
        services: Services,
        portal: Portal,
        source: Source,
        options: Options,
        listener: Listener,
        reader: RowReader,
        run: Run,
        seen: Seen,
    ) -> None:
        self.seen = seen
        self._services = services
        self._portal = portal
        self._source = source
        self._options = options
        self._listener = listener
        self._reader = reader
        self._run = run
        self._resumed_at = run.lines
        self._tallies = Counter({name: int(count) for name, count in run.tallies.items()})
        self._audited = Counter(self._tallies)
        self._findings = Findings()
        key = services.vault.digest("import", portal.id)
        self._planner = Planner(services, portal, key, generate=options.generate is not None)
        self._writer = Writer(self._planner)
        self._pace = Pace(_MOST_HASHED if reader.columns & SECRETS else MOST)
        self._gathered = 0
        self._only_new = False
        self._letters: Letters | None = None
        self._report: PrivateCsv | None = None

    def open_files(self, stack: ExitStack, *, goes_on: bool) -> None:
        """Make the files that the options ask for. Raises `ImportRefused` before any is made."""
        report, letters = self._options.report, self._options.generate if not self._options.dry_run else None
        if report is not None:
            check_place(report, REPORT_COLUMNS, goes_on=goes_on)
        if letters is not None:
            check_place(letters, columns_of(self._portal), goes_on=goes_on)
            self._letters = Letters(self._services, self._portal, letters, goes_on=goes_on)
            stack.enter_context(self._letters.file)
        if report is not None:
            self._report = stack.enter_context(PrivateCsv(report, REPORT_COLUMNS, goes_on=goes_on))

    async def run_through(self, records: Iterable[Record]) -> Summary:
        """Import every row."""
        began = time.monotonic()
        if not self._options.dry_run:
            async with self._services.store.transaction() as tx:
                await tx.imports.begin()
        chunk = _Chunk(last=0)
        for record in records:
            self._take(chunk, record)
            if chunk.is_full(self._pace.rows) or record.number == self._resumed_at:
                await self._settle(chunk)
                chunk = _Chunk(last=chunk.last)
        await self._settle(chunk)
        await self._finish(chunk.last)
        return Summary(
            source=self._source,
            dry_run=self._options.dry_run,
            rows=chunk.last,
            tallies={tally.value: self._tallies[tally] for tally in Tally},
            findings=self._findings.every(),
            resumed_at=self._resumed_at,
            rows_now=max(0, chunk.last - self._resumed_at),
            hashes_now=self._tallies[Tally.HASHED] - int(self._run.tallies.get(Tally.HASHED, 0)),
            seconds=time.monotonic() - began,
        )

    def _take(self, chunk: _Chunk, record: Record) -> None:
        chunk.last = record.number
        row = self._reader.read(record)
        if isinstance(row, ImportedRow):
            chunk.rows.append(row)
        elif row:
            chunk.outcomes.refuse(row)

    async def _settle(self, chunk: _Chunk) -> None:
        """Import a chunk; of one that an earlier run has done, only say again what there is to say."""
        rows = self._without_repetitions(chunk)
        done = chunk.last <= self._resumed_at
        planned: list[Planned] = []
        if not done:
            planned = await self._import(chunk, rows)
            self._tallies.update(chunk.outcomes.tallies)
        elif self._letters is not None or self._report is not None:
            async with self._services.store.reading() as tx:
                planned = await self._planner.plan(tx, rows)
            chunk.outcomes.count(planned, (), generated=False)
            self._pace.read_only()
        self._findings.add(chunk.outcomes.findings)
        if self._report is not None:
            self._report.write(map(report_row, chunk.outcomes.findings))
        if self._letters is not None:
            self._letters.write(_letters(planned))
        self._listener(chunk.last, max(self._source.rows, chunk.last))

    def _without_repetitions(self, chunk: _Chunk) -> list[tuple[ImportedRow, bool]]:
        """The rows whose identifier stands for the first time, each with whether its initial password is shared."""
        firsts = self.seen.firsts(Kind.IDENTIFIER, [(row.identifier, row.line) for row in chunk.rows])
        column = self._portal.file.sign_in.identifier
        rows = []
        for row, first in zip(chunk.rows, firsts, strict=True):
            shared = row.hands_out and self.seen.is_shared(Kind.SECRET, row.secret or "")
            if first != row.line:
                why = f"the same as in line {first}"
                chunk.outcomes.refuse([_finding(row.line, column, row.identifier, Outcome.REFUSED, why)])
            elif shared and not self._options.accept_shared:
                secret = INITIAL_PASSWORD if row.initial_password else PASSWORD_HASH
                why = "other rows have the same initial password: each account needs its own"
                chunk.outcomes.refuse([_finding(row.line, secret, row.secret or "", Outcome.REFUSED, why)])
            else:
                rows.append((row, shared))
        self._note_addresses(chunk, [row for row, _ in rows])
        return rows

    def _note_addresses(self, chunk: _Chunk, rows: Sequence[ImportedRow]) -> None:
        addressed = [(row.address.canonical, row.line) for row in rows if row.address]
        for (address, line), first in zip(addressed, self.seen.firsts(Kind.ADDRESS, addressed), strict=True):
            if first != line:
                chunk.outcomes.tallies[Tally.SHARED_ADDRESSES] += 1
                why = f"the same as in line {first}: one mail to it lists every account"
                chunk.outcomes.findings.append(_finding(line, EMAIL, address, Outcome.SHARED_ADDRESS, why))

    async def _import(self, chunk: _Chunk, rows: Sequence[tuple[ImportedRow, bool]]) -> list[Planned]:
        for attempt in range(1, _TRIES + 1):
            planned = await self._plan(rows, on_trial=attempt == 1)
            if self._options.dry_run:
                self._pace.read_only()
                chunk.outcomes.count(planned, (), generated=self._planner.generate)
                return planned
            await hash_secrets(self._services.hasher, planned, at_once=self._options.hashes_at_once)
            try:
                written = await self._write(chunk, planned)
            except (IdentifierTaken, Overtaken) as error:
                if attempt == _TRIES:
                    raise ImportRefused(f"row {chunk.last}: {_CROWDED}") from error
            else:
                chunk.outcomes.count(planned, written.ended, generated=self._planner.generate)
                self._only_new = all(each.known is None for each in planned)
                return planned
        raise AssertionError("the last try raises")

    async def _plan(self, rows: Sequence[tuple[ImportedRow, bool]], *, on_trial: bool) -> list[Planned]:
        """Decide about rows. Where a file has brought only new accounts, more are not looked up but written on trial.

        On SQLite a look-up after somebody's commit reads its pages anew: it would cost more than the writing. Rows with
        secrets are always looked up: a trial in vain would cost their hashes.
        """
        if on_trial and self._only_new and not self._options.dry_run and not self._reader.columns & SECRETS:
            return self._planner.plan_as_new(rows)
        async with self._services.store.reading() as tx:
            return await self._planner.plan(tx, rows)

    async def _write(self, chunk: _Chunk, planned: Sequence[Planned]) -> Written:
        """Write a chunk, its last transaction with how far the run has come; where nothing changes, nothing.

        New accounts are written together, changes of others a few at a time: each takes a dozen statements.
        """
        written = Written()
        added = [each for each in planned if each.known is None]
        changes = [each for each in planned if each.known is not None and each.writes]
        parts = [changes[at : at + _CHANGES] for at in range(0, len(changes), _CHANGES)]
        if added:
            parts.insert(0, added)
        for number, part in enumerate(parts, start=1):
            async with self._services.store.transaction() as tx:
                began = time.monotonic()
                await self._writer.write(tx, part, written)
                if number == len(parts):
                    outcomes = Outcomes(Counter(chunk.outcomes.tallies))
                    outcomes.count(planned, written.ended, generated=self._planner.generate)
                    await self._put_run(tx, chunk.last, self._tallies + outcomes.tallies)
                wrote = time.monotonic()
            if part is added:
                self._pace.wrote(len(added), wrote - began, time.monotonic() - wrote)
            await self._clear_up_after(len(part))
        if not added:
            self._pace.read_only()
        return written

    async def _clear_up_after(self, rows: int) -> None:
        """Clear up now and then, before so much has gathered that a sign-in's commit would have to."""
        self._gathered += rows
        if self._gathered >= _GATHERED:
            self._gathered = 0
            async with self._services.store.reading() as tx:
                await tx.imports.clear_up()

    async def _put_run(self, tx: Transaction, last: int, tallies: Counter[str], *, finished: bool = False) -> None:
        counts = {name: str(count) for name, count in tallies.items()}
        await tx.imports.put_run(replace(self._run, lines=last, tallies=counts), finished=finished)
        since = {name: str(count) for name, count in (tallies - self._audited).items()}
        detail = {"by": self._options.by, "file": self._source.digest.hex()[:16], "rows": str(last), **since}
        await tx.audit.add(Entry(portal=self._portal.id, event=Event.ACCOUNTS_IMPORTED, detail=detail))
        self._audited = Counter(tallies)

    async def _finish(self, last: int) -> None:
        if not self._options.dry_run:
            async with self._services.store.transaction() as tx:
                await self._put_run(tx, last, self._tallies, finished=True)


def _letters(planned: Sequence[Planned]) -> list[Letter]:
    return [
        Letter(each.row.identifier, each.invitation, each.row.address.stored if each.row.address else "")
        for each in planned
        if each.invitation is not None and is_unused(each.invitation)
    ]


def _finding(line: int, column: str, value: str, outcome: Outcome, reason: str) -> Finding:
    return Finding(line, column, masked(column, value), outcome, reason)
