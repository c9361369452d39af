"""The canary's account: made by an operator, marked by a fact that no person's account has."""

from collections.abc import Mapping
from dataclasses import dataclass

from reclave.domain.accounts import Account, AccountIdentifier, Provenance, Status
from reclave.domain.addresses import Address, AddressRefused, parse_address
from reclave.domain.audit import Entry, Event
from reclave.domain.errors import FormRefused, ReclaveError
from reclave.domain.grants import Grant, Purpose
from reclave.domain.portal import EMAIL, Portal
from reclave.domain.time import Span
from reclave.journeys.answering import matching
from reclave.journeys.asking import read_facts
from reclave.journeys.services import Services
from reclave.operations.find_account import canonical, user_name
from reclave.ports.store import Transaction

MARK = "canary"
_YES = "yes"
_PASSWORD_BYTES = 18


class CanaryRefused(ReclaveError):
    """There is no canary that may fly: why, and what to do."""

    code = "canary_refused"


@dataclass(frozen=True, slots=True)
class Canary:
    """An account that was made for it, and what a person types to recover it."""

    portal: Portal
    account: Account
    identifier: str
    typed: Mapping[str, str]

    @property
    def address(self) -> str:
        """Where its mail goes."""
        return self.account.address or ""

    @property
    def canonical_address(self) -> str:
        """The same, in canonical spelling."""
        return self.account.address_canonical or ""

    @property
    def cooldown(self) -> Span:
        """How long after a request the next may be made, so that no limit is ever used up."""
        terms = self.portal.terms[_journey(self.portal)]
        return max(terms.cooldown, *(limit.interval for limit in terms.limits), 0)

    def holds(self, grant: Grant) -> bool:
        """Whether a grant is its own."""
        return grant.portal == self.portal.id and grant.account == self.account.id

    def new_password(self, services: Services) -> str:
        """A password that nobody knows."""
        return services.entropy.bytes(_PASSWORD_BYTES).hex()

    async def wait(self, services: Services) -> Span:
        """How long the next request has to wait for the one before."""
        async with services.store.reading() as tx:
            last = await tx.grants.recent(self.portal.id, self.account.id, {Purpose.SET_PASSWORD}, limit=1)
            return max(0, max((grant.requested_at for grant in last), default=0) + self.cooldown - tx.now)


async def prepare(
    services: Services, portal: Portal, typed: str, address: str, facts: Mapping[str, str], *, by: str
) -> tuple[Canary, bool]:
    """Make the portal's canary, or find it as it was made; whether it was made now.

    `facts` are the fields besides user name and address that the portal's recovery asks for.
    Raises `CanaryRefused`, `AccountNotFound` for what is no user name.
    """
    _journey(portal)
    name, read = canonical(portal, typed), _read_address(services, address)
    known = _known(services, portal, facts)
    field = portal.file.sign_in.identifier
    hashed = await services.hasher.hash(services.entropy.bytes(_PASSWORD_BYTES).hex())
    async with services.store.transaction() as tx:
        account = await services.directory.by_identifier(tx, portal.id, field, name)
        made = account is None
        if account is None:
            account = Account(
                portal=portal.id,
                id=services.new_id().hex(),
                status=Status.ACTIVE,
                address=read.stored,
                address_canonical=read.canonical,
                address_provenance=Provenance.ASSERTED_BY_OPERATOR,
                password_hash=hashed,
                created_at=tx.now,
                changed_at=tx.now,
            )
            await tx.accounts.add(account, [AccountIdentifier(field, name)], {**known, MARK: _YES})
            detail = {"by": by, "what": MARK}
            await tx.audit.add(
                Entry(portal=portal.id, event=Event.ACCOUNTS_IMPORTED, account=account.id, detail=detail)
            )
        canary = await _checked(services, tx, portal, account)
        if account.address_canonical != read.canonical:
            raise CanaryRefused(f"the canary is there with another address: {account.address}")
        return canary, made


async def canary_of(services: Services, portal: Portal, typed: str = "") -> Canary:
    """The portal's canary; the one with this user name where there are several.

    Raises `CanaryRefused`, `AccountNotFound` for what is no user name.
    """
    _journey(portal)
    async with services.store.reading() as tx:
        found = await services.directory.by_facts(tx, portal.id, {MARK: _YES})
        if typed:
            field = portal.file.sign_in.identifier
            named = await services.directory.by_identifier(tx, portal.id, field, canonical(portal, typed))
            found = [named] if named else []
        if not found:
            raise CanaryRefused(f"{portal.id} has no such canary: make one with `reclave canary prepare`")
        if len(found) > 1:
            raise CanaryRefused(f"{portal.id} has {len(found)} canaries: name one with --identifier")
        return await _checked(services, tx, portal, found[0])


async def _checked(services: Services, tx: Transaction, portal: Portal, account: Account) -> Canary:
    """Raise `CanaryRefused` unless what it types leads to this account alone, and that was made for it."""
    facts = await services.directory.facts(tx, portal.id, account.id)
    if facts.get(MARK) != _YES:
        raise CanaryRefused("this is a person's account: name a user name that nobody has")
    if not account.can_recover():
        raise CanaryRefused(f"the canary's account is {account.status}: `reclave accounts enable`, or make another")
    name = await user_name(services, tx, portal, account.id)
    given = {**facts, EMAIL: account.address or "", portal.file.sign_in.identifier: name}
    typed = {field: given.get(field, "") for field in _proves(portal)}
    try:
        matched = await matching(services, tx, portal, read_facts(services, portal, tuple(typed), typed))
    except FormRefused as refused:
        missing = ", ".join(one.field for one in refused.fields)
        raise CanaryRefused(f"the portal's recovery asks for more: give --fact {missing}=… to another one") from None
    if [one.id for one in matched] != [account.id]:
        raise CanaryRefused("what the portal asks for leads to other accounts too: give it an address of its own")
    return Canary(portal, account, name, typed)


def _read_address(services: Services, typed: str) -> Address:
    try:
        return parse_address(typed, special_use=services.special_use_domains)
    except AddressRefused as refused:
        raise CanaryRefused(f"{typed!r} is no e-mail address ({refused.code})") from None


def _known(services: Services, portal: Portal, facts: Mapping[str, str]) -> dict[str, str]:
    """The facts in canonical spelling, all that the portal's recovery asks for and no other."""
    wanted = [name for name in _proves(portal) if name not in {EMAIL, portal.file.sign_in.identifier}]
    unasked = sorted(set(facts) - set(wanted))
    if unasked:
        raise CanaryRefused(f"the portal's recovery does not ask for {', '.join(unasked)}")
    try:
        return read_facts(services, portal, wanted, facts)
    except FormRefused as refused:
        lines = (f"--fact {one.field}=…: {one.reason}" for one in refused.fields)
        raise CanaryRefused("\n".join(lines)) from None


def _proves(portal: Portal) -> tuple[str, ...]:
    return portal.recovery.proves if portal.recovery else ()


def _journey(portal: Portal) -> str:
    """The journey that recovers a password. Raises `CanaryRefused` where the portal offers none."""
    if MARK in portal.file.fields:
        raise CanaryRefused(f"{portal.id} has a field called {MARK}: what marks the canary could be a person's")
    if portal.recovery is None:
        raise CanaryRefused(f"{portal.id} offers no recovery of a password: there is nothing to try")
    return "temporary_password" if portal.file.journeys.temporary_password else "reset_link"
