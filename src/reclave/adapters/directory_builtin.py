"""The built-in directory: accounts in the store's own tables, looked up within the store's transaction."""

from collections.abc import Collection, Mapping

from reclave.domain.accounts import Account, AccountIdentifier
from reclave.domain.sessions import Session
from reclave.ports.sign_ins import Attempt, Met, Opening
from reclave.ports.store import Store, Transaction


class BuiltinDirectory:
    """`ports.directory.Directory` over `Transaction.accounts`."""

    async def by_identifier(self, tx: Transaction, portal: str, field: str, value: str) -> Account | None:
        return await tx.accounts.by_identifier(portal, field, value)

    async def try_password(self, store: Store, attempt: Attempt) -> Met:
        return await store.try_password(attempt)

    async def open_session(self, store: Store, opening: Opening) -> Session | None:
        return await store.open_session(opening)

    async def by_address(self, tx: Transaction, portal: str, canonical: str) -> list[Account]:
        return await tx.accounts.by_address(portal, canonical)

    async def by_facts(self, tx: Transaction, portal: str, facts: Mapping[str, str]) -> list[Account]:
        return await tx.accounts.by_facts(portal, facts)

    async def get(self, tx: Transaction, portal: str, account: str, *, lock: bool = False) -> Account | None:
        return await tx.accounts.get(portal, account, lock=lock)

    async def identifiers(self, tx: Transaction, portal: str, account: str) -> list[AccountIdentifier]:
        return await tx.accounts.identifiers(portal, account)

    async def facts(self, tx: Transaction, portal: str, account: str) -> Mapping[str, str]:
        return await tx.accounts.facts(portal, account)

    async def facts_of_all(
        self, tx: Transaction, portal: str, accounts: Collection[str]
    ) -> Mapping[str, Mapping[str, str]]:
        return await tx.accounts.facts_of_all(portal, accounts)

    async def get_all(
        self, tx: Transaction, portal: str, accounts: Collection[str], *, lock: bool = False
    ) -> Mapping[str, Account]:
        return await tx.accounts.get_all(portal, accounts, lock=lock)

    async def by_identifiers(
        self, tx: Transaction, portal: str, field: str, values: Collection[str]
    ) -> Mapping[str, Account]:
        return await tx.accounts.by_identifiers(portal, field, values)

    async def by_addresses(
        self, tx: Transaction, portal: str, canonicals: Collection[str]
    ) -> Mapping[str, list[Account]]:
        return await tx.accounts.by_addresses(portal, canonicals)

    async def identifiers_of_all(
        self, tx: Transaction, portal: str, accounts: Collection[str]
    ) -> Mapping[str, list[AccountIdentifier]]:
        return await tx.accounts.identifiers_of_all(portal, accounts)
