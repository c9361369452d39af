"""Help where it is needed: «No me llegó el correo», where to find what a form asks for, what was understood."""

import re
from dataclasses import replace
from html import unescape

import pytest

from reclave.domain.outbox import CROWD
from reclave.domain.time import MINUTE
from reclave.journeys.mail_pace import Expected
from tests.contracts.rows import a_message, new_id
from tests.world import NEW_PASSWORD, Person, World, nit

SENT = "/pagos/recuperar/enviada"


def read(text: str) -> str:
    """A page as it reads: without tags, with single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def opened(text: str) -> bool:
    """Whether «No me llegó el correo» stands open."""
    return re.search(r'<details class="help" open>', text) is not None


async def waiting(world: World, address: str = "ana@andina.example") -> str:
    person = world.person()
    await person.ask(address)
    return (await person.get(SENT)).text


async def at_the_code(world: World) -> Person:
    """Someone at first sign-in, whose address waits for its code."""
    person = world.person()
    initial = next(one for one in world.seeded.values() if one.identifier.replace(".", "").replace("-", "") == nit(1))
    assert (await person.sign_in(initial.identifier, initial.password)).status_code == 303
    await person.register("gerencia@primera.example", NEW_PASSWORD)
    return person


async def test_every_page_that_waits_for_a_mail_says_what_to_do_when_it_does_not_come(world: World) -> None:
    await world.seed("compras")
    person = world.person()
    await person.ask("ana@andina.example")
    await person.post("/compras/recuperar", {"user_name": "ferreteria.sur"})
    names = world.person()
    await names.post("/compras/usuario", {"email": "ana@andina.example"})
    first = await at_the_code(world)
    pages = [
        await person.get("/pagos/recuperar/enviada"),
        await person.get("/compras/recuperar/enviada"),
        await names.get("/compras/usuario/enviado"),
        await first.get("/pagos/registro/codigo"),
    ]
    for page in pages:
        said = read(page.text)
        reference = re.search(r"Referencia ([0-9A-Z]{4}-[0-9A-Z]{4})", said)
        sender = re.search(r"Remitente (\S+@\S+)", said)
        assert reference, page.url
        assert sender, page.url
        assert "No me llegó el correo" in said
        assert f"Busque la referencia {reference[1]} en su buzón" in said
        assert f"Agregue {sender[1]} a sus contactos" in said
        assert "correo no deseado" in said
        assert 'href="#help"' in page.text
        assert 'id="help"' in page.text
        assert not opened(page.text)


@pytest.mark.req("S1")
async def test_the_minutes_and_the_slowness_are_the_portals_and_the_same_for_everybody(world: World) -> None:
    assert "Espere unos minutos" in read(await waiting(world))
    world.services.mail_pace._expected["pagos"] = Expected(5 * MINUTE, slow=True)
    pages = []
    for address in ("tesoreria@andina.example", "nadie@andina.example"):
        text = await waiting(world, address)
        assert "suele tardar menos de 5 minutos" in read(text)
        assert "En este momento los correos tardan más de lo normal" in read(text)
        assert opened(text)
        pages.append(re.sub(r"[0-9A-Z]{4}-[0-9A-Z]{4}", "REF", text.replace(address, "ADDRESS")))
    assert pages[0] == pages[1]


@pytest.mark.req("S2")
@pytest.mark.parametrize(("recipients", "slow"), [(1, False), (CROWD, True)])
async def test_mail_that_does_not_go_out_is_said_when_it_is_many_peoples(
    world: World, recipients: int, slow: bool
) -> None:
    async with world.services.store.transaction() as tx:
        for _ in range(recipients):
            await tx.outbox.add(replace(a_message(), recipient=new_id(32)))
    world.wait(10 * MINUTE)
    await world.services.mail_pace.refresh(world.services.store, world.services.portals)
    assert ("tardan más de lo normal" in read(await waiting(world))) is slow


async def test_asking_again_too_early_opens_what_helps(world: World) -> None:
    person = world.person()
    await person.ask("ana@andina.example")
    await person.ask("ana@andina.example")
    assert opened((await person.get(SENT)).text)


@pytest.mark.parametrize(
    ("path", "questions"),
    [
        ("/pagos/", ["NIT de la empresa", "Contraseña"]),
        ("/pagos/recuperar", ["Introduzca su correo electrónico"]),
        ("/aduana/ingresar", ["ID usuario", "Clave"]),
        ("/compras/", ["Nombre de usuario"]),
        ("/compras/recuperar", ["Nombre de usuario"]),
        ("/compras/usuario", ["Introduzca su correo electrónico"]),
    ],
)
async def test_each_form_says_where_to_find_what_it_asks_for(world: World, path: str, questions: list[str]) -> None:
    text = (await world.person().get(path)).text
    asked = re.findall(r'<details class="where">\s*<summary>[^<]+<span class="unseen"> ([^<]+)</span></summary>', text)
    assert asked == questions


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("es", "El dígito de verificación es el último, después del guion: en 900.123.456-8 es el 8."),
        ("en", "The check digit is the last one, after the dash: in 900.123.456-8 it is the 8."),
        ("pt", "O dígito verificador é o último, depois do hífen: em 900.123.456-8 é o 8."),
    ],
)
async def test_where_the_check_digit_stands_is_said_in_each_language(world: World, language: str, said: str) -> None:
    assert said in read((await world.person(language=language).get("/pagos/")).text)


async def test_which_documents_count_as_identification_is_said_beside_both_fields(world: World) -> None:
    text = read((await world.person().get("/aduana/recuperar")).text)
    assert text.count("Cédula: los 10 dígitos del frente") == 2
    assert text.count("Licencias y otros carnés no sirven.") == 2


@pytest.mark.parametrize(
    "typed",
    [
        "900.300.003-4",
        "９００３００００３－４",
        "<900300003/4>;",
        "NIT 900 300 003\u20134",
        "\u202d900300003-4\u202c\t",
    ],
)
async def test_a_refused_sign_in_shows_how_the_nit_was_read(world: World, typed: str) -> None:
    answered = await world.person().sign_in(typed, "otra que no es la suya")
    assert answered.status_code == 422
    shown = "Entendimos: 900.300.003-4" in read(answered.text)
    assert shown is (typed != "900.300.003-4")
    if shown:
        assert 'id="identifier-read"' in answered.text
        assert 'aria-describedby="identifier-hint identifier-read"' in answered.text


async def test_a_nit_without_its_check_digit_is_asked_about_whether_or_not_it_exists(world: World) -> None:
    said = set()
    for number in (nit(0), "9007777777"):
        answered = await world.person().sign_in(number[:-1], "otra que no es la suya")
        assert answered.status_code == 422
        said.add(re.sub(r"9[0-9.]+(-[0-9])?", "N", read(answered.text)))
    (text,) = said
    assert "Falta el dígito de verificación: es el último, después del guion. ¿Quiso escribir N?" in text


@pytest.mark.req("S34")
@pytest.mark.parametrize(
    "typed",
    [
        "<mailto:Tesoreria@ANDINA.example?subject=Clave>;",
        "\u200btesoreria @ andina.example. ",
        "«tesoreria@andina.example»,",
    ],
)
async def test_an_address_with_what_copying_adds_is_read_and_shown_as_it_was_understood(
    world: World, typed: str
) -> None:
    person = world.person()
    assert (await person.ask(typed)).status_code == 303
    assert "enviamos una contraseña temporal a tesoreria@andina.example" in read((await person.get(SENT)).text)
    await world.work()
    assert len(world.mails("tesoreria@andina.example")) == 1


async def test_a_likely_slip_in_an_address_is_asked_about_and_never_mended(world: World) -> None:
    person = world.person()
    await person.ask("ana@corero.example")
    text = (await person.get(SENT)).text
    assert "enviamos una contraseña temporal a ana@corero.example" in read(text)
    assert "¿Quiso escribir ana@correo.example ?" in read(text)
    assert '<input type="hidden" name="email" value="ana@correo.example">' in text
    await person.ask("ana@correo.example")
    assert "¿Quiso escribir" not in read((await person.get(SENT)).text)


async def test_what_was_understood_of_several_fields_is_shown_before_and_after_the_question(world: World) -> None:
    person = world.person()
    typed = {"user_id": " MLopez, ", "identification": "C.I. 3059999015.", "email": "maria.lopez@CORREO.example"}
    asked = await person.post("/aduana/recuperar", {"action": "send", **typed})
    for page in (asked.text, ""):
        if not page:
            fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', asked.text))
            assert (await person.post("/aduana/recuperar", {"confirmed": "yes", **fields})).status_code == 303
        said = read(page or (await person.get("/aduana/recuperar/enviada")).text)
        assert "ID usuario mlopez Identificación 305999901-5 Correo electrónico maria.lopez@correo.example" in said


async def test_a_number_that_reads_but_looks_mistyped_is_pointed_at(world: World) -> None:
    person = world.person()
    typed = {"user_id": "mlopez", "identification": "3059999016", "email": "maria.lopez@correo.example"}
    asked = await person.post("/aduana/recuperar", {"action": "send", **typed})
    assert "Identificación 3059999016 Si es una cédula, uno de sus dígitos no es correcto." in read(asked.text)


async def test_a_refused_field_keeps_what_was_typed_and_the_others_show_how_they_were_read(world: World) -> None:
    typed = {"user_id": "MLopez", "identification": "30599990", "email": "sin arroba"}
    answered = await world.person().post("/aduana/recuperar", {"action": "send", **typed})
    assert answered.status_code == 422
    assert "Entendimos: mlopez" in read(answered.text)
    assert 'value="sin arroba"' in answered.text
    assert read(answered.text).count("Entendimos:") == 1
