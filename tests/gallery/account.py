"""States that every portal has: «Mi cuenta», a change of password and of address, «No fui yo»."""

from reclave.domain.time import DAY, MINUTE, Span
from tests.gallery.scene import Scene, Walk, everywhere, wrong
from tests.gallery.signing_in import WRONG_PASSWORD
from tests.world import DEMO_PASSWORD, NEW_PASSWORD, code_in

OTHER_ADDRESS = "contabilidad@andina.example"
FORBIDDEN = "abcdefghijklmnop"
_TRIES = 5


async def account(scene: Scene, identifier: str, address: str) -> Walk:
    """A signed-in person changes password and address, and reports it."""
    await scene.signs_in(identifier, DEMO_PASSWORD)
    yield everywhere("account")
    async for state in ending(scene, "account", scene.portal.session_idle):
        yield state
    await scene.opens("account")
    async for state in _password(scene):
        yield state
    async for state in _address(scene, identifier):
        yield state
    other = await scene.another()
    await other.signs_in(identifier, NEW_PASSWORD)
    await scene.opens("account")
    yield everywhere("account-two-sessions-and-pending-address")
    await scene.sends("end_other_sessions")
    yield everywhere("account-sessions-closed")
    await scene.sends("end_session")
    yield everywhere("account-own-session-closed")
    await scene.follows_report(address)
    yield everywhere("report-address")
    await scene.sends("report", confirm="yes")
    yield everywhere("report-address-done")


async def ending(scene: Scene, name: str, left: Span) -> Walk:
    """What scripts say before the time for a page is over, and after it."""
    if scene.visitor.scripts:
        await scene.visitor.waits(left - MINUTE)
        yield everywhere(f"{name}-ending")
        await scene.visitor.waits(2 * MINUTE)
        yield everywhere(f"{name}-over")


async def _password(scene: Scene) -> Walk:
    await scene.opens("change_password")
    yield everywhere("change-password")
    await scene.sends("change_password", current="", password="", confirm="")
    yield everywhere("change-password-missing", 422)
    await scene.sends("change_password", current=DEMO_PASSWORD, password=FORBIDDEN, confirm="otra")
    yield everywhere("change-password-problems", 422)
    await scene.sends("change_password", current=WRONG_PASSWORD, password=NEW_PASSWORD, confirm=NEW_PASSWORD)
    yield everywhere("change-password-wrong", 422)
    await scene.sends("change_password", current=DEMO_PASSWORD, password=NEW_PASSWORD, confirm=NEW_PASSWORD)
    yield everywhere("change-password-done")


async def _address(scene: Scene, identifier: str) -> Walk:
    await scene.opens("change_address")
    yield everywhere("change-address")
    await scene.sends("change_address", email="", current="")
    yield everywhere("change-address-missing", 422)
    await scene.sends("change_address", email="contabilidad@andina", current=NEW_PASSWORD)
    yield everywhere("change-address-problem", 422)
    async for state in typed_code(scene, "change_address", "change-address-code", {"current": NEW_PASSWORD}):
        yield state
    scene.wait(2 * DAY)
    await scene.signs_in(identifier, NEW_PASSWORD)
    await scene.opens("change_address")
    await scene.sends("change_address", email=OTHER_ADDRESS, current=NEW_PASSWORD)
    await scene.sends("change_address_code", code=code_in(await scene.mail(OTHER_ADDRESS)))
    yield everywhere("change-address-done")


async def typed_code(scene: Scene, form: str, name: str, fields: dict[str, str]) -> Walk:
    """A code for a new address, wrong until no try is left; a day later it may be asked for again."""
    await scene.sends(form, email=OTHER_ADDRESS, **fields)
    yield everywhere(name)
    await scene.sends(f"{form}_code", code="")
    yield everywhere(f"{name}-missing", 422)
    mistaken = wrong(code_in(await scene.mail(OTHER_ADDRESS)))
    for left in range(_TRIES - 1, -1, -1):
        await scene.sends(f"{form}_code", code=mistaken)
        if left in {_TRIES - 1, 1, 0}:
            yield everywhere(f"{name}-{left}-left", 422)
    await scene.sends(f"{form}_code", code=mistaken)
    yield everywhere(f"{name}-ended", 422)


async def first_address(scene: Scene, identifier: str) -> Walk:
    """Someone without an address registers one, which counts at once."""
    await scene.signs_in(identifier, DEMO_PASSWORD)
    yield everywhere("account-without-address")
    await scene.opens("change_address")
    yield everywhere("change-address-first")
    address = "primera@andina.example"
    await scene.sends("change_address", email=address, current=DEMO_PASSWORD)
    yield everywhere("change-address-first-code")
    await scene.sends("change_address_code", code=code_in(await scene.mail(address)))
    yield everywhere("account-address-registered")


async def reports(scene: Scene, address: str) -> Walk:
    """«No fui yo» to a request that was mailed a moment ago, and links that no longer work."""
    await scene.follows_report(address)
    yield everywhere("report")
    await scene.sends("report", about="otra cuenta", confirm="yes")
    yield everywhere("report-of-another-account", 409)
    await scene.sends("report")
    yield everywhere("report-not-ticked", 422)
    await scene.sends("report", confirm="yes")
    yield everywhere("report-done")
    await scene.visitor.opens(scene.page("report") + "/AAAA")
    yield everywhere("report-link-damaged", 404)


async def reports_change(scene: Scene, address: str) -> Walk:
    """«No fui yo» to a change of password, once in time and once too late."""
    await scene.follows_report(address)
    yield everywhere("report-changed")
    await scene.sends("report", confirm="yes")
    yield everywhere("report-changed-done")
