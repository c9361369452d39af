"""`reclave backup` and `reclave restore` as an operator meets them."""

from reclave.demo.seeds import COMPANIES
from reclave.domain.accounts import Status
from reclave.journeys.services import Services
from tests.cli.conftest import Installation


async def _companies(services: Services) -> list[Status]:
    async with services.store.reading() as tx:
        return [account.status for account in await tx.accounts.page("pagos", limit=100)]


def test_a_backup_is_restored_by_the_same_operator_and_every_step_says_what_it_means(
    installation: Installation,
) -> None:
    file = installation.folder / "reclave.backup"
    said = installation.done("backup", file)
    assert "It was read back and is whole." in said
    assert "The keyring and its epoch are not in it" in said
    assert "something here already" in installation.refused("backup", file)
    before = installation.within(_companies)
    installation.done("accounts", "disable", "pagos", COMPANIES[0].nit)
    assert "--replace keeps it" in installation.refused("restore", file)
    assert "Nothing was done." in installation.done("restore", file, "--replace", "--dry-run")
    done = installation.done("restore", file, "--replace")
    assert "The recovery epoch is 2" in done
    assert "Initial passwords on paper that need new letters: 1." in done
    assert ".before-" in done
    assert installation.within(_companies) == before
    installation.done("audit", "verify")


def test_restore_says_which_file_is_no_backup(installation: Installation) -> None:
    refused = installation.refused("restore", installation.settings)
    assert (
        refused
        == f"reclave: {installation.settings} is no backup: it begins with neither SQLite's nor pg_dump's mark\n"
    )
    assert "No such file" in installation.refused("backup", installation.folder / "nowhere" / "file")
