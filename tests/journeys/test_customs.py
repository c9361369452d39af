"""The customs portal's one page: finding the user ID (A4–A9, A13) and the temporary key (A10–A12)."""

import re

import httpx2
import pytest

from reclave.domain.limits import Cost, Limit, Scope
from reclave.domain.time import DAY, MINUTE
from tests.world import NEW_PASSWORD, World, opened_page, temporary_passwords

PAGE, SENT = "/aduana/recuperar", "/aduana/recuperar/enviada"
EXPERT = {"find_classification": "expert", "find_identification": "XA1234567", "find_email": "perito@correo.example"}
MARIA = {"user_id": "mlopez", "identification": "3059999015", "email": "maria.lopez@correo.example"}
RUC = "1799000012001"


@pytest.fixture(autouse=True)
async def customs(world: World) -> None:
    """The customs portal's accounts."""
    await world.seed("aduana")


async def search(world: World, **typed: str) -> httpx2.Response:
    """Press «Buscar ID»."""
    return await world.person().post(PAGE, {"action": "search", **typed})


async def sends(world: World, address: str = "203.0.113.7", **typed: str) -> httpx2.Response:
    """Say «Sí» to the question, and let the worker work."""
    answer = await world.person(address=address).post(PAGE, {"confirmed": "yes", **typed})
    await world.work()
    return answer


@pytest.mark.statement("A9", "A13")
@pytest.mark.parametrize(
    ("classification", "typed", "expected"),
    [
        ("general_user", {"identification": "305999901-5", "email": "Maria.Lopez@correo.example"}, "mlopez"),
        ("legal_representative", {"identification": "3059999023", "company_ruc": RUC}, "repandes"),
        ("employee", {"identification": "3059999031", "company_ruc": RUC}, "jperez"),
        ("assistant", {"identification": "3059999049", "company_ruc": RUC}, "asoto"),
        (
            "public_entity_representative",
            {"identification": "3059999056", "company_ruc": "1760000040001"},
            "municipio1",
        ),
        ("public_official", {"identification": "3059999064", "company_ruc": "1760000040001"}, "fvera"),
        ("auditor", {"identification": "3059999072", "email": "auditor@correo.example"}, "auditor7"),
        ("expert", {"identification": "xa1234567", "email": "perito@correo.example"}, "perito9"),
        ("international_organization", {"identification": "D0099887", "company_ruc": "1799000020001"}, "onu-ayuda"),
        ("race", {"identification": "3059999080", "company_ruc": "1799000039001"}, "race22"),
    ],
)
async def test_each_classification_finds_its_one_account_and_fills_the_form_below(
    world: World, classification: str, typed: dict[str, str], expected: str
) -> None:
    values = {f"find_{name}": value for name, value in typed.items()}
    page = await search(world, find_classification=classification, **values)
    assert page.status_code == 200
    assert re.search(rf'id="user_id"[^>]*value="{expected}"', page.text)
    assert re.search(rf'id="identification"[^>]*value="{typed["identification"]}"', page.text)
    if "email" in typed:
        assert re.search(rf'id="email"[^>]*value="{typed["email"]}"', page.text)


@pytest.mark.statement("A9", "A1")
@pytest.mark.parametrize(
    "typed",
    [
        {**EXPERT, "find_identification": "XA7654321"},
        {**EXPERT, "find_email": "otro@correo.example"},
        {**EXPERT, "find_classification": "auditor"},
        {
            "find_classification": "general_user",
            "find_identification": "3059999098",
            "find_email": "pendiente@correo.example",
        },
        {
            "find_classification": "general_user",
            "find_identification": "3059999106",
            "find_email": "rechazada@correo.example",
        },
    ],
)
async def test_what_matches_no_account_or_one_that_may_not_recover_finds_nothing(
    world: World, typed: dict[str, str]
) -> None:
    page = await search(world, **typed)
    assert page.status_code == 422
    assert "No encontramos su ID de usuario" in page.text
    assert re.search(r'id="user_id"[^>]*value=""', page.text)


