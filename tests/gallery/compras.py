"""The procurement portal: a single-use link and a typed code in one mail, and forgotten user names."""

from reclave.domain.time import DAY, HOUR, MINUTE
from tests.gallery.account import FORBIDDEN, account, ending, reports, reports_change
from tests.gallery.scene import Scene, State, Walk, wrong
from tests.gallery.signing_in import refusals, signing_in, switched
from tests.gallery.temporary import CHOSEN
from tests.world import code_in, reset_link

USER, ADDRESS = "ferreteria.sur", "ventas@ferreteriasur.example"
SPARE, SHARED_ADDRESS = "obra.cerrada", "licitaciones@grupo.example"
OTHER_USER = "papeleria.centro"
_TRIES = 5


async def compras(scene: Scene) -> Walk:
    """The whole portal."""
    async for state in signing_in(scene, USER, SPARE):
        yield state
    async for state in _asking(scene):
        yield state
    async for state in _user_names(scene):
        yield state
    async for state in account(scene, USER, ADDRESS):
        yield state
    async for state in _resetting(scene):
        yield state
    async for state in _ended(scene):
        yield state
    for name in ("details", "details_code"):
        await scene.opens(name)
        await scene.visitor.posts(scene.page(name), "code=A" if name == "details_code" else "email=a")
    async for state in refusals(scene, "recover"):
        yield state
    async for state in switched(scene, "user_names", ("recover_user_name",)):
        yield state


async def _ask(scene: Scene, after: int = DAY) -> str:
    scene.wait(after)
    await scene.opens("recover")
    await scene.sends("recover", user_name=USER)
    return reset_link(await scene.mail(ADDRESS))


async def _asking(scene: Scene) -> Walk:
    await scene.opens("recover")
    yield State("recover")
    await scene.opens("recover_code")
    await scene.sends("recover", user_name="")
    yield State("recover-missing", 422)
    await scene.sends("recover", user_name="ferretería sur")
    yield State("recover-wrong-name", 422)
    await scene.sends("recover", user_name=USER)
    yield State("recover-sent")
    await _ask(scene, after=0)
    yield State("recover-sent-again")
    await scene.sends("recover_code", code="ZZZZ")
    yield State("recover-code-malformed", 422)
    mistaken = wrong(code_in(await scene.mail(ADDRESS)))
    for left in range(_TRIES - 1, -1, -1):
        await scene.sends("recover_code", code=mistaken)
        if left in {_TRIES - 1, 0}:
            yield State(f"recover-code-{left}-left", 422)
    await scene.sends("recover_code", code=mistaken)
    yield State("recover-code-ended", 422)


async def _user_names(scene: Scene) -> Walk:
    await scene.opens("user_names")
    yield State("user-names")
    await scene.sends("user_names", email="licitaciones@grupo")
    yield State("user-names-wrong-address", 422)
    for name in ("user-names-sent", "user-names-sent-again"):
        await scene.opens("user_names")
        await scene.sends("user_names", email=SHARED_ADDRESS)
        yield State(name)
    await scene.opens("user_names")
    await scene.sends("user_names", email="licitaciones@corero.example")
    yield State("user-names-sent-with-a-slip")


async def _resetting(scene: Scene) -> Walk:
    await scene.visitor.opens(await _ask(scene))
    yield State("reset")
    async for state in ending(scene, "reset", HOUR):
        yield state
    await scene.opens("reset")
    await scene.sends("reset", password="", confirm="")
    yield State("reset-missing", 422)
    await scene.sends("reset", password=FORBIDDEN, confirm="otra")
    yield State("reset-problems", 422)
    await scene.sends("reset", identifier=OTHER_USER, password=CHOSEN, confirm=CHOSEN)
    yield State("reset-of-another-account", 409)
    await _ask(scene)
    await scene.sends("recover_code", code=code_in(await scene.mail(ADDRESS)))
    yield State("reset-by-code")
    await scene.sends("reset", password=CHOSEN, confirm=CHOSEN)
    yield State("reset-done")
    async for state in reports_change(scene, ADDRESS):
        yield state


async def _ended(scene: Scene) -> Walk:
    link = await _ask(scene)
    scene.wait(50 * MINUTE)
    later = await _ask(scene, after=MINUTE)
    await scene.visitor.opens(link)
    yield State("link-replaced", 410)
    scene.wait(DAY)
    await scene.visitor.opens(later)
    yield State("link-expired", 410)
    link = await _ask(scene)
    async for state in reports(scene, ADDRESS):
        yield state
    await scene.visitor.opens(link)
    yield State("link-revoked", 410)
    link = await _ask(scene)
    await scene.visitor.opens(link)
    await scene.sends("reset", password=CHOSEN + " dos", confirm=CHOSEN + " dos")
    await scene.visitor.opens(link)
    yield State("link-used", 410)
    await scene.visitor.opens(link[:-4])
    yield State("link-damaged", 404)
