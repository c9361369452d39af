"""An operator pauses a journey, or says something on its pages."""

import pytest

from reclave.demo.seeds import COMPANIES
from reclave.domain.audit import Event
from reclave.domain.time import HOUR
from reclave.operations import switches
from reclave.operations.switches import SwitchRefused
from tests.worker.post_office import trail
from tests.world import World, temporary_passwords

OWNER = "tesoreria@andina.example"
NIT = COMPANIES[0].nit
BY = "operator"


async def pause(world: World, journey: str, **given: int) -> None:
    until = given.get("until")
    await switches.pause(world.services, world.portal, journey, until=until, by=BY)
    await world.services.switchboard.refresh(world.services.store)


async def resume(world: World, journey: str) -> bool:
    resumed = await switches.resume(world.services, world.portal, journey, by=BY)
    await world.services.switchboard.refresh(world.services.store)
    return resumed


async def test_a_paused_journey_takes_no_request_and_says_so_before_anybody_types(world: World) -> None:
    person = world.person()
    await pause(world, "temporary_password")
    page = await person.get("/pagos/recuperar")
    assert page.status_code == 503
    assert "Esta página está en pausa" in page.text
    assert "Mesa de ayuda" in page.text
    assert (await person.ask(OWNER)).status_code == 503
    await world.work()
    assert world.mails(OWNER) == []
    assert (await person.get("/pagos/")).status_code == 200


async def test_what_was_accepted_before_a_pause_goes_on_and_what_was_mailed_keeps_working(world: World) -> None:
    person = world.person()
    assert (await person.ask(OWNER)).status_code == 303
    await pause(world, "temporary_password")
    await world.work()
    (password,) = temporary_passwords(world.mails(OWNER)[0])
    signed_in = await person.sign_in(NIT, password)
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/pagos/registro")


async def test_a_paused_portal_lets_nobody_sign_in(world: World) -> None:
    await pause(world, "")
    refused = await world.person().sign_in(NIT, "el rio baja despacio")
    assert (refused.status_code, "set-cookie" in refused.headers) == (503, False)
    assert await resume(world, "")
    assert not await resume(world, "")
    assert (await world.person().sign_in(NIT, "el rio baja despacio")).status_code == 303


async def test_a_pause_ends_by_itself_at_the_time_that_was_said(world: World) -> None:
    await pause(world, "temporary_password", until=world.clock.standing() + HOUR)
    page = await world.person().get("/pagos/recuperar")
    assert "Volverá a funcionar el " in page.text
    assert 3590 <= int(page.headers["retry-after"]) <= 3610
    world.wait(HOUR + 1_000_000)
    assert (await world.person().get("/pagos/recuperar")).status_code == 200


async def test_a_banner_is_seen_in_the_readers_language_or_the_portals_own(world: World) -> None:
    texts = {"es": "El sábado no hay servicio.", "en": "No service on Saturday."}
    await switches.show_banner(world.services, world.portal, "", texts, until=None, by=BY)
    await world.services.switchboard.refresh(world.services.store)
    for language, seen in (("es-CO", texts["es"]), ("en", texts["en"]), ("pt-BR", texts["es"])):
        assert seen in (await world.person(language=language).get("/pagos/")).text
    assert await switches.clear_banner(world.services, world.portal, "", by=BY)
    await world.services.switchboard.refresh(world.services.store)
    assert texts["es"] not in (await world.person().get("/pagos/")).text


async def test_a_banner_of_a_journey_is_seen_where_the_journey_begins_and_escaped(world: World) -> None:
    await switches.show_banner(
        world.services, world.portal, "temporary_password", {"es": "Hoy <tarda> más."}, until=None, by=BY
    )
    await world.services.switchboard.refresh(world.services.store)
    assert "Hoy &lt;tarda&gt; más." in (await world.person().get("/pagos/recuperar")).text
    assert "tarda" not in (await world.person().get("/pagos/")).text


@pytest.mark.parametrize(
    ("journey", "texts", "said"),
    [
        ("temporary_pasword", {"es": "Hola"}, "did you mean 'temporary_password'"),
        ("", {"fr": "Bonjour", "es": "Hola"}, "does not speak 'fr'"),
        ("", {"en": "Hello"}, "write it in es too"),
        ("", {"es": " "}, "between 1 and 300 characters"),
    ],
)
async def test_a_switch_that_cannot_be_meant_is_refused(
    world: World, journey: str, texts: dict[str, str], said: str
) -> None:
    with pytest.raises(SwitchRefused, match=said):
        await switches.show_banner(world.services, world.portal, journey, texts, until=None, by=BY)
    assert await switches.in_force(world.services) == []


@pytest.mark.req("S43")
async def test_every_switch_is_in_the_audit_trail_with_who_set_it(world: World) -> None:
    await pause(world, "sign_in")
    await resume(world, "sign_in")
    entries = await trail(world.services.store, Event.JOURNEY_PAUSED, Event.JOURNEY_RESUMED)
    assert [(entry.event, entry.detail) for entry in entries] == [
        (Event.JOURNEY_PAUSED, {"journey": "sign_in", "by": BY}),
        (Event.JOURNEY_RESUMED, {"journey": "sign_in", "by": BY}),
    ]


async def test_a_paused_first_sign_in_takes_no_initial_password_and_lets_everybody_else_in(world: World) -> None:
    await pause(world, "first_sign_in")
    waiting = next(one for one in world.seeded.values() if one.what_to_try.startswith("Primer ingreso"))
    assert (await world.person().sign_in(waiting.identifier, waiting.password)).status_code == 503
    assert (await world.person().sign_in(NIT, "el rio baja despacio")).status_code == 303
    assert await resume(world, "first_sign_in")
    assert (await world.person().sign_in(waiting.identifier, waiting.password)).status_code == 303
