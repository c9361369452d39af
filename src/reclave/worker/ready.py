"""Whether claimed messages still have something to say: grants, accounts and names are looked up right before sending.

Every look-up is made whether or not it is needed: a message for nobody costs what another one costs.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reclave.domain.accounts import Account, AccountIdentifier, Status
from reclave.domain.grants import Grant
from reclave.domain.outbox import Message, Template
from reclave.domain.secrets import GRANT_ID_BYTES
from reclave.domain.time import Instant
from reclave.journeys.messages import Letter
from reclave.journeys.services import Services
from reclave.pages.mail import Listed
from reclave.ports.store import Transaction

_NO_GRANT = bytes(GRANT_ID_BYTES)
_NOBODY = "nobody"
_MAY_HOLD_GRANTS = {Status.ACTIVE, Status.AWAITING_FIRST_SIGN_IN}


@dataclass(frozen=True, slots=True)
class Ready:
    """What a message still has to say, now."""

    letter: Letter
    listed: list[Listed]
    report: Grant | None
    identifier: str
    names: list[str]


async def ready_ones(
    services: Services, tx: Transaction, messages: Sequence[tuple[Message, Letter]]
) -> Mapping[bytes, Ready]:
    """What these messages still have to say, by message; the others have nothing left to say."""
    by_portal: dict[str, list[tuple[Message, Letter]]] = defaultdict(list)
    for message, letter in messages:
        if message.portal in services.portals:
            by_portal[message.portal].append((message, letter))
    ready: dict[bytes, Ready] = {}
    for portal, own in by_portal.items():
        known = await _look_up(services, tx, portal, own)
        ready |= {message.id: one for message, letter in own if (one := known.ready(message, letter))}
    return ready


async def _look_up(
    services: Services, tx: Transaction, portal: str, messages: Sequence[tuple[Message, Letter]]
) -> "_Known":
    ids = {_NO_GRANT} | {grant for message, _ in messages for grant in (*message.grants, message.report) if grant}
    grants = await tx.grants.get_all(portal, ids)
    named = {account for _, letter in messages for account in (letter.account, *letter.accounts)}
    accounts = {each or _NOBODY for each in named} | {grant.account for grant in grants.values()}
    return _Known(
        now=tx.now,
        field=services.portals[portal].file.sign_in.identifier,
        grants=grants,
        accounts=await services.directory.get_all(tx, portal, accounts),
        identifiers=await services.directory.identifiers_of_all(tx, portal, accounts),
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """What was looked up for the messages of one portal; `field` is what its people sign in with."""

    now: Instant
    field: str
    grants: Mapping[bytes, Grant]
    accounts: Mapping[str, Account]
    identifiers: Mapping[str, list[AccountIdentifier]]

    def ready(self, message: Message, letter: Letter) -> Ready | None:
        found = [self._listed(grant) for grant in message.grants]
        listed = sorted((one for one in found if one is not None), key=lambda one: one.identifier)
        if message.needs_grant and not listed:
            return None
        report = self.grants.get(message.report or _NO_GRANT)
        if report is not None and not report.live(self.now):
            report = None
        if message.template is Template.ADDRESS_CHANGING and report is None:
            return None
        names = []
        if message.template is Template.USER_NAMES:
            names = sorted(filter(None, (self._name(account, letter) for account in letter.accounts)))
            if message.needs_grant or not names:
                return None
        if message.template is Template.RESET_REQUIRED and not self._still_blocked(letter):
            return None
        return Ready(letter, listed, report, self._identifier(letter.account), names)

    def _still_blocked(self, letter: Letter) -> bool:
        """Whether a forced reset still has to be told: an owner who recovered meanwhile has done what it asks."""
        account = self.accounts.get(letter.account)
        return account is not None and account.password_blocked

    def _listed(self, grant_id: bytes) -> Listed | None:
        """A grant that lives, as the mail lists it; None for one that has ended or never was."""
        grant = self.grants.get(grant_id)
        account = self.accounts.get(grant.account) if grant else None
        if grant is None or account is None or not grant.live(self.now):
            return None
        if grant.credential_version != account.credential_version or account.status not in _MAY_HOLD_GRANTS:
            return None
        return Listed(grant, self._identifier(account.id), account.status is Status.AWAITING_FIRST_SIGN_IN)

    def _name(self, account_id: str, letter: Letter) -> str:
        """The user name of an account that may still be told it at this address, else nothing."""
        account = self.accounts.get(account_id)
        told = account is not None and account.can_recover() and account.address_canonical == letter.canonical
        return self._identifier(account_id) if told else ""

    def _identifier(self, account: str) -> str:
        return next((one.value for one in self.identifiers.get(account, []) if one.field == self.field), "")
