from collections.abc import Mapping

from reclave.ports.store import Store
from tests.contracts.rows import ELSEWHERE, PORTAL


async def every(store: Store, portal: str = PORTAL) -> Mapping[str, int]:
    async with store.reading() as tx:
        return await tx.password_schemes.every(portal)


async def test_accounts_are_counted_by_portal_and_scheme(store: Store) -> None:
    assert await every(store) == {}
    async with store.transaction() as tx:
        await tx.password_schemes.count(PORTAL, "bcrypt:12", 3)
        await tx.password_schemes.count(PORTAL, "native", 2)
        await tx.password_schemes.count(ELSEWHERE, "bcrypt:12", 1)
        await tx.password_schemes.count(PORTAL, "bcrypt:12", -1)
    assert await every(store) == {"bcrypt:12": 2, "native": 2}
    assert await every(store, ELSEWHERE) == {"bcrypt:12": 1}


async def test_a_scheme_without_accounts_is_not_among_them_and_nothing_counted_is_lost(store: Store) -> None:
    for delta, left in ((-1, {}), (1, {}), (1, {"sha1": 1})):
        async with store.transaction() as tx:
            await tx.password_schemes.count(PORTAL, "sha1", delta)
        assert await every(store) == left
