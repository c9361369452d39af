"""B1 for the customs portal: by keyboard, for a screen reader, on the narrowest phone, in light and dark."""

import pytest
from playwright.async_api import expect

from tests.browser.aduana import (
    EMAIL,
    EXPERT,
    FIND,
    FRONT,
    IDENTIFICATION,
    MARIA,
    NOBODY,
    RECEIVE,
    TITLE,
    RequestForm,
)
from tests.browser.person import DESKTOP, PHONE, PLAIN_DESKTOP, PLAIN_PHONE, Equipment, Person
from tests.browser.service import Service


@pytest.mark.statement("B1", "A9", "A11")
@pytest.mark.parametrize(
    "equipment", [DESKTOP, pytest.param(PLAIN_DESKTOP, marks=pytest.mark.long)], ids=["scripts", "no-scripts"]
)
async def test_enter_means_the_section_that_it_is_pressed_in(service: Service, equipment: Equipment) -> None:
    """B1: «every journey … by keyboard»: Enter searches in the first section (A9) and asks in the second (A11)."""
    form = await RequestForm.opened_by(await service.person(equipment))
    await form.describes(NOBODY)
    await form.sought(EMAIL).press("Enter")
    await form.has_found_nothing()
    await form.describes(MARIA)
    await form.sought(EMAIL).press("Enter")
    await form.has_found(MARIA)
    await form.proof(EMAIL).press("Enter")
    await form.is_asked()
    await form.person.presses("No")
    await form.holds(MARIA, address=MARIA.address, understood=not equipment.javascript)
    await form.proof(EMAIL).fill("")
    await form.proof(EMAIL).press("Enter")
    await form.sees_problem(form.proof(EMAIL), "Escriba un correo electrónico.")


@pytest.mark.statement("B1", "A9")
@pytest.mark.long
async def test_enter_searches_again_even_when_the_second_section_is_filled_in(person: Person) -> None:
    """B1: «by keyboard»: what is pressed is told by the section, not by what the other one holds."""
    form = await RequestForm.opened_by(person)
    await form.searches(MARIA)
    await form.has_found(MARIA)
    await form.describes(EXPERT)
    await form.sought(IDENTIFICATION).press("Enter")
    await form.has_found(EXPERT)
    await form.holds(EXPERT, address=EXPERT.address)


@pytest.mark.statement("B1")
@pytest.mark.parametrize(
    "equipment", [PHONE, pytest.param(PLAIN_PHONE, marks=pytest.mark.long)], ids=["scripts", "no-scripts"]
)
async def test_enter_without_a_search_sends_the_second_section(service: Service, equipment: Equipment) -> None:
    """B1: «by keyboard»: who knows the user ID needs the second section alone."""
    form = await RequestForm.opened_by(await service.person(equipment))
    await form.proves(MARIA)
    await form.proof(EMAIL).press("Enter")
    await form.is_asked()
    await form.person.presses("Sí")
    await service.mail(MARIA.address)


@pytest.mark.statement("B1", "A9")
@pytest.mark.long
async def test_the_result_of_a_search_is_what_is_read_and_shown_first(person: Person) -> None:
    """B1: «by screen reader»: the focus is on the summary, on «nothing found» or on what was found."""
    form = await RequestForm.opened_by(person)
    await person.presses(FIND)
    await expect(person.page.get_by_role("alert")).to_be_focused()
    await person.page.get_by_role("alert").get_by_role("link").first.click()
    await expect(form.classification).to_be_focused()
    await form.searches(NOBODY)
    await form.has_found_nothing()
    await expect(person.page.get_by_role("alert")).to_be_focused()
    await form.searches(MARIA)
    await form.has_found(MARIA)
    await expect(person.page.get_by_role("status")).to_be_focused()
    await expect(person.page.get_by_role("status")).to_be_in_viewport()


@pytest.mark.statement("B1", "A9")
@pytest.mark.long
async def test_without_scripts_the_result_of_a_search_is_in_sight(service: Service) -> None:
    """B1: «without JavaScript», «on a phone»: nobody has to scroll to see what a search answered."""
    form = await RequestForm.opened_by(await service.person(PLAIN_PHONE))
    await form.searches(NOBODY)
    await form.has_found_nothing()
    await expect(form.person.page.get_by_role("alert")).to_be_in_viewport()
    await form.searches(MARIA)
    await form.has_found(MARIA)
    await expect(form.person.page.get_by_role("status")).to_be_in_viewport()


@pytest.mark.statement("B1", "A11")
async def test_the_whole_request_needs_no_more_than_the_keyboard(service: Service) -> None:
    """B1: «every journey … by keyboard»: from the front page to the mail, with the dialog's focus kept and given back
    (WCAG 2.2, 2.1.2, 2.4.3).
    """
    person = await service.person(DESKTOP)
    await person.opens(FRONT)
    await person.enters(person.link("Reiniciar clave"))
    await person.sees(TITLE)
    form = RequestForm(person)
    await person.tabs_to(form.classification)
    await person.page.keyboard.type("Usuario")
    await person.types(form.sought(EMAIL), MARIA.address)
    await person.types(form.sought(IDENTIFICATION), MARIA.facts["identification"])
    await person.enters(form.search.get_by_role("button", name=FIND, exact=True))
    await form.has_found(MARIA)
    ask = form.reset.get_by_role("button", name=RECEIVE, exact=True)
    await person.enters(ask)
    await expect(form.question).to_be_visible()
    await expect(person.button("Sí")).to_be_focused()
    await person.page.keyboard.press("Tab")
    await expect(person.button("No")).to_be_focused()
    await person.page.keyboard.press("Enter")
    await expect(form.question).to_be_hidden()
    await expect(ask).to_be_focused()
    await person.page.keyboard.press("Enter")
    await expect(person.button("Sí")).to_be_focused()
    await person.page.keyboard.press("Escape")
    await expect(ask).to_be_focused()
    await person.page.keyboard.press("Enter")
    await person.page.keyboard.press("Enter")
    await person.sees("Revise su correo electrónico")
    await service.mail(MARIA.address)