@pytest.mark.statement("A5", "A6", "A7", "A8")
@pytest.mark.parametrize(
    ("classification", "wanted", "locked"),
    [
        ("general_user", {"email", "identification"}, {"company_ruc"}),
        ("race", {"company_ruc", "identification"}, {"email"}),
        ("", {"identification"}, {"company_ruc", "email"}),
    ],
)
async def test_continue_opens_the_fields_of_the_classification_and_locks_the_rest(
    world: World, classification: str, wanted: set[str], locked: set[str]
) -> None:
    typed = {"find_classification": classification, "find_identification": "3059999015", "user_id": "mlopez"}
    page = await world.person().post(PAGE, {"action": "continue", **typed})
    assert page.status_code == 200
    controls = dict(re.findall(r'<input id="find_(\w+)"([^>]*)>', page.text))
    assert {name for name, said in controls.items() if " required" in said} == wanted
    assert {name for name, said in controls.items() if " disabled" in said} == locked
    assert 'value="3059999015"' in controls["identification"]
    assert re.search(r'id="user_id"[^>]*value="mlopez"', page.text)


@pytest.mark.statement("A8")
async def test_a_missing_field_stops_the_search_with_a_message_at_the_field_and_in_the_summary(world: World) -> None:
    page = await search(world, find_classification="employee", find_identification="3059999031")
    assert page.status_code == 422
    assert 'href="#find_company_ruc"' in page.text
    assert 'id="find_company_ruc-error"' in page.text
    unchosen = await search(world, find_identification="3059999031")
    assert 'href="#find_classification"' in unchosen.text


@pytest.mark.statement("A5")
async def test_what_a_classification_locks_is_ignored_by_the_server(world: World) -> None:
    page = await search(world, **EXPERT, find_company_ruc="no es un ruc")
    assert page.status_code == 200


@pytest.mark.statement("A9")
@pytest.mark.req("S4")
async def test_too_many_searches_for_one_person_or_from_one_place_are_told_honestly(world: World) -> None:
    for number in range(5):
        varied = {**EXPERT, "find_email": f"otro{number}@correo.example"}
        await world.person(address=f"198.51.100.{number}").post(PAGE, {"action": "search", **varied})
    refused = await world.person(address="198.51.100.77").post(PAGE, {"action": "search", **EXPERT})
    assert refused.status_code == 429
    assert "Demasiados intentos" in refused.text
    assert int(refused.headers["retry-after"]) > 0
    assert "perito9" not in refused.text


@pytest.mark.statement("A9")
async def test_the_daily_budget_of_the_portal_ends_all_searches(world: World) -> None:
    key = world.services.vault.digest("limit", "aduana", "find_user_id", "daily_budget")
    async with world.services.store.transaction() as tx:
        await tx.limits.take([Cost(key, Limit(500, DAY, Scope.PORTAL), 500)])
    assert (await search(world, **EXPERT)).status_code == 429


@pytest.mark.statement("A11")
async def test_only_yes_sends(world: World) -> None:
    person = world.person()
    question = await person.post(PAGE, {"action": "send", **MARIA})
    assert question.status_code == 200
    assert "¿Desea recibir una clave temporal?" in question.text
    refused = await person.post(PAGE, {"confirmed": "no", **MARIA})
    assert refused.status_code == 200
    assert re.search(r'id="user_id"[^>]*value="mlopez"', refused.text)
    await world.work()
    assert world.mails(MARIA["email"]) == []
    assert opened_page(await sends(world, **MARIA)) == SENT
    assert len(world.mails(MARIA["email"])) == 1


