"""The customs portal's page «Solicitud de reinicio de clave» as a person meets it, and the accounts to try it with."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from playwright.async_api import Locator, expect

from reclave.demo.seeds import CUSTOMS, DEMO_PASSWORD, Holder
from reclave.domain.accounts import Status
from reclave.domain.identifiers import format_identifier, parse_identifier_of_kinds
from tests.browser.person import Person

FRONT = "/aduana/"
SIGN_IN = "/aduana/ingresar"
REQUEST = "/aduana/recuperar"
REQUEST_SENT = "/aduana/recuperar/enviada"
DETAILS = "/aduana/registro"
ACCOUNT = "/aduana/cuenta"

TITLE = "Solicitud de reinicio de clave"
SEARCH = "Búsqueda de ID de usuario"
RESET = "Reinicio de clave de acceso"
QUESTION = "¿Desea recibir una clave temporal?"
CLASSIFICATION = "Clasificación de usuario"
RUC = "RUC empresa"
EMAIL = "Correo electrónico"
IDENTIFICATION = "Identificación"
USER_ID = "ID usuario"
RECEIVE = "Recibir la clave por correo"
FIND = "Buscar ID"

CLASSIFICATIONS: Mapping[str, str] = {
    "general_user": "Usuario general",
    "legal_representative": "Representante legal",
    "employee": "Empleado",
    "assistant": "Auxiliar",
    "public_entity_representative": "Representante de entidad pública",
    "public_official": "Funcionario público",
    "auditor": "Auditor",
    "expert": "Perito",
    "international_organization": "Organismo internacional",
    "race": "RACE",
}
"""The ten of A4, in its order, by the id that the portal's file gives them."""
BY_EMAIL = frozenset({"Usuario general", "Auditor", "Perito"})
"""Those of A6; the other seven are those of A5."""
HOLDERS: Mapping[str, Holder] = {
    CLASSIFICATIONS[one.facts["classification"]]: one for one in CUSTOMS if one.status is Status.ACTIVE
}
"""One account that may recover for each classification."""
MARIA, EXPERT, EMPLOYEE = HOLDERS["Usuario general"], HOLDERS["Perito"], HOLDERS["Empleado"]
PENDING = next(one for one in CUSTOMS if one.status is Status.PENDING)
REJECTED = next(one for one in CUSTOMS if one.status is Status.REJECTED)
NOBODY = Holder(
    "nadie99",
    Status.ACTIVE,
    "nadie@correo.example",
    "Nadie",
    {"classification": "general_user", "identification": "3059999114"},
)
"""What fits no account."""


def identification_written(holder: Holder) -> str:
    """Someone's identification as pages show it."""
    return format_identifier(parse_identifier_of_kinds(("ec.ci", "passport"), holder.facts["identification"]))


def without_what_was_typed(text: str, holder: Holder) -> str:
    """A page with what the holder typed masked."""
    for written in (holder.address, holder.facts["identification"], identification_written(holder)):
        text = text.replace(written, "TYPED")
    return text


