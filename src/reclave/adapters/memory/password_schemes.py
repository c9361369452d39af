"""How many accounts have a password of each scheme."""

from collections.abc import Mapping

from reclave.adapters.memory.tables import Tables


class MemoryPasswordSchemes:
    """`ports.records.PasswordSchemes` in memory."""

    def __init__(self, tables: Tables) -> None:
        self._rows = tables.password_schemes

    async def count(self, portal: str, scheme: str, delta: int) -> None:
        self._rows.put((portal, scheme), (self._rows.get((portal, scheme)) or 0) + delta)

    async def every(self, portal: str) -> Mapping[str, int]:
        return {
            scheme: accounts for (there, scheme), accounts in self._rows.items() if there == portal and accounts > 0
        }
