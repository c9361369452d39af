"""Switches of journeys on SQL."""

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from reclave.adapters.sql.columns import values_of
from reclave.adapters.sql.operation_tables import journey_switch as _switch
from reclave.domain.switches import Switch
from reclave.domain.time import Instant


class SqlSwitches:
    """`ports.records.Switches` on SQL."""

    def __init__(self, connection: AsyncConnection, now: Instant) -> None:
        self._connection = connection
        self._now = now

    async def every(self) -> list[Switch]:
        query = select(_switch).order_by(_switch.c.portal, _switch.c.journey)
        return [Switch(**row._asdict()) for row in await self._connection.execute(query)]

    async def put(self, switch: Switch) -> None:
        values = {**values_of(switch), "changed_at": self._now}
        changed = {name: value for name, value in values.items() if name not in _switch.primary_key.columns}
        statement = insert(_switch).values(values)
        keys = list(_switch.primary_key)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))

    async def remove(self, portal: str, journey: str) -> bool:
        this = (_switch.c.portal == portal) & (_switch.c.journey == journey)
        return (await self._connection.execute(delete(_switch).where(this))).rowcount == 1