@dataclass(frozen=True, slots=True)
class RequestForm:
    """The page with its two sections, in front of a person."""

    person: Person

    @classmethod
    async def opened_by(cls, person: Person) -> Self:
        """Open the page."""
        await person.opens(REQUEST)
        await person.sees(TITLE)
        return cls(person)

    # What is on it

    @property
    def search(self) -> Locator:
        """The first section."""
        return self.person.page.get_by_role("group", name=SEARCH, exact=True)

    @property
    def reset(self) -> Locator:
        """The second section."""
        return self.person.page.get_by_role("group", name=RESET, exact=True)

    @property
    def classification(self) -> Locator:
        """The list of the first section."""
        return self.search.get_by_role("combobox", name=CLASSIFICATION, exact=True)

    @property
    def question(self) -> Locator:
        """The question that comes over the page where scripts run."""
        return self.person.page.get_by_role("dialog", name=QUESTION, exact=True)

    def sought(self, label: str) -> Locator:
        """A field of the first section."""
        return self.search.get_by_role("textbox", name=label, exact=True)

    def proof(self, label: str) -> Locator:
        """A field of the second section."""
        return self.reset.get_by_role("textbox", name=label, exact=True)

    # What is done with it

    async def chooses(self, classification: str) -> None:
        """Choose a classification; where no script runs, press «Continuar»."""
        await self.classification.select_option(label=classification)
        if not self.person.equipment.javascript:
            await self.search.get_by_role("button", name="Continuar", exact=True).click()
            await expect(self.classification.locator("option:checked")).to_have_text(classification)

    async def describes(self, holder: Holder) -> None:
        """Fill in the first section as the holder of an account does."""
        classification = CLASSIFICATIONS[holder.facts["classification"]]
        await self.chooses(classification)
        await self.sought(IDENTIFICATION).fill(holder.facts["identification"])
        if classification in BY_EMAIL:
            await self.sought(EMAIL).fill(holder.address)
        else:
            await self.sought(RUC).fill(holder.facts["company_ruc"])

    async def searches(self, holder: Holder) -> None:
        """Fill in the first section and press «Buscar ID»."""
        await self.describes(holder)
        await self.person.presses(FIND)

    async def proves(self, holder: Holder) -> None:
        """Fill in the second section as the holder of an account does."""
        await self.proof(USER_ID).fill(holder.identifier)
        await self.proof(IDENTIFICATION).fill(holder.facts["identification"])
        await self.proof(EMAIL).fill(holder.address)

    async def asks(self, holder: Holder) -> None:
        """Fill in the second section, press «Recibir la clave por correo» and say «Sí»."""
        await self.proves(holder)
        await self.person.presses(RECEIVE)
        await self.is_asked()
        await self.person.presses("Sí")

    # What it shows

    async def is_asked(self) -> None:
        """Wait for the question: over the page, or as a page where no script runs."""
        if self.person.equipment.javascript:
            await expect(self.question).to_be_visible()
        else:
            await self.person.sees(QUESTION)

    async def has_found(self, holder: Holder) -> None:
        """Wait until the page names the account's user ID."""
        told = self.person.page.get_by_role("status")
        await expect(told).to_have_text(f"Su ID de usuario es {holder.identifier}. Ya lo escribimos abajo.")

    async def has_found_nothing(self) -> None:
        """Wait until the page says that there is no such account."""
        told = self.person.page.get_by_role("alert")
        await expect(told).to_contain_text("No encontramos su ID de usuario")
        await expect(told).to_contain_text("Ninguna cuenta coincide con todos los datos")

    async def sees_problem(self, field: Locator, message: str) -> None:
        """Wait for a message at a field, and in the summary with a link that leads to the field."""
        summary = self.person.page.get_by_role("alert")
        link = summary.get_by_role("link", name=message).and_(
            self.person.page.locator(f'[href="#{await field.get_attribute("id")}"]')
        )
        await expect(link).to_be_visible()
        await expect(field).to_have_accessible_description(re.compile(re.escape(message)))
        await expect(field).to_have_attribute("aria-invalid", "true")

    async def holds(self, holder: Holder, *, address: str = "", understood: bool = False) -> None:
        """Wait until the second section has an account's user ID and identification, and an address or none.

        `understood`: the identification stands as pages show it, else as it was typed.
        """
        identification = identification_written(holder) if understood else holder.facts["identification"]
        await expect(self.proof(USER_ID)).to_have_value(holder.identifier)
        await expect(self.proof(IDENTIFICATION)).to_have_value(identification)
        await expect(self.proof(EMAIL)).to_have_value(address)


async def signs_in(person: Person, holder: Holder, password: str = DEMO_PASSWORD) -> None:
    """Open the sign-in page, type both and press «Ingresar»."""
    await person.opens(SIGN_IN)
    await person.field(USER_ID).fill(holder.identifier)
    await person.field("Clave").fill(password)
    await person.presses("Ingresar")


async def main_part(person: Person) -> str:
    """What the browser has built of the page's main part."""
    return await person.page.get_by_role("main").inner_html()
