"""What a row changes of an account that is there already: only what the file changed, never what its owner did since.

Pure: an account, what an import knows of it and a row go in; what to write and what was kept come out.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from reclave.domain.accounts import Account, Provenance
from reclave.domain.portal import EMAIL
from reclave.domain.time import Instant
from reclave.operations.import_accounts.findings import Finding, Outcome, masked
from reclave.operations.import_accounts.rows import INITIAL_PASSWORD, LANGUAGE, PASSWORD_HASH, STATUS, ImportedRow
from reclave.ports.imports import Known

_TAG_BYTES = 8


class Part(StrEnum):
    """What of a row is compared with what it said before; in the order of the digest."""

    FACTS = "facts"
    LANGUAGE = "language"
    ADDRESS = "address"
    STATUS = "status"
    PASSWORD = "password"  # noqa: S105 - a part's name


_NAMES = tuple(part.value for part in Part)
_SILENT = bytes(_TAG_BYTES)
"""The tag of a part of which a row says nothing."""
NOTHING = _SILENT * len(Part)
CHANGED_SINCE = "the account was changed since it was imported"
NOT_IMPORTED = "the account was not made by an import"
_CONFIRMED = "its owner has confirmed the registered address"
_CHANGING = "its owner is changing the address"


def row_digest(key: bytes, row: ImportedRow) -> bytes:
    """The digest of a row: for each part a keyed tag of 8 bytes, so that the parts are compared one by one."""
    facts = "".join([f"{len(value)}:{name}={value};" for name, value in row.facts.items()])
    address = row.address.stored if row.address else ""
    password = f"{INITIAL_PASSWORD}={row.initial_password}" if row.initial_password else row.password_hash or ""
    said = (facts, row.language or "", address, row.status or "", password)
    tags = [
        _tag(key, f"{part}\0{row.identifier}\0{text}") if text else _SILENT
        for part, text in zip(_NAMES, said, strict=True)
    ]
    return b"".join(tags)


def _tag(key: bytes, said: str) -> bytes:
    content = said.encode(errors="surrogatepass")
    return hashlib.blake2b(content, digest_size=_TAG_BYTES, key=key).digest()


def changed_parts(before: bytes, digest: bytes) -> list[Part]:
    """The parts that a row says differently from before."""
    size = _TAG_BYTES
    if len(before) != len(digest):
        return list(Part)
    return [part for at, part in enumerate(Part) if before[at * size :][:size] != digest[at * size :][:size]]


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of an account: as it shall be (a new password's hash apart), facts to write, the digest to keep.

    `credentials` says whether the password, address or status changes; everything issued before then ends.
    """

    account: Account
    facts: Mapping[str, str]
    digest: bytes | None
    credentials: bool
    password: bool
    kept: tuple[Finding, ...]

    def writes(self, before: Account, known: Known) -> bool:
        """Whether anything is written."""
        return self.updates(before) or (self.digest is not None and self.digest != known.row)

    def updates(self, before: Account) -> bool:
        """Whether the account itself changes."""
        return bool(self.facts) or self.password or self.account != before


def decide(
    account: Account, facts: Mapping[str, str], known: Known, row: ImportedRow, digest: bytes, now: Instant
) -> Decision:
    """Decide what a row changes.

    Facts are the operator's and always follow the file. Language, address, status and password follow it only while
    nothing was changed since the import; a confirmed address stays.
    """
    changed = changed_parts(known.row or NOTHING, digest)
    if known.row is None:
        kept = tuple(_kept_of_others(account, facts, row))
        return Decision(account, {}, None, credentials=False, password=False, kept=kept)
    touched = account.credential_version != known.imported_version
    reasons = {part: why for part in changed if (why := _reason_to_keep(part, account, row, touched=touched))}
    follows = [part for part in changed if part not in reasons]
    after, credentials = _following(account, row, follows)
    password = Part.PASSWORD in follows and row.secret is not None
    if credentials or password:
        after = replace(after, credential_version=account.credential_version + 1, changed_at=now)
    differing = {name: value for name, value in row.facts.items() if facts.get(name) != value}
    return Decision(
        after,
        differing if Part.FACTS in follows else {},
        _kept_digest(known.row, digest, list(reasons)),
        credentials=credentials or password,
        password=password,
        kept=tuple(_finding(row, part, why) for part, why in reasons.items()),
    )


def _reason_to_keep(part: Part, account: Account, row: ImportedRow, *, touched: bool) -> str:
    """Why a changed part is not followed; empty where it is, or where it says what the account is already."""
    if part is Part.FACTS or not _differs(part, account, row):
        return ""
    if part is Part.ADDRESS and account.address_provenance is Provenance.CONFIRMED:
        return _CONFIRMED
    if part is Part.ADDRESS and account.next_address is not None:
        return _CHANGING
    return CHANGED_SINCE if touched else ""


def _differs(part: Part, account: Account, row: ImportedRow) -> bool:
    if part is Part.LANGUAGE:
        return row.language not in {None, account.language}
    if part is Part.ADDRESS:
        return row.address is not None and row.address.canonical != account.address_canonical
    if part is Part.STATUS:
        return row.status not in {None, account.status}
    return row.secret is not None


def _following(account: Account, row: ImportedRow, follows: Sequence[Part]) -> tuple[Account, bool]:
    """The account with the parts that follow the file, and whether address or status differ from before."""
    after = account
    if Part.LANGUAGE in follows and row.language:
        after = replace(after, language=row.language)
    if Part.STATUS in follows and row.status:
        after = replace(after, status=row.status)
    if Part.ADDRESS in follows and row.address and _differs(Part.ADDRESS, account, row):
        after = replace(
            after,
            address=row.address.stored,
            address_canonical=row.address.canonical,
            address_provenance=Provenance.ASSERTED_BY_OPERATOR,
        )
    return after, (after.status, after.address_canonical) != (account.status, account.address_canonical)


def _kept_of_others(account: Account, facts: Mapping[str, str], row: ImportedRow) -> Iterator[Finding]:
    """What an account that no import made keeps: everything that a row says differently."""
    for name, value in row.facts.items():
        if facts.get(name) != value:
            yield Finding(row.line, name, masked(name, value), Outcome.KEPT, NOT_IMPORTED)
    for part in (Part.LANGUAGE, Part.ADDRESS, Part.STATUS, Part.PASSWORD):
        if _differs(part, account, row):
            yield _finding(row, part, NOT_IMPORTED)


def _finding(row: ImportedRow, part: Part, why: str) -> Finding:
    column, value = {
        Part.LANGUAGE: (LANGUAGE, row.language),
        Part.ADDRESS: (EMAIL, row.address.canonical if row.address else ""),
        Part.STATUS: (STATUS, row.status),
    }.get(part, (INITIAL_PASSWORD if row.initial_password else PASSWORD_HASH, row.secret))
    return Finding(row.line, column, masked(column, value or ""), Outcome.KEPT, why)


def _kept_digest(before: bytes, digest: bytes, kept: Sequence[Part]) -> bytes:
    """The row's digest, with the former tags of the parts that were kept: they are looked at again next time."""
    size = _TAG_BYTES
    tags = [
        (before if part in kept else digest)[at * size :][:size]
        if len(before) == len(digest)
        else digest[at * size :][:size]
        for at, part in enumerate(Part)
    ]
    return b"".join(tags)
