"""Rendering a mail that is not sent, so that a request that matches nobody costs what one that matches costs."""

from collections.abc import Callable

from reclave.domain.grants import Purpose
from reclave.domain.intake import Intake
from reclave.domain.outbox import Message, Template
from reclave.domain.portal import Portal
from reclave.domain.secrets import Presentation
from reclave.journeys.grants import nobody
from reclave.journeys.messages import Letter
from reclave.journeys.services import Services
from reclave.pages.mail import Listed, Post

_NOBODY = "nobody@nobody.example"


def rehearsal(services: Services, post: Post) -> Callable[[Portal, Intake], None]:
    """A function that composes an intake's mail for nobody and throws it away."""

    def rehearse(portal: Portal, intake: Intake) -> None:
        grant = nobody(services, portal.id, Purpose.SET_PASSWORD, Presentation.TEMPORARY_PASSWORD)
        message = Message(
            portal=portal.id,
            id=intake.id,
            template=Template.TEMPORARY_PASSWORD,
            language=intake.language,
            message_id="<nobody@nobody.example>",
            reference=intake.reference,
            sealed=b"",
            recipient=b"",
        )
        post.compose(
            message,
            Letter(to=_NOBODY, canonical=_NOBODY, at=intake.accepted_at),
            listed=[Listed(grant, "")],
            report=nobody(services, portal.id),
            identifier="",
            date=intake.accepted_at,
        )

    return rehearse
