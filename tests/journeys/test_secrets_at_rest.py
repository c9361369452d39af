"""Nothing redeemable at rest (invariant 4, S9, S44): a dump of database, logs and mail queue opens nothing."""

import base64
import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import select

from reclave.adapters.logs import configure_logs, masked
from reclave.adapters.sql.store import SqlStore
from reclave.adapters.sql.tables import metadata
from reclave.domain.time import MINUTE
from tests.world import (
    DEMO_PASSWORD,
    NEW_PASSWORD,
    World,
    code_in,
    nit,
    opened_page,
    report_link,
    temporary_passwords,
)

ONE = "tesoreria@andina.example"
TWO = "pagos@grupo.example"
NEW = "contabilidad@nueva.example"


async def everything(world: World) -> list[str]:
    """Go through every journey and return each secret that a person was given on the way."""
    secrets = [DEMO_PASSWORD, NEW_PASSWORD, world.seeded["900.200.002-8"].password]
    for address in (ONE, TWO):
        await world.person().ask(address)
    await world.person().ask("nadie@nada.example")
    first = world.person()
    await first.sign_in(nit(1), secrets[2])
    await first.register(NEW)
    await world.work()
    for mail in world.maildrop.messages():
        secrets += temporary_passwords(mail)
    secrets += [code_in(world.mails(NEW)[0]), report_link(world.mails(ONE)[0]).rpartition("/")[2]]
    owner = world.person()
    await owner.sign_in(nit(0), DEMO_PASSWORD)
    changing = world.person()
    await changing.sign_in(nit(2), temporary_passwords(world.mails(TWO)[0])[0])
    for person in (first, owner, changing):
        secrets += [value for name, value in person.client.cookies.items() if not name.endswith("flow")]
    return secrets


async def dump(store: SqlStore) -> list[object]:
    """Every value of every row."""
    values: list[object] = []
    async with store.database.reading() as (connection, _):
        for table in metadata.sorted_tables:
            for row in await connection.execute(select(table)):
                values += [value for value in row if value is not None]
    return values


@contextmanager
def captured_logs() -> Iterator[io.StringIO]:
    """Everything that is logged, at the lowest level."""
    written = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    configure_logs("debug")
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    try:
        yield written
    finally:
        root.handlers[:] = before
        root.setLevel(level)


@pytest.mark.req("S9", "I4")
async def test_a_dump_holds_no_secret_and_nothing_in_it_opens_anything(world: World) -> None:
    if not isinstance(world.services.store, SqlStore):
        store_kind = type(world.services.store).__name__
        assert store_kind == "MemoryStore"  # nothing of it is at rest
        return
    secrets = await everything(world)
    values = await dump(world.services.store)
    assert len(values) > 300
    as_text = "\n".join(
        value.hex() + " " + base64.urlsafe_b64encode(value).decode() if isinstance(value, bytes) else str(value)
        for value in values
    )
    for secret in secrets:
        assert len(secret) > 8
        assert secret not in as_text
        assert secret.encode().hex() not in as_text
    world.wait(MINUTE)
    thief = world.person(address="198.51.100.99")
    for value in {v for v in values if isinstance(v, bytes) and 8 <= len(v) <= 64}:
        for length in (16, len(value)):
            cookie = base64.urlsafe_b64encode(value[:length]).decode().rstrip("=")
            headers = {"cookie": f"__Host-reclave-pagos={cookie}"}
            for path in ("/pagos/cuenta", "/pagos/registro"):
                assert opened_page(await thief.client.get(path, headers=headers)) == "/pagos/?notice=session_ended"
        token = base64.urlsafe_b64encode(b"\x01" + value + bytes(41))[:56].decode()
        await thief.get(f"/pagos/no-fui-yo/{token}")
        assert (await thief.get("/pagos/no-fui-yo")).status_code == 404


@pytest.mark.req("S9", "S50")
async def test_what_an_intake_kept_is_erased_when_it_is_resolved(world: World) -> None:
    await world.person().ask(ONE)
    async with world.services.store.transaction() as tx:
        (claimed,) = await tx.intakes.claim(limit=1, lease=0)
    assert claimed.sealed_fields is not None
    assert ONE.encode() not in claimed.sealed_fields
    await world.work()
    async with world.services.store.reading() as tx:
        resolved = await tx.intakes.get("pagos", claimed.id)
    assert resolved is not None
    assert resolved.sealed_fields is None


@pytest.mark.req("S44")
async def test_no_secret_no_address_and_no_number_gets_into_the_logs(world: World) -> None:
    with captured_logs() as written:
        secrets = await everything(world)
        failing = world.person()
        await failing.client.post("/pagos/", content=b"identifier=%00&password=x")
    lines = written.getvalue().splitlines()
    assert len(lines) >= 3
    assert all(json.loads(line)["event"] for line in lines)
    for canary in [*secrets, ONE, TWO, NEW, nit(0), "900.100.001-1", "203.0.113.7"]:
        assert canary not in written.getvalue()


@pytest.mark.req("S44")
@pytest.mark.parametrize(
    "text",
    [
        "mail to maria@empresa.example",
        "password hk9gp7-xx44fk-v6kv4j",
        "/no-fui-yo/ASgXve_s04PuNfcBOl_e3r02mkZ6s792hE_k4EG-Yrjl7DniF9NLu18x",
        "nit 900.100.001-1",
        "from 203.0.113.7 port",
    ],
)
def test_a_log_line_loses_what_has_the_shape_of_a_secret(text: str) -> None:
    assert "[" in masked(text)
    assert text.rpartition(" ")[2] not in masked(text) or text.endswith("port")
