"""Imports of accounts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from reclave.adapters.memory.tables import Tables
from reclave.domain.accounts import Account, Status
from reclave.domain.foreign_recipes import SEALED
from reclave.domain.grants import Grant, Purpose, State
from reclave.domain.time import Instant
from reclave.ports.imports import IdentifierTaken, Known, NewAccount, Run

_AWAITING = Status.AWAITING_FIRST_SIGN_IN


class MemoryImports:
    """`ports.imports.Imports` in memory."""

    def __init__(self, tables: Tables, now: Instant) -> None:
        self._tables = tables
        self._now = now

    async def known(self, portal: str, field: str, values: Collection[str]) -> Mapping[str, Known]:
        named = {value: self._tables.identifiers.get((portal, field, value)) for value in values}
        return {value: self._known(portal, account) for value, account in named.items() if account is not None}

    def _known(self, portal: str, id_: str) -> Known:
        account = self._tables.accounts.get((portal, id_))
        waits = account is not None and account.status is _AWAITING and account.password_hash is None
        row, imported = self._tables.imports.get((portal, id_)) or (None, None)
        return Known(id_, waits, row, imported)

    async def begin(self) -> int:
        return 1

    async def clear_up(self) -> None:
        pass

    async def take_stock(self) -> None:
        pass

    async def add(self, rows: Sequence[NewAccount]) -> None:
        for row in rows:
            portal, id_ = row.portal, row.id
            if (portal, row.field, row.value) in self._tables.identifiers:
                raise IdentifierTaken
            self._tables.accounts.put((portal, id_), (account := row.account()))
            self._tables.identifiers.put((portal, row.field, row.value), id_)
            self._tables.facts.put((portal, id_), dict(row.facts))
            if row.grant is not None:
                self._tables.grants.put((portal, row.grant.id), row.grant)
            await self.imported(portal, id_, row.row, account.credential_version)

    async def imported(self, portal: str, account: str, row: bytes, credential_version: int) -> None:
        self._tables.imports.put((portal, account), (row, credential_version))

    async def put_facts(self, portal: str, account: str, facts: Mapping[str, str]) -> None:
        known = self._tables.facts.get((portal, account)) or {}
        self._tables.facts.put((portal, account), {**known, **facts})

    async def invitations(self, portal: str, accounts: Collection[str]) -> Mapping[str, Grant]:
        return {
            grant.account: grant
            for grant in self._tables.grants
            if grant.portal == portal
            and grant.account in accounts
            and grant.purpose is Purpose.ACTIVATE
            and grant.state is State.ISSUED
            and grant.live(self._now)
        }

    async def sealed(self, *, limit: int, key_id: str = "", after: tuple[str, str] = ("", "")) -> Sequence[Account]:
        begins = f"{SEALED}{key_id}:" if key_id else SEALED
        sealed = [each for each in self._tables.accounts if (each.password_hash or "").startswith(begins)]
        behind = [each for each in sealed if (each.portal, each.id) > after]
        return sorted(behind, key=lambda each: (each.portal, each.id))[:limit]

    async def run(self, portal: str, file: bytes) -> Run | None:
        return self._tables.import_runs.get((portal, file))

    async def put_run(self, run: Run, *, finished: bool = False) -> None:
        before = await self.run(run.portal, run.file)
        under_way = before is not None and before.finished_at is None
        written = replace(
            run,
            started_at=before.started_at if before is not None and under_way else self._now,
            changed_at=self._now,
            finished_at=self._now if finished else None,
        )
        self._tables.import_runs.put((run.portal, run.file), written)
