"""Synthetic companies for the demo, with valid NITs: one for each state that an account can be in."""

from dataclasses import dataclass

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


async def seed(services: Services, portal: Portal) -> list[Seeded]:
    """Add the companies that are not there yet; initial passwords are derived again and stay the same."""
    hashed = await services.hasher.hash(normalise(DEMO_PASSWORD))
    return [await _seed_company(services, portal, company, hashed) for company in COMPANIES]


async def _seed_company(services: Services, portal: Portal, company: Company, hashed: str) -> Seeded:
    field = portal.file.sign_in.identifier
    address = parse_address(company.address) if company.address else None
    async with services.store.transaction() as tx:
        known = await services.directory.by_identifier(tx, portal.id, field, company.nit)
        account = known or Account(
            portal=portal.id,
            id=services.new_id().hex(),
            status=company.status,
            address=address.stored if address else None,
            address_canonical=address.canonical if address else None,
            address_provenance=company.provenance,
            password_hash=hashed if company.password else None,
            created_at=tx.now,
            changed_at=tx.now,
        )
        password = company.password or ""
        if known is None:
            await tx.accounts.add(account, [AccountIdentifier(field, company.nit)])
        if account.status is Status.AWAITING_FIRST_SIGN_IN:
            held = await first_sign_in.initial_password(services, tx, account)
            password = held or await first_sign_in.invite(services, tx, portal, account)
    shown = format_identifier(Identifier(portal.identifier_field.kind, company.nit))
    return Seeded(portal.id, shown, password, company.address or "", company.what_to_try)
