"""The payments portal: a temporary password by mail, and the first sign-in with an initial one."""

from reclave.domain.time import DAY, MINUTE
from reclave.journeys.mail_pace import Expected
from tests.gallery.account import FORBIDDEN, account, first_address, typed_code
from tests.gallery.scene import Scene, State, Walk
from tests.gallery.signing_in import refusals, signing_in, switched
from tests.gallery.temporary import temporary_password
from tests.world import DEMO_PASSWORD, NEW_PASSWORD, code_in

ADDRESS = "tesoreria@andina.example"
FIRST_ADDRESS = "gerencia@primera.example"
ACTIVE, NEW, SHARING, DISABLED, WITHOUT_ADDRESS = 0, 1, 2, 5, 6
"""The demo's companies, by their place in `reclave.demo.seeds.COMPANIES`."""


def nit(scene: Scene, company: int) -> str:
    """A demo company's NIT as a person types it."""
    return list(scene.stage.world.seeded.values())[company].identifier


async def pagos(scene: Scene) -> Walk:
    """The whole portal."""
    identifier = nit(scene, ACTIVE)
    async for state in signing_in(scene, identifier, nit(scene, DISABLED)):
        yield state
    await scene.signs_in(identifier[:-1] + "2", DEMO_PASSWORD)
    yield State("sign-in-wrong-check-digit", 422)
    async for state in _asking(scene):
        yield state
    async for state in account(scene, identifier, ADDRESS):
        yield state
    async for state in first_address(scene, nit(scene, WITHOUT_ADDRESS)):
        yield state
    async for state in temporary_password(scene, identifier, ADDRESS, _ask):
        yield state
    async for state in _first_sign_in(scene):
        yield state
    async for state in refusals(scene, "recover"):
        yield state
    async for state in switched(scene, "recover", ("temporary_password",)):
        yield state


async def _ask(scene: Scene) -> None:
    await scene.opens("recover")
    await scene.sends("recover", email=ADDRESS)


async def _asking(scene: Scene) -> Walk:
    await scene.opens("recover")
    yield State("recover")
    await scene.sends("recover", email="")
    yield State("recover-missing", 422)
    await scene.sends("recover", email="tesoreria@andina")
    yield State("recover-wrong-address", 422)
    await scene.sends("recover", email=ADDRESS)
    yield State("recover-sent")
    await _ask(scene)
    yield State("recover-sent-again")
    await scene.opens("recover")
    await scene.sends("recover", email="tesoreria@corero.example")
    yield State("recover-sent-with-a-slip")
    pace = scene.stage.world.services.mail_pace
    for name, expected in {"usual": Expected(2 * MINUTE), "slow": Expected(slow=True)}.items():
        pace._expected[scene.portal.id] = expected
        await scene.opens("recover_sent")
        yield State(f"recover-sent-{name}")
    pace._expected.clear()


async def _first_sign_in(scene: Scene) -> Walk:
    company = list(scene.stage.world.seeded.values())[NEW]
    await scene.signs_in(company.identifier, company.password)
    yield State("details-first")
    await scene.sends("details", email=FIRST_ADDRESS, password=FORBIDDEN, confirm=FORBIDDEN)
    yield State("details-first-problems", 422)
    chosen = {"password": NEW_PASSWORD, "confirm": NEW_PASSWORD}
    async for state in typed_code(scene, "details", "details-code", chosen):
        yield state
    scene.wait(DAY // 2)
    await scene.signs_in(company.identifier, company.password)
    await scene.sends("details", email=FIRST_ADDRESS, **chosen)
    await scene.sends("details_code", code=code_in(await scene.mail(FIRST_ADDRESS)))
    yield State("details-first-done")
