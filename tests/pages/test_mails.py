"""Every mail in every language: text and HTML say the same, and what each of them must carry."""

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import pytest

from reclave.demo.stored_message import StoredMessage
from reclave.domain.outbox import Template
from reclave.domain.time import SECOND
from reclave.journeys.messages import Letter
from reclave.journeys.services import Services
from reclave.pages.mail import Post
from tests.pages import mails
from tests.pages.mails import (
    ANA,
    ASKED,
    EXPIRES,
    LANGUAGES,
    LEAN,
    LETTER,
    PLACE,
    REFERENCE,
    Read,
    services_of,
    text_of,
    words_of_text,
)
from tests.world import ORIGIN, PORTALS, code_in, report_link, temporary_passwords

IN_BOGOTA = {
    "es": "22 de noviembre de 2026, 22:30 (hora de Colombia)",
    "en": "22 November 2026, 22:30 (Colombia Time)",
    "pt": "22 de novembro de 2026, 22:30 (horário da Colômbia)",
}
NOTICE = {
    "es": "Nunca le solicitaremos datos personales ni su contraseña por correo electrónico.",
    "en": "We will never ask you for personal data or your password by e-mail.",
    "pt": "Nunca pediremos seus dados pessoais nem sua senha por e-mail.",
}
HOURS = {
    "es": "lun-vie 07:00-19:00, sáb 08:00-12:00",
    "en": "Mon-Fri 07:00-19:00, Sat 08:00-12:00",
    "pt": "seg-sex 07:00-19:00, sáb 08:00-12:00",
}
NOT_ME = {"es": "«No fui yo»", "en": "“It was not me”", "pt": "“Não fui eu”"}

BY_LINK = {Template.RESET_LINK, Template.USER_NAMES}
"""The mails of journeys that the payments portal does not have."""

