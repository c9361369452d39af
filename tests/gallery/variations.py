"""What a portal's file can ask for and no demo portal does: the same pages with other settings, in short walks."""

import re
from collections.abc import Callable
from pathlib import Path

from tests.gallery import aduana, compras
from tests.gallery.scene import Scene, State, Walk
from tests.world import code_in


def rewritten(portal: str, *changes: tuple[str, str]) -> Callable[[Path], None]:
    """Changes a portal's file by regular expressions, each of which must be found."""

    def rewrite(folder: Path) -> None:
        path = folder / f"{portal}.toml"
        text = path.read_text("utf-8")
        for pattern, change in changes:
            text, times = re.subn(pattern, change, text, flags=re.MULTILINE)
            assert times, pattern
        path.write_text(text, "utf-8")

    return rewrite


by_mail = rewritten(
    "aduana",
    (r'^reveal = "screen".*$', 'reveal = "mail"'),
    (r"^daily_budget = .*\n", ""),
    (r"(\[journeys\.find_user_id\]\n(?:.*\n)*?)label = .*\ntitle = .*\n", r"\1"),
    (r"^\[journeys\.temporary_password\]", '[journeys.first_sign_in]\nlifetime = "30d"\nfinish = "24h"\n\n\\g<0>'),
)
code_only = rewritten(
    "compras",
    (r"^contact = .*\n", ""),
    (r'^presents = \["link", "code"\].*$', 'presents = ["code"]'),
    (r'^proves = \["user_name"\]', 'proves = ["email"]'),
)
confirmed_link = rewritten(
    "compras",
    (r'^presents = \["link", "code"\].*$', 'presents = ["link"]\nconfirm = true'),
    (r'^proves = \["user_name"\]', 'proves = ["user_name", "email"]'),
    (r"^code_lifetime = .*\n", ""),
)


async def found_by_mail(scene: Scene) -> Walk:
    """A search whose answer goes to the registered address; initial passwords that are no company's."""
    await scene.opens("sign_in")
    yield State("sign-in-with-first-use")
    await scene.opens("recover")
    yield State("search")
    await scene.sends("recover", aduana.SEARCH, **aduana.EMPLOYEE)
    yield State("search-sent")
    await scene.opens("recover")
    await scene.sends("recover", aduana.SEARCH, **aduana.EMPLOYEE)
    yield State("search-sent-again")
    await scene.opens("recover")
    yield State("search-filled-in")


async def by_code(scene: Scene) -> Walk:
    """A recovery by address that mails a code and no link; a statement that names nobody to write to."""
    await scene.opens("accessibility")
    yield State("accessibility")
    await scene.opens("recover")
    yield State("recover")
    await scene.sends("recover", email=compras.ADDRESS)
    yield State("recover-sent")
    await scene.sends("recover_code", code=code_in(await scene.mail(compras.ADDRESS)))
    yield State("reset")


async def by_confirmed_link(scene: Scene) -> Walk:
    """A recovery that asks for two things and once more, and mails a link and no code."""
    await scene.opens("recover")
    yield State("recover")
    asked = {"user_name": compras.USER, "email": compras.ADDRESS}
    if scene.visitor.scripts:
        await scene.visitor.asks(scene.page("recover"), aduana.SEND, asked)
        yield State("recover-dialog")
    async with scene.visitor.unscripted():
        await scene.opens("recover")
        await scene.sends("recover", aduana.SEND, **asked)
        yield State("recover-question")
        await scene.sends("recover", aduana.YES)
        yield State("recover-sent")
