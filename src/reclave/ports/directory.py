"""A directory: where accounts live. The built-in one joins the store's transaction."""

from collections.abc import Collection, Mapping
from typing import Protocol

from reclave.domain.accounts import Account, AccountIdentifier
from reclave.domain.sessions import Session
from reclave.ports.sign_ins import Attempt, Met, Opening
from reclave.ports.store import Store, Transaction


class Directory(Protocol):
    """Looks accounts up by what a person types."""

    async def by_identifier(self, tx: Transaction, portal: str, field: str, value: str) -> Account | None:
        """The account that this identifier names."""

    async def try_password(self, store: Store, attempt: Attempt) -> Met:
        """Count a try at a password and look up whom it is at, as `Store.try_password` does."""

    async def open_session(self, store: Store, opening: Opening) -> Session | None:
        """Open a session for an account, as `Store.open_session` does."""

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

    async def facts_of_all(
        self, tx: Transaction, portal: str, accounts: Collection[str]
    ) -> Mapping[str, Mapping[str, str]]:
        """The same for each of these accounts of which anything is known."""

    async def get_all(
        self, tx: Transaction, portal: str, accounts: Collection[str], *, lock: bool = False
    ) -> Mapping[str, Account]:
        """Those of these accounts that there are, by id."""

    async def by_identifiers(
        self, tx: Transaction, portal: str, field: str, values: Collection[str]
    ) -> Mapping[str, Account]:
        """The accounts that these identifiers name, by identifier."""

    async def by_addresses(
        self, tx: Transaction, portal: str, canonicals: Collection[str]
    ) -> Mapping[str, list[Account]]:
        """What `by_address` finds for each of these addresses."""

    async def identifiers_of_all(
        self, tx: Transaction, portal: str, accounts: Collection[str]
    ) -> Mapping[str, list[AccountIdentifier]]:
        """What each of these accounts that has any is found by."""
