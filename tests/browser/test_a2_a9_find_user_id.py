"""The customs portal's first section: what one is registered as decides what is asked for; the user ID is found."""

import re
from dataclasses import replace

import pytest
from playwright.async_api import Locator, expect

from tests.browser.aduana import (
    BY_EMAIL,
    CLASSIFICATION,
    CLASSIFICATIONS,
    EMAIL,
    EMPLOYEE,
    EXPERT,
    FIND,
    FRONT,
    HOLDERS,
    IDENTIFICATION,
    NOBODY,
    PENDING,
    RECEIVE,
    REJECTED,
    REQUEST,
    RUC,
    SIGN_IN,
    TITLE,
    USER_ID,
    RequestForm,
    main_part,
    without_what_was_typed,
)
from tests.browser.person import PHONE, PLAIN_PHONE, Equipment, Person
from tests.browser.service import Service

WITH_AND_WITHOUT_SCRIPTS = pytest.mark.parametrize(
    "equipment", [PHONE, pytest.param(PLAIN_PHONE, marks=pytest.mark.long)], ids=["scripts", "no-scripts"]
)
UNCHOSEN = "Elija una"
_LEFT_OF_WORDS = """label => {
    const [mark, words] = [...label.childNodes].filter(node => node.textContent.trim());
    const range = document.createRange();
    range.selectNodeContents(words);
    const style = getComputedStyle(mark);
    const left = mark.getBoundingClientRect().right <= range.getBoundingClientRect().left + 1;
    return [mark.textContent.trim(), left, mark.checkVisibility() ? "visible" : "hidden", style.color];
}"""


@pytest.mark.statement("A2")
@WITH_AND_WITHOUT_SCRIPTS
async def test_the_front_page_and_the_sign_in_page_lead_to_the_request(
    shared_service: Service, equipment: Equipment
) -> None:
    """A2: Entry «Reiniciar clave» on the portal's front page and sign-in page."""
    person = await shared_service.person(equipment)
    for start in (FRONT, SIGN_IN):
        await person.opens(start)
        await person.link("Reiniciar clave").click()
        await person.sees(TITLE)
        assert person.path == REQUEST
    await person.opens(FRONT)
    await person.link("Ingresar").click()
    await expect(person.field(USER_ID)).to_be_visible()
    assert person.path == SIGN_IN


@pytest.mark.statement("A3", "A4", "A10")
@WITH_AND_WITHOUT_SCRIPTS
async def test_one_page_has_both_sections_and_the_list_of_ten(shared_service: Service, equipment: Equipment) -> None:
    """A3: «Solicitud de reinicio de clave», with two sections on one page.

    A4: Section «Búsqueda de ID de usuario»: «Clasificación de usuario», a list of ten: usuario general, representante
    legal, empleado, auxiliar, representante de entidad pública, funcionario público, auditor, perito, organismo
    internacional, RACE. A10: Section «Reinicio de clave de acceso»: «ID usuario», «Identificación», «Correo
    electrónico».
    """
    form = await RequestForm.opened_by(await shared_service.person(equipment))
    await expect(form.search).to_be_visible()
    await expect(form.classification.get_by_role("option")).to_have_text([UNCHOSEN, *CLASSIFICATIONS.values()])
    await expect(form.search.get_by_role("textbox")).to_have_count(3)
    for label in (RUC, EMAIL, IDENTIFICATION):
        await expect(form.sought(label)).to_be_visible()
    await expect(form.search.get_by_role("button", name=FIND, exact=True)).to_be_visible()
    await expect(form.reset).to_be_visible()
    await expect(form.reset.get_by_role("textbox")).to_have_count(3)
    for label in (USER_ID, IDENTIFICATION, EMAIL):
        await expect(form.proof(label)).to_be_editable()
        await expect(form.proof(label)).to_have_attribute("required", "")
    await expect(form.reset.get_by_role("button", name=RECEIVE, exact=True)).to_be_visible()


@pytest.mark.statement("A5", "A6", "A7")
async def test_fields_lock_and_unlock_when_the_classification_changes(shared_service: Service) -> None:
    """A5: «RUC empresa» is enabled and required only for: representante legal, empleado, auxiliar, representante de
    entidad pública, funcionario público, organismo internacional, RACE; else locked.

    A6: «Correo electrónico» is enabled and required only for: usuario general, auditor, perito; else locked.
    A7: «Identificación»: always enabled and required.
    """
    form = await RequestForm.opened_by(await shared_service.person())
    await expect(form.search.get_by_role("button", name="Continuar", exact=True)).to_have_count(0)
    await check_open(form, set())
    for label in CLASSIFICATIONS.values():
        await form.chooses(label)
        await check_open(form, {EMAIL} if label in BY_EMAIL else {RUC})
    await form.chooses(UNCHOSEN)
    await check_open(form, set())


