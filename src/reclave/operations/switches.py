"""Pausing a journey, and the banner that its pages show; every process notices within seconds."""

from collections.abc import Mapping
from dataclasses import replace

from reclave.domain.audit import Entry, Event
from reclave.domain.errors import ReclaveError
from reclave.domain.portal import Portal
from reclave.domain.spelling import nearest
from reclave.domain.switches import FIRST_SIGN_IN, SIGN_IN, WHOLE_PORTAL, Switch
from reclave.domain.time import Instant
from reclave.journeys.services import Services
from reclave.ports.store import Transaction

_LONGEST_BANNER = 300


class SwitchRefused(ReclaveError):
    """A switch that cannot be: of a portal, a journey or a language that there is not."""

    code = "switch_refused"


def portal_named(services: Services, name: str) -> Portal:
    """The portal with this id. Raises `SwitchRefused`."""
    known = services.portals.get(name)
    if known is None:
        there = ", ".join(sorted(services.portals))
        raise SwitchRefused(f"no portal is called {name!r}{nearest(name, services.portals)} (there are: {there})")
    return known


async def pause(services: Services, portal: Portal, journey: str, *, until: Instant | None, by: str) -> Switch:
    """Take no new requests for a journey (WHOLE_PORTAL: for all) until an instant, or until `resume`."""
    _check_journey(portal, journey)
    async with services.store.transaction() as tx:
        switch = replace(await _switch(tx, portal, journey), paused=True, until=until)
        await tx.switches.put(switch)
        await _record(tx, Event.JOURNEY_PAUSED, portal, journey, by)
    return switch


async def resume(services: Services, portal: Portal, journey: str, *, by: str) -> bool:
    """Take requests again; whether they were not taken. A banner stays."""
    _check_journey(portal, journey)
    async with services.store.transaction() as tx:
        before = await _switch(tx, portal, journey)
        if not before.paused:
            return False
        await _put_or_remove(tx, replace(before, paused=False, until=None))
        await _record(tx, Event.JOURNEY_RESUMED, portal, journey, by)
    return True


async def show_banner(
    services: Services, portal: Portal, journey: str, texts: Mapping[str, str], *, until: Instant | None, by: str
) -> Switch:
    """Show a text, by language, on the pages where a journey begins (WHOLE_PORTAL: on all of the portal's)."""
    _check_journey(portal, journey)
    _check_texts(portal, texts)
    async with services.store.transaction() as tx:
        before = await _switch(tx, portal, journey)
        switch = replace(before, banner=dict(texts), until=before.until if before.paused else until)
        await tx.switches.put(switch)
        await _record(tx, Event.BANNER_SET, portal, journey, by)
    return switch


async def clear_banner(services: Services, portal: Portal, journey: str, *, by: str) -> bool:
    """Show no text any more; whether there was one. A pause stays."""
    _check_journey(portal, journey)
    async with services.store.transaction() as tx:
        before = await _switch(tx, portal, journey)
        if not before.banner:
            return False
        await _put_or_remove(tx, replace(before, banner={}))
        await _record(tx, Event.BANNER_CLEARED, portal, journey, by)
    return True


async def in_force(services: Services) -> list[Switch]:
    """The switches that hold now."""
    async with services.store.reading() as tx:
        return [switch for switch in await tx.switches.every() if switch.holds(tx.now)]


async def _switch(tx: Transaction, portal: Portal, journey: str) -> Switch:
    for switch in await tx.switches.every():
        if (switch.portal, switch.journey) == (portal.id, journey) and switch.holds(tx.now):
            return switch
    return Switch(portal=portal.id, journey=journey)


async def _put_or_remove(tx: Transaction, switch: Switch) -> None:
    if switch.paused or switch.banner:
        await tx.switches.put(switch)
    else:
        await tx.switches.remove(switch.portal, switch.journey)


async def _record(tx: Transaction, event: Event, portal: Portal, journey: str, by: str) -> None:
    await tx.audit.add(Entry(portal=portal.id, event=event, detail={"journey": journey or "all", "by": by}))


def _check_journey(portal: Portal, journey: str) -> None:
    known = {SIGN_IN, *portal.terms} | ({FIRST_SIGN_IN} if portal.file.journeys.first_sign_in else set())
    if journey != WHOLE_PORTAL and journey not in known:
        raise SwitchRefused(
            f"{portal.id} has no journey {journey!r}{nearest(journey, known)} (there are: {', '.join(sorted(known))})"
        )


def _check_texts(portal: Portal, texts: Mapping[str, str]) -> None:
    spoken = portal.file.portal.languages
    for language, text in texts.items():
        if language not in spoken:
            raise SwitchRefused(f"{portal.id} does not speak {language!r}: write one of {', '.join(spoken)}")
        if not text.strip() or len(text) > _LONGEST_BANNER:
            raise SwitchRefused(f"{language}: write between 1 and {_LONGEST_BANNER} characters")
    if portal.default_language not in texts:
        raise SwitchRefused(f"write it in {portal.default_language} too: readers of other languages see that one")
