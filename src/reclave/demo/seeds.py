"""Synthetic accounts for the demo, with valid numbers: one for each state and classification that there is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reclave.domain.accounts import Account, AccountIdentifier, Provenance, Status
from reclave.domain.addresses import parse_address
from reclave.domain.identifiers import Identifier, format_identifier, nit_check_digit
from reclave.domain.passwords import normalise
from reclave.domain.portal import Portal
from reclave.journeys import first_sign_in
from reclave.journeys.services import Services

DEMO_PASSWORD = "el rio baja despacio"  # noqa: S105 - public on purpose: the demo prints it
"""What the demo's active accounts sign in with; it exists nowhere else (S26)."""


@dataclass(frozen=True, slots=True)
class Company:
    """A synthetic company: nine digits of its NIT, its state, its address and what to try with it."""

    base: str
    status: Status
    address: str | None
    provenance: Provenance | None
    password: str | None
    what_to_try: str

    @property
    def nit(self) -> str:
        """The canonical NIT."""
        return self.base + nit_check_digit(self.base)

    @property
    def identifier(self) -> str:
        """What the company signs in with."""
        return self.nit

    @property
    def facts(self) -> Mapping[str, str]:
        """Nothing is known of it besides."""
        return {}


@dataclass(frozen=True, slots=True)
class Holder:
    """A synthetic person with a user name, and what a portal knows of them besides."""

    identifier: str
    status: Status
    address: str
    what_to_try: str
    facts: Mapping[str, str] = field(default_factory=dict)
    provenance: Provenance = Provenance.CONFIRMED
    password: str | None = DEMO_PASSWORD


@dataclass(frozen=True, slots=True)
class Seeded:
    """An account to try: identifier and password as a person types them."""

    portal: str
    identifier: str
    password: str
    address: str
    what_to_try: str


COMPANIES = (
    Company(
        "900100001",
        Status.ACTIVE,
        "tesoreria@andina.example",
        Provenance.CONFIRMED,
        DEMO_PASSWORD,
        "Recupere la contraseña con su correo; o ingrese y vea «Mi cuenta»",
    ),
    Company(
        "900200002",
        Status.AWAITING_FIRST_SIGN_IN,
        None,
        None,
        None,
        "Primer ingreso: use la contraseña inicial y registre correo y contraseña",
    ),
    Company(
        "900300003",
        Status.ACTIVE,
        "pagos@grupo.example",
        Provenance.ASSERTED_BY_OPERATOR,
        DEMO_PASSWORD,
        "Recupere con pagos@grupo.example: un solo correo trae las dos cuentas",
    ),
    Company(
        "900300011",
        Status.ACTIVE,
        "pagos@grupo.example",
        Provenance.ASSERTED_BY_OPERATOR,
        DEMO_PASSWORD,
        "La otra cuenta de la misma dirección",
    ),
    Company(
        "900400004",
        Status.PENDING,
        "nueva@pendiente.example",
        Provenance.ASSERTED_BY_OPERATOR,
        None,
        "Pendiente: la misma página, ningún correo",
    ),
    Company(
        "900500005",
        Status.DISABLED,
        "antigua@cerrada.example",
        Provenance.CONFIRMED,
        DEMO_PASSWORD,
        "Deshabilitada: la misma página, ningún correo, no ingresa",
    ),
    Company(
        "900600006",
        Status.ACTIVE,
        None,
        None,
        DEMO_PASSWORD,
        "Sin dirección: ingresa, y puede registrar una en «Mi cuenta»",
    ),
)


_RUC = "1799000012001"


def _known_as(classification: str, identification: str, company_ruc: str = "") -> dict[str, str]:
    known = {"classification": classification, "identification": identification}
    return known | ({"company_ruc": company_ruc} if company_ruc else {})


