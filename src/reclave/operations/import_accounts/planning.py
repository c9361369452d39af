"""What is to be done with the rows of a chunk, by what the directory knows of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from reclave.domain.accounts import Account, Status
from reclave.domain.foreign_hashes import ForeignHash
from reclave.domain.grants import Grant
from reclave.domain.portal import Portal
from reclave.domain.secrets import Presentation
from reclave.journeys.services import Services
from reclave.operations.import_accounts.deciding import Decision, decide
from reclave.operations.import_accounts.rows import ImportedRow
from reclave.ports.imports import Known
from reclave.ports.store import Transaction


class ReadRow(NamedTuple):
    """A row, its digest, and whether its initial password stands in other rows, too."""

    row: ImportedRow
    digest: bytes
    shared: bool


@dataclass(slots=True)
class Planned:
    """One row and what becomes of it. `invitation` is the live grant of its generated password, old or new."""

    row: ImportedRow
    digest: bytes
    shared: bool = False
    known: Known | None = None
    account: Account | None = None
    decision: Decision | None = None
    password_hash: str | None = None
    invite: bool = False
    invitation: Grant | None = None

    @property
    def sets_password(self) -> bool:
        """Whether the account gets the row's initial password or foreign hash."""
        if self.row.secret is None:
            return False
        return self.known is None or (self.decision is not None and self.decision.password)

    @property
    def hashes(self) -> bool:
        """Whether an initial password is to be hashed."""
        return self.row.initial_password is not None and self.sets_password

    @property
    def seals(self) -> ForeignHash | None:
        """The foreign hash that is to be sealed."""
        return self.row.foreign if self.row.foreign is not None and self.sets_password else None

    @property
    def updates(self) -> bool:
        """Whether an account that was there changes."""
        if self.account is None or self.decision is None:
            return False
        return self.decision.updates(self.account)

    @property
    def writes(self) -> bool:
        """Whether anything of it is written."""
        if self.known is None or self.invite:
            return True
        if self.account is None or self.decision is None:
            return False
        return self.decision.writes(self.account, self.known)


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans chunks of one portal's import; `generate`: give out initial passwords."""

    services: Services
    portal: Portal
    generate: bool

    @property
    def field(self) -> str:
        """The field whose value names an account."""
        return self.portal.file.sign_in.identifier

    async def plan(self, tx: Transaction, rows: Sequence[ReadRow]) -> list[Planned]:
        """Look the rows up (at most 5,000) and decide."""
        known = await tx.imports.known(self.portal.id, self.field, [each.row.identifier for each in rows])
        planned = self._planned(rows, known)
        for each in planned:
            if each.known is not None and each.known.row != each.digest:
                await self.decide(tx, each, each.known)
        if self.generate:
            await self._plan_invitations(tx, planned)
        return planned

    def plan_as_new(self, rows: Sequence[ReadRow]) -> list[Planned]:
        """Plan rows as if no account of theirs were there; writing them then raises `IdentifierTaken` where one is."""
        return self._planned(rows, {})

    def _planned(self, rows: Sequence[ReadRow], known: Mapping[str, Known]) -> list[Planned]:
        planned = [Planned(row, digest, shared, known.get(row.identifier)) for row, digest, shared in rows]
        for each in planned:
            each.invite = self.generate and each.known is None and _is_to_be_invited(each.row)
        return planned

    async def decide(self, tx: Transaction, planned: Planned, known: Known, *, lock: bool = False) -> None:
        """Decide about an account that is there, as it stands now; nothing where it has just gone."""
        planned.account = account = await tx.accounts.get(self.portal.id, known.account, lock=lock)
        planned.decision = None
        if account is not None:
            facts = await tx.accounts.facts(self.portal.id, known.account)
            planned.decision = decide(account, facts, known, planned.row, planned.digest, tx.now)

    async def _plan_invitations(self, tx: Transaction, planned: Iterable[Planned]) -> None:
        """A generated password for every account of the file that waits for one, new or imported before."""
        waiting = {
            each.known.account: each
            for each in planned
            if each.known is not None and each.known.waits and each.known.row is not None
        }
        found: Mapping[str, Grant] = {}
        if waiting:
            found = await tx.imports.invitations(self.portal.id, list(waiting))
        for account, each in waiting.items():
            each.invitation = found.get(account)
            each.invite = each.invitation is None and not each.sets_password


def is_unused(grant: Grant | None) -> bool:
    """Whether a grant is a generated initial password that nobody has used yet."""
    return grant is not None and grant.opened_at is None and grant.presentation is Presentation.TEMPORARY_PASSWORD


def _is_to_be_invited(row: ImportedRow) -> bool:
    return row.secret is None and row.status in {None, Status.AWAITING_FIRST_SIGN_IN}
