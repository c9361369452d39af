"""A directory: where accounts live. The built-in one joins the store's transaction."""

from collections.abc import Mapping
from typing import Protocol

from reclave.domain.accounts import Account, AccountIdentifier
from reclave.ports.store import Transaction


class Directory(Protocol):
    """Looks accounts up by what a person types."""

    async def by_identifier(self, tx: Transaction, portal: str, field: str, value: str) -> Account | None:
        """The account that this identifier names."""

    async def by_address(self, tx: Transaction, portal: str, canonical: str) -> list[Account]:
        """Every account registered with this canonical address, in a stable order."""

    async def by_facts(self, tx: Transaction, portal: str, facts: Mapping[str, str]) -> list[Account]:
        """Every account of which all these facts (canonical values by field) are known, in a stable order."""

    async def get(self, tx: Transaction, portal: str, account: str, *, lock: bool = False) -> Account | None:
        """The account with this id."""

    async def identifiers(self, tx: Transaction, portal: str, account: str) -> list[AccountIdentifier]:
        """What the account is found by."""

    async def facts(self, tx: Transaction, portal: str, account: str) -> Mapping[str, str]:
        """What is known of the account besides, by field."""
