"""The customs portal: a search for the user ID, then a temporary key by mail, asked for twice."""

from reclave.web import finding
from tests.gallery.account import account
from tests.gallery.scene import Press, Scene, State, Walk
from tests.gallery.signing_in import refusals, signing_in, switched
from tests.gallery.temporary import temporary_password

USER, ADDRESS, IDENTIFICATION = "mlopez", "maria.lopez@correo.example", "3059999015"
SPARE = "rechazada4"
EMPLOYEE = {"find_classification": "employee", "find_company_ruc": "1799000012001", "find_identification": "3059999031"}
SEARCH: Press = ("action", "search")
SEND: Press = ("action", "send")
CONTINUE: Press = ("action", "continue")
YES: Press = ("confirmed", "yes")
NO: Press = ("confirmed", "no")
_PROOF = {"user_id": USER, "identification": IDENTIFICATION, "email": ADDRESS}
_MORE_THAN_ALLOWED = 6


async def aduana(scene: Scene) -> Walk:
    """The whole portal."""
    await scene.opens("front")
    yield State("front")
    async for state in signing_in(scene, USER, SPARE):
        yield state
    async for state in _searching(scene):
        yield state
    async for state in _asking(scene):
        yield state
    async for state in account(scene, USER, ADDRESS):
        yield state
    async for state in temporary_password(scene, USER, ADDRESS, _ask):
        yield state
    async for state in _throttled(scene):
        yield state
    async for state in refusals(scene, "recover"):
        yield state
    async for state in switched(scene, "recover", ("find_user_id", "temporary_password")):
        yield state


async def _searching(scene: Scene) -> Walk:
    await scene.opens("recover")
    yield State("search")
    async for state in _locks(scene):
        yield state
    await scene.opens("recover")
    await scene.sends("recover", SEARCH)
    yield State("search-missing", 422)
    await scene.sends("recover", SEARCH, **EMPLOYEE | {"find_company_ruc": "1799000012002"})
    yield State("search-problems", 422)
    await scene.sends("recover", SEARCH, **EMPLOYEE | {"find_identification": "3059999049"})
    yield State("search-nothing-found", 422)
    await scene.sends("recover", SEARCH, **EMPLOYEE)
    yield State("search-found")


async def _locks(scene: Scene) -> Walk:
    """Every classification, with the fields that it locks: by script at once, without by a press of «Continuar»."""
    chosen = [one.id for one in scene.portal.file.classification]
    if scene.visitor.scripts:
        for one in chosen:
            await scene.visitor.types(finding.control("classification"), one)
            yield State(f"search-locked-for-{one.replace('_', '-')}")
    async with scene.visitor.unscripted():
        kinds = {one.requires: one.id for one in reversed(scene.portal.file.classification)}
        for one in kinds.values():
            await scene.opens("recover")
            await scene.sends("recover", CONTINUE, find_classification=one)
            yield State(f"search-continued-for-{one.replace('_', '-')}")


async def _asking(scene: Scene) -> Walk:
    await scene.opens("recover")
    await scene.sends("recover", SEND)
    yield State("request-missing", 422)
    async with scene.visitor.unscripted():
        await scene.opens("recover")
        await scene.sends("recover", SEND, **_PROOF | {"user_id": "m lopez", "email": "maria.lopez@correo"})
        yield State("request-problems", 422)
    if scene.visitor.scripts:
        await scene.opens("recover")
        await scene.visitor.asks(scene.page("recover"), SEND, _PROOF)
        yield State("request-dialog")
    async with scene.visitor.unscripted():
        await scene.opens("recover")
        await scene.visitor.asks(scene.page("recover"), SEND, _PROOF)
        yield State("request-question")
        await scene.sends("recover", NO)
        yield State("request-not-sent")
    for name in ("request-sent", "request-sent-again"):
        await _ask(scene)
        yield State(name)


async def _ask(scene: Scene) -> None:
    await scene.opens("recover")
    await scene.visitor.asks(scene.page("recover"), SEND, _PROOF)
    await scene.sends("recover", YES)


async def _throttled(scene: Scene) -> Walk:
    await scene.opens("recover")
    for _ in range(_MORE_THAN_ALLOWED):
        await scene.sends("recover", SEARCH, **EMPLOYEE)
    yield State("search-throttled", 429)
