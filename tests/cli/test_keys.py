"""`reclave keys …`."""

import pytest

from reclave.journeys.services import Services
from reclave.worker.housekeeping import seal_audit
from tests.cli.conftest import Installation


def states(installation: Installation) -> dict[str, tuple[str, int, int]]:
    found = installation.document("keys", "list")
    return {key["id"]: (key["state"], key["grants"], key["batches"]) for key in found}


@pytest.mark.req("I4")
def test_a_key_is_added_and_the_one_before_it_retires(installation: Installation) -> None:
    assert states(installation) == {"k1": ("active", 1, 0)}
    assert installation.document("keys", "add") == {"id": "k2"}
    assert states(installation) == {"k1": ("retired", 1, 0), "k2": ("active", 0, 0)}
    assert "k2" in installation.done("keys", "list")
    assert installation.document("audit", "verify") == {"entries": 0, "sealed_by_compromised_keys": []}


def test_the_key_that_makes_new_secrets_is_not_retired(installation: Installation) -> None:
    for options in ([], ["--compromised", "--yes"]):
        assert "reclave keys add" in installation.refused("keys", "retire", "k1", *options)
    assert "no key k7" in installation.refused("keys", "retire", "k7", "--compromised", "--yes")


@pytest.mark.req("I4", "S45")
def test_a_compromised_key_is_marked_after_a_question_and_its_seals_are_told_apart(installation: Installation) -> None:
    async def seal(services: Services) -> int:
        return await seal_audit(services)

    assert installation.within(seal) > 0
    installation.done("keys", "add")
    said = installation.done("keys", "retire", "k1", "--compromised", "--dry-run")
    assert said.startswith("Nothing was done. 1 live grants of k1 end; it has sealed 1 batches")
    assert installation.run("keys", "retire", "k1", "--compromised", input_="n\n").exit_code == 1
    assert states(installation)["k1"] == ("retired", 1, 1)
    done = installation.document("keys", "retire", "k1", "--compromised", "--yes")
    assert done == {
        "id": "k1",
        "state": "compromised",
        "done": True,
        "held": {"grants": 1, "batches": 1},
        "grants": 1,
        "mailed": 0,
        "on_paper": 1,
    }
    assert states(installation)["k1"] == ("compromised", 0, 1)
    assert "sealed by k1, which is compromised" in installation.done("audit", "verify")
    again = installation.done("keys", "retire", "k1", "--compromised", "--yes")
    assert again == "0 grants of k1 have ended; 0 recoveries are mailed anew.\n"