each_mail = pytest.mark.parametrize("template", list(Template))
each_language = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Two portals in different time zones, and one by link."""
    written = (PORTALS / "pagos.toml").read_text("utf-8")
    proves = '[journeys.temporary_password]\nproves = ["email"]'
    assert proves in written
    by_link = written.replace('id = "pagos"', 'id = "enlaces"').replace(
        proves, '[journeys.recover_user_name]\n\n[journeys.reset_link]\nproves = ["email"]'
    )
    elsewhere = written.replace('id = "pagos"', 'id = "obras"').replace("America/Bogota", "America/Sao_Paulo")
    with services_of(tmp_path_factory.mktemp("mails"), (written, elsewhere, by_link)) as made:
        yield made


@pytest.fixture
def post(services: Services) -> Post:
    """What composes the mails."""
    return Post(services, ORIGIN)


def written(
    post: Post,
    template: Template,
    language: str,
    *,
    portal: str = "",
    letter: Letter = LETTER,
    reported: bool = True,
    first: bool = False,
) -> StoredMessage:
    """The mail of the portal that has its journey: two accounts where several can be listed, and «No fui yo»."""
    portal = portal or ("enlaces" if template in BY_LINK else "pagos")
    return mails.written(post, template, language, portal=portal, letter=letter, reported=reported, first=first)


@each_mail
@each_language
def test_text_and_html_say_the_same_word_for_word(post: Post, template: Template, language: str) -> None:
    mail = written(post, template, language)
    html = Read(mail)
    assert words_of_text(mail) == html.words
    assert html.heading.strip()
    assert len(html.words) > 40


@each_mail
@each_language
def test_a_subject_is_short_and_holds_no_secret(post: Post, template: Template, language: str) -> None:
    subject = written(post, template, language).subject
    assert 0 < len(subject) <= 45
    assert not re.search(r"[a-z0-9]{6}-[a-z0-9]{6}|%\(|\{\{", subject)
    if template in {Template.TEMPORARY_PASSWORD, Template.CONFIRM_ADDRESS}:
        assert REFERENCE in subject


@each_mail
@each_language
def test_every_mail_carries_reference_help_desk_and_the_notice_against_phishing(
    post: Post, template: Template, language: str
) -> None:
    mail = written(post, template, language)
    for part in (" ".join(text_of(mail).split()), " ".join(Read(mail).words)):
        assert REFERENCE in part
        assert NOTICE[language] in part
        assert "01 8000 000 000" in part
        assert HOURS[language] in part


@pytest.mark.statement("B4")
@each_mail
@each_language
def test_it_was_not_me_is_offered_with_the_whole_address_in_sight(
    post: Post, template: Template, language: str
) -> None:
    mail = written(post, template, language)
    link = ORIGIN + report_link(mail)
    assert (link, link) in Read(mail).links
    assert NOT_ME[language] in " ".join(text_of(mail).split())
    assert link in text_of(mail).splitlines()
    silent = written(post, template, language, reported=False)
    for part in (text_of(silent), silent.html or ""):
        assert "no-fui-yo" not in part
        assert NOT_ME[language] not in part


@pytest.mark.req("S32")
@each_mail
@each_language
def test_every_link_shows_where_it_leads_and_leads_to_the_configured_address(
    post: Post, template: Template, language: str
) -> None:
    mail = written(post, template, language)
    links = Read(mail).links
    shown = [href for href, said in links if href == said]
    assert {href for href, _ in links} == set(shown)
    assert [href for href in shown if not href.startswith(f"{ORIGIN}/pagos/")] == []
    assert re.findall(r"https?://\S+", text_of(mail)) == shown


@pytest.mark.req("S36")
@each_mail
@each_language
def test_a_mail_loads_nothing_and_runs_nothing(post: Post, template: Template, language: str) -> None:
    mail = written(post, template, language)
    html = Read(mail)
    assert not html.tags & {"img", "link", "script", "iframe", "object", "form", "input", "video", "audio", "svg"}
    loading = {"src", "srcset", "background", "poster", "action", "data", "ping"}
    assert [pair for pair in html.attributes if pair[0] in loading or pair[0].startswith("on")] == []
    assert not re.search(r"url\(|@import|@font-face|javascript:", mail.html or "", re.IGNORECASE)


@each_mail
@each_language
def test_the_headers_name_sender_language_and_that_nobody_wrote_it_by_hand(
    post: Post, template: Template, language: str
) -> None:
    mail = written(post, template, language)
    assert mail.from_ == "Pagos de Ejemplo <no-responder@pagos.example>"
    assert mail.sender == "no-responder@pagos.example"
    assert mail.to == ANA
    assert mail.recipients == (ANA,)
    assert mail.header("Reply-To") == "ayuda@pagos.example"
    assert mail.header("Auto-Submitted") == "auto-generated"
    assert mail.header("X-Auto-Response-Suppress") == "All"
    assert mail.header("Content-Language") == language
    assert mail.message_id == "<3f2a9c64d1e84b0f@pagos.example>"
    assert parsedate_to_datetime(mail.header("Date")).timestamp() == ASKED // SECOND
    names = [name.lower() for name, _ in mail.headers]
    assert len(names) == len(set(names))
    assert not {"bcc", "cc", "list-unsubscribe", "disposition-notification-to"} & set(names)
    shown = "pt-BR" if language == "pt" else language
    assert f'<html lang="{shown}">' in (mail.html or "")


@each_language
@pytest.mark.parametrize(
    "template",
    [Template.TEMPORARY_PASSWORD, Template.CONFIRM_ADDRESS, Template.PASSWORD_CHANGED, Template.ADDRESS_CHANGING],
)
def test_an_expiry_is_in_the_portals_time_zone_and_names_it(post: Post, template: Template, language: str) -> None:
    mail = written(post, template, language)
    for part in (" ".join(text_of(mail).split()), " ".join(Read(mail).words)):
        assert IN_BOGOTA[language] in part
    there = written(post, template, language, portal="obras", letter=LETTER)
    assert IN_BOGOTA[language] not in text_of(there)
    assert "23 " in text_of(there)
    assert ", 00:30 (" in text_of(there)


@pytest.mark.statement("P6")
@each_language
def test_the_recovery_lists_each_account_with_its_own_password(post: Post, language: str) -> None:
    mail = written(post, Template.TEMPORARY_PASSWORD, language)
    one, other = temporary_passwords(mail)
    assert one != other
    text = text_of(mail)
    assert text.index("900.100.001-1") < text.index(one) < text.index("900.300.003-4") < text.index(other)
    assert text.count(IN_BOGOTA[language]) == 2


@pytest.mark.statement("C7")
@each_language
def test_a_link_names_its_account_stands_there_in_full_and_says_until_when(post: Post, language: str) -> None:
    mail = written(post, Template.RESET_LINK, language)
    named = [(href, said) for href, said in Read(mail).links if "/cambiar/" in href and href != said]
    for (href, said), identifier in zip(named, ("900.100.001-1", "900.300.003-4"), strict=True):
        assert identifier in said
        assert href in text_of(mail).splitlines()
    assert text_of(mail).count(IN_BOGOTA[language]) == 2
    assert IN_BOGOTA[language].replace("22:30", "21:45") in text_of(mail)  # the codes live a quarter of an hour


@pytest.mark.statement("C9")
@each_language
def test_user_names_are_listed_and_no_secret_with_them(post: Post, language: str) -> None:
    text = text_of(written(post, Template.USER_NAMES, language, reported=False))
    assert text.index("900.100.001-1") < text.index("900.300.003-4")
    assert re.findall(r"https?://\S+", text) == [f"{ORIGIN}/pagos/"]


@each_language
def test_the_recovery_of_a_new_account_tells_what_else_will_be_asked(post: Post, language: str) -> None:
    usual = text_of(written(post, Template.TEMPORARY_PASSWORD, language)).splitlines()
    first = text_of(written(post, Template.TEMPORARY_PASSWORD, language, first=True)).splitlines()
    (added,) = set(first) - set(usual)
    assert "e-mail" in added or "correo" in added


@pytest.mark.req("S21")
@each_language
@pytest.mark.parametrize("template", [t for t in Template if t is not Template.TEMPORARY_PASSWORD])
def test_only_the_recovery_carries_a_temporary_password_and_only_a_confirmation_a_code(
    post: Post, template: Template, language: str
) -> None:
    mail = written(post, template, language)
    assert temporary_passwords(mail) == []
    if template is Template.CONFIRM_ADDRESS:
        assert code_in(mail) != REFERENCE
    elif template is Template.RESET_LINK:
        assert len(set(re.findall(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", text_of(mail))) - {REFERENCE}) == 2
    else:
        assert set(re.findall(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", text_of(mail))) == {REFERENCE}


@pytest.mark.req("S35")
@each_language
def test_the_notice_of_a_new_address_shows_it_masked_and_from_when_it_counts(post: Post, language: str) -> None:
    text = text_of(written(post, Template.ADDRESS_CHANGING, language))
    assert "f•••@a•••.example" in text
    assert IN_BOGOTA[language] in text


@each_language
@pytest.mark.parametrize(
    "template", [Template.TEMPORARY_PASSWORD, Template.PASSWORD_CHANGED, Template.FIRST_REGISTRATION]
)
def test_a_mail_says_which_browser_it_came_from_where_that_is_known(
    post: Post, template: Template, language: str
) -> None:
    known = text_of(written(post, template, language))
    unknown = text_of(written(post, template, language, letter=LEAN))
    (line,) = set(known.splitlines()) - set(unknown.splitlines())
    assert line.endswith(PLACE)


@each_mail
def test_what_comes_from_outside_is_text_and_no_markup(post: Post, template: Template) -> None:
    hostile = Letter(
        to=ANA,
        canonical=ANA.lower(),
        at=ASKED,
        place="<img src=//x.example>",
        new_address="<script>&amp;",
        effective_at=EXPIRES,
    )
    mail = written(post, template, "es", letter=hostile)
    assert not Read(mail).tags & {"img", "script"}


@each_mail
def test_the_same_message_is_the_same_bytes_again(post: Post, services: Services, template: Template) -> None:
    assert written(post, template, "es").raw == written(post, template, "es").raw
    assert written(Post(services, ORIGIN), template, "es").raw == written(post, template, "es").raw


@each_mail
def test_a_language_that_the_portal_does_not_speak_becomes_its_own(
    post: Post, template: Template, services: Services
) -> None:
    assert services.portals["pagos"].default_language == "es"
    assert written(post, template, "fr").raw == written(post, template, "es").raw
    assert written(post, template, "en").subject != written(post, template, "es").subject


@pytest.mark.req("S21", "S32")
@each_language
def test_the_notice_of_a_forced_reset_names_the_account_and_leads_only_to_the_recovery_page(
    post: Post, language: str
) -> None:
    mail = written(post, Template.RESET_REQUIRED, language, reported=False)
    text = text_of(mail)
    assert "900.100.001-1" in text
    assert re.findall(r"https?://\S+", text) == [f"{ORIGIN}/pagos/recuperar"]
    assert PLACE not in text
