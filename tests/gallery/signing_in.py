"""States that every portal has: signing in, and what stands in its way."""

from ipaddress import ip_address

from reclave.domain.errors import Overloaded
from reclave.domain.identifiers import parse_identifier
from reclave.domain.throttle import FREE_TRIES, PAUSE_AFTER, Guess
from reclave.domain.time import DAY, HOUR
from reclave.operations import switches
from reclave.pages.client import client_digest
from tests.gallery.scene import Scene, Walk, everywhere
from tests.world import DEMO_PASSWORD

WRONG_PASSWORD = "otra que no es la suya"


async def signing_in(scene: Scene, identifier: str, spare: str) -> Walk:
    """The sign-in page; `spare` is an account that no other state needs."""
    await scene.opens("accessibility")
    yield everywhere("accessibility")
    await scene.opens("sign_in")
    yield everywhere("sign-in")
    await scene.sends("sign_in", identifier="", password="")
    yield everywhere("sign-in-missing", 422)
    await scene.signs_in(identifier, WRONG_PASSWORD)
    yield everywhere("sign-in-refused", 422)
    await scene.signs_in(identifier, DEMO_PASSWORD)
    await scene.sends("sign_out")
    yield everywhere("signed-out")
    await scene.opens("account")
    yield everywhere("session-ended")
    await _fail(scene, spare, FREE_TRIES, by=scene.visitor.address)
    await scene.signs_in(spare, WRONG_PASSWORD)
    yield everywhere("sign-in-throttled", 429)
    scene.wait(2 * DAY)
    await _fail(scene, spare, PAUSE_AFTER)
    await scene.signs_in(spare, WRONG_PASSWORD)
    yield everywhere("sign-in-paused-password", 429)
    scene.wait(2 * DAY)


async def _fail(scene: Scene, identifier: str, times: int, *, by: str = "") -> None:
    """Count failed sign-ins of an account, of one network address or of nobody in particular."""
    services = scene.stage.world.services
    kind = scene.portal.identifier_field.kinds[0]
    named = scene.portal.id, parse_identifier(kind, identifier).value
    everyone = services.vault.digest("guess", *named)
    subject = services.vault.digest("guess", *named, client_digest(services.vault, ip_address(by))) if by else everyone
    async with services.store.transaction() as tx:
        count = tx.guesses.count if by else tx.guesses.add  # what nobody in particular failed brings no wait
        for _ in range(times):
            await count(scene.portal.id, Guess.PASSWORD, subject, identifier=everyone)


async def refusals(scene: Scene, form: str) -> Walk:
    """Errors that have a page of their own; `form` is a page whose form anybody can send."""
    visitor, target = scene.visitor, scene.page(form)
    await visitor.opens(scene.page("sign_in").rstrip("/") + "/nada")
    yield everywhere("not-found", 404)
    await scene.opens("sign_out")
    yield everywhere("method-not-allowed", 405)
    await visitor.opens(target)
    await visitor.posts(target, "admin=1")
    yield everywhere("form-not-read", 400)
    if not visitor.scripts:  # a browser meets the server's own page before, which `site` shows
        await visitor.posts(target, "email=" + "a" * 20_000)
        yield everywhere("form-too-large", 413)
    await visitor.posts(target, "email=a", "text/plain")
    yield everywhere("form-of-another-kind", 415)
    await visitor.posts(target, "email=a", elsewhere=True)
    yield everywhere("form-from-elsewhere", 403)
    scene.stage.renderer.fails_with = Overloaded()
    await visitor.opens(target)
    yield everywhere("overloaded", 503)
    scene.stage.renderer.fails_with = RuntimeError("made to fail")
    await visitor.opens(target)
    yield everywhere("failed", 500)


async def switched(scene: Scene, page: str, journeys: tuple[str, ...]) -> Walk:
    """What an operator has paused, and what they say on the pages; all `journeys` of a page are paused."""
    services, portal = scene.stage.world.services, scene.portal
    texts = {
        "es": "El sábado de 8:00 a 12:00 no podrá ingresar: estamos mejorando el servicio.",
        "en": "You cannot sign in on Saturday from 8:00 to 12:00: we are improving the service.",
        "pt": "No sábado, das 8:00 às 12:00, você não poderá entrar: estamos melhorando o serviço.",
    }
    await switches.show_banner(services, portal, "", texts, until=None, by="operator")
    await _refreshed(scene)
    await scene.opens("sign_in")
    yield everywhere("banner")
    for journey in journeys:
        await switches.pause(services, portal, journey, until=services.clock.now() + 2 * HOUR, by="operator")
    await _refreshed(scene)
    await scene.opens(page)
    yield everywhere("paused", 503)
    await switches.pause(services, portal, "sign_in", until=None, by="operator")
    await _refreshed(scene)
    await scene.opens("sign_in")
    yield everywhere("sign-in-paused", 503)


async def _refreshed(scene: Scene) -> None:
    await scene.stage.world.services.switchboard.refresh(scene.stage.world.services.store)
