"""One run over a file: chunk after chunk, each in a transaction of its own with how far the run has come then.

Where the database has one writer (SQLite), a chunk holds it for a few milliseconds, and is written before the next one
is read. Elsewhere chunks of new accounts are larger, and while some are written the next one is read.
"""

import math
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace

from reclave.domain.audit import Entry, Event
from reclave.domain.portal import Portal
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
from reclave.operations.import_accounts.chunks import Chunk, Chunks
from reclave.operations.import_accounts.hashing import hash_secrets
from reclave.operations.import_accounts.in_order import Predecessor, settled_in_order
from reclave.operations.import_accounts.letters import Letter, Letters, columns_of
from reclave.operations.import_accounts.pacing import MOST, MOST_UNWAITED, Pace
from reclave.operations.import_accounts.planning import Planned, Planner, ReadRow, is_unused
from reclave.operations.import_accounts.private_csv import PrivateCsv, check_place
from reclave.operations.import_accounts.reading import ImportRefused, Record, Source
from reclave.operations.import_accounts.rows import INITIAL_PASSWORD, RowReader
from reclave.operations.import_accounts.seen import Seen
from reclave.operations.import_accounts.writing import Overtaken, Writer, Written
from reclave.ports.imports import IdentifierTaken, Run
from reclave.ports.store import Transaction

