"""The customs portal's second section: three things that must match, one question, a temporary key by mail."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import expect

from reclave.demo.seeds import Holder
from tests.browser.aduana import (
    ACCOUNT,
    DETAILS,
    EMAIL,
    EMPLOYEE,
    EXPERT,
    FIND,
    HOLDERS,
    IDENTIFICATION,
    MARIA,
    NOBODY,
    PENDING,
    QUESTION,
    RECEIVE,
    REJECTED,
    REQUEST,
    REQUEST_SENT,
    RUC,
    TITLE,
    USER_ID,
    RequestForm,
    identification_written,
    signs_in,
)
from tests.browser.person import PHONE, PLAIN_PHONE, REFERENCE, Equipment, Person
from tests.browser.service import Service
from tests.world import NEW_PASSWORD, temporary_passwords

WITH_AND_WITHOUT_SCRIPTS = pytest.mark.parametrize(
    "equipment", [PHONE, pytest.param(PLAIN_PHONE, marks=pytest.mark.long)], ids=["scripts", "no-scripts"]
)
_EXPIRY = re.compile(r"Sirve hasta: (\d+) de (\w+) de (\d{4}), (\d\d):(\d\d) \(hora de Ecuador\)")
_MONTHS = (
    *("enero", "febrero", "marzo", "abril", "mayo", "junio"),
    *("julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"),
)
SENT_TO_THE_REGISTERED = "Si todos los datos coinciden, enviamos una clave temporal a la dirección registrada."


@pytest.mark.statement("A1", "A10")
@pytest.mark.req("S1", "S5")
@pytest.mark.long
async def test_only_who_proves_all_three_gets_a_mail_and_all_see_the_same_page(service: Service) -> None:
    """A10: «ID usuario», «Identificación», «Correo electrónico»: all three must match the registered ones; the mail
    goes to the registered address. A1: accounts exist because a «solicitud de uso» was registered and **approved**;
    pending or rejected ones can't recover (same page as unknown).
    """
    shown = {}
    for name, holder in {
        "all three match": MARIA,
        "nobody": NOBODY,
        "pending": PENDING,
        "rejected": REJECTED,
        # Somebody else's each time: a second mail within the cooldown would not be sent anyway.
        "another user ID": replace(HOLDERS["RACE"], identifier="race23"),
        "another identification": replace(HOLDERS["Auditor"], facts={"identification": "3059999015"}),
        "another address": replace(EXPERT, address="ladron@correo.example"),
        "another's address": replace(HOLDERS["Auxiliar"], address=EXPERT.address),
    }.items():
        shown[name] = await page_after_asking(await service.person(), holder)
    for name, page in shown.items():
        assert page == shown["all three match"], name
    await page_after_asking(await service.person(), EMPLOYEE)
    await service.mail(EMPLOYEE.address)  # the last one asked for: the others are resolved
    assert sorted(mail.recipients for mail in service.maildrop.messages()) == [(EMPLOYEE.address,), (MARIA.address,)]


@pytest.mark.statement("A10", "A13")
@WITH_AND_WITHOUT_SCRIPTS
async def test_who_searched_goes_on_with_the_user_id_filled_in(service: Service, equipment: Equipment) -> None:
    """A10: «ID usuario» (filled in from A9 where shown). A13: Nothing typed twice: what section one knows prefills
    section two.
    """
    form = await RequestForm.opened_by(await service.person(equipment))
    await form.searches(MARIA)
    await form.has_found(MARIA)
    await form.holds(MARIA, address=MARIA.address)
    await form.person.presses(RECEIVE)
    await form.is_asked()
    await form.person.presses("Sí")
    await form.person.is_told(SENT_TO_THE_REGISTERED)
    await service.mail(MARIA.address)


@pytest.mark.statement("A13")
@WITH_AND_WITHOUT_SCRIPTS
async def test_a_search_put_right_puts_right_what_it_filled_in(service: Service, equipment: Equipment) -> None:
    """A13: what section one knows prefills section two; a slip that a first search carried over does not stay."""
    form = await RequestForm.opened_by(await service.person(equipment))
    await form.searches(replace(MARIA, facts={**MARIA.facts, "identification": "3059999023"}))
    await form.has_found_nothing()
    await expect(form.proof(IDENTIFICATION)).to_have_value("3059999023")
    await form.sought(IDENTIFICATION).fill(MARIA.facts["identification"])
    await form.person.presses(FIND)
    await form.has_found(MARIA)
    await form.holds(MARIA, address=MARIA.address)


@pytest.mark.statement("A13")
@WITH_AND_WITHOUT_SCRIPTS
async def test_what_was_typed_below_stays_when_the_search_knows_nothing_of_it(
    service: Service, equipment: Equipment
) -> None:
    """A13: Nothing typed twice: a search by company leaves a typed address, a failed request what was searched for."""
    form = await RequestForm.opened_by(await service.person(equipment))
    await form.proof(EMAIL).fill(EMPLOYEE.address)
    await form.searches(EMPLOYEE)
    await form.has_found(EMPLOYEE)
    await form.holds(EMPLOYEE, address=EMPLOYEE.address)
    await form.proof(EMAIL).fill("juan.perez")
    await form.person.presses(RECEIVE)
    await form.sees_problem(form.proof(EMAIL), "Falta la arroba (@)")
    await form.holds(EMPLOYEE, address="juan.perez")
    await expect(form.sought(RUC)).to_have_value(EMPLOYEE.facts["company_ruc"])
    await expect(form.classification.locator("option:checked")).to_have_text("Empleado")


@pytest.mark.statement("A11")
async def test_a_dialog_asks_and_only_yes_sends(service: Service, person: Person) -> None:
    """A11: «Recibir la clave por correo» asks «¿Desea recibir una clave temporal?» «Sí» / «No»; only «Sí» sends."""
    form = await RequestForm.opened_by(person)
    await form.describes(EMPLOYEE)
    await form.proves(MARIA)

    async def says_no() -> None:
        await person.presses("No")

    async def leaves() -> None:
        await person.page.keyboard.press("Escape")

    for declines in (says_no, leaves):
        await person.presses(RECEIVE)
        await expect(form.question).to_be_visible()
        await expect(form.question).to_contain_text("Si todos los datos coinciden, llegará al correo")
        await declines()
        await expect(form.question).to_be_hidden()
        await keeps_everything(form)
    assert service.requested.count(person.origin + REQUEST) == 1, "only the page itself was asked for"
    assert await person.cookies() == {}
    await person.presses(RECEIVE)
    await person.presses("Sí")
    await has_sent_once(service, person)


@pytest.mark.statement("A11")
async def test_without_scripts_a_page_asks_and_only_yes_sends(service: Service) -> None:
    """A11: asks «¿Desea recibir una clave temporal?» «Sí» / «No»; only «Sí» sends; works with JavaScript off as a
    page.
    """
    person = await service.person(PLAIN_PHONE)
    form = await RequestForm.opened_by(person)
    await form.describes(EMPLOYEE)
    await form.proves(MARIA)
    await person.presses(RECEIVE)
    await person.sees(QUESTION)
    await person.is_told("Si todos los datos coinciden, llegará al correo electrónico registrado.")
    for typed in (MARIA.identifier, identification_written(MARIA), MARIA.address):
        await person.is_told(typed)
    await person.presses("No")
    await person.sees(TITLE)
    await keeps_everything(form, understood=True)
    assert await person.cookies() == {}
    await person.presses(RECEIVE)
    await person.sees(QUESTION)
    assert await person.cookies() == {}
    await person.presses("Sí")
    await has_sent_once(service, person)


@pytest.mark.statement("A12")
@WITH_AND_WITHOUT_SCRIPTS
async def test_the_mailed_key_says_until_when_and_opens_only_the_forced_change(
    service: Service, equipment: Equipment
) -> None:
    """A12: The mail carries a temporary key, with its expiry in local time; sign-in with it opens only the forced
    change.
    """
    person = await service.person(equipment)
    await (await RequestForm.opened_by(person)).asks(MARIA)
    await person.is_told(SENT_TO_THE_REGISTERED)
    mail = await service.mail(MARIA.address)
    assert mail.subject.startswith("Clave temporal")
    assert await person.reference() in mail.subject
    assert MARIA.identifier in (mail.text or "")
    left = expiry_in(mail.text or "") - datetime.now(ZoneInfo("America/Guayaquil"))
    assert timedelta(minutes=55) < left <= timedelta(hours=1), left
    (secret,) = temporary_passwords(mail)
    assert secret in (mail.html or "")

    await signs_in(person, MARIA, secret)
    await person.sees("Registro de datos de ingreso")
    assert person.path == DETAILS
    await person.opens(ACCOUNT)
    await person.is_told("Su sesión terminó. Ingrese de nuevo.")
    await signs_in(person, MARIA, secret)
    await expect(person.field(USER_ID)).to_have_value(MARIA.identifier)
    await expect(person.field(EMAIL)).to_have_value(MARIA.address)
    await person.field("Nueva clave").fill(NEW_PASSWORD)
    await person.field("Confirmar clave").fill(NEW_PASSWORD)
    await person.presses("Actualizar")
    await person.is_told("Su clave nueva quedó registrada. Ingrese con ella.")
    await signs_in(person, MARIA, NEW_PASSWORD)
    await person.sees("Mi cuenta")
    assert person.path == ACCOUNT


@pytest.mark.long
@pytest.mark.statement("A12")
async def test_each_of_the_ten_recovers(service: Service) -> None:
    """A12: The mail carries a temporary key: for every classification, after finding the user ID."""
    for holder in HOLDERS.values():
        form = await RequestForm.opened_by(await service.person())
        await form.searches(holder)
        await form.has_found(holder)
        await form.proof(EMAIL).fill(holder.address)
        await form.person.presses(RECEIVE)
        await form.person.presses("Sí")
        await form.person.is_told(SENT_TO_THE_REGISTERED)
        mail = await service.mail(holder.address)
        assert holder.identifier in (mail.text or "")
        assert len(temporary_passwords(mail)) == 1


async def page_after_asking(person: Person, holder: Holder) -> tuple[int, str, str]:
    """Ask and say «Sí»: the answer's status, where it leads, and the page's bytes without what was typed and the
    reference."""
    form = await RequestForm.opened_by(person)
    await form.proves(holder)
    await person.presses(RECEIVE)
    async with (
        person.page.expect_response(lambda answer: answer.request.method == "POST") as posting,
        person.page.expect_response(lambda answer: answer.url == person.origin + REQUEST_SENT) as showing,
    ):
        await person.presses("Sí")
    posted, shown = await posting.value, await showing.value
    await person.is_told(SENT_TO_THE_REGISTERED)
    text = (await shown.body()).decode()
    for written in (holder.identifier, identification_written(holder), holder.address):
        assert written in text
        text = text.replace(written, "TYPED")
    return posted.status, person.path, REFERENCE.sub("REFERENCE", text)


async def keeps_everything(form: RequestForm, *, understood: bool = False) -> None:
    """What was typed into both sections is there."""
    await form.holds(MARIA, address=MARIA.address, understood=understood)
    await expect(form.classification.locator("option:checked")).to_have_text("Empleado")
    await expect(form.sought(RUC)).to_have_value(EMPLOYEE.facts["company_ruc"])
    await expect(form.sought(IDENTIFICATION)).to_have_value(EMPLOYEE.facts["identification"])


async def has_sent_once(service: Service, person: Person) -> None:
    """«Sí» was the first to send anything."""
    await person.is_told(SENT_TO_THE_REGISTERED)
    assert person.path == REQUEST_SENT
    await expect(person.text("Ya lo pidió hace")).to_have_count(0)
    await service.mail(MARIA.address)
    assert len(service.maildrop.messages()) == 1


def expiry_in(text: str) -> datetime:
    """Until when a mail says that its temporary key serves, in Ecuador."""
    found = _EXPIRY.search(text)
    assert found, text
    day, month, year, hour, minute = found.groups()
    zone = ZoneInfo("America/Guayaquil")
    return datetime(int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), tzinfo=zone)