@pytest.mark.statement("A5", "A6", "A7", "A8")
async def test_without_scripts_continue_reloads_the_form_with_the_fields_of_the_classification(
    shared_service: Service,
) -> None:
    """A8: with JavaScript off «Continuar» reloads the form with the fields of the chosen classification (A5, A6, A7),
    and what was typed stays.
    """
    form = await RequestForm.opened_by(await shared_service.person(PLAIN_PHONE))
    await check_open(form, set())
    await form.sought(IDENTIFICATION).fill(EXPERT.facts["identification"])
    await form.proof(USER_ID).fill(EXPERT.identifier)
    for label in CLASSIFICATIONS.values():
        await form.chooses(label)
        await check_open(form, {EMAIL} if label in BY_EMAIL else {RUC})
        await expect(form.sought(IDENTIFICATION)).to_have_value(EXPERT.facts["identification"])
        await expect(form.proof(USER_ID)).to_have_value(EXPERT.identifier)
        await expect(form.person.page.get_by_role("alert")).to_have_count(0)


@pytest.mark.statement("A5")
async def test_after_an_answer_the_list_still_locks_what_nobody_has_chosen(person: Person) -> None:
    """A5: «RUC empresa» is enabled and required only for seven classifications; else locked."""
    form = await RequestForm.opened_by(person)
    await form.searches(replace(EMPLOYEE, facts={**EMPLOYEE.facts, "identification": "3059999049"}))
    await form.has_found_nothing()
    await check_open(form, {RUC})
    await form.chooses(UNCHOSEN)
    await check_open(form, set())


@pytest.mark.statement("A7")
@WITH_AND_WITHOUT_SCRIPTS
async def test_the_identification_is_an_identity_card_or_a_passport(service: Service, equipment: Equipment) -> None:
    """A7: «Identificación»: cédula or passport as registered."""
    form = await RequestForm.opened_by(await service.person(equipment))
    await expect(form.sought(IDENTIFICATION)).to_have_accessible_description("Cédula o pasaporte, el que registró.")
    for holder in (HOLDERS["Auditor"], HOLDERS["Perito"]):
        await form.searches(holder)
        await form.has_found(holder)
    await form.sought(IDENTIFICATION).fill("123")
    await form.person.presses(FIND)
    await form.sees_problem(
        form.sought(IDENTIFICATION), "Una cédula tiene 10 dígitos. Esta tiene 3. Revise cada dígito."
    )


@pytest.mark.statement("A8")
async def test_required_fields_carry_a_red_asterisk_on_the_labels_left(shared_service: Service) -> None:
    """A8: Required fields carry a red asterisk on the label's left."""
    form = await RequestForm.opened_by(await shared_service.person())
    await form.chooses("Perito")
    marked = [label_of(form.search, name) for name in (CLASSIFICATION, EMAIL, IDENTIFICATION)]
    marked += [label_of(form.reset, name) for name in (USER_ID, IDENTIFICATION, EMAIL)]
    for label in marked:
        mark, left, visibility, color = await label.evaluate(_LEFT_OF_WORDS)
        assert (mark, left, visibility) == ("*", True, "visible"), await label.inner_text()
        red, green, blue = (int(part) for part in re.findall(r"\d+", color))
        assert red > 2 * max(green, blue), f"{color} is not red"
    locked = label_of(form.search, RUC)
    assert (await locked.evaluate(_LEFT_OF_WORDS))[2] == "hidden", "locked fields are not required"
    await expect(form.search.get_by_text("* Campo obligatorio")).to_be_visible()