_MOST_HASHED = 64
"""Rows of a chunk whose passwords are hashed: a stop loses the hashes of one chunk at most."""
_CHANGES = 8
"""Accounts that were there already and are changed in one transaction."""
_GATHERED = 2_000
"""Rows after which the store is cleared up: about the 4 MB of log that SQLite itself lets gather."""
_STOCK_TAKEN_AFTER = 10_000
"""New accounts after which the store's planner is told of them; then after four times as many, and so on."""
_TRIES = 5
_CROWDED = "somebody else keeps changing the same accounts; give the same command again later, and it goes on from here"


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
        self._services, self._portal = services, portal
        self._source = source
        self._options = options
        self._listener = listener
        self._run = run
        self._resumed_at = run.lines
        self._tallies = Counter({name: int(count) for name, count in run.tallies.items()})
        self._audited = Counter(self._tallies)
        self._findings = Findings()
        self._planner = Planner(services, portal, generate=options.generate is not None)
        self._writer = Writer(self._planner)
        self._secrets = INITIAL_PASSWORD in reader.columns
        self._pace = Pace(_MOST_HASHED if self._secrets else MOST)
        self._chunks = Chunks(
            portal=portal,
            reader=reader,
            seen=seen,
            key=services.vault.digest("import", portal.id),
            border=run.lines,
            accept_shared=options.accept_shared,
            size=lambda: self._pace.rows,
        )
        self._last = self._gathered = self._untold = 0
        self._tell_after = _STOCK_TAKEN_AFTER
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
        writers = 1 if self._options.dry_run else await self._begin()
        chunks = self._chunks.of(records, in_turns=writers > 1)
        await settled_in_order(chunks, self._settle, at_once=writers)
        await self._finish()
        return Summary(
            source=self._source,
            dry_run=self._options.dry_run,
            rows=self._last,
            tallies={tally.value: self._tallies[tally] for tally in Tally},
            findings=self._findings.every(),
            resumed_at=self._resumed_at,
            rows_now=max(0, self._last - self._resumed_at),
            hashes_now=self._tallies[Tally.HASHED] - int(self._run.tallies.get(Tally.HASHED, 0)),
            seconds=time.monotonic() - began,
        )

    async def _begin(self) -> int:
        """How many chunks may be written at a time."""
        async with self._services.store.transaction() as tx:
            writers = await tx.imports.begin()
        if writers > 1:
            self._pace = Pace(_MOST_HASHED if self._secrets else MOST_UNWAITED, hold=math.inf)
        return writers

    async def _settle(self, chunk: Chunk, before: Predecessor) -> None:
        """Import a chunk; of one that an earlier run has done, only say again what there is to say."""
        planned: list[Planned] = []
        is_new = chunk.last > self._resumed_at
        if is_new:
            planned = await self._import(chunk, before)
        elif self._letters is not None or self._report is not None:
            async with self._services.store.reading() as tx:
                planned = await self._planner.plan(tx, chunk.rows)
            chunk.outcomes.count(planned, (), generated=False)
            self._pace.read_only()
        await _ended(before)
        if is_new:
            self._tallies.update(chunk.outcomes.tallies)
        self._last = chunk.last
        self._findings.add(chunk.outcomes.findings)
        if self._report is not None:
            self._report.write(map(report_row, chunk.outcomes.findings))
        if self._letters is not None:
            self._letters.write(_letters(planned))
        self._listener(chunk.last, max(self._source.rows, chunk.last))

    async def _import(self, chunk: Chunk, before: Predecessor) -> list[Planned]:
        """Plan and write a chunk, once its predecessor is settled; new accounts without a password begin earlier."""
        for attempt in range(1, _TRIES + 1):
            planned = await self._plan(chunk.rows, on_trial=attempt == 1)
            if attempt > 1 or not all(each.known is None and not each.hashes for each in planned):
                await _ended(before)
            if self._options.dry_run:
                self._pace.read_only()
                chunk.outcomes.count(planned, (), generated=self._planner.generate)
                return planned
            await hash_secrets(self._services.hasher, planned, at_once=self._options.hashes_at_once)
            try:
                written = await self._write(chunk, planned, before)
            except (IdentifierTaken, Overtaken) as error:
                if attempt == _TRIES:
                    raise ImportRefused(f"row {chunk.last}: {_CROWDED}") from error
            else:
                chunk.outcomes.count(planned, written.ended, generated=self._planner.generate)
                self._only_new = all(each.known is None for each in planned)
                return planned
        raise AssertionError("the last try raises")

    async def _plan(self, rows: Sequence[ReadRow], *, on_trial: bool) -> list[Planned]:
        """Decide about rows. Where a file has brought only new accounts, more are not looked up but written on trial.

        On SQLite a look-up after somebody's commit reads its pages anew: it would cost more than the writing. Rows with
        secrets are always looked up: a trial in vain would cost their hashes.
        """
        if on_trial and self._only_new and not self._options.dry_run and not self._secrets:
            return self._planner.plan_as_new(rows)
        async with self._services.store.reading() as tx:
            return await self._planner.plan(tx, rows)

    async def _write(self, chunk: Chunk, planned: Sequence[Planned], before: Predecessor = None) -> Written:
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
                    await _ended(before)
                    await self._writer.count_schemes(tx, written)
                    outcomes = Outcomes(Counter(chunk.outcomes.tallies))
                    outcomes.count(planned, written.ended, generated=self._planner.generate)
                    await self._put_run(tx, chunk.last, self._tallies + outcomes.tallies)
                wrote = time.monotonic()
            if part is added:
                self._pace.wrote(len(added), wrote - began, time.monotonic() - wrote)
            await self._clear_up_after(len(part))
        await self._take_stock_of(len(added))
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

    async def _take_stock_of(self, added: int) -> None:
        """Tell the planner of what was added, now and then, so that nobody's look-up reads a whole table."""
        self._untold += added
        if self._untold >= self._tell_after:
            self._untold, self._tell_after = 0, 4 * self._tell_after
            async with self._services.store.reading() as tx:
                await tx.imports.take_stock()

    async def _put_run(self, tx: Transaction, last: int, tallies: Counter[str], *, finished: bool = False) -> None:
        counts = {name: str(count) for name, count in tallies.items()}
        await tx.imports.put_run(replace(self._run, lines=last, tallies=counts), finished=finished)
        since = {name: str(count) for name, count in (tallies - self._audited).items()}
        detail = {"by": self._options.by, "file": self._source.digest.hex()[:16], "rows": str(last), **since}
        await tx.audit.add(Entry(portal=self._portal.id, event=Event.ACCOUNTS_IMPORTED, detail=detail))
        self._audited = Counter(tallies)

    async def _finish(self) -> None:
        if not self._options.dry_run:
            async with self._services.store.transaction() as tx:
                await self._put_run(tx, self._last, self._tallies, finished=True)
            self._tell_after = _STOCK_TAKEN_AFTER
            await self._take_stock_of(0)


async def _ended(before: Predecessor) -> None:
    if before is not None:
        await before


def _letters(planned: Sequence[Planned]) -> list[Letter]:
    return [
        Letter(each.row.identifier, each.invitation, each.row.address.stored if each.row.address else "")
        for each in planned
        if each.invitation is not None and is_unused(each.invitation)
    ]
