"""What the journeys leave in the numbers: everything that operators watch, and nothing that tells who."""

from collections.abc import Mapping
from typing import Any

import pytest

from reclave.adapters.tally import Tally
from reclave.domain.audit import Entry, Event
from reclave.domain.errors import Overloaded
from reclave.ports.meter import (
    DELIVERIES,
    EVENTS,
    HASH_SECONDS,
    HASHES,
    HASHES_REFUSED,
    MAIL_SECONDS,
    PAGE_SECONDS,
    PAGES,
    REFUSALS,
    REQUESTS,
    RESOLUTIONS,
    Metric,
)
from tests.worker.post_office import NOBODY, ONE, Refusals
from tests.world import DEMO_PASSWORD, World, nit, report_link, temporary_passwords


def numbers(tally: Tally, metric: Metric) -> Mapping[tuple[str, ...], float]:
    """A metric's numbers by their labels; of a histogram, how many times were put into it."""
    own = [series for series in tally.series() if series.metric == metric.name]
    return {each.labels: sum(each.values[:-1]) if metric.buckets else each.values[0] for each in own}


async def test_a_recovery_is_counted_at_the_door_when_it_is_resolved_and_when_it_is_sent(
    world: World, tally: Tally
) -> None:
    person = world.person()
    for address in (ONE, ONE, NOBODY):
        await person.ask(address)
    await world.work()
    journey = ("pagos", "temporary_password")
    assert numbers(tally, REQUESTS) == {(*journey, "accepted"): 2, (*journey, "cooling"): 1}
    assert numbers(tally, RESOLUTIONS) == {(*journey, "sent"): 1, (*journey, "no_match"): 1}
    assert numbers(tally, DELIVERIES) == {(*journey, "sent"): 1}
    assert numbers(tally, MAIL_SECONDS) == {journey: 1}
    assert numbers(tally, PAGES) == {("pagos", "recover", "POST", "303"): 3}
    assert numbers(tally, PAGE_SECONDS) == {("pagos", "recover"): 3}


@pytest.mark.req("S1")
async def test_the_numbers_of_the_pages_are_the_same_for_known_and_unknown_accounts(world: World, tally: Tally) -> None:
    found = []
    for address in (ONE, NOBODY):
        before = {(each.metric, each.labels): each.values for each in tally.series()}
        await world.person().ask(address)
        after = {(each.metric, each.labels): each.values for each in tally.series()}
        counted = {key: values for key, values in after.items() if not key[0].endswith("seconds")}
        found.append({key: values[0] - before.get(key, (0.0,))[0] for key, values in counted.items()})
    assert found[0] == found[1]
    assert any(found[0].values())


async def test_what_a_mail_server_answers_is_counted(world: World, tally: Tally, refusals: Refusals) -> None:
    refusals.answers[ONE] = ["451 4.3.0 later", "550 5.1.1 never"]
    await world.person().ask(ONE)
    await world.work()
    world.wait(60_000_000)
    await world.work()
    journey = ("pagos", "temporary_password")
    assert numbers(tally, DELIVERIES) == {(*journey, "deferred"): 1, (*journey, "refused"): 1}
    assert numbers(tally, MAIL_SECONDS) == {}


@pytest.mark.req("S26")
async def test_sign_ins_and_their_hashes_are_counted_alike_for_unknown_accounts(world: World, tally: Tally) -> None:
    for identifier in (nit(0), "860.002.964-4"):
        await world.person().sign_in(identifier, "wrong password")
    assert numbers(tally, EVENTS)["pagos", "sign_in_refused"] == 2
    assert numbers(tally, HASH_SECONDS)[()] == 2
    await world.person().sign_in(nit(0), DEMO_PASSWORD)
    assert numbers(tally, EVENTS)["pagos", "sign_in_succeeded"] == 1
    assert numbers(tally, HASHES)[()] == 0


async def test_what_a_transaction_undoes_is_not_counted(world: World, tally: Tally) -> None:
    entry = Entry(portal="pagos", event=Event.CASE_OPENED)

    async def fails() -> None:
        async with world.services.store.transaction() as tx:
            await tx.audit.add(entry)
            raise Overloaded

    with pytest.raises(Overloaded):
        await fails()
    async with world.services.store.transaction() as tx, tx.rehearsal() as rehearsed:
        await rehearsed.audit.add(entry)
    assert ("pagos", "case_opened") not in numbers(tally, EVENTS)
    async with world.services.store.transaction() as tx:
        await tx.audit.add(entry)
    assert numbers(tally, EVENTS)["pagos", "case_opened"] == 1


async def test_requests_that_get_an_error_page_are_counted_by_their_reason(
    world: World, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = world.person()
    await person.client.post("/pagos/", headers={"sec-fetch-site": "cross-site"})
    await person.client.post("/pagos/", content=b"identifier=%00")
    await person.get("/pagos/900.100.001-1")
    await person.client.request("BREW", "/pagos/")
    await person.get("/pagos/cuenta")
    watched: Any = world.services.hasher
    hasher = watched._hasher

    async def full(*_: object, **__: object) -> bool:
        raise Overloaded

    monkeypatch.setattr(type(hasher), "verify", full)
    assert (await person.sign_in(nit(0), "wrong password")).status_code == 503
    assert numbers(tally, REFUSALS) == {
        ("pagos", "origin"): 1,
        ("pagos", "bad_form"): 1,
        ("", "not_found"): 1,
        ("", "method_not_allowed"): 1,
        ("pagos", "session_ended"): 1,
        ("pagos", "overloaded"): 1,
    }
    assert numbers(tally, HASHES_REFUSED) == {(): 1}
    assert {labels[2] for labels in numbers(tally, PAGES)} == {"GET", "POST", "other"}


@pytest.mark.req("S44")
async def test_no_label_says_who(world: World, tally: Tally) -> None:
    person = world.person()
    await person.ask(ONE)
    await world.work()
    (mail,) = world.mails(ONE)
    await person.sign_in(nit(0), temporary_passwords(mail)[0])
    await person.get(report_link(mail))
    await person.get(f"/pagos/{ONE}?nit={nit(0)}")
    labels = {label for series in tally.series() for label in series.labels}
    assert {"report_link", "sign_in", "grant_opened"} <= labels
    for secret in (ONE, nit(0), report_link(mail).rpartition("/")[2], *temporary_passwords(mail), "203.0.113.7"):
        assert not any(secret in label for label in labels)
    assert all(len(label) < 30 for label in labels)
