"""Bad input gets a clear 4xx page in the reader's language and changes nothing (S33, S34, S49)."""

import asyncio

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.world import DEMO_PASSWORD, World, nit, opened_page

FORM = "application/x-www-form-urlencoded"
ASKING = {
    "/pagos/recuperar": b"email",
    "/aduana/recuperar": b"identification",
    "/compras/recuperar": b"user_name",
    "/compras/recuperar/codigo": b"code",
    "/compras/usuario": b"email",
    "/compras/cambiar": b"password",
}
"""Forms that anybody can send, and a field of each."""
FORMS = ["/pagos/", "/pagos/no-fui-yo", "/pagos/salir", "/aduana/ingresar", *ASKING]


async def raw(world: World, path: str, body: bytes, content_type: str = FORM) -> httpx2.Response:
    """Send a body as it is."""
    return await world.person().client.post(path, content=body, headers={"content-type": content_type})


async def changed(world: World) -> bool:
    """Whether anything was accepted or queued."""
    async with world.services.store.reading() as tx:
        waiting, _ = await tx.intakes.waiting()
    return bool(waiting) or bool(await world.work())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"email=a%ff%40b.example", 400),
        (b"email=a%00%40b.example", 400),
        (b"email=a%0d%0aBcc:x%40b.example", 400),
        (b"email=a%40b.example&email=c%40d.example", 400),
        (b"email[]=a%40b.example", 400),
        (b"email=a%40b.example&admin=1", 400),
        (b"email=%4", 400),
        (b"email=" + b"a" * 20_000, 413),
        (b"&".join(b"f%d=1" % n for n in range(50)), 400),
        (b"email=\xe9%40b.example", 400),
        (b"email=%ed%a0%80%40b.example", 400),
    ],
)
@pytest.mark.parametrize("path", ASKING)
@pytest.mark.req("S33", "S49")
async def test_a_form_that_no_page_of_ours_sends_is_refused_with_a_page(
    world: World, path: str, body: bytes, status: int
) -> None:
    answered = await raw(world, path, body.replace(b"email", ASKING[path]))
    assert answered.status_code == status
    assert "No cambió nada" in answered.text
    assert not await changed(world)


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
async def test_another_content_type_is_refused(world: World, content_type: str) -> None:
    answered = await raw(world, "/pagos/recuperar", b"email=a%40b.example", content_type)
    assert answered.status_code == 415


@pytest.mark.parametrize(
    "address",
    [
        "",
        "   ",
        "sin-arroba",
        "a@b.example, c@d.example",
        "a@b.example;c@d.example",
        "Ana <a@b.example>",
        "=?utf-8?q?a?=@b.example",
        '"a b"@b.example',
        "a(comment)@b.example",
        "tesorerı\u0061@andina.example",
        "tesoreria@andina.example\u2028",
        "te\u017foreria@andina.example",
        "tesoreria@\u212aandina.example",
        "tesoreria\uff20andina.example",
        "x" * 65 + "@b.example",
        "a@" + "b" * 260 + ".example",
        "a@b@c.example",
    ],
)
@pytest.mark.req("S33", "S34")
async def test_what_is_no_plain_address_is_said_at_the_field_and_kept(world: World, address: str) -> None:
    answered = await world.person().ask(address)
    assert answered.status_code in {400, 422}
    if answered.status_code == 422:
        assert 'id="email-error"' in answered.text
        assert "<title>Error:" in answered.text
        assert 'href="#email"' in answered.text
    assert not await changed(world)


@pytest.mark.req("S34")
@pytest.mark.parametrize(
    "address", ["TESORERIA@ANDINA.EXAMPLE", " tesoreria@andina.example ", "Tesoreria@Andina.Example"]
)
async def test_case_and_edges_do_not_matter_and_mail_goes_to_the_stored_spelling(world: World, address: str) -> None:
    await world.person().ask(address)
    await world.work()
    (mail,) = world.maildrop.messages()
    assert mail.recipients == ("tesoreria@andina.example",) or list(mail.recipients) == ["tesoreria@andina.example"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nada/", 404),
        ("/pagos/nada", 404),
        ("/pagos/static/x.css", 404),
        ("/pagos/static/..%2f..%2fsettings.py", 404),
        ("/.well-known/nonsense", 404),
        ("/pagos/salir", 405),
        ("/pagos/no-fui-yo/", 307),
    ],
)
@pytest.mark.req("S48", "S49")
async def test_unknown_portals_paths_and_methods_have_a_page(world: World, path: str, status: int) -> None:
    answered = await world.person().get(path)
    assert answered.status_code == status
    if status in {404, 405}:
        assert '<html lang="es">' in answered.text
        assert 'href="' in answered.text


async def test_an_error_page_speaks_the_readers_language(world: World) -> None:
    for language, heard in (("pt-BR", "pt-BR"), ("en-GB", "en"), ("qu", "es")):
        answered = await world.person(language=language).get("/pagos/nada")
        assert f'<html lang="{heard}">' in answered.text


