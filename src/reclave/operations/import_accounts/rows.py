"""A row's cells as an account: canonical, or refused cell by cell.

Columns are the portal's fields by their names in its file, `email`, `classification`, and those of `OWN`. A cell
without anything says nothing.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct, field

from reclave.domain.accounts import Status
from reclave.domain.addresses import Address, AddressRefused
from reclave.domain.foreign_hashes import ForeignHash, ForeignHashRefused, parse_foreign_hash
from reclave.domain.identifiers import IdentifierRefused, parse_identifier, parse_identifier_of_kinds
from reclave.domain.passwords import normalise
from reclave.domain.portal import CLASSIFICATION, EMAIL, Portal
from reclave.domain.spelling import nearest, twice
from reclave.journeys.new_password import is_too_large
from reclave.operations.import_accounts.fast_addresses import AddressReader
from reclave.operations.import_accounts.findings import Finding, Outcome, masked, said
from reclave.operations.import_accounts.reading import ImportRefused, Record

STATUS, LANGUAGE, INITIAL_PASSWORD, PASSWORD_HASH = "status", "language", "initial_password", "password_hash"
OWN = frozenset({STATUS, LANGUAGE, INITIAL_PASSWORD, PASSWORD_HASH})
"""The columns that are no field of the portal."""
SECRETS = frozenset({INITIAL_PASSWORD, PASSWORD_HASH})
LONGEST_CELL = 4_096
"""Characters."""
_STATUSES = frozenset(status.value for status in Status)


class ImportedRow(Struct, frozen=True, gc=False):
    """What a row says, in canonical spelling; None where it says nothing.

    A struct, because a file brings a million of them.

    `identifier` names the account. `facts` are by field. `foreign` is the `password_hash`, taken apart. A status that a
    password or a hash implies counts as said.
    """

    line: int
    identifier: str
    address: Address | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    language: str | None = None
    status: Status | None = None
    initial_password: str | None = None
    password_hash: str | None = None
    foreign: ForeignHash | None = None

    def __repr__(self) -> str:
        return f"ImportedRow(line={self.line})"

    @property
    def secret(self) -> str | None:
        """The initial password or the foreign hash."""
        return self.initial_password or self.password_hash

    @property
    def hands_out(self) -> bool:
        """Whether what it carries is a password for the first sign-in only."""
        return self.secret is not None and self.status is Status.AWAITING_FIRST_SIGN_IN


class CellRefused(Exception):
    """A cell that cannot be meant; its argument says why."""


class RowReader:
    """Reads the rows of one file for one portal.

    Raises `ImportRefused` for columns that are unknown, twice there, or without the identifier.
    """

    def __init__(self, portal: Portal, columns: Sequence[str], *, special_use_domains: bool = False) -> None:
        _check(portal, columns)
        self._portal = portal
        self._addresses = AddressReader(special_use=special_use_domains)
        self._identifier = portal.file.sign_in.identifier
        self.columns = frozenset(columns)
        self._facts = tuple(sorted(self.columns - OWN - {EMAIL, self._identifier}))
        self._parsers = [(name, self._parser(name)) for name in columns if name != EMAIL]

    def read(self, record: Record) -> ImportedRow | list[Finding] | None:
        """The row; what is wrong with it; or None where every cell is empty."""
        if not any(record.cells.values()) and not record.surplus:
            return None
        wrong: list[Finding] = []
        values: dict[str, str] = {}
        foreign = None
        for column, parse in self._parsers:
            written = record.cells.get(column)
            if written and not written.isspace():
                try:
                    values[column] = parse(written)
                    if column == PASSWORD_HASH:
                        foreign = parse_foreign_hash(written)
                except _REFUSALS as refused:
                    wrong.append(_refused(record.line, column, written, refused))
        address = self._address(record, wrong)
        if record.surplus:
            wrong.append(_refused(record.line, "", record.surplus[0], CellRefused("more cells than columns")))
        elif not record.cells.get(self._identifier, "").strip():
            wrong.append(_refused(record.line, self._identifier, "", CellRefused("missing")))
        if wrong:
            return wrong
        return self._consistent(self._row(record.line, values, address, foreign))

    def _address(self, record: Record, wrong: list[Finding]) -> Address | None:
        written = record.cells.get(EMAIL)
        if written and not written.isspace():
            try:
                return self._addresses.read(written)
            except AddressRefused as refused:
                wrong.append(_refused(record.line, EMAIL, written, refused))
        return None

    def _row(
        self, line: int, values: Mapping[str, str], address: Address | None, foreign: ForeignHash | None
    ) -> ImportedRow:
        status = values.get(STATUS)
        implied = None
        if INITIAL_PASSWORD in values:
            implied = Status.AWAITING_FIRST_SIGN_IN
        elif PASSWORD_HASH in values:
            implied = Status.ACTIVE
        return ImportedRow(
            line=line,
            identifier=address.canonical if address and self._identifier == EMAIL else values.get(self._identifier, ""),
            address=address,
            facts={name: values[name] for name in self._facts if name in values},
            language=values.get(LANGUAGE),
            status=Status(status) if status else implied,
            initial_password=values.get(INITIAL_PASSWORD),
            password_hash=values.get(PASSWORD_HASH),
            foreign=foreign,
        )

    def _consistent(self, row: ImportedRow) -> ImportedRow | list[Finding]:
        if row.initial_password and row.password_hash:
            why = "the row has a password_hash too: leave one of them empty"
        elif row.initial_password and row.status is not Status.AWAITING_FIRST_SIGN_IN:
            why = f"an initial password is for the status {Status.AWAITING_FIRST_SIGN_IN}"
        elif row.hands_out and self._portal.file.journeys.first_sign_in is None:
            why = "the portal has no [journeys.first_sign_in]"
        else:
            return row
        column = INITIAL_PASSWORD if row.initial_password else PASSWORD_HASH
        return [_refused(row.line, column, row.secret or "", CellRefused(why))]

    def _parser(self, name: str) -> Callable[[str], str]:
        if name in SECRETS:
            return _password if name == INITIAL_PASSWORD else str.strip
        if name == STATUS:
            return _one_of(_STATUSES)
        if name == LANGUAGE:
            return _one_of(self._portal.file.portal.languages)
        if name == CLASSIFICATION:
            return _one_of([one.id for one in self._portal.file.classification])
        asked = self._portal.field(name)
        kinds, lengths = asked.kinds, asked.lengths
        if len(kinds) > 1:
            return lambda written: parse_identifier_of_kinds(kinds, _bounded(written)).value
        if kinds[0] == EMAIL:
            return lambda written: self._addresses.read(written).canonical
        return lambda written: parse_identifier(kinds[0], written, lengths=lengths).value


_Refusal: TypeAlias = AddressRefused | IdentifierRefused | ForeignHashRefused | CellRefused
_REFUSALS = (AddressRefused, IdentifierRefused, ForeignHashRefused, CellRefused)


def _check(portal: Portal, columns: Sequence[str]) -> None:
    fields = {EMAIL, portal.file.sign_in.identifier, *portal.file.fields}
    if portal.file.classification:
        fields.add(CLASSIFICATION)
    if clash := sorted(fields & OWN):
        raise ImportRefused(f"the portal's field {clash[0]!r} is called like a column of every import: rename it")
    if again := twice(columns):
        raise ImportRefused(f"the column {again!r} stands there twice: leave one out")
    for name in columns:
        if name not in fields | OWN:
            raise ImportRefused(
                f"{name[:40]!r} is no column of the portal {portal.id}{nearest(name[:40], fields | OWN)}"
                f" (it takes {', '.join(sorted(fields | OWN))})"
            )
    identifier = portal.file.sign_in.identifier
    if identifier not in columns:
        raise ImportRefused(f"there is no column {identifier!r}: the portal's accounts are known by it")


def _one_of(words: Collection[str]) -> Callable[[str], str]:
    def parse(written: str) -> str:
        word = written.strip()
        if word not in words:
            raise CellRefused(f"none of {', '.join(sorted(words))}{nearest(word[:40], words)}")
        return word

    return parse


def _password(written: str) -> str:
    if is_too_large(written):
        raise CellRefused("longer than a password can be")
    return normalise(written)


def _bounded(written: str) -> str:
    if len(written) > LONGEST_CELL:
        raise CellRefused(f"longer than {LONGEST_CELL:,} characters")
    return written


def _refused(line: int, column: str, written: str, why: _Refusal) -> Finding:
    reason = said(why.code, why.detail) if isinstance(why, AddressRefused | IdentifierRefused) else str(why)
    return Finding(line, column, masked(column, written), Outcome.REFUSED, reason)
