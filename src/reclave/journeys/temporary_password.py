"""Recovery by a temporary password sent to the registered address (P4–P6, A10–A12).

`ask` is the half that a page calls: it never looks an account up. `resolve` is the worker's half: it finds the
accounts and queues the mail. What the temporary password opens is in `register_details`.
"""

from collections.abc import Mapping

from reclave.domain.outbox import Template
from reclave.domain.portal import Portal, TemporaryPassword
from reclave.domain.secrets import Presentation
from reclave.journeys.answering import Opened, Resolution, answer_with_grants
from reclave.journeys.asking import Asked, accept, read_facts
from reclave.journeys.ledger import Writing
from reclave.journeys.services import Caller, Services

JOURNEY = "temporary_password"


async def ask(services: Services, portal: Portal, typed: Mapping[str, str], caller: Caller) -> Asked:
    """Accept a request for a temporary password. Raises `FormRefused` for fields that cannot be right."""
    proves = (portal.file.journeys.temporary_password or TemporaryPassword()).proves
    return await accept(services, portal, JOURNEY, read_facts(services, portal, proves, typed), caller)


async def resolve(services: Services, tx: Writing, opened: Opened) -> Resolution:
    """Find the accounts and queue one mail that lists each with its own temporary password (P6)."""
    presentation, template = Presentation.TEMPORARY_PASSWORD, Template.TEMPORARY_PASSWORD
    return await answer_with_grants(services, tx, opened, presentation, template)
