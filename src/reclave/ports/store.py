"""The store: one transaction over accounts, intakes, grants, outbox, sessions and what counts guesses.

Every adapter passes the same contract suite (`tests/contracts`). `Transaction.now` is the database's clock at the
start of the transaction, in microseconds UTC; nothing here takes the caller's clock. Guarded writes answer whether
they happened instead of raising. Keys lead with the portal.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from reclave.domain.accounts import Account, AccountIdentifier
from reclave.domain.audit import Entry
from reclave.domain.grants import Grant, Purpose, State
from reclave.domain.intake import Admission, Intake, Outcome, Request
from reclave.domain.sessions import Session
from reclave.domain.time import Instant, Span
from reclave.ports.imports import Imports
from reclave.ports.outbox import Outbox
from reclave.ports.records import Audit, Cases, Guesses, Leases, Limits, PasswordSchemes, Switches
from reclave.ports.sessions import Sessions
from reclave.ports.sign_ins import Attempt, Met, Opening, SignIns


class Accounts(Protocol):
    """The built-in directory's tables."""

    async def add(
        self,
        account: Account,
        identifiers: Iterable[AccountIdentifier],
        facts: Mapping[str, str] | None = None,
    ) -> bool:
        """Add an account with the identifiers it is found by; False (and nothing) if its id or one of them exists.

        `facts` (canonical values by field) are known of it and may be known of other accounts too.
        """

    async def get(self, portal: str, account: str, *, lock: bool = False) -> Account | None:
        """The account, its row locked until the end of the transaction where `lock` (FOR UPDATE)."""

    async def by_identifier(self, portal: str, field: str, value: str) -> Account | None:
        """The account that this identifier names."""

    async def by_address(self, portal: str, canonical: str) -> list[Account]:
        """Every account registered with this canonical address, by id; the order is stable. At most 50."""

    async def get_all(self, portal: str, accounts: Collection[str], *, lock: bool = False) -> Mapping[str, Account]:
        """Those of these accounts that there are, by id; `lock` locks their rows in the order of their ids."""

    async def by_identifiers(self, portal: str, field: str, values: Collection[str]) -> Mapping[str, Account]:
        """The accounts that these identifiers name, by identifier."""

    async def by_addresses(self, portal: str, canonicals: Collection[str]) -> Mapping[str, list[Account]]:
        """What `by_address` finds for each of these addresses."""

    async def by_facts(self, portal: str, facts: Mapping[str, str]) -> list[Account]:
        """Every account of which all these facts (one at least) are known, by id. At most 50."""

    async def identifiers(self, portal: str, account: str) -> list[AccountIdentifier]:
        """What the account is found by, ordered by field."""

    async def identifiers_of_all(self, portal: str, accounts: Collection[str]) -> Mapping[str, list[AccountIdentifier]]:
        """What each of these accounts that has any is found by, ordered by field."""

    async def facts(self, portal: str, account: str) -> Mapping[str, str]:
        """What is known of the account besides."""

    async def facts_of_all(self, portal: str, accounts: Collection[str]) -> Mapping[str, Mapping[str, str]]:
        """The same for each of these accounts of which anything is known."""

    async def change(self, account: Account, *, was: int) -> bool:
        """Write the whole account over its row, if its `credential_version` there still is `was`."""

    async def due_addresses(self, limit: int) -> list[Account]:
        """Accounts whose `next_address_at` is not after now (rows locked, locked ones skipped)."""

    async def page(self, portal: str, *, after: str = "", limit: int) -> list[Account]:
        """Accounts of a portal whose id is above `after`, in the order of their ids."""

    async def erase(self, portal: str, account: str) -> bool:
        """Delete an account with its identifiers, its facts and what an import keeps of it; whether there was one."""


class Grants(Protocol):
    """Grants. At most one row of an account and purpose is issued or applying (a partial unique index)."""

    async def get(self, portal: str, grant: bytes) -> Grant | None:
        """The grant with this id."""

    async def recent(
        self, portal: str, account: str, purposes: Collection[Purpose], *, limit: int = 5, lock: bool = False
    ) -> list[Grant]:
        """The account's newest grants for these purposes: live rows first, then by `issued_at`, newest first."""

    async def get_all(self, portal: str, grants: Collection[bytes]) -> Mapping[bytes, Grant]:
        """Those of these grants that there are, by id."""

    async def get_alike(self, nobodys: Grant, grants: Sequence[bytes]) -> list[Grant]:
        """`nobodys` portal's grants with these ids, in their order; in place of each that there is not, `nobodys`.

        The work is the same however many there are.
        """

    async def newest(
        self, portal: str, accounts: Collection[str], purposes: Collection[Purpose]
    ) -> Mapping[tuple[str, Purpose], Grant]:
        """What `recent` finds first for each of these accounts and purposes."""

    async def issue(self, grant: Grant) -> bool:
        """Write a new grant. A lapsed one of the same account and purpose (state still live, `expires_at` not after
        now, or issued further in the future than CLOCK_SKEW) is marked expired first; False if a live one remains."""

    async def issue_all(self, grants: Sequence[Grant]) -> bool:
        """Write new grants (one at least, each of another account or purpose); False if a live one remained of any.

        Then the transaction must not commit: some may have been written.
        """

    async def answer(self, portal: str, grant: bytes, *, requested_at: Instant, expires_at: Instant) -> bool:
        """Record that a live grant answers another request (it is sent again)."""

    async def opened(self, portal: str, grant: bytes, *, expires_at: Instant | None = None) -> bool:
        """Record that a live grant was opened, once: `opened_at` is set if it was not (True then, else False).

        `expires_at`, where given, becomes the grant's expiry with that first opening.
        """

    async def keep(self, portal: str, grant: bytes, sealed: bytes) -> bool:
        """Keep sealed values with a live grant until it is completed."""

    async def count_try(self, portal: str, grant: bytes) -> int:
        """Count a try at the grant's code before it is compared; the number of tries including this one."""

    async def consume(self, portal: str, grant: bytes, *, credential_version: int) -> Grant | None:
        """Consume an issued, unexpired grant of this credential version: one guarded UPDATE … RETURNING; else None."""

    async def end(self, portal: str, grant: bytes, state: State) -> bool:
        """End a live grant as replaced, revoked or expired."""

    async def end_all(
        self, portal: str, account: str, state: State, *, purposes: Collection[Purpose] | None = None
    ) -> int:
        """End every live grant of the account (for these purposes only, where given); how many."""

    async def purge(self, *, ended_before: Instant, limit: int) -> int:
        """Mark lapsed grants expired and delete those that ended before an instant; how many were deleted."""

    async def live_by_key(self) -> Mapping[str, int]:
        """How many grants live, by the id of the key that their secrets are derived from."""

    async def end_of_key(self, key_id: str, state: State, *, limit: int) -> list[Grant]:
        """End a few of the live grants of a key; those that were ended."""

    async def erase(self, portal: str, account: str) -> int:
        """Delete every grant of an account, live or ended; how many."""


