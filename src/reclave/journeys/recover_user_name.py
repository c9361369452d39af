"""Forgotten user names (C9): every user name of an address, mailed to that address; nothing on the screen."""

from collections.abc import Mapping

from reclave.domain.portal import EMAIL, Portal
from reclave.journeys.answering import Opened, Resolution, answer_with_names
from reclave.journeys.asking import Asked, accept, read_facts
from reclave.journeys.ledger import Writing
from reclave.journeys.services import Caller, Services

JOURNEY = "recover_user_name"


async def ask(services: Services, portal: Portal, typed: Mapping[str, str], caller: Caller) -> Asked:
    """Accept a request for the user names of an address. Raises `FormRefused` for an address that is none."""
    return await accept(services, portal, JOURNEY, read_facts(services, portal, (EMAIL,), typed), caller)


async def resolve(services: Services, tx: Writing, opened: Opened) -> Resolution:
    """Queue one mail with all user names of the address."""
    return await answer_with_names(services, tx, opened)