CUSTOMS = (
    Holder(
        "mlopez",
        Status.ACTIVE,
        "maria.lopez@correo.example",
        "Usuario general: busque su ID con el correo y la identificación 3059999015",
        _known_as("general_user", "3059999015"),
    ),
    Holder(
        "repandes",
        Status.ACTIVE,
        "gerencia@andesexport.example",
        "Representante legal: RUC 1799000012001, identificación 3059999023",
        _known_as("legal_representative", "3059999023", _RUC),
    ),
    Holder(
        "jperez",
        Status.ACTIVE,
        "juan.perez@andesexport.example",
        "Empleado de la misma empresa: identificación 3059999031",
        _known_as("employee", "3059999031", _RUC),
    ),
    Holder(
        "asoto",
        Status.ACTIVE,
        "ana.soto@andesexport.example",
        "Auxiliar: identificación 3059999049",
        _known_as("assistant", "3059999049", _RUC),
    ),
    Holder(
        "municipio1",
        Status.ACTIVE,
        "compras@municipio.example",
        "Representante de entidad pública: RUC 1760000040001, identificación 3059999056",
        _known_as("public_entity_representative", "3059999056", "1760000040001"),
    ),
    Holder(
        "fvera",
        Status.ACTIVE,
        "fvera@municipio.example",
        "Funcionario público: RUC 1760000040001, identificación 3059999064",
        _known_as("public_official", "3059999064", "1760000040001"),
    ),
    Holder(
        "auditor7",
        Status.ACTIVE,
        "auditor@correo.example",
        "Auditor: correo e identificación 3059999072",
        _known_as("auditor", "3059999072"),
    ),
    Holder(
        "perito9",
        Status.ACTIVE,
        "perito@correo.example",
        "Perito con pasaporte XA1234567",
        _known_as("expert", "XA1234567"),
    ),
    Holder(
        "onu-ayuda",
        Status.ACTIVE,
        "aduana@organismo.example",
        "Organismo internacional: RUC 1799000020001, pasaporte D0099887",
        _known_as("international_organization", "D0099887", "1799000020001"),
    ),
    Holder(
        "race22",
        Status.ACTIVE,
        "race@correo.example",
        "RACE: RUC 1799000039001, identificación 3059999080",
        _known_as("race", "3059999080", "1799000039001"),
    ),
    Holder(
        "pendiente3",
        Status.PENDING,
        "pendiente@correo.example",
        "Solicitud de uso pendiente: la misma página, ningún correo",
        _known_as("general_user", "3059999098"),
        password=None,
    ),
    Holder(
        "rechazada4",
        Status.REJECTED,
        "rechazada@correo.example",
        "Solicitud de uso rechazada: la misma página, ningún correo",
        _known_as("general_user", "3059999106"),
        password=None,
    ),
)
PROCUREMENT = (
    Holder(
        "ferreteria.sur",
        Status.ACTIVE,
        "ventas@ferreteriasur.example",
        "Olvidé la contraseña: enlace y código en un solo correo",
    ),
    Holder(
        "papeleria.centro",
        Status.ACTIVE,
        "licitaciones@grupo.example",
        "Olvidé el usuario con licitaciones@grupo.example: un correo trae los dos",
        provenance=Provenance.ASSERTED_BY_OPERATOR,
    ),
    Holder(
        "aseo.norte",
        Status.ACTIVE,
        "licitaciones@grupo.example",
        "La otra cuenta de la misma dirección",
        provenance=Provenance.ASSERTED_BY_OPERATOR,
    ),
    Holder(
        "obra.cerrada",
        Status.DISABLED,
        "obra@cerrada.example",
        "Deshabilitada: la misma página, ningún correo",
    ),
)
SEEDS: Mapping[str, Sequence[Company | Holder]] = {"pagos": COMPANIES, "aduana": CUSTOMS, "compras": PROCUREMENT}
"""The accounts of each demo portal."""


async def seed(services: Services, portal: Portal) -> list[Seeded]:
    """Add the portal's accounts that are not there yet; initial passwords are derived again and stay the same."""
    hashed = await services.hasher.hash(normalise(DEMO_PASSWORD))
    return [await _seed_one(services, portal, one, hashed) for one in SEEDS.get(portal.id, ())]


async def _seed_one(services: Services, portal: Portal, one: Company | Holder, hashed: str) -> Seeded:
    field = portal.file.sign_in.identifier
    address = parse_address(one.address) if one.address else None
    async with services.store.transaction() as tx:
        known = await services.directory.by_identifier(tx, portal.id, field, one.identifier)
        account = known or Account(
            portal=portal.id,
            id=services.new_id().hex(),
            status=one.status,
            address=address.stored if address else None,
            address_canonical=address.canonical if address else None,
            address_provenance=one.provenance,
            password_hash=hashed if one.password else None,
            created_at=tx.now,
            changed_at=tx.now,
        )
        password = one.password or ""
        if known is None:
            await tx.accounts.add(account, [AccountIdentifier(field, one.identifier)], one.facts)
        if account.status is Status.AWAITING_FIRST_SIGN_IN:
            held = await first_sign_in.initial_password(services, tx, account)
            password = held or await first_sign_in.invite(services, tx, portal, account)
    kinds = portal.identifier_field.kinds
    shown = format_identifier(Identifier(kinds[0], one.identifier))
    return Seeded(portal.id, shown, password, one.address or "", one.what_to_try)