@pytest.mark.statement("A8")
@WITH_AND_WITHOUT_SCRIPTS
async def test_what_is_missing_is_told_at_the_field_and_in_a_summary(service: Service, equipment: Equipment) -> None:
    """A8: a missing one stops the request with a message at the field and in a summary. Enforced by the server too."""
    form = await RequestForm.opened_by(await service.person(equipment))
    await form.person.presses(FIND)
    await form.sees_problem(form.classification, "Elija su clasificación de usuario.")
    for classification, label in (("Usuario general", EMAIL), ("RACE", RUC)):
        await form.chooses(classification)
        await form.person.presses(FIND)
        await form.sees_problem(form.sought(IDENTIFICATION), f"Falta este dato: {IDENTIFICATION}")
        missing = "Escriba un correo electrónico." if label == EMAIL else f"Falta este dato: {RUC}"
        await form.sees_problem(form.sought(label), missing)
    await form.person.presses(RECEIVE)
    await form.sees_problem(form.proof(USER_ID), "Escriba su ID de usuario.")
    await form.sees_problem(form.proof(IDENTIFICATION), f"Falta este dato: {IDENTIFICATION}")
    await form.sees_problem(form.proof(EMAIL), "Escriba un correo electrónico.")
    await expect(form.person.page).to_have_title(re.compile(f"^Error: {TITLE}"))
    await expect(form.question).to_have_count(0)
    assert form.person.path.startswith(REQUEST)


@pytest.mark.statement("A9", "A13")
@pytest.mark.long
@WITH_AND_WITHOUT_SCRIPTS
async def test_each_classification_finds_its_one_account(service: Service, equipment: Equipment) -> None:
    """A9: «Buscar ID» gives the user ID of the one account that matches everything typed. Portal policy `reveal`:
    `screen` (as in the guide). A13: what section one knows prefills section two.
    """
    assert [*HOLDERS] == [*CLASSIFICATIONS.values()]
    for classification, holder in HOLDERS.items():
        form = await RequestForm.opened_by(await service.person(equipment))
        await form.searches(holder)
        await form.has_found(holder)
        await form.holds(holder, address=holder.address if classification in BY_EMAIL else "")


@pytest.mark.statement("A9")
@WITH_AND_WITHOUT_SCRIPTS
async def test_one_thing_that_does_not_match_finds_nothing(service: Service, equipment: Equipment) -> None:
    """A9: the one account that matches everything typed."""
    form = await RequestForm.opened_by(await service.person(equipment))
    for wrong in (
        replace(EXPERT, address="otro@correo.example"),
        replace(EXPERT, facts={**EXPERT.facts, "identification": "XA7654321"}),
        replace(EXPERT, facts={**EXPERT.facts, "classification": "auditor"}),
        replace(EMPLOYEE, facts={**EMPLOYEE.facts, "company_ruc": "1799000020001"}),
    ):
        await form.searches(wrong)
        await form.has_found_nothing()
        await expect(form.person.page).to_have_title(re.compile(f"^Error: {TITLE}"))
        await expect(form.proof(USER_ID)).to_have_value("")


@pytest.mark.statement("A9")
@pytest.mark.req("S4")
@pytest.mark.long
async def test_the_search_is_strictly_limited(person: Person) -> None:
    """A9: `screen` (as in the guide, strictly limited): five searches an hour for one person, told honestly."""
    form = await RequestForm.opened_by(person)
    for number in range(5):
        await form.searches(replace(EXPERT, address=f"otro{number}@correo.example"))
        await form.has_found_nothing()
        await expect(form.sought(EMAIL)).to_have_value(f"otro{number}@correo.example")
    await form.searches(EXPERT)
    await person.is_told("Demasiados intentos")
    await expect(form.sought(EMAIL)).to_have_value(EXPERT.address)
    await expect(person.page.get_by_text(EXPERT.identifier)).to_have_count(0)
    await expect(form.proof(USER_ID)).to_have_value("")


@pytest.mark.statement("A1")
@pytest.mark.req("S1")
async def test_pending_and_rejected_accounts_are_not_found_like_unknown_ones(service: Service) -> None:
    """A1: accounts exist because a «solicitud de uso» was registered and **approved**; pending or rejected ones can't
    recover (same page as unknown): here, what «Buscar ID» answers.
    """
    shown = []
    for holder in (NOBODY, PENDING, REJECTED):
        form = await RequestForm.opened_by(await service.person())
        await form.searches(holder)
        await form.has_found_nothing()
        shown.append(without_what_was_typed(await main_part(form.person), holder))
    assert shown[0] == shown[1] == shown[2]


async def check_open(form: RequestForm, labels: set[str]) -> None:
    """The identification is open and required, and so are these; the rest is locked."""
    for label in (RUC, EMAIL, IDENTIFICATION):
        field = form.sought(label)
        if label in labels | {IDENTIFICATION}:
            await expect(field).to_be_enabled()
            await expect(field).to_have_attribute("required", "")
        else:
            await expect(field).to_be_disabled()
            await expect(field).not_to_have_attribute("required", "")


def label_of(section: Locator, name: str) -> Locator:
    """The label that is read as `name`."""
    return section.locator("label").filter(has_text=re.compile(rf"\*\s*{name}$"))
