"""The file of generated initial passwords: what a letter to each account needs to say.

Initial passwords are derived from their grants and kept nowhere, so nothing of a file that is lost is lost for good:
a run that goes on, or the same import with another file name, derives them again.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from pathlib import Path

from reclave.domain.grants import Grant
from reclave.domain.identifiers import Identifier, format_identifier
from reclave.domain.portal import EMAIL, Portal
from reclave.domain.time import MINUTE
from reclave.journeys.services import Services
from reclave.operations.import_accounts.private_csv import PrivateCsv
from reclave.operations.import_accounts.rows import INITIAL_PASSWORD

_VALID_UNTIL = "valid_until"


@dataclass(frozen=True, slots=True)
class Letter:
    """An account and the grant whose secret is its initial password; `address` where the import knows it."""

    identifier: str
    grant: Grant
    address: str


def columns_of(portal: Portal) -> Sequence[str]:
    """The file's columns: the identifier under the portal's name for it, password, expiry, address."""
    named = portal.file.sign_in.identifier
    return (named, INITIAL_PASSWORD, _VALID_UNTIL, *([EMAIL] if named != EMAIL else []))


class Letters:
    """Writes letters to a file as their grants are committed."""

    def __init__(self, services: Services, portal: Portal, path: Path, *, goes_on: bool) -> None:
        self._services = services
        self._portal = portal
        self.file = PrivateCsv(path, columns_of(portal), goes_on=goes_on)

    def write(self, letters: Iterable[Letter]) -> None:
        """Derive the passwords and write them, with the address last where it is no identifier."""
        width = len(columns_of(self._portal))
        self.file.write([row[:width] for row in self._rows(letters)])

    def _rows(self, letters: Iterable[Letter]) -> Iterator[Sequence[str]]:
        epoch = self._services.vault.epoch
        for letter in letters:
            password = self._services.vault.secret(letter.grant.bound(epoch))
            yield self._shown(letter.identifier), password, self._until(letter.grant), letter.address

    def _shown(self, canonical: str) -> str:
        kinds = self._portal.identifier_field.kinds
        return format_identifier(Identifier(kinds[0], canonical)) if len(kinds) == 1 else canonical

    def _until(self, grant: Grant) -> str:
        return _shown_until(grant.expires_at // MINUTE, self._portal.zone, self._portal.file.portal.time_zone)


@lru_cache(1)
def _shown_until(minute: int, zone: tzinfo, named: str) -> str:
    return f"{datetime.fromtimestamp(minute * 60, zone):%Y-%m-%d %H:%M} {named}"
