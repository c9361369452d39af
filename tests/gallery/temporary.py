"""States of a temporary password: the forced change that it opens, and every way in which it ends."""

from collections.abc import Awaitable, Callable

from reclave.domain.time import DAY, MINUTE
from tests.gallery.account import FORBIDDEN, OTHER_ADDRESS, ending, reports, reports_change
from tests.gallery.scene import Scene, Walk, everywhere
from tests.world import temporary_passwords

CHOSEN = "puente largo sobre el agua"

Ask = Callable[[Scene], Awaitable[None]]
"""Asks for a temporary password, up to the waiting page."""


async def temporary_password(scene: Scene, identifier: str, address: str, ask: Ask) -> Walk:
    """Each password is asked for a day after the one before."""
    secret = await _asked(scene, address, ask)
    scene.wait(45 * MINUTE)
    await scene.signs_in(identifier, secret)
    yield everywhere("details")
    async for state in ending(scene, "details", 15 * MINUTE):
        yield state
    await scene.opens("details")
    await scene.sends("details", email="", password="", confirm="")
    yield everywhere("details-missing", 422)
    await scene.sends("details", email="tesoreria@andina", password=FORBIDDEN, confirm="otra")
    yield everywhere("details-problems", 422)
    scene.wait(20 * MINUTE)
    await scene.opens("details")
    yield everywhere("details-ended", 410)
    await scene.signs_in(identifier, secret)
    yield everywhere("sign-in-expired", 422)
    secret = await _asked(scene, address, ask)
    scene.wait(50 * MINUTE)
    later = await _asked(scene, address, ask, after=MINUTE)
    await scene.signs_in(identifier, secret)
    yield everywhere("sign-in-replaced", 422)
    async for state in reports(scene, address):
        yield state
    await scene.signs_in(identifier, later)
    yield everywhere("sign-in-revoked", 422)
    secret = await _asked(scene, address, ask)
    await scene.signs_in(identifier, secret)
    await scene.sends("details", email=OTHER_ADDRESS, password=CHOSEN, confirm=CHOSEN)
    yield everywhere("details-new-address")
    await scene.sends("details_code", code="AAAA")
    yield everywhere("details-new-address-code-malformed", 422)
    await scene.opens("details", correct="1")
    await scene.sends("details", email=address, password=CHOSEN, confirm=CHOSEN)
    yield everywhere("details-done")
    await scene.signs_in(identifier, secret)
    yield everywhere("sign-in-consumed", 422)
    async for state in reports_change(scene, address):
        yield state


async def _asked(scene: Scene, address: str, ask: Ask, after: int = DAY) -> str:
    scene.wait(after)
    await ask(scene)
    return temporary_passwords(await scene.mail(address))[0]