class Intakes(Protocol):
    """Intakes after the door (`Store.accept` writes them)."""

    async def claim(self, *, limit: int, lease: Span) -> list[Intake]:
        """Claim unresolved intakes for `lease` microseconds, oldest first, skipping those another worker holds.

        A lease that ends further ahead than `lease` comes from a clock that jumped back, and has ended.
        Each claim raises `fence`.
        """

    async def take(self, *, limit: int, lease: Span) -> list[Intake]:
        """What `claim` would claim, with their rows locked until the end of the transaction, which resolves them."""

    async def release(self, intakes: Sequence[Intake]) -> int:
        """Give back claims whose fences still are these ones', to be claimed by anybody at once; how many."""

    async def resolve(self, intake: Intake, outcome: Outcome, grants: Sequence[bytes] = ()) -> bool:
        """End an intake whose fence still is this one's, erase its sealed fields, keep the ids of its grants."""

    async def resolve_all(self, resolved: Sequence[tuple[Intake, Outcome, Sequence[bytes]]]) -> bool:
        """End intakes (one at least), each as `resolve` does; whether all their fences still were these ones'."""

    async def unresolved(self, *, after: tuple[Instant, bytes] = (0, b""), limit: int) -> list[Intake]:
        """Unresolved intakes, oldest first, claimed or not; `after` is the `accepted_at` and id of the last one."""

    async def reseal(self, portal: str, intake: bytes, sealed_fields: bytes) -> bool:
        """Write an intake's fields, sealed anew; whether it is unresolved."""

    async def get(self, portal: str, intake: bytes) -> Intake | None:
        """The intake with this id."""

    async def by_waiting(self, portal: str, waiting: bytes) -> Intake | None:
        """The intake whose waiting page holds the handle with this digest."""

    async def erase(self, *, accepted_before: Instant) -> int:
        """Erase the fields of unresolved intakes this old and resolve them as stale; how many."""

    async def purge(self, *, accepted_before: Instant, limit: int) -> int:
        """Delete resolved intakes this old; how many."""

    async def waiting(self) -> tuple[int, Instant | None]:
        """How many are unresolved, and when the oldest was accepted."""


class Transaction(Protocol):
    """One transaction; it commits when its block ends and rolls back when the block raises."""

    @property
    def now(self) -> Instant:
        """The database's clock at the start of the transaction."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def grants(self) -> Grants: ...
    @property
    def intakes(self) -> Intakes: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def sign_ins(self) -> SignIns: ...
    @property
    def guesses(self) -> Guesses: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def cases(self) -> Cases: ...
    @property
    def switches(self) -> Switches: ...
    @property
    def password_schemes(self) -> PasswordSchemes: ...
    @property
    def imports(self) -> Imports: ...
    @property
    def leases(self) -> Leases: ...

    def rehearsal(self) -> "AbstractAsyncContextManager[Transaction]":
        """This transaction's look-alike: what is written through it is undone when the block ends."""


class Store(Protocol):
    """Where everything durable lives."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that may write (on SQLite it takes the write lock at its start: BEGIN IMMEDIATE)."""

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that only reads: it never waits for writers."""

    async def accept(self, request: Request) -> Admission:
        """Take a request's costs and write its intake, committed before this returns (group commit).

        The costs are taken whatever the cooldown says; one that does not pass answers OVER_LIMIT, a cooldown that
        does not pass answers COOLING, and either leaves no row, only a count (`turned_away`).
        """

    async def try_password(self, attempt: Attempt) -> Met:
        """Count a try at a password and look up whom it is at, committed before this returns (invariant 6).

        The work is the same whether there is such an account or not (S26).
        """

    async def open_session(self, opening: Opening) -> Session | None:
        """Open a session, remember its device, forget the failed tries, and record it; None if that may not be.

        It may not where the account has got another password since, or can no longer sign in.
        """

    async def record(self, entry: Entry) -> None:
        """Append an entry to the audit trail, committed before this returns."""

    async def turned_away(self, portal: str, *, since: Instant) -> int:
        """How many requests were over a limit or within the cooldown since an instant (counted by the hour)."""

    async def close(self) -> None:
        """Finish what is queued and close every connection."""
