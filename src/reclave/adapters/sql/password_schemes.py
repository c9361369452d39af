"""How many accounts have a password of each scheme, on SQL."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from reclave.adapters.sql.operation_tables import password_scheme as _scheme


class SqlPasswordSchemes:
    """`ports.records.PasswordSchemes` on SQL."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def count(self, portal: str, scheme: str, delta: int) -> None:
        first = insert(_scheme).values(portal=portal, scheme=scheme, accounts=delta)
        counted = {"accounts": _scheme.c.accounts + delta}
        keys = list(_scheme.primary_key)
        await self._connection.execute(first.on_conflict_do_update(index_elements=keys, set_=counted))

    async def every(self, portal: str) -> Mapping[str, int]:
        query = select(_scheme.c.scheme, _scheme.c.accounts).where(_scheme.c.portal == portal, _scheme.c.accounts > 0)
        return {row.scheme: row.accounts for row in await self._connection.execute(query)}
