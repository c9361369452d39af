"""The canary (S44): everything is done, everything fails, all is logged at the lowest level, and no line tells who."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from reclave.adapters.directory_builtin import BuiltinDirectory
from reclave.adapters.entropy import SystemEntropy
from reclave.adapters.log_events import LOG_EVENTS
from reclave.domain.time import HOUR
from reclave.pages.mail import Post
from reclave.ports.store import Store
from tests.journeys.test_secrets_at_rest import NEW, ONE, TWO, captured_logs, everything
from tests.stores import Clock
from tests.worker.post_office import Refusals
from tests.world import NEW_PASSWORD, World, nit, open_world, report_link

THIRD = "pagos@costa.example"
TEMPORARY, HANDLE = len("hk9gp7-xx44fk-v6kv4j"), 22
TYPED = {
    "identifier": "maria.lopez-77",
    "document": "AB123456",
    "phone": "+57 601 555 0134",
    "code": "K7QW-3MZX",
    "password": "clave secreta de maria",
    "email": "maria.lopez@ñandú.example",
}
CLIENTS = ("203.0.113.7", "10.0.0.7", "2001:db8:17::7")
SAID = f"550 5.1.1 <{TWO}>: nobody with {nit(0)} here, call {TYPED['phone']}"


@pytest.fixture
async def world(store: Store, tmp_path: Path, clock: Clock) -> AsyncIterator[World]:
    """The payments portal, whose mail server quotes the recipient and more as it refuses one."""
    refusals = Refusals({THIRD: [SAID, SAID]})
    async with open_world(store, tmp_path, clock, policy=refusals) as opened:
        yield opened


async def send_what_no_form_sends(world: World) -> None:
    """Type values into every field there is, into paths and into headers."""
    for address in CLIENTS:
        person = world.person(address=address)
        for page in ("", "recuperar", "registro", "cambiar-clave"):
            await person.post(f"/pagos/{page}", TYPED)
            await person.get(f"/pagos/{page}", **{"user-agent": TYPED["identifier"], "x-forwarded-for": CLIENTS[0]})
        await person.sign_in(TYPED["identifier"], TYPED["password"])
        await person.get(f"/pagos/{TYPED['document']}?email={ONE}&notice={TYPED['identifier']}")
        await person.client.post("/pagos/", content=f"identifier=%00{nit(0)}&password={NEW_PASSWORD}".encode())


async def fail_everywhere(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each part fail with an error whose message quotes what it worked on."""
    stop = asyncio.Event()
    refused = 0

    async def refuses(*values: Any, **_: Any) -> None:
        nonlocal refused
        refused += 1
        if refused == 3:  # by the form, by the batch, and alone
            stop.set()
        raise ValueError(f"nothing known of {values[2:]!r}, {TYPED['identifier']!r} or {ONE}")

    def cannot_be_written(_self: Post, *values: Any, **more: Any) -> None:
        raise RuntimeError(f"{values!r} {more!r}")

    world.wait(HOUR)
    await world.person().ask(ONE)
    with monkeypatch.context() as patch:
        patch.setattr(Post, "compose", cannot_be_written)
        await world.work()
    world.wait(HOUR)
    await world.person().ask(ONE)
    with monkeypatch.context() as patch:
        patch.setattr(BuiltinDirectory, "try_password", refuses)
        patch.setattr(BuiltinDirectory, "by_addresses", refuses)
        await failing(world.person().sign_in(nit(0), TYPED["password"]))
        async with asyncio.timeout(20):
            await world.worker.run(stop)
    with monkeypatch.context() as patch:
        patch.setattr(SystemEntropy, "bytes", lambda _, count: bytes(count))
        for address in (NEW, TYPED["email"].replace("ñandú", "nandu")):
            await failing(world.person().ask(address))


async def failing(request: Any) -> None:
    """Make a request whose fault the test client passes on."""
    try:
        await request
    except Exception as fault:  # any: the one that was provoked is what libraries then talk of
        logging.getLogger("library").debug("passed on", exc_info=fault)


def libraries_talk(secrets: list[str]) -> None:
    """What libraries may say of what they are given; what has no shape of its own never reaches one."""
    shaped = [secret for secret in secrets if " " not in secret and (len(secret) == TEMPORARY or len(secret) > HANDLE)]
    assert len(shaped) > 2
    for name in ("uvicorn.error", "httpx2", "asyncio"):
        for secret in (*shaped, ONE, nit(0), *CLIENTS, TYPED["phone"], TYPED["document"], TYPED["email"]):
            logging.getLogger(name).warning("invalid: %s\r\n{}", secret)


@pytest.mark.req("S44")
async def test_no_secret_no_address_and_no_number_gets_into_any_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.seed("aduana")
    with captured_logs() as written:
        secrets = await everything(world)
        secrets += [report_link(world.mails(TWO)[0]).rpartition("/")[2]]
        await world.person().ask(THIRD)
        await world.work()
        await send_what_no_form_sends(world)
        await fail_everywhere(world, monkeypatch)
        libraries_talk(secrets)
    lines = written.getvalue().splitlines()
    said = [json.loads(line) for line in lines]
    events = {each["event"] for each in said}
    failed = {"attempt_failed", "request_failed", "batch_failed", "stage_failed"}
    assert {"page_answered", "delivery", *failed} <= events
    ours = {event.name for event in LOG_EVENTS}
    assert {each["event"] for each in said if each["logger"].startswith("reclave")} <= ours
    canaries = [*secrets, *TYPED.values(), ONE, TWO, THIRD, NEW, nit(0), "900.100.001-1", *CLIENTS, "maria.lopez"]
    for canary in canaries:
        assert json.dumps(canary)[1:-1] not in written.getvalue(), canary
