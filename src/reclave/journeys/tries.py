"""Tries at a password: what each is counted for, and how a recovery has them forgotten."""

from reclave.domain.limits import Cost, Limit, Scope
from reclave.domain.portal import Portal
from reclave.domain.throttle import Guess
from reclave.domain.time import HOUR
from reclave.journeys.services import Caller, Services
from reclave.ports.sign_ins import Attempt
from reclave.ports.store import Transaction

PER_CLIENT = Limit(600, HOUR, Scope.CLIENT)
"""Sign-ins that one network address may try in an hour over all accounts: beyond it a spray is suspected (S24)."""


def attempt_at(services: Services, portal: Portal, identifier: str, caller: Caller) -> Attempt:
    """A try at the password of whom an identifier names, in its canonical form."""
    digest = services.vault.digest
    device = caller.device_digest or caller.client
    return Attempt(
        portal=portal.id,
        field=portal.file.sign_in.identifier,
        identifier=identifier,
        device=device,
        recognised=digest("guess", portal.id, identifier, device),
        stranger=digest("guess", portal.id, identifier, caller.client),
        everyone=digest("guess", portal.id, identifier),
        spray=Cost(digest("limit", portal.id, "sign_in", caller.client), PER_CLIENT),
    )


async def lift_pause(services: Services, tx: Transaction, portal: Portal, identifier: str, caller: Caller) -> None:
    """Forget the failed guesses at a password that a recovery has just replaced (S23)."""
    places = {caller.client, caller.device_digest or caller.client}
    subjects = sorted(services.vault.digest("guess", portal.id, identifier, where) for where in places)
    # In the order in which sign-ins lock them, so that none waits for the other in a circle.
    for subject in (*subjects, services.vault.digest("guess", portal.id, identifier)):
        await tx.guesses.reset(portal.id, Guess.PASSWORD, subject)
