"""Files of accounts for the tests of the import, and running it over a world."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reclave.domain.identifiers import nit_check_digit
from reclave.journeys.services import Services
from reclave.operations.import_accounts.accounting import Listener, Options, Summary, Tally
from reclave.operations.import_accounts.running import import_accounts
from tests.world import World

FIRST_BASE = 800_500_000


def a_nit(number: int) -> str:
    """The canonical NIT of the company with this number; none of the demo's."""
    base = str(FIRST_BASE + number)
    return base + nit_check_digit(base)


def write(path: Path, rows: Sequence[Mapping[str, str]], *, encoding: str = "utf-8", delimiter: str = ",") -> Path:
    """Write a CSV file whose columns are those of all rows."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file that the import wrote."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


async def run(world: World, path: Path, *, portal: str = "pagos", **options: Any) -> Summary:
    """Import a file."""
    return await run_over(world.services, path, portal=portal, **options)


async def run_over(
    services: Services, path: Path, *, portal: str = "pagos", listener: Listener = lambda *_: None, **options: Any
) -> Summary:
    """Import a file with these services."""
    given = Options(by="ana", **options)
    return await import_accounts(services, services.portals[portal], path, given, listener)


def counted(summary: Summary) -> dict[str, int]:
    """The tallies that are not zero."""
    return {str(tally): summary.tallies[tally] for tally in Tally if summary.tallies[tally]}


def remarks(summary: Summary) -> list[tuple[int, str, str]]:
    """Line, column and reason of each finding."""
    return [(each.line, each.column, each.reason) for each in summary.findings]