@pytest.mark.req("S30")
@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://localhost:8000"}, False),
        ({"origin": "http://localhost:8000"}, True),
        ({"origin": "http://localhost:8001"}, False),
        ({"origin": "null"}, False),
        ({"referer": "http://localhost:8000/pagos/"}, True),
        ({"referer": "http://localhost:8000.evil.example/"}, False),
        ({"referer": "http://[broken"}, False),
        ({}, False),
    ],
)
async def test_an_unsafe_request_must_prove_where_it_comes_from(
    world: World, headers: dict[str, str], passes: bool
) -> None:
    client = world.person().client
    del client.headers["sec-fetch-site"]
    answered = await client.post("/pagos/recuperar", data={"email": "a@b.example"}, headers=headers)
    assert answered.status_code == (303 if passes else 403)
    if not passes:
        assert "No cambió nada" in answered.text


@pytest.mark.req("S32")
async def test_a_forged_host_changes_no_link_in_a_mail(world: World) -> None:
    client = world.person().client
    forged = {"host": "evil.example", "x-forwarded-host": "evil.example", "forwarded": "host=evil.example"}
    await client.post("/pagos/recuperar", data={"email": "tesoreria@andina.example"}, headers=forged)
    await world.work()
    (mail,) = world.maildrop.messages()
    assert b"evil.example" not in mail.raw
    assert b"http://localhost:8000/pagos/" in mail.raw.replace(b"=\r\n", b"")


@pytest.mark.req("S46", "S28")
async def test_every_answer_carries_the_security_headers(world: World) -> None:
    person = world.person()
    for answered in (
        await person.get("/pagos/"),
        await person.get("/pagos/nada"),
        await person.ask("a@b.example"),
        await person.get("/"),
    ):
        policy = answered.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answered.headers["x-content-type-options"] == "nosniff"
        assert answered.headers["referrer-policy"] == "same-origin"
        assert "max-age" in answered.headers["strict-transport-security"]
        for cookie in answered.headers.get_list("set-cookie"):
            assert cookie.startswith("__Host-reclave-pagos")
            for flag in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"):
                assert flag in cookie
    assert (await person.get("/pagos/recuperar/enviada")).headers["cache-control"] == "no-store"


async def test_the_first_page_sets_no_cookie_and_is_answered_304_when_known(world: World) -> None:
    person = world.person()
    first = await person.get("/pagos/")
    assert "set-cookie" not in first.headers
    again = await person.get("/pagos/", **{"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


@pytest.mark.req("S48")
async def test_the_well_known_address_leads_to_the_change_of_password_or_to_the_list_of_portals(world: World) -> None:
    several = await world.person().get("/.well-known/change-password")
    assert opened_page(several) == "/"
    for other in ("aduana", "compras"):
        del world.services.portals[other]
    only = await world.person().get("/.well-known/change-password")
    assert opened_page(only) == "/pagos/cuenta/contrasena"


@pytest.mark.req("S27", "S49")
@pytest.mark.parametrize("value", ["x", "%00", "A" * 4000, "ÿ", "A" * 22, "..", '"'])
@pytest.mark.parametrize("name", ["__Host-reclave-pagos", "__Host-reclave-pagos-flow", "__Host-reclave-pagos-device"])
async def test_a_forged_cookie_opens_nothing_and_breaks_nothing(world: World, name: str, value: str) -> None:
    headers = {b"cookie": f"{name}={value}".encode("latin-1")}
    for path in ("/pagos/", "/pagos/cuenta", "/pagos/registro", "/pagos/recuperar/enviada", "/pagos/no-fui-yo"):
        answered = await world.person().client.get(path, headers=headers)
        assert answered.status_code < 500
        assert answered.status_code != 200 or path == "/pagos/"


@pytest.mark.req("S49")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(FORMS),
    body=st.one_of(
        st.binary(max_size=300),
        st.dictionaries(
            st.sampled_from(["identifier", "password", "email", "confirm", "lang"]), st.text(max_size=60), max_size=4
        ).map(lambda fields: str(httpx2.QueryParams(fields)).encode()),
    ),
)
async def test_no_body_makes_a_server_error(world: World, path: str, body: bytes) -> None:
    answered = await raw(world, path, body)
    assert answered.status_code < 500


@pytest.mark.req("S49")
async def test_more_hashing_than_the_machine_takes_is_answered_503_and_loses_nothing(world: World) -> None:
    people = [world.person(address=f"203.0.113.{n}") for n in range(40)]
    answers = await asyncio.gather(*(person.sign_in(nit(0), DEMO_PASSWORD) for person in people))
    statuses = {answer.status_code for answer in answers}
    assert statuses <= {303, 503, 429}
    for busy in (answer for answer in answers if answer.status_code == 503):
        assert int(busy.headers["retry-after"]) >= 1
