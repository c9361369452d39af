"""In which proportions a portal's passwords are of other systems' schemes, and whose work an unknown account does.

Only an import brings foreign hashes, so only an import starts these counts (its native ones, `NATIVE`, included); a
portal without them is all native. An account without a password is not counted: its work is an unknown one's.
"""

import math
from collections.abc import Mapping

from reclave.domain.accounts import Account
from reclave.domain.foreign_recipes import NATIVE, scheme_of
from reclave.domain.portal import Portal
from reclave.journeys.services import Services
from reclave.ports.store import Transaction

_DRAWN_BYTES = 8


def decoy_scheme(services: Services, portal: Portal, counts: Mapping[str, int], identifier: str) -> str:
    """The scheme whose work an identifier without a password does (S26): always the same one for an identifier.

    `counts`: how many of the portal's accounts have each.
    Weighted rendezvous hashing: each scheme is drawn in its share, and while accounts move from one scheme to
    another, no more identifiers move than accounts do.
    """

    def distance(scheme: str) -> float:
        drawn = services.vault.digest("decoy", portal.id, identifier, scheme)[:_DRAWN_BYTES]
        return -math.log((int.from_bytes(drawn, "big") + 1) / (1 << 8 * _DRAWN_BYTES)) / counts[scheme]

    return min(sorted(counts), key=distance, default=NATIVE)


async def count_change(tx: Transaction, was: Account, password_hash: str | None) -> None:
    """Count that an account, which was as in `was`, has another password hash now, or none.

    Last in its transaction: all sign-ins of a portal wait for the rows that this locks.
    """
    before, after = scheme_of(was.password_hash), scheme_of(password_hash)
    if before == after or not await tx.password_schemes.every(was.portal):
        return
    moved = {before: -1, after: 1}
    # In one order everywhere, so that two transactions never wait for each other in a circle.
    for scheme in sorted(filter(None, moved)):
        await tx.password_schemes.count(was.portal, scheme, moved[scheme])
