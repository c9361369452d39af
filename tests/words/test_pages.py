"""Pages and mails as they are rendered: one language at a time, and a portal's own words throughout."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest

from reclave.adapters.memory import MemoryStore
from reclave.bootstrap import check_portals
from reclave.domain.errors import PortalRefused
from reclave.domain.portal import Language
from reclave.pages.i18n import WORDS
from reclave.pages.urls import PATHS, page_path
from tests.pages.mails import demo_portals, every_mail, services_of
from tests.stores import Clock
from tests.words import rules
from tests.words.test_texts import AS_IN_THE_GUIDES
from tests.words.texts import LANGUAGES, Paragraphs
from tests.world import PORTALS, World, open_world

ASKED = {
    "pagos": {"email": "ana@empresa.example"},
    "compras": {"user_name": "ferreteria.sur"},
    "aduana": {
        "user_id": "jperez",
        "identification": "1710034065",
        "email": "ana@empresa.example",
        "action": "send",
        "confirmed": "yes",
    },
}
"""What leads each portal to its waiting page."""
_ADDRESSES = re.compile(r"https?://\S+")
OF_ANOTHER_LANGUAGE = {
    "en": re.compile(r"\b(los|las|contraseña|mesa de|correo|todos|derechos|usuario|en línea)\b", re.IGNORECASE),
    "pt": re.compile(r"\b(los|las|el|contraseña|mesa|correo|derechos|usuario|línea|the|with)\b", re.IGNORECASE),
    "es": re.compile(r"\b(the|with|your|help desk|senha|você|usuário|todos os)\b", re.IGNORECASE),
}


async def paragraphs(world: World, portal: str, language: str) -> list[str]:
    """What a portal says to somebody who looks at each page, leaves a form empty, fails to sign in, asks for a mail."""
    known = world.services.portals[portal]
    person = world.person()
    answers = [await person.get(page_path(known, name, lang=language)) for name in PATHS]
    recover, sign_in = page_path(known, "recover"), page_path(known, "sign_in")
    answers.append(await person.post(recover, {"lang": language, "action": "send"}))
    answers.append(await person.post(sign_in, {"lang": language, "identifier": "nadie", "password": "nada"}))
    await person.post(recover, ASKED[portal] | {"lang": language})
    answers.append(await person.get(page_path(known, "recover_sent", lang=language)))
    assert answers[-1].status_code == 200
    pages = [answer.text for answer in answers if "<main" in answer.text]
    assert len(pages) >= 6
    return [said for page in pages for tongue, said in Paragraphs(page).found if tongue == language]


def faults(world: World, portal: str, language: str, texts: Sequence[str]) -> Iterator[str]:
    """What is wrong with the texts of one portal in one language."""
    own = dict(world.services.portals[portal].file.texts).get(cast(Language, language), {})
    given_up = [WORDS[key][language] for key in own if key in WORDS and WORDS[key][language] != own[key]]
    for said in dict.fromkeys(_ADDRESSES.sub("", text) for text in texts):
        wrong = [*rules.familiar_forms(language, said), *rules.blame_and_codes(said), *rules.jargon(language, said)]
        wrong += [word for word in given_up if re.search(rf"\b{word}\b", said, re.IGNORECASE)]
        wrong += [found.group() for found in OF_ANOTHER_LANGUAGE[language].finditer(said)]
        if not said.startswith(AS_IN_THE_GUIDES):
            wrong += rules.long_sentences(said)
        if wrong:
            yield f"{portal} ({language}): {said} <- {', '.join(wrong)}"


@pytest.mark.long
@pytest.mark.req("B7")
async def test_a_portals_pages_and_mails_speak_one_language_in_its_own_words(tmp_path: Path) -> None:
    clock = Clock()
    mails_folder = tmp_path / "mails"
    mails_folder.mkdir()
    found: list[str] = []
    async with open_world(MemoryStore(clock.standing), tmp_path, clock) as world:
        for portal in world.services.portals:
            for language in LANGUAGES:
                found += faults(world, portal, language, await paragraphs(world, portal, language))
        with services_of(mails_folder, demo_portals()) as services:
            for one in every_mail(services):
                lines = (one.mail.text or "").splitlines()
                found += faults(world, one.portal.id, one.language, [one.mail.subject, *lines])
    assert "\n".join(found) == ""


def test_what_the_file_says_in_one_language_it_may_say_in_another(tmp_path: Path) -> None:
    written = (PORTALS / "pagos.toml").read_text("utf-8").replace('logo = "pagos.svg"\n', "")
    (tmp_path / "pagos.toml").write_text(written)
    assert check_portals(tmp_path).portals["pagos"].file.texts["en"]["Mesa de ayuda"] == "Help desk"
    (tmp_path / "pagos.toml").write_text(written.replace('"Mesa de ayuda" = "Help', '"Mesa de ayudas" = "Help'))
    with pytest.raises(PortalRefused, match="no page or mail says this"):
        check_portals(tmp_path)