@pytest.mark.statement("A10")
@pytest.mark.req("S5", "I7")
@pytest.mark.parametrize(
    "wrong", [{"user_id": "perito9"}, {"identification": "3059999023"}, {"email": "ladron@correo.example"}]
)
async def test_all_three_must_match_and_nothing_goes_to_a_typed_address(world: World, wrong: dict[str, str]) -> None:
    typed = {**MARIA, **wrong}
    assert opened_page(await sends(world, **typed)) == SENT
    assert world.mails(MARIA["email"]) == world.mails(typed["email"]) == []


@pytest.mark.req("I1", "S4")
async def test_a_stranger_who_knows_the_user_id_alone_cannot_spend_the_owners_request(world: World) -> None:
    for number in range(8):
        await sends(world, address="198.51.100.9", **{**MARIA, "identification": f"AB12345{number}"})
    assert opened_page(await sends(world, **MARIA)) == SENT
    assert len(world.mails(MARIA["email"])) == 1


@pytest.mark.statement("A12")
async def test_the_mailed_key_opens_only_the_forced_change(world: World) -> None:
    await sends(world, **MARIA)
    (mail,) = world.mails(MARIA["email"])
    assert mail.subject.startswith("Clave temporal")
    assert "contraseña" not in (mail.text or "")
    assert "(hora de Ecuador)" in (mail.text or "")
    (secret,) = temporary_passwords(mail)
    person = world.person()
    signed_in = await person.post("/aduana/ingresar", {"identifier": "mlopez", "password": secret})
    assert opened_page(signed_in) == "/aduana/registro"
    assert opened_page(await person.get("/aduana/cuenta")) == "/aduana/ingresar?notice=session_ended"
    await person.post("/aduana/ingresar", {"identifier": "mlopez", "password": secret})
    fields = {"email": MARIA["email"], "password": NEW_PASSWORD, "confirm": NEW_PASSWORD}
    assert opened_page(await person.post("/aduana/registro", fields)) == "/aduana/ingresar?notice=password_changed"
    done = await person.post("/aduana/ingresar", {"identifier": "MLOPEZ", "password": NEW_PASSWORD})
    assert opened_page(done) == "/aduana/cuenta"


@pytest.mark.statement("A1")
@pytest.mark.req("S1")
async def test_pending_and_rejected_see_what_unknown_ones_see(world: World) -> None:
    pages = []
    for user, identification, address in (
        ("mlopez", "3059999015", "maria.lopez@correo.example"),
        ("pendiente3", "3059999098", "pendiente@correo.example"),
        ("rechazada4", "3059999106", "rechazada@correo.example"),
        ("nadie99", "3059999114", "nadie@correo.example"),
    ):
        person = world.person()
        typed = {"user_id": user, "identification": identification, "email": address}
        await person.post(PAGE, {"confirmed": "yes", **typed})
        text = (await person.get(SENT)).text
        for written in (user, f"{identification[:-1]}-{identification[-1]}", address):
            assert written in text
            text = text.replace(written, "TYPED")
        pages.append(re.sub(r"[0-9A-Z]{4}-[0-9A-Z]{4}", "REF", text))
    await world.work()
    assert len(set(pages)) == 1
    assert world.mails("pendiente@correo.example") == world.mails("rechazada@correo.example") == []


@pytest.mark.statement("A2")
async def test_the_front_page_and_the_sign_in_page_lead_to_it(world: World) -> None:
    for path in ("/aduana/", "/aduana/ingresar"):
        page = await world.person().get(path)
        assert page.status_code == 200
        assert re.search(rf'href="{PAGE}"[^>]*>Reiniciar clave<', page.text)


async def test_within_the_cooldown_the_page_says_so(world: World) -> None:
    person = world.person()
    for _ in range(2):
        await person.post(PAGE, {"confirmed": "yes", **MARIA})
    assert "Ya lo pidió hace" in (await person.get(SENT)).text
    world.wait(5 * MINUTE)
    await person.post(PAGE, {"confirmed": "yes", **MARIA})
    assert "Ya lo pidió hace" not in (await person.get(SENT)).text
