"""Rendering a mail that nobody gets, so that a request that matches nobody costs what one that matches costs."""

from collections.abc import Mapping

from reclave.domain.grants import Purpose
from reclave.domain.outbox import Message, Template
from reclave.domain.secrets import Presentation
from reclave.journeys.grants import nobody
from reclave.journeys.messages import Letter
from reclave.journeys.services import Services
from reclave.pages.mail import Listed, Post

_NOBODY = "nobody@nobody.example"
FOR_NOBODY: Mapping[Template, Presentation] = {
    Template.TEMPORARY_PASSWORD: Presentation.TEMPORARY_PASSWORD,
    Template.RESET_LINK: Presentation.LINK,
    Template.USER_NAMES: Presentation.LINK,
}
"""The mails that a request may lead to, and how their grants are presented."""


def compose_for_nobody(services: Services, post: Post, message: Message) -> None:
    """Compose a recovery's mail for an account that does not exist, and throw it away."""
    grant = nobody(services, message.portal, Purpose.SET_PASSWORD, FOR_NOBODY[message.template])
    post.compose(
        message,
        Letter(to=_NOBODY, canonical=_NOBODY, at=message.created_at),
        listed=[Listed(grant, "")],
        report=nobody(services, message.portal),
        identifier="",
        names=[""],
        date=message.created_at,
    )
