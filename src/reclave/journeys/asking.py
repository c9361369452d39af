"""What every journey that begins with a request shares: reading what was typed, and the door (S1, S4).

Nothing here looks an account up. What was typed is sealed into the intake until a worker resolves it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from reclave.domain.addresses import AddressRefused, parse_address
from reclave.domain.errors import FieldRefused, FormRefused
from reclave.domain.identifiers import IdentifierRefused, parse_identifier, parse_identifier_of_kinds
from reclave.domain.intake import Admission, Intake, Request
from reclave.domain.limits import Cost, Limit, Scope
from reclave.domain.portal import EMAIL, Portal
from reclave.domain.secrets import digest_of
from reclave.journeys.services import Caller, Services

_SEAL = "intake"
Facts = Mapping[str, str]
"""What was typed, in canonical spelling, by the portal's names of the fields."""


class Typed(msgspec.Struct, frozen=True):
    """What an intake keeps sealed until it is resolved: the facts, and the asking browser in words."""

    facts: dict[str, str]
    device: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the waiting page may know: nothing of any account. `facts` is what was typed, `request` its keyed digest."""

    reference: str
    handle: bytes
    cooling: bool
    request: bytes
    facts: Facts


def read_facts(services: Services, portal: Portal, names: Collection[str], typed: Mapping[str, str]) -> dict[str, str]:
    """Read the named fields. Raises `FormRefused` with every field that cannot be right."""
    facts: dict[str, str] = {}
    refused: list[FieldRefused] = []
    for name in names:
        try:
            facts[name] = read_fact(services, portal, name, typed.get(name, ""))
        except FieldRefused as error:
            refused.append(error)
    if refused:
        raise FormRefused(*refused)
    return facts


async def accept(services: Services, portal: Portal, journey: str, facts: Facts, caller: Caller) -> Asked:
    """Accept a request; committed when this returns. Over a limit the answer is the same.

    Limits count what was typed as a whole: a stranger who knows half of it cannot spend the owner's requests.
    """
    services.switchboard.check(portal.id, journey, services.clock.now())
    terms = portal.terms[journey]
    typed = services.vault.digest("identifier", portal.id, journey, *_pairs(facts))
    counted_by = {Scope.IDENTIFIER: typed, Scope.CLIENT: caller.client, Scope.PORTAL: b""}
    cooldown = services.vault.digest("limit", portal.id, Scope.COOLDOWN, typed)
    asked_for, handle, reference = services.new_id(), services.new_id(), services.new_reference()
    sealed = msgspec.json.encode(Typed(dict(facts), caller.device))
    admission = await services.store.accept(
        Request(
            portal=portal.id,
            id=asked_for,
            journey=journey,
            sealed_fields=services.vault.seal(_SEAL, sealed, asked_for),
            identifier=typed,
            client=caller.client,
            language=caller.language,
            waiting=digest_of(handle),
            reference=reference,
            cooldown=Cost(cooldown, Limit(1, terms.cooldown, Scope.COOLDOWN)),
            costs=costs(services, portal, journey, terms.limits, counted_by),
        )
    )
    if admission is Admission.ACCEPTED:
        services.bell.ring()
    return Asked(reference, handle, admission is Admission.COOLING, typed, facts)


def costs(
    services: Services, portal: Portal, journey: str, limits: Sequence[Limit], counted_by: Mapping[Scope, bytes]
) -> tuple[Cost, ...]:
    """What one request takes from a journey's limits."""
    return tuple(
        Cost(services.vault.digest("limit", portal.id, journey, limit.scope, counted_by[limit.scope]), limit)
        for limit in limits
    )


def typed_in(services: Services, intake: Intake) -> Typed | None:
    """What an intake keeps; None when it was erased. Raises `Unsealable`."""
    if intake.sealed_fields is None:
        return None
    return msgspec.json.decode(services.vault.open(_SEAL, intake.sealed_fields, intake.id), type=Typed)


def resealed(services: Services, intake: Intake) -> bytes:
    """What an intake keeps, sealed by the key in use. Raises `Unsealable`."""
    return services.vault.seal(_SEAL, services.vault.open(_SEAL, intake.sealed_fields or b"", intake.id), intake.id)


def read_fact(services: Services, portal: Portal, name: str, typed: str) -> str:
    """Read one field. Raises `FieldRefused`."""
    asked = portal.field(name)
    try:
        if asked.kind == EMAIL:
            return parse_address(typed, special_use=services.special_use_domains).canonical
        if len(asked.kinds) == 1:
            return parse_identifier(asked.kinds[0], typed, lengths=asked.lengths).value
        return parse_identifier_of_kinds(asked.kinds, typed).value
    except AddressRefused as refused:
        raise FieldRefused(name, refused.code, **refused.detail) from refused
    except IdentifierRefused as refused:
        missing = refused.code == "identifier_missing" and name != portal.file.sign_in.identifier
        raise FieldRefused(name, "field_missing" if missing else refused.code, **refused.detail) from refused


def _pairs(facts: Facts) -> list[str]:
    return [part for name in sorted(facts) for part in (name, facts[name])]
