"""`reclave outbox …`."""

import pytest

from reclave.domain.outbox import LEASE, Refused
from reclave.journeys.services import Services
from tests.cli.conftest import Installation

TO = "tesoreria@andina.example"


@pytest.fixture
def installation(installation: Installation) -> Installation:
    """Two notices are queued, and a server has refused the second."""
    installation.done("accounts", "force-reset", "pagos", "900.100.001-1", "--yes")
    installation.done("accounts", "force-reset", "compras", "--all", "--yes")

    async def refuse(services: Services) -> None:
        async with services.store.transaction() as tx:
            claimed = await tx.outbox.claim(limit=2, lease=LEASE)
            for claim in claimed:
                await tx.outbox.settle(claim, Refused(550, "5.1.1 No such user"))

    installation.within(refuse)
    return installation


@pytest.mark.req("S44")
def test_messages_are_listed_shown_and_never_say_to_whom_in_full(installation: Installation) -> None:
    failed = installation.document("outbox", "list", "--state", "failed")
    assert {one["last"]["code"] for one in failed} == {550}
    (own,) = [one for one in failed if one["portal"] == "pagos"]
    shown = installation.document("outbox", "show", own["id"][:10])
    assert (shown["state"], shown["to"], shown["deliveries"][0]["answer"]) == ("failed", "t•••@a•••.example", "refused")
    text = installation.done("outbox", "list", "--portal", "pagos") + installation.done("outbox", "show", own["id"])
    assert own["id"][:12] in text
    assert "550 5.1.1 No such user" in text
    assert TO not in text
    assert installation.done("outbox", "list", "--state", "sent") == "No messages.\n"


def test_failed_messages_are_sent_again_one_by_one_or_all(installation: Installation) -> None:
    queued = len(installation.document("outbox", "list", "--state", "queued"))
    first, _ = installation.document("outbox", "list", "--state", "failed")
    assert installation.document("outbox", "retry", "--failed") == {"failed": 2, "queued": 0}
    assert "Queued again: 1." in installation.done("outbox", "retry", first["id"])
    assert installation.document("outbox", "retry", "--failed", "--yes") == {"failed": 1, "queued": 1}
    assert len(installation.document("outbox", "list", "--state", "queued")) == queued + 2
    assert "the message is queued" in installation.refused("outbox", "retry", first["id"])


def test_a_message_that_waits_is_cancelled(installation: Installation) -> None:
    waiting = installation.document("outbox", "list", "--state", "queued")[0]["id"]
    assert "Nothing was done" in installation.done("outbox", "cancel", waiting, "--dry-run")
    assert installation.document("outbox", "cancel", waiting)["cancelled"]
    assert "the message is cancelled" in installation.refused("outbox", "cancel", waiting)


@pytest.mark.parametrize("arguments", [["retry"], ["retry", "ab", "--failed"], ["list", "--state", "lost"]])
def test_a_wrong_command_is_told_from_a_refusal(installation: Installation, arguments: list[str]) -> None:
    assert "Error: " in installation.refused("outbox", *arguments, code=2)
