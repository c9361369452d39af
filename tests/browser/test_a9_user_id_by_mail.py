"""The customs portal outside the demo: the user ID goes to the registered address, and the page tells nobody apart."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.aduana import (
    EXPERT,
    FIND,
    MARIA,
    NOBODY,
    PENDING,
    REJECTED,
    REQUEST,
    RequestForm,
    main_part,
    without_what_was_typed,
)
from tests.browser.conftest import check_quiet
from tests.browser.person import PHONE, PLAIN_PHONE, REFERENCE, Equipment
from tests.browser.service import Blueprint, Service, running


def answering_by_mail(blueprint: Blueprint, folder: Path) -> Blueprint:
    """A copy of the blueprint in which the customs portal answers «Buscar ID» by mail."""
    shutil.copytree(blueprint.folder / "portals", folder / "portals")
    for path in blueprint.folder.glob("keyring*"):
        shutil.copy2(path, folder / path.name)
    file = folder / "portals" / "aduana.toml"
    written = file.read_text("utf-8")
    assert written.count('reveal = "screen"') == 1
    file.write_text(written.replace('reveal = "screen"', 'reveal = "mail"'), "utf-8")
    return replace(blueprint, folder=folder)


@pytest_asyncio.fixture(loop_scope="session")
async def service(
    browser: Browser, blueprint: Blueprint, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """A service whose customs portal answers by mail."""
    by_mail = answering_by_mail(blueprint, tmp_path_factory.mktemp("by-mail"))
    async with running(browser, by_mail, tmp_path) as started:
        yield started
    check_quiet(started)


@pytest.mark.statement("A9", "A13")
@pytest.mark.parametrize(
    "equipment", [PHONE, pytest.param(PLAIN_PHONE, marks=pytest.mark.long)], ids=["scripts", "no-scripts"]
)
async def test_the_user_id_goes_to_the_registered_address_and_to_no_screen(
    service: Service, equipment: Equipment
) -> None:
    """A9: `mail` (default outside the demo: the ID goes to the registered address); A13: nothing typed twice."""
    form = await RequestForm.opened_by(await service.person(equipment))
    await form.searches(EXPERT)
    await form.person.sees("Revise su correo electrónico")
    await form.person.is_told("Si todos los datos coinciden, enviamos el ID de usuario a la dirección registrada.")
    await expect(form.person.page.get_by_text(EXPERT.identifier)).to_have_count(0)
    mail = await service.mail(EXPERT.address)
    assert EXPERT.identifier in (mail.text or "")
    assert EXPERT.identifier in (mail.html or "")
    assert await form.person.reference() in mail.subject
    assert MARIA.identifier not in (mail.text or "")
    await form.person.opens(REQUEST)
    await expect(form.person.page.locator("#identification")).to_have_value(EXPERT.facts["identification"])
    await expect(form.person.page.locator("#email")).to_have_value(EXPERT.address)
    await expect(form.person.page.locator("#user_id")).to_have_value("")


@pytest.mark.statement("A9", "A1")
@pytest.mark.req("S1", "S5")
@pytest.mark.long
async def test_the_page_is_the_same_whether_or_not_there_was_a_match(service: Service) -> None:
    """A9: the page is the same whether or not there was a match. A1: pending or rejected accounts see the same page
    as unknown ones.
    """
    shown = {}
    wrong = replace(EXPERT, facts={**EXPERT.facts, "identification": "XA7654321"})
    for name, holder in {
        "matches": MARIA,
        "nobody": NOBODY,
        "pending": PENDING,
        "rejected": REJECTED,
        "one thing is wrong": wrong,
    }.items():
        form = await RequestForm.opened_by(await service.person())
        await form.describes(holder)
        async with form.person.page.expect_response(
            lambda answer: answer.request.method == "POST" and answer.url.startswith(service.origin + REQUEST)
        ) as posting:
            await form.person.presses(FIND)
        await form.person.sees("Revise su correo electrónico")
        status = (await posting.value).status
        text = without_what_was_typed(await main_part(form.person), holder)
        shown[name] = (status, form.person.path, REFERENCE.sub("REFERENCE", text))
    for name, page in shown.items():
        assert page == shown["matches"], name
    await RequestForm.searches(await RequestForm.opened_by(await service.person()), EXPERT)
    await service.mail(EXPERT.address)  # the last one asked for: the others are resolved
    assert {mail.recipients for mail in service.maildrop.messages()} == {(MARIA.address,), (EXPERT.address,)}
