"""B1: the recovery in English and Brazilian Portuguese, as the other tests have it in Spanish."""

import pytest
from playwright.async_api import expect

from reclave.pages.i18n import translator
from tests.browser.person import Equipment
from tests.browser.service import Service
from tests.world import NEW_PASSWORD, temporary_passwords

ADDRESS = "tesoreria@andina.example"
NIT_LABELS = {"en": "Company tax number (NIT)", "pt": "NIT da empresa"}


@pytest.mark.statement("B1")
@pytest.mark.parametrize(("language", "tag"), [("en", "en"), ("pt", "pt-BR")])
async def test_a_recovery_speaks_the_language_of_the_browser(service: Service, language: str, tag: str) -> None:
    """B1: «every journey … in Spanish, English and Brazilian Portuguese», the mail too."""
    _ = translator(language, {}).gettext
    person = await service.person(Equipment(language=tag))
    await person.opens()
    await expect(person.page.locator("html")).to_have_attribute("lang", tag)
    await person.link(_("Forgot your password?")).click()
    await person.sees(_("Recover password"))
    await person.field(_("Enter your e-mail address")).fill(ADDRESS)
    await person.presses(_("Send"))
    sent = _("If the address is registered, we sent a temporary password to %(address)s")
    await person.is_told(sent % {"address": ADDRESS})
    mail = await service.mail(ADDRESS)
    assert mail.subject.startswith(_("Temporary password, ref. %(reference)s").partition("%")[0])
    assert mail.header("Content-Language") == language
    (secret,) = temporary_passwords(mail)
    await person.opens()
    await person.field(NIT_LABELS[language]).fill(service.company(0).identifier)
    await person.field(_("Password")).fill(secret)
    await person.presses(_("Sign in"))
    await person.sees(_("Register your sign-in details"))
    await person.field(_("New password")).fill(NEW_PASSWORD)
    await person.field(_("Confirm the password")).fill(NEW_PASSWORD)
    await person.presses(_("Update"))
    await person.is_told(_("Your new password is set. Sign in with it."))
    await person.field(_("Password")).fill(NEW_PASSWORD)
    await person.presses(_("Sign in"))
    await person.sees(_("My account"))


@pytest.mark.statement("B1")
@pytest.mark.long
async def test_a_language_that_was_chosen_stays_through_the_journey(service: Service) -> None:
    """B1: a reader of Portuguese in front of a browser in Spanish, without scripts."""
    _ = translator("pt", {}).gettext
    person = await service.person(Equipment(javascript=False))
    await person.opens()
    await person.link("Português").click()
    await person.link(_("Forgot your password?")).click()
    for address in ("tesoreria@andina", ADDRESS):
        await person.sees(_("Recover password"))
        await person.field(_("Enter your e-mail address")).fill(address)
        await person.presses(_("Send"))
    await person.sees(_("Check your e-mail"))
    assert (await service.mail(ADDRESS)).header("Content-Language") == "pt"
