from reclave.adapters.directory_builtin import BuiltinDirectory
from reclave.ports.directory import Directory
from reclave.ports.store import Store
from tests.contracts.rows import ACCOUNT, ELSEWHERE, PORTAL, a_nit, an_account


async def test_the_built_in_directory_sees_what_its_transaction_wrote(store: Store) -> None:
    directory: Directory = BuiltinDirectory()
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(), [a_nit()], {"identification": "1"})
        assert await directory.get(tx, PORTAL, ACCOUNT, lock=True) == an_account()
        assert await directory.by_identifier(tx, PORTAL, "nit", "9001234561") == an_account()
        assert await directory.by_address(tx, PORTAL, "tesoreria@empresa.example") == [an_account()]
        assert await directory.identifiers(tx, PORTAL, ACCOUNT) == [a_nit()]
        assert await directory.by_facts(tx, PORTAL, {"identification": "1"}) == [an_account()]
        assert await directory.facts(tx, PORTAL, ACCOUNT) == {"identification": "1"}


async def test_the_built_in_directory_finds_nothing_of_another_portal(store: Store) -> None:
    directory: Directory = BuiltinDirectory()
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(), [a_nit()], {"identification": "1"})
        assert await directory.get(tx, ELSEWHERE, ACCOUNT) is None
        assert await directory.by_identifier(tx, ELSEWHERE, "nit", "9001234561") is None
        assert await directory.by_address(tx, ELSEWHERE, "tesoreria@empresa.example") == []
        assert await directory.identifiers(tx, ELSEWHERE, ACCOUNT) == []
        assert await directory.by_facts(tx, ELSEWHERE, {"identification": "1"}) == []
        assert await directory.facts(tx, ELSEWHERE, ACCOUNT) == {}
