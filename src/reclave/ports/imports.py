"""Importing accounts: what is known of those in a file, adding many at once, and how far a run has come."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from msgspec import Struct

from reclave.domain.accounts import Account, Provenance, Status
from reclave.domain.addresses import Address
from reclave.domain.errors import ReclaveError
from reclave.domain.grants import Grant
from reclave.domain.time import Instant


class IdentifierTaken(ReclaveError):
    """Somebody else added an account with one of these identifiers meanwhile; look them up again."""

    code = "identifier_taken"


@dataclass(frozen=True, slots=True)
class Known:
    """An account that an identifier of a file already names.

    `waits` says whether it awaits its first sign-in without a password. `row` is the digest of the row that it was
    last imported from, and `imported_version` its `credential_version` then; both are None for an account that no
    import made.
    """

    account: str
    waits: bool
    row: bytes | None = None
    imported_version: int | None = None


class NewAccount(Struct, frozen=True, kw_only=True):
    """An account to add: its one identifier, what is known of it, its initial password's grant, its row's digest.

    Its address, where it has one, is asserted by the operator; `at` is now. A struct, because there are a million.
    """

    portal: str
    id: str
    status: Status
    address: Address | None = None
    password_hash: str | None = None
    language: str | None = None
    at: Instant
    field: str
    value: str
    facts: Mapping[str, str]
    row: bytes
    grant: Grant | None = None

    def account(self) -> Account:
        """The account as journeys read it."""
        return Account(
            portal=self.portal,
            id=self.id,
            status=self.status,
            address=self.address.stored if self.address else None,
            address_canonical=self.address.canonical if self.address else None,
            address_provenance=Provenance.ASSERTED_BY_OPERATOR if self.address else None,
            password_hash=self.password_hash,
            language=self.language,
            created_at=self.at,
            changed_at=self.at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How far the import of one file (by its digest) has come: `lines` rows are done, `tallies` say with what result.

    `started_at` is when it began, `changed_at` when it last went on (the store sets both), `finished_at` when it was
    through; None while it is under way or where it stopped.
    """

    portal: str
    file: bytes
    lines: int = 0
    tallies: dict[str, str] = field(default_factory=dict)
    started_at: Instant = 0
    changed_at: Instant = 0
    finished_at: Instant | None = None


class Imports(Protocol):
    """What an import reads and writes, many rows in a statement."""

    async def known(self, portal: str, field: str, values: Collection[str]) -> Mapping[str, Known]:
        """Those of the values (at most 5,000) that name an account already."""

    async def begin(self) -> int:
        """Let this process's writing transactions end without clearing up behind them: `clear_up` does it.

        How many transactions may write at a time; where there is but one, everybody else's waits for it.
        """

    async def clear_up(self) -> None:
        """Clear up behind what was written, in a transaction that only reads, so that nobody waits for it."""

    async def take_stock(self) -> None:
        """Have the query planner, where there is one, learn how much there is now; in a transaction that only reads.

        It would learn it within a minute or so; until then it plans for tables as they were before the import.
        """

    async def add(self, rows: Sequence[NewAccount]) -> None:
        """Add accounts (at most 5,000) with identifiers, facts, grants and the digests of their rows.

        Raises `IdentifierTaken` when an identifier names an account already; the transaction must then be left.
        """

    async def imported(self, portal: str, account: str, row: bytes, credential_version: int) -> None:
        """Remember that an account now is as its row says."""

    async def put_facts(self, portal: str, account: str, facts: Mapping[str, str]) -> None:
        """Write facts over those of the same name; others stay."""

    async def invitations(self, portal: str, accounts: Collection[str]) -> Mapping[str, Grant]:
        """The issued, unexpired grant that activates each of these accounts (at most 5,000), where there is one."""

    async def sealed(self, *, limit: int, key_id: str = "", after: tuple[str, str] = ("", "")) -> Sequence[Account]:
        """Some accounts of any portal whose password is another system's hash, sealed (by this key) and not wrapped.

        In the order of portal and id; those `after` a portal's account.
        """

    async def run(self, portal: str, file: bytes) -> Run | None:
        """How far the import of the file with this digest has come."""

    async def put_run(self, run: Run, *, finished: bool = False) -> None:
        """Write a run over the one that its file has; `started_at` stays that of a run that was not finished."""
