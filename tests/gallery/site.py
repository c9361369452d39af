"""What belongs to no portal: the list of portals, and errors outside of them."""

from reclave.web import refusal
from tests.gallery.scene import Scene, State, Walk


async def site(scene: Scene) -> Walk:
    """The host that the portals share."""
    visitor = scene.visitor
    await visitor.opens("/")
    yield State("portals")
    await visitor.opens("/nada")
    yield State("not-found", 404)
    await visitor.posts("/", "a=b")
    yield State("method-not-allowed", 405)
    await visitor.opens("/.well-known/change-password")
    for status in refusal._TEXTS if visitor.language == "es" else ():  # these pages speak all languages at once
        await visitor.shows(refusal.plain_page(status, None, None), status)
        yield State(f"refused-{status}", status)
