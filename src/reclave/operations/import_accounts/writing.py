"""Writing a chunk of planned rows in one short transaction."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from msgspec.structs import replace as replace_struct

from reclave.domain.accounts import Account, Status
from reclave.domain.errors import ReclaveError
from reclave.domain.foreign_recipes import scheme_of
from reclave.domain.grants import Grant, Purpose
from reclave.domain.secrets import Presentation
from reclave.domain.time import MILLISECOND
from reclave.journeys import grants
from reclave.operations.import_accounts.deciding import Decision
from reclave.operations.import_accounts.findings import Finding, Outcome, masked
from reclave.operations.import_accounts.planning import Planned, Planner
from reclave.operations.import_accounts.rows import INITIAL_PASSWORD
from reclave.ports.imports import Known, NewAccount
from reclave.ports.store import Transaction

_RANDOM_BYTES = 10
SHARED = b"shared"
"""The context of the grant behind an initial password that other accounts of its file have, too (S15)."""
_ENDED = "the initial password handed out before has ended with this change: import again with --generate-passwords"


class Overtaken(ReclaveError):
    """An account changed between the look-up and the write; the chunk is to be planned anew."""

    code = "overtaken"


@dataclass(slots=True)
class Written:
    """What writing found out: initial passwords that ended, and passwords of each scheme that are not counted yet."""

    ended: list[Finding] = field(default_factory=list)
    schemes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes what a planner planned."""

    planner: Planner

    async def write(self, tx: Transaction, planned: Sequence[Planned], written: Written) -> None:
        """Write rows, and note what came of it.

        Raises `Overtaken` or `IdentifierTaken`; the transaction must then be left.
        """
        added = [each for each in planned if each.known is None]
        ids = self._new_ids(tx, len(added))
        await tx.imports.add([self._new(tx, each, id_, written) for each, id_ in zip(added, ids, strict=True)])
        for each in planned:
            if each.known is not None and each.writes:
                await self._change(tx, each, each.known, written)

    async def count_schemes(self, tx: Transaction, written: Written) -> None:
        """Count the passwords of each scheme. Last in a transaction: sign-ins may wait for the rows that this locks."""
        for scheme in sorted(written.schemes):
            if written.schemes[scheme]:
                await tx.password_schemes.count(self.planner.portal.id, scheme, written.schemes[scheme])
        written.schemes.clear()

    def _new_ids(self, tx: Transaction, count: int) -> list[str]:
        # In the order of time (as UUIDv7, RFC 9562): a million of random ones would touch every page of each index.
        time = f"{tx.now // MILLISECOND:012x}"
        random = self.planner.services.entropy.bytes(_RANDOM_BYTES * count).hex()
        return [time + random[at : at + 2 * _RANDOM_BYTES] for at in range(0, len(random), 2 * _RANDOM_BYTES)]

    def _new(self, tx: Transaction, planned: Planned, id_: str, written: Written) -> NewAccount:
        row = planned.row
        new = NewAccount(
            portal=self.planner.portal.id,
            id=id_,
            # Without a status it awaits its first sign-in.
            status=row.status or Status.AWAITING_FIRST_SIGN_IN,
            address=row.address,
            password_hash=planned.password_hash,
            language=row.language,
            at=tx.now,
            field=self.planner.field,
            value=row.identifier,
            facts=row.facts,
            row=planned.digest,
        )
        if planned.password_hash is not None:
            _count_scheme(written, planned.password_hash, None)
        if not row.hands_out and not planned.invite:
            return new
        grant = self._grant(tx, new.account(), context=SHARED if planned.shared else b"")
        if planned.invite:
            planned.invitation = grant
        return replace_struct(new, grant=grant)

    async def _change(self, tx: Transaction, planned: Planned, known: Known, written: Written) -> None:
        if planned.decision is not None:
            await self.planner.decide(tx, planned, known, lock=True)
        else:
            planned.account = await tx.accounts.get(self.planner.portal.id, known.account, lock=True)
        account, decision = planned.account, planned.decision
        if account is None or (decision is not None and decision.password and planned.password_hash is None):
            raise Overtaken
        if decision is not None and decision.digest is not None:
            account = await self._follow(tx, planned, account, decision, decision.digest, known, written)
        planned.invite = False
        if self.planner.generate and planned.invitation is None and _waits(account) and known.row is not None:
            grant = self._grant(tx, account)
            planned.invite = await tx.grants.issue(grant)
            planned.invitation = grant if planned.invite else None

    async def _follow(
        self,
        tx: Transaction,
        planned: Planned,
        account: Account,
        decision: Decision,
        digest: bytes,
        known: Known,
        written: Written,
    ) -> Account:
        """Change an account as decided, with everything that ends by it; the account as it is then."""
        after = decision.account
        if decision.password:
            after = replace(after, password_hash=planned.password_hash)
            _count_scheme(written, after.password_hash, account.password_hash)
        untouched = account.credential_version == known.imported_version
        if after != account and not await tx.accounts.change(after, was=account.credential_version):
            raise Overtaken
        if decision.credentials:
            before = (await tx.imports.invitations(after.portal, [after.id])).get(after.id)
            await grants.end_everything(tx, after)
            await self._hand_out(tx, planned, after, before, written)
        await tx.imports.put_facts(after.portal, after.id, decision.facts)
        # Of an account that was changed since, the version stays that of the import: next time it still was.
        version = after.credential_version if untouched else known.imported_version or 0
        await tx.imports.imported(after.portal, after.id, digest, version)
        return after

    async def _hand_out(
        self, tx: Transaction, planned: Planned, account: Account, before: Grant | None, written: Written
    ) -> None:
        """Give an account that awaits its first sign-in what opens it, now that all its grants have ended."""
        planned.invitation = None
        if account.status is not Status.AWAITING_FIRST_SIGN_IN:
            return
        if planned.decision is not None and planned.decision.password and planned.row.hands_out:
            await tx.grants.issue(self._grant(tx, account, context=SHARED if planned.shared else b""))
        elif before is not None and account.password_hash is not None:
            # The password on paper is the account's own, so it can go on for as long as it was said to.
            again = self._grant(tx, account, context=before.context)
            await tx.grants.issue(replace(again, expires_at=before.expires_at))
        elif before is not None and not self.planner.generate:
            value = masked(INITIAL_PASSWORD, "set")
            written.ended.append(Finding(planned.row.line, INITIAL_PASSWORD, value, Outcome.ENDED, _ENDED))

    def _grant(self, tx: Transaction, account: Account, *, context: bytes = b"") -> Grant:
        services = self.planner.services
        return Grant(
            portal=account.portal,
            id=services.new_id(),
            account=account.id,
            purpose=Purpose.ACTIVATE,
            presentation=Presentation.TEMPORARY_PASSWORD,
            credential_version=account.credential_version,
            key_id=services.vault.key_id,
            issued_at=tx.now,
            expires_at=tx.now + self.planner.portal.first_sign_in_lifetime,
            requested_at=tx.now,
            reference=services.new_reference(),
            context=context,
        )


def _waits(account: Account) -> bool:
    return account.status is Status.AWAITING_FIRST_SIGN_IN and account.password_hash is None


def _count_scheme(written: Written, password_hash: str | None, before: str | None) -> None:
    for stored, change in ((password_hash, 1), (before, -1)):
        scheme = scheme_of(stored)
        if scheme is not None:
            written.schemes[scheme] += change
